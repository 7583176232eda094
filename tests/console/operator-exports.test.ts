import assert from "node:assert/strict";
import { before, test } from "node:test";
import { buildConsole } from "../../examples/build-console.ts";
import { balanceOf, create, holdPages, openExportScene } from "../customer-api/export-scene.ts";
import { openPage } from "../end-to-end/browser.ts";
import { checkLooks } from "./check-page.ts";

before(() => buildConsole());

test("an operator sees a job as it runs, and cancels it after a confirmation that says what goes", async (context) => {
  const scene = await openExportScene();
  context.after(() => scene.close());
  const customer = await scene.openCustomer(100);
  const release = holdPages();
  context.after(release);
  const id = await create(customer, { query: { count: 7 } });
  const watched = await openPage(context);
  const { page } = watched;
  page.setDefaultTimeout(120_000);
  await page.goto(`${scene.operator}/console/exports?account=${customer.id}`);
  await page.getByLabel("Token").fill(scene.operatorToken);
  await page.getByRole("button", { name: "Sign in" }).click();
  const card = page.locator(".card", { hasText: id });
  await card.getByRole("progressbar").waitFor();
  // Nobody was signed in: the browser says so of the first question.
  watched.complaints.splice(0);
  await checkLooks(watched, "console-exports");
  await card.getByRole("button", { name: "Cancel", exact: true }).click();
  await page.getByText(`It costs ${customer.id} nothing`).waitFor();
  await page.getByRole("button", { name: "Cancel the export" }).click();
  await card.getByText("cancelled", { exact: true }).waitFor();
  release();
  assert.deepEqual(await balanceOf(customer), { balance: 100, held: 0 });
  await page.getByLabel("State").selectOption("failed");
  await page.getByText("No export here").waitFor();
  assert.match(page.url(), /state=failed/);
});
