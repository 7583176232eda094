import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Page, Route } from "playwright-core";
import { buildConsole } from "../../examples/build-console.ts";
import { openBrowser, type WatchedPage } from "../end-to-end/browser.ts";
import { checkLooks } from "./check-page.ts";
import { openPortalScene, type PortalScene } from "./portal-scene.ts";

/** What a page says after a change that may have been done. */
const OPEN = /It may have been done all the same/;
const DONE_BEFORE = /The first try had done this already/;

let scene: PortalScene;
let watched: WatchedPage & { close(): Promise<void> };
let page: Page;

before(async () => {
  await buildConsole();
  scene = await openPortalScene(4);
  watched = await openBrowser();
  ({ page } = watched);
  page.setDefaultTimeout(60_000);
});

after(async () => {
  await watched?.close();
  await scene?.close();
});

const account = <T>(path: string): Promise<T> =>
  scene.operate<T>("GET", `/v1/accounts/${scene.customer.id}${path}`);

async function amountsOf(kind: "grant" | "adjustment"): Promise<readonly number[]> {
  const { entries } = await account<{ entries: { amount: number }[] }>(`/entries?kind=${kind}`);
  return entries.map(({ amount }) => amount);
}

const lost = (route: Route): Promise<void> => route.abort("connectionreset");
const down = (route: Route): Promise<void> =>
  route.fulfill({ status: 503, json: { code: "storage_unavailable", detail: "later" } });

/** How often the client asks by itself before it gives up. */
const TRIES = 4;

/** The server does what a click asks for, and no answer of it arrives. */
async function losing(path: RegExp, lose: (route: Route) => Promise<void>, click: () => Promise<void>) {
  let tries = 0;
  const { promise: gaveUp, resolve } = Promise.withResolvers<void>();
  await page.route(path, async (route) => {
    if (route.request().method() === "GET") return await route.continue();
    const response = await route.fetch();
    assert.ok(response.ok(), `the server did not do it: ${response.status()}`);
    await lose(route);
    tries += 1;
    if (tries === TRIES) resolve();
  });
  await click();
  // What was said of the click before may still be there.
  await gaveUp;
  await page.getByRole("dialog").getByText(OPEN).waitFor();
  await page.unroute(path);
}

async function closed(): Promise<void> {
  await page.getByRole("dialog").waitFor({ state: "detached" });
}

test("a grant without a reference whose answer is lost is made once, however often one clicks, until it is asked for anew", async () => {
  await page.goto(`${scene.operator}/console/accounts/${scene.customer.id}`);
  await page.getByLabel("Token").fill(scene.operatorToken);
  await page.getByRole("button", { name: "Sign in" }).click();
  const open = page.getByRole("button", { name: "Grant credits" });
  const grant = (amount: number) => page.getByRole("button", { name: `Grant ${amount} credits` }).click();
  await open.click();
  await page.getByLabel("Amount").fill("8");
  await losing(/\/grants$/, lost, () => grant(8));
  await page.getByLabel("Amount").fill("7");
  await losing(/\/grants$/, lost, () => grant(7));
  watched.complaints.splice(0);
  await checkLooks(watched, "console-grant-unanswered");
  await losing(/\/grants$/, down, () => grant(7));
  await grant(7);
  await closed();
  await page.getByText(DONE_BEFORE).waitFor();
  const asked = (amounts: readonly number[]) => amounts.filter((amount) => amount === 7 || amount === 8);
  assert.deepEqual(asked(await amountsOf("grant")), [7, 8]);
  watched.complaints.splice(0);
  await checkLooks(watched, "console-done-before");
  await page.getByRole("button", { name: "Understood" }).click();
  await page.getByText(DONE_BEFORE).waitFor({ state: "detached" });
  await open.click();
  await page.getByLabel("Amount").fill("7");
  await grant(7);
  await closed();
  assert.deepEqual(
    asked(await amountsOf("grant")),
    [7, 7, 8],
    "the same again, once it was done, is another grant",
  );
  assert.equal(await page.getByText(DONE_BEFORE).count(), 0);
});

test("a dialog that is closed after a lost answer and filled in again asks for the same change", async () => {
  const fill = async (): Promise<void> => {
    await page.getByRole("button", { name: "Adjust" }).click();
    await page.getByLabel("Amount").fill("3");
    await page.getByLabel("Reason").fill("counted twice");
  };
  const add = () => page.getByRole("button", { name: "Add 3 credits" }).click();
  await fill();
  await losing(/\/adjustments$/, lost, add);
  await page.getByRole("button", { name: "Cancel" }).click();
  await closed();
  await fill();
  await add();
  await closed();
  await page.getByText(DONE_BEFORE).waitFor();
  assert.deepEqual(await amountsOf("adjustment"), [3]);
});

test("a read that fails says nothing of changes, and can be tried again", async () => {
  await page.route(/\/entries\?/, lost);
  await page.reload();
  const failed = page.getByRole("alert").filter({ hasText: "No answer" });
  await failed.getByText("The service did not answer.").waitFor();
  assert.equal(await page.getByText(OPEN).count(), 0);
  await page.unroute(/\/entries\?/);
  await failed.getByRole("button", { name: "Try again" }).click();
  await page
    .getByRole("row", { name: /ip-lookup/ })
    .first()
    .waitFor();
});

test("a key that a customer makes is made once, and its text is shown after all", async () => {
  await page.goto(`${scene.gateway}/portal/keys`);
  await page.getByLabel("API key").fill(scene.customer.key);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("button", { name: "Create a key" }).click();
  await page.getByLabel("Name").fill("nightly");
  const create = () => page.getByRole("button", { name: "Create", exact: true }).click();
  await losing(/\/api\/keys$/, lost, create);
  await create();
  await page.locator("[data-secret]").waitFor();
  const { keys } = await account<{ keys: { name: string }[] }>("/keys");
  assert.equal(keys.filter(({ name }) => name === "nightly").length, 1);
});
