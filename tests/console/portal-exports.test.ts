import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { before, test } from "node:test";
import { gunzipSync } from "node:zlib";
import { buildConsole } from "../../examples/build-console.ts";
import { balanceOf, create, filesOf, holdPages, openExportScene } from "../customer-api/export-scene.ts";
import { openPage } from "../end-to-end/browser.ts";
import { checkLooks } from "./check-page.ts";

before(() => buildConsole());

test("exports: one that runs tells how far it is, one is charged where its files are listed, a file is downloaded", async (context) => {
  const scene = await openExportScene();
  context.after(() => scene.close());
  const customer = await scene.openCustomer(100);
  const charged = await create(customer, { query: { count: 5 } });
  const [first] = await filesOf(customer, charged);
  assert.ok(first);
  const release = holdPages();
  context.after(release);
  const running = await create(customer, { query: { count: 7 } }, "plain");
  const watched = await openPage(context);
  const { page } = watched;
  page.setDefaultTimeout(120_000);
  await page.goto(`${scene.gateway}/portal/exports`);
  await page.getByLabel("API key").fill(customer.key);
  await page.getByRole("button", { name: "Sign in" }).click();
  const card = (id: string) => page.locator(".card", { hasText: id });
  await card(running).getByRole("progressbar").waitFor();
  watched.complaints.splice(0);
  await card(charged).getByRole("button", { name: "Show the files" }).click();
  const downloading = page.waitForEvent("download");
  await card(charged).getByRole("link", { name: first.name }).click();
  const bytes = await readFile(await (await downloading).path());
  assert.equal(gunzipSync(bytes).toString().trim().split("\n").length, first.records);
  await checkLooks(watched, "portal-exports");
  release();
  // The page asks again by itself. Listing the files charges an export of this route: the button says how much.
  await card(running).getByRole("button", { name: "Charge 3.5 and list the files" }).click();
  await card(running).getByText("charged", { exact: true }).waitFor();
  assert.deepEqual(await balanceOf(customer), { balance: 94, held: 0 });
});

test("an export is cancelled after a confirmation that says what goes, and what was held for it is free again", async (context) => {
  const scene = await openExportScene();
  context.after(() => scene.close());
  const customer = await scene.openCustomer(100);
  const release = holdPages();
  context.after(release);
  const id = await create(customer, { query: { count: 7 } });
  const { page } = await openPage(context);
  await page.goto(`${scene.gateway}/portal/exports?state=queued`);
  await page.getByLabel("API key").fill(customer.key);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByLabel("State").selectOption("");
  await page.getByText(id).waitFor();
  await page.getByRole("button", { name: "Cancel", exact: true }).click();
  await page.getByText("It costs nothing").waitFor();
  await page.getByRole("button", { name: "Cancel the export" }).click();
  await page.getByText("cancelled", { exact: true }).last().waitFor();
  release();
  assert.deepEqual(await balanceOf(customer), { balance: 100, held: 0 });
});
