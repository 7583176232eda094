import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Page } from "playwright-core";
import { buildConsole } from "../../examples/build-console.ts";
import { openBrowser, type WatchedPage } from "../end-to-end/browser.ts";
import { checkLooks } from "./check-page.ts";
import { HOSTILE, openPortalScene, type PortalScene } from "./portal-scene.ts";

let scene: PortalScene;
let watched: WatchedPage & { close(): Promise<void> };
let page: Page;

before(async () => {
  await buildConsole();
  scene = await openPortalScene(20);
  watched = await openBrowser();
  ({ page } = watched);
  // Generous: a machine under load renders slowly.
  page.setDefaultTimeout(120_000);
  await page.goto(`${scene.operator}/`);
  await page.getByLabel("Token").fill(scene.operatorToken);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("button", { name: "Sign out" }).waitFor();
  // Nobody was signed in: the browser says so of the first question.
  assert.deepEqual(
    watched.complaints.splice(0).filter((text) => !/status of 401/.test(text)),
    [],
  );
});

after(async () => {
  await watched?.close();
  await scene?.close();
});

const account = (): string => `/accounts/${scene.customer.id}`;

async function open(path: string, title: string | RegExp): Promise<void> {
  await page.goto(`${scene.operator}/console${path}`);
  await page.getByRole("heading", { level: 1, name: title }).waitFor();
  await page.waitForLoadState("networkidle");
}

const PAGES: readonly (readonly [path: () => string, title: string | RegExp])[] = [
  [() => "/", "Overview"],
  [() => "/accounts", "Accounts"],
  [account, /^Lumen Analytics/],
  [() => "/prices", "Price lists"],
  [() => "/plans", "Plans"],
  [() => "/audit-trail", "Audit trail"],
  [() => "/health", "Health"],
];

test("every page, in light, in dark and on a phone: nothing that axe-core finds, and no name that becomes markup", async () => {
  for (const [path, title] of PAGES) {
    await open(path(), title);
    const name = `console${path()
      .replace(/\/acc_.*/, "-one")
      .replaceAll("/", "-")}`;
    await checkLooks(watched, name);
  }
});

test("an account is found by a part of its name, which the address keeps", async () => {
  await open("/accounts", "Accounts");
  await page.getByLabel("Find").fill("umen anal");
  await page.getByRole("link", { name: `Lumen Analytics ${HOSTILE}` }).click();
  await page.getByRole("heading", { level: 1, name: /^Lumen Analytics/ }).waitFor();
  await page.goBack();
  await page.getByLabel("Find").waitFor();
  assert.match(page.url(), /q=umen/);
});

test("credits are granted: the button says how many, and the ledger has them once", async () => {
  await open(account(), /^Lumen Analytics/);
  await page.getByRole("button", { name: "Grant credits" }).click();
  await page.getByLabel("Amount").fill("12.000001");
  await page.getByLabel("Reference").fill("invoice-7");
  await page.getByRole("button", { name: "Grant 12.000001 credits" }).click();
  await page.getByRole("dialog").waitFor({ state: "detached" });
  const { entries } = await scene.operate<{ entries: { amount: number }[] }>(
    "GET",
    `/v1/accounts/${scene.customer.id}/entries?kind=grant`,
  );
  assert.equal(entries.filter(({ amount }) => amount === 12.000_001).length, 1);
});

test("a charge is refunded in part, then the rest: the page says what is left of it", async () => {
  await open(account(), /^Lumen Analytics/);
  const row = page.getByRole("row", { name: /ip-lookup/ }).first();
  await row.getByRole("button", { name: /^Refund/ }).click();
  await page.getByText("Empty: all that is left of it, 10.").waitFor();
  await page.getByLabel("Amount").fill("2.5");
  await page.getByLabel("Reason").fill(`slow ${HOSTILE}`);
  await page.getByRole("button", { name: "Refund 2.5 credits" }).click();
  await page.getByRole("dialog").waitFor({ state: "detached" });
  await page.getByRole("row", { name: /slow/ }).waitFor();
  await page
    .getByRole("row", { name: /charge GET \/v1\/ip-lookup/ })
    .first()
    .getByRole("button")
    .click();
  await page.getByText("Empty: all that is left of it, 7.5.").waitFor();
  await page.getByRole("button", { name: "Refund 7.5 credits" }).click();
  await page.getByRole("dialog").waitFor({ state: "detached" });
  const { entries } = await scene.operate<{ entries: { amount: number; reason: string | null }[] }>(
    "GET",
    `/v1/accounts/${scene.customer.id}/entries?kind=refund`,
  );
  assert.deepEqual(
    entries.map(({ amount }) => amount),
    [7.5, 2.5],
  );
});

test("an account is suspended and resumed, with a reason that the audit trail keeps", async () => {
  await open(account(), /^Lumen Analytics/);
  for (const [verb, state] of [
    ["Suspend", "suspended"],
    ["Resume", "active"],
  ] as const) {
    await page.getByRole("button", { name: verb, exact: true }).click();
    await page.getByLabel("Reason").fill(`${verb} it`);
    await page.getByRole("button", { name: `${verb} the account` }).click();
    await page.getByRole("dialog").waitFor({ state: "detached" });
    const now = await scene.operate<{ state: string }>("GET", `/v1/accounts/${scene.customer.id}`);
    assert.equal(now.state, state);
  }
  await open("/audit-trail?action=account.suspend", "Audit trail");
  await page.getByText("Suspend it").waitFor();
});

test("the books are audited when it is asked for", async () => {
  await open("/health", "Health");
  await page.getByRole("button", { name: "Audit now" }).click();
  await page.getByText("sound", { exact: true }).waitFor();
});
