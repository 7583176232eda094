import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, test } from "node:test";
import type { Page } from "playwright-core";
import { buildConsole } from "../../examples/build-console.ts";
import { LongHoldRows } from "../../src/ledger/long-holds/long-hold-rows.ts";
import { eventually } from "../crash/eventually.ts";
import { openBrowser, type WatchedPage } from "../end-to-end/browser.ts";
import { askAsBrowser, CHANGE } from "./ask-as-browser.ts";
import { checkLooks } from "./check-page.ts";
import { HOSTILE, openPortalScene, type PortalScene } from "./portal-scene.ts";

let scene: PortalScene;
let watched: WatchedPage & { close(): Promise<void> };
let page: Page;

before(async () => {
  await buildConsole();
  scene = await openPortalScene(4);
  watched = await openBrowser();
  ({ page } = watched);
  page.setDefaultTimeout(120_000);
  await page.goto(`${scene.operator}/`);
  await page.getByLabel("Token").fill(scene.operatorToken);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("button", { name: "Sign out" }).waitFor();
  await page.goto(`${scene.operator}/console/accounts/${scene.customer.id}`);
  await page.getByRole("heading", { level: 1, name: /^Lumen Analytics/ }).waitFor();
});

after(async () => {
  await watched?.close();
  await scene?.close();
});

const account = <T>(path = ""): Promise<T> =>
  scene.operate<T>("GET", `/v1/accounts/${scene.customer.id}${path}`);

async function closed(): Promise<void> {
  await page.getByRole("dialog").waitFor({ state: "detached" });
}

test("a pool is adjusted down: the button says what is taken, and what cannot be is said and takes nothing", async () => {
  await page.getByRole("button", { name: "Adjust" }).click();
  await page.getByLabel("Amount").fill("-99999999");
  await page.getByLabel("Reason").fill("counted twice in May");
  await page.getByRole("button", { name: "Take 99999999 credits away" }).click();
  await page.getByRole("dialog").getByRole("alert").first().waitFor();
  await page.getByLabel("Amount").fill("-0.5");
  await page.getByRole("button", { name: "Take 0.5 credits away" }).click();
  await closed();
  const { entries } = await account<{ entries: { amount: number; reason: string }[] }>(
    "/entries?kind=adjustment",
  );
  assert.deepEqual(
    entries.map(({ amount, reason }) => [amount, reason]),
    [[-0.5, "counted twice in May"]],
  );
});

test("a plan is taken away at its next refresh, and given back", async () => {
  await page.getByRole("button", { name: "Change plan" }).click();
  await page.getByLabel("Plan", { exact: true }).selectOption("");
  await page.getByRole("button", { name: "Take the plan away" }).click();
  await closed();
  const leaving = await account<{
    plan: string | null;
    nextPlan: string | null;
    nextPlanAt: string | null;
  }>();
  assert.deepEqual([leaving.plan, leaving.nextPlan], ["starter", null]);
  assert.notEqual(leaving.nextPlanAt, null);
  await page.getByRole("button", { name: "Change plan" }).click();
  await page.getByLabel("When", { exact: true }).selectOption("now");
  await page.getByRole("button", { name: "Change to starter" }).click();
  await closed();
  const back = await account<{ plan: string | null; nextPlanAt: string | null }>();
  assert.deepEqual([back.plan, back.nextPlanAt], ["starter", null]);
});

