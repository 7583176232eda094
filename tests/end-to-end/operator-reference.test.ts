import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { keepScreenshot, openPage } from "./browser.ts";
import { migratedFolder, runFarebox, startFarebox, temporaryFolder, writeConfig } from "./farebox-process.ts";

test("the interactive reference: read, authorise, execute GET /v1/accounts, see the account", async (context) => {
  const data = await migratedFolder(context);
  const config = writeConfig(temporaryFolder(context), "upstream: http://127.0.0.1:9\n");
  const server = startFarebox(context, ["--config", config, "--data", data]);
  const { operator } = await server.ready();
  const created = await runFarebox(["account", "create", "Seen in the browser", "--data", data, "--json"]);
  const { id } = JSON.parse(created.stdout) as { id: string };

  const { page, complaints, requested } = await openPage(context);
  await page.goto(`${operator}/v1/docs`);
  await page.getByRole("heading", { name: /Farebox operator API/ }).waitFor();
  await page.locator("#operations-accounts-listAccounts").waitFor();
  await keepScreenshot(page, "reference");

  const operation = page.locator("#operations-accounts-listAccounts");
  await operation.locator(".opblock-summary-control").click();
  await operation.getByRole("button", { name: "Execute" }).click();
  await operation.locator(".live-responses-table .response-col_status").getByText("401").waitFor();

  const token = readFileSync(join(data, "operator-token"), "utf8").trim();
  await page.getByRole("button", { name: "Authorize" }).first().click();
  const dialog = page.locator(".dialog-ux");
  await dialog.getByRole("textbox").fill(token);
  await dialog.getByRole("button", { name: /apply credentials/i }).click();
  await dialog.getByRole("button", { name: "Close" }).click();

  await operation.getByRole("button", { name: "Execute" }).click();
  const answer = operation.locator(".live-responses-table");
  await answer.locator(".response-col_status").getByText("200").waitFor();
  assert.match(await answer.innerText(), new RegExp(`${id}[\\s\\S]*Seen in the browser`));
  await answer.scrollIntoViewIfNeeded();
  await keepScreenshot(page, "reference-executed");

  assert.deepEqual(
    requested.filter(({ protocol, origin }) => protocol !== "data:" && origin !== operator).map(String),
    [],
    "everything comes from the operator listener",
  );
  assert.deepEqual(
    complaints.filter((text) => !/status of 401/.test(text)),
    [],
    "nothing broke, and the page's policy forbade nothing that it needs",
  );
});
