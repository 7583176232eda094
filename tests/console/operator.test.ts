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
  await page.locator(".skeleton").first().waitFor({ state: "detached" });
}

const PAGES: readonly (readonly [path: () => string, title: string | RegExp])[] = [
  [() => "/", "Overview"],
  [() => "/accounts", "Accounts"],
  [account, /^Lumen Analytics/],
  [() => "/calls", "Calls"],
  [() => "/refunds", "Bulk refunds"],
  [() => "/access", "Access"],
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

test("accounts stand with their names beside their ids wherever they are listed, asked for at once", async () => {
  for (const [path, title, place] of [
    ["/", "Overview", page.getByRole("region", { name: "Accounts that use most" })],
    ["/audit-trail", "Audit trail", page.getByRole("row")],
  ] as const) {
    watched.requested.splice(0);
    await open(path, title);
    const line = place.filter({ hasText: scene.customer.id }).first();
    await line
      .getByRole("link", { name: `Lumen Analytics ${HOSTILE}` })
      .first()
      .waitFor();
    const asked = watched.requested.filter(({ searchParams }) => searchParams.has("ids"));
    assert.deepEqual(
      asked.map(({ searchParams }) => searchParams.get("ids")),
      [scene.customer.id],
    );
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

test("whose a key is, is told by its text and by its hint; the text is in no address", async () => {
  await open("/accounts?sort=name", "Accounts");
  for (const [asked, found] of [
    [scene.customer.key, "active"],
    [scene.customer.key.slice(-4), "active"],
    ["fbx_nobodys", undefined],
  ] as const) {
    await page.getByRole("button", { name: "Find a key" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("Key").fill(asked);
    await dialog.getByRole("button", { name: "Find", exact: true }).click();
    if (found === undefined) await dialog.getByText("No key has it.").waitFor();
    else await dialog.getByText(found, { exact: true }).first().waitFor();
    assert.ok(!page.url().includes(asked));
    if (found === undefined || asked !== scene.customer.key) {
      await page.keyboard.press("Escape");
      await dialog.waitFor({ state: "detached" });
      continue;
    }
    await checkLooks(watched, "console-find-key");
    await dialog.getByRole("link", { name: `Lumen Analytics ${HOSTILE}` }).click();
    await page.getByRole("heading", { level: 1, name: /^Lumen Analytics/ }).waitFor();
    assert.match(page.url(), new RegExp(`/accounts/${scene.customer.id}$`));
    await page.goBack();
    await page.getByRole("heading", { level: 1, name: "Accounts" }).waitFor();
  }
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
  await page.getByText("They were never audited.").waitFor();
  await page.getByRole("button", { name: "Audit now" }).click();
  await page.getByText("sound", { exact: true }).waitFor();
  // Whoever comes later sees what came of it.
  await open("/health", "Health");
  await page.getByText("sound", { exact: true }).waitFor();
});

test("health has the instances with their lanes, what waits, and the partitions, as the API reports them", async () => {
  await open("/health", "Health");
  const { instances, partitions, exports } = await scene.operate<{
    instances: { id: string; shards: number }[];
    partitions: { name: string }[];
    exports: { queued: number };
  }>("GET", "/v1/health");
  const [instance] = instances;
  assert.ok(instance);
  const row = page.getByRole("row", { name: new RegExp(`^${instance.id} live`) });
  assert.equal(await row.getByRole("cell").last().innerText(), String(instance.shards));
  const months = page.getByRole("table", { name: "Partitions of the entries" });
  assert.equal(await months.getByRole("row").count(), partitions.length + 1);
  await months.getByRole("row", { name: /entries_default all others/ }).waitFor();
  await page.getByText(`0 running, ${exports.queued} queued`).waitFor();
});

test("an account's page has the grants of its pools, in the order in which they are spent", async () => {
  await open(account(), /^Lumen Analytics/);
  const { pools } = await scene.operate<{
    pools: { creditType: string; grants: { amount: number; remaining: number }[] }[];
  }>("GET", `/v1/accounts/${scene.customer.id}/balances`);
  const card = page.getByRole("region", { name: "Pools", exact: true });
  await card.getByRole("heading", { name: /^Grants of search credits/ }).waitFor();
  const shown = await card.getByRole("listitem").allInnerTexts();
  const wanted = pools.flatMap(({ grants }) => grants);
  assert.equal(shown.length, wanted.length);
  for (const [index, { amount, remaining }] of wanted.entries()) {
    const [left, whole] = [remaining, amount].map((credits) =>
      credits.toLocaleString("en-US", { maximumFractionDigits: 6 }),
    );
    assert.ok(shown[index]?.replace(/\s+/g, " ").includes(`${left} of ${whole}`), shown[index]);
  }
});

test("the overview has the month's sums as the API reports them", async () => {
  await open("/?credit=search", "Overview");
  const { rows } = await scene.operate<{ rows: { month: string; sold: number; burned: number }[] }>(
    "GET",
    "/v1/reports/months?creditType=search",
  );
  const now = rows.at(-1);
  assert.ok(now);
  const cells = page.getByRole("row", { name: new RegExp(`^${now.month}`) }).getByRole("cell");
  assert.deepEqual(await cells.nth(1).innerText(), String(now.sold));
  assert.deepEqual(await cells.nth(3).innerText(), String(now.burned));
});

test("the overview tells what was refused, as the API reports it", async () => {
  // Nobody has this key. What was counted is written within seconds.
  const headers = { authorization: "Bearer fbx_nobody" };
  assert.equal((await fetch(`${scene.gateway}/v1/ip-lookup`, { headers })).status, 401);
  const read = () =>
    scene.operate<{ rows: { code: string; requests: number }[] }>("GET", "/v1/reports/refusals");
  let report = await read();
  while (!report.rows.some(({ code }) => code === "key_invalid")) report = await read();
  await open("/", "Overview");
  const row = page.getByRole("row", { name: /^key_invalid/ });
  assert.equal(await row.getByRole("cell").last().innerText(), "1");
});

test("a call is shown as it ends, and explained: why it cost 10", async () => {
  await open("/calls", "Calls");
  await page.getByText("watching", { exact: true }).waitFor();
  await scene.customer.call("GET", "/v1/ip-lookup");
  const line = page.getByRole("row", { name: /ip-lookup/ }).first();
  await line.getByRole("link", { name: "10", exact: true }).click();
  await page.getByRole("heading", { level: 1, name: "One call" }).waitFor();
  await page.getByText("10 credits a request").waitFor();
  await checkLooks(watched, "console-one-call");
});

test("charges of a time are counted, then given back: exactly those", async () => {
  await open("/refunds", "Bulk refunds");
  await page.getByLabel("Charged from").fill(localTime(-40));
  await page.getByLabel("Until").fill(localTime(-1));
  await page.getByLabel("Endpoint").fill("POST /v1/businesses");
  await page.getByRole("button", { name: "Count the charges" }).click();
  await page.getByText("would be given back").waitFor();
  const filter = {
    from: new Date(localTime(-40)).toISOString(),
    to: new Date(localTime(-1)).toISOString(),
    endpoint: "POST /v1/businesses",
  };
  const { credits } = await scene.operate<{ credits: { credits: number } }>(
    "POST",
    "/v1/bulk-refunds/preview",
    {
      filter,
    },
  );
  await page.getByRole("button", { name: "Give them back" }).click();
  await page.getByLabel("Reason").fill(`outage ${HOSTILE}`);
  await page.getByRole("button", { name: `Give back ${credits.credits} credits` }).click();
  await page.getByText("done", { exact: true }).waitFor();
  const left = await scene.operate<{ charges: number }>("POST", "/v1/bulk-refunds/preview", { filter });
  assert.equal(left.charges, 0);
  await checkLooks(watched, "console-refunds-done");
});

test("a price is changed, checked, tried on the past, announced, and cancelled", async () => {
  await open("/prices", "Price lists");
  await page.getByRole("button", { name: "New price list" }).click();
  const text = page.getByLabel(/^Prices/);
  const prices: { match: string; cost: number }[] = JSON.parse(await text.inputValue());
  await text.fill(JSON.stringify([{ ...prices[0], cost: -1 }]));
  await page.getByRole("button", { name: "Check, compare and simulate" }).click();
  await page.getByText(/prices\[0\]\.cost/).waitFor();
  await text.fill(JSON.stringify([{ ...prices[0], cost: 12 }, ...prices.slice(1)]));
  await page.getByRole("button", { name: "Check, compare and simulate" }).click();
  await page.getByRole("heading", { name: "What it changes" }).waitFor();
  await page.getByText("10 → 12").waitFor();
  watched.complaints.splice(0);
  await checkLooks(watched, "console-prices-edit");
  await page.getByRole("button", { name: "Announce …" }).click();
  await page.getByRole("dialog").getByLabel("From").fill(localTime(5));
  await page.getByRole("button", { name: /^Announce for/ }).click();
  await page.getByText("announced", { exact: true }).waitFor();
  await page.getByRole("button", { name: "Cancel", exact: true }).click();
  await page.getByRole("button", { name: "Cancel the announced prices" }).click();
  await page.getByText("cancelled", { exact: true }).waitFor();
  const { priceLists } = await scene.operate<{ priceLists: { state: string }[] }>("GET", "/v1/price-lists");
  assert.deepEqual(
    priceLists.map(({ state }) => state),
    ["cancelled", "in_force"],
  );
});

test("a token is made, shown once and revoked, and a customer is signed out", async () => {
  const link = await scene.operate<{ link: string }>(
    "POST",
    `/v1/accounts/${scene.customer.id}/portal-links`,
    {},
  );
  await fetch(`${scene.gateway}/portal/session`, {
    method: "POST",
    headers: { "content-type": "application/json", "farebox-console": "1" },
    body: JSON.stringify({ link: link.link }),
  });
  await open("/access", "Access");
  await page.getByRole("button", { name: "Create a token" }).click();
  await page.getByLabel("Name").fill("from-the-browser");
  await page.getByRole("button", { name: "Create", exact: true }).click();
  const token = (await page.locator("[data-secret]").innerText()).trim();
  await page.getByRole("button", { name: "I have kept it" }).click();
  const self = (): Promise<Response> =>
    fetch(`${scene.operator}/v1/self`, { headers: { authorization: `Bearer ${token}` } });
  assert.equal((await self()).status, 200);
  await page.getByRole("button", { name: "Revoke from-the-browser" }).click();
  await page.getByRole("button", { name: "Revoke for good" }).click();
  await page.getByRole("dialog").waitFor({ state: "detached" });
  assert.equal((await self()).status, 401);
  await page
    .getByRole("row", { name: /a link/ })
    .getByRole("button")
    .click();
  await page.getByRole("dialog").getByRole("button", { name: "Sign out" }).click();
  await page.getByRole("dialog").waitFor({ state: "detached" });
  const { sessions } = await scene.operate<{ sessions: object[] }>(
    "GET",
    `/v1/sessions?account=${scene.customer.id}`,
  );
  assert.deepEqual(sessions, []);
});

test("who may only read sees no button that changes, and is refused when they ask all the same", async () => {
  const { token } = await scene.operate<{ token: string }>("POST", "/v1/tokens", {
    name: "reader",
    role: "read",
  });
  const made = await fetch(`${scene.operator}/v1/console-links`, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: "{}",
  });
  const { path } = (await made.json()) as { path: string };
  await page.goto("about:blank");
  await page.goto(`${scene.operator}${path}`);
  await page.getByText("token:reader (read)").waitFor();
  await open(account(), /^Lumen Analytics/);
  const names = await page.locator("main").getByRole("button").allInnerTexts();
  assert.deepEqual(
    names.filter((name) => /grant|refund|revoke|suspend|adjust|sign out|plan|own prices|cancel/i.test(name)),
    [],
  );
  const status = await page.evaluate<number>(
    `fetch("/v1/accounts/${scene.customer.id}/grants", { method: "POST", body: '{"amount":1}',
      headers: { "content-type": "application/json", "farebox-console": "1" } }).then((answer) => answer.status)`,
  );
  assert.equal(status, 403);
});

/** So many days from now, as a field for a local time takes it. The browser's time zone is this process's. */
function localTime(days: number): string {
  const time = new Date(Date.now() + days * 86_400_000);
  const local = new Date(time.getTime() - time.getTimezoneOffset() * 60_000);
  return local.toISOString().slice(0, 16);
}