test("a job's long hold is shown, and released after a confirmation that says what becomes free", async () => {
  const [row] = await scene.database.query<{ shard: number }>(
    "SELECT shard FROM farebox.accounts WHERE account_id = $1",
    [scene.customer.id],
  );
  const pool = { accountId: scene.customer.id, creditType: "search", shard: row?.shard ?? 0 };
  const { keys } = await account<{ keys: { id: string }[] }>("/keys");
  const rows = new LongHoldRows(scene.database);
  const [keyId = "", requestId] = [keys[0]?.id, randomUUID()];
  const charge = {
    keyId,
    endpoint: "GET /v1/people/{id}",
    amount: 2_000_000n,
    units: 1,
    status: 200,
    priceList: 1,
  };
  const content = "0".repeat(64);
  const job = { pool, keyId, endpoint: charge.endpoint, requestId, callerId: `nightly ${HOSTILE}`, content };
  await rows.open({
    ...job,
    token: "text",
    amount: 7_500_000n,
    units: 4,
    most: undefined,
    ttlSeconds: 3_600,
  });
  await rows.settle({ pool, requestId, part: "first", content, isWhole: false, charge });
  await rows.settle({
    pool,
    requestId,
    part: HOSTILE,
    content,
    isWhole: false,
    charge: { ...charge, amount: 500_000n },
  });
  const call = await scene.customer.call("GET", `/v1/credits/calls/${requestId}`);
  assert.partialDeepStrictEqual(call.json(), {
    requestId,
    charge: null,
    held: 7.5,
    list: 2.5,
    charged: 2.5,
    net: 2.5,
    units: 2,
    parts: {
      total: 2,
      charges: [
        { part: "first", charged: 2 },
        { part: HOSTILE, charged: 0.5 },
      ],
    },
  });
  await page.goto(`${scene.operator}/console/calls/${requestId}`);
  await page.getByText("2 charges; the sums are of all.").waitFor();
  assert.match(await page.getByRole("row", { name: /^first/ }).innerText(), /2\s+2\s+0$/);
  // What was refused before this test is none of its business.
  watched.complaints.splice(0);
  await checkLooks(watched, "console-job-call");
  await page.goto(`${scene.operator}/console/accounts/${scene.customer.id}`);
  const line = page.getByRole("row", { name: /nightly/ });
  await line.getByText("5 of 7.5 search").waitFor();
  assert.match(await line.innerText(), /open[\s\S]*2.5 in 2 parts/);
  await checkLooks(watched, "console-long-holds");
  await line.getByRole("button", { name: /^Release/ }).click();
  await page.getByText("5 search become free, and 2.5 search of 2 parts stay charged.").waitFor();
  await page.getByRole("button", { name: "Release the hold" }).click();
  await closed();
  await line.getByText("released", { exact: true }).waitFor();
  assert.equal(await line.getByRole("button").count(), 0);
  const { longHolds } = await account<{ longHolds: { state: string; held: number; charged: number }[] }>(
    "/long-holds",
  );
  assert.partialDeepStrictEqual(longHolds, [{ state: "released", held: 0, charged: 2.5 }]);
});

test("own prices are begun from everybody's, checked, compared, announced, paid and cancelled", async () => {
  await page.getByRole("button", { name: "New own prices" }).click();
  await page.getByLabel("Begin with everybody's price of").selectOption({ index: 1 });
  const text = page.getByLabel("Own prices (JSON)");
  const [begun] = JSON.parse(await text.inputValue()) as { match: string; cost: number }[];
  assert.partialDeepStrictEqual(begun, { match: "GET /v1/ip-lookup", cost: 10 });
  await text.fill(JSON.stringify([{ ...begun, cost: -4 }]));
  await page.getByRole("button", { name: "Check, compare and simulate" }).click();
  await page.getByText(/prices\[0\]\.cost/).waitFor();
  await text.fill(JSON.stringify([{ ...begun, cost: 4 }]));
  await page.getByRole("button", { name: "Check, compare and simulate" }).click();
  await page.getByText("10 → 4").waitFor();
  watched.complaints.splice(0);
  await checkLooks(watched, "console-own-prices-edit");
  await page.getByRole("button", { name: "Announce …" }).click();
  await page
    .getByRole("dialog")
    .getByText(/The account pays by these 1 price from now on/)
    .waitFor();
  await page.getByRole("button", { name: "Apply from now on" }).click();
  await closed();
  const own = page.getByRole("region", { name: "Own prices", exact: true });
  await own.getByText("in force", { exact: true }).waitFor();
  const { priceLists } = await account<{ priceLists: { state: string; prices: { cost: number }[] }[] }>(
    "/price-lists",
  );
  assert.deepEqual(
    priceLists.map(({ state, prices }) => [state, prices.map(({ cost }) => cost)]),
    [["in_force", [4]]],
  );
  await chargedWith(-4);
  await checkLooks(watched, "console-own-prices");
  await own.getByRole("button", { name: "Cancel version" }).click();
  await page.getByRole("button", { name: "Cancel these prices" }).click();
  await closed();
  await own.getByText("cancelled", { exact: true }).waitFor();
  await chargedWith(-10);
});

test("own prices that end: until is asked for, said before they are announced, kept, and shown", async () => {
  await page.getByRole("button", { name: "New own prices" }).click();
  const price = { match: "GET /v1/ip-lookup", cost: 3, credit: "credits" };
  await page.getByLabel("Own prices (JSON)").fill(JSON.stringify([price]));
  await page.getByRole("button", { name: "Check, compare and simulate" }).click();
  await page.getByRole("button", { name: "Announce …" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByText("until later ones take effect,").waitFor();
  await dialog.getByLabel("From").fill("2031-03-01T00:00");
  await dialog.getByLabel("Until").fill("2031-02-01T00:00");
  await dialog.getByRole("button", { name: /^Announce for / }).click();
  await dialog.getByText(/would end before it takes effect/).waitFor();
  await dialog.getByLabel("Until").fill("2031-04-15T09:30");
  await dialog.getByText(/from .*2031.* on, until .*2031/).waitFor();
  await dialog.getByRole("button", { name: /^Announce for / }).click();
  await closed();
  const { priceLists } = await account<{
    priceLists: { state: string; effectiveAt: string; until: string | null }[];
  }>("/price-lists");
  // The browser is where this test runs.
  assert.partialDeepStrictEqual(priceLists[0], {
    state: "announced",
    effectiveAt: new Date("2031-03-01T00:00").toISOString(),
    until: new Date("2031-04-15T09:30").toISOString(),
  });
  const own = page.getByRole("region", { name: "Own prices", exact: true });
  const line = own.getByRole("listitem").filter({ hasText: "announced" });
  assert.match(await line.innerText(), /from [^\n]*2031[^\n]* until [^\n]*2031/);
  watched.complaints.splice(0);
  await checkLooks(watched, "console-own-prices-until");
});

/** Calls until a call costs that: an instance knows of other prices some seconds later. */
const chargedWith = (amount: number): Promise<number> =>
  eventually(`a charge of ${amount}`, async () => {
    await scene.customer.call("GET", "/v1/ip-lookup");
    const { entries } = await account<{ entries: { amount: number }[] }>("/entries?kind=charge&limit=1");
    return entries[0]?.amount === amount ? amount : undefined;
  });

test("a portal link that is made here signs a customer in once, and all of them are signed out", async () => {
  await page.getByRole("button", { name: "Make a portal link" }).click();
  await page.getByLabel("They may").selectOption("manage");
  await page.getByRole("button", { name: "Make the link" }).click();
  const path = (await page.locator("[data-secret]").innerText()).trim();
  await page.getByRole("button", { name: "I have kept it" }).click();
  await closed();
  const link = new URL(path, scene.gateway).hash.replace("#link=", "");
  const signIn = () =>
    askAsBrowser(`${scene.gateway}/portal/session`, "POST", { headers: CHANGE, body: { link } });
  const { status, body, cookie } = await signIn();
  assert.deepEqual([status, body.access], [201, "manage"]);
  assert.equal((await signIn()).status, 401);
  const session = () => askAsBrowser(`${scene.gateway}/portal/session`, "GET", { headers: { cookie } });
  assert.equal((await session()).status, 200);
  await page.getByRole("button", { name: "Sign out everywhere" }).click();
  await page.getByRole("button", { name: "Sign them out" }).click();
  await closed();
  assert.equal((await session()).status, 401);
});

test("a session that ends while a dialog is open: the page says so, nothing is done, and one goes on where one was", async () => {
  const earlier = await account<{ entries: object[] }>("/entries?kind=grant");
  await page.getByRole("button", { name: "Grant credits" }).click();
  await page.getByLabel("Amount").fill("5");
  const { sessions } = await scene.operate<{ sessions: { id: string; kind: string }[] }>(
    "GET",
    "/v1/sessions?limit=100",
  );
  for (const { id } of sessions) await scene.operate("POST", `/v1/sessions/${id}/end`);
  await page.getByRole("button", { name: "Grant 5 credits" }).click();
  await page.getByText("Your session has ended").waitFor();
  watched.complaints.splice(0);
  await checkLooks(watched, "console-session-ended");
  await page.getByLabel("Token").fill(scene.operatorToken);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("heading", { level: 1, name: /^Lumen Analytics/ }).waitFor();
  assert.equal(await page.getByText("Your session has ended").count(), 0);
  assert.deepEqual(await account<{ entries: object[] }>("/entries?kind=grant"), earlier);
});

test("a dialog is opened, left and come back from by the keyboard alone", async () => {
  const button = page.getByRole("button", { name: "Grant credits" });
  await button.focus();
  await page.keyboard.press("Enter");
  await page.getByRole("dialog").waitFor();
  // What is behind the dialog is not reached.
  for (let step = 0; step < 12; step++) {
    await page.keyboard.press("Tab");
    // The dialog takes a focus that goes beyond its end back at once, and not in the same moment.
    await page.waitForFunction(
      `document.activeElement.closest("[role=dialog]") !== null
      || document.activeElement === document.body || document.activeElement.hasAttribute("data-base-ui-focus-guard")`,
      undefined,
      { timeout: 5_000 },
    );
  }
  await page.keyboard.press("Escape");
  await closed();
  assert.equal(await page.evaluate<string>("document.activeElement.textContent"), "Grant credits");
});
