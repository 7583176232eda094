import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, test } from "node:test";
import type { Page } from "playwright-core";
import { buildConsole } from "../../examples/build-console.ts";
import { openBrowser, type WatchedPage } from "../end-to-end/browser.ts";
import { checkLooks } from "./check-page.ts";
import { HOSTILE, openPortalScene, type PortalScene } from "./portal-scene.ts";

const MOST_SCRIPT_BYTES = 200_000;
const MOST_CALLS = 3;

let scene: PortalScene;
let watched: WatchedPage & { close(): Promise<void> };
let page: Page;

before(async () => {
  await buildConsole();
  scene = await openPortalScene(80);
  watched = await openBrowser();
  ({ page } = watched);
  // Generous: a machine under load renders slowly.
  page.setDefaultTimeout(120_000);
  await page.goto(`${scene.gateway}/portal/`);
  await page.getByLabel("API key").fill(scene.customer.key);
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

const open = async (path: string, title: string): Promise<void> => {
  await page.goto(`${scene.gateway}/portal${path}`);
  await page.getByRole("heading", { level: 1, name: title }).waitFor();
};

test("the overview shows what the ledger has, in at most three calls and 200 kB of script", async () => {
  watched.requested.splice(0);
  const scripts: number[] = [];
  page.on("response", (response) => {
    if (response.url().endsWith(".js")) scripts.push(Number(response.headers()["content-length"]));
  });
  await page.goto("about:blank");
  const uncached = await page.context().newCDPSession(page);
  await uncached.send("Network.setCacheDisabled", { cacheDisabled: true });
  await open("/", "Credit Cost Overview");
  await page.getByRole("heading", { name: "By endpoint" }).waitFor();
  await page.waitForLoadState("networkidle");
  const calls = watched.requested.filter(({ pathname }) => /^\/portal\/(api|session)/.test(pathname));
  assert.ok(calls.length <= MOST_CALLS, calls.map(String).join("\n"));
  const bytes = scripts.reduce((sum, size) => sum + size, 0);
  assert.ok(bytes > 50_000 && bytes <= MOST_SCRIPT_BYTES, `${bytes} bytes of script`);
  const { pools } = (await scene.customer.get("/balances")).json<{ pools: { available: number }[] }>();
  const figures = await page.locator(".figure").allInnerTexts();
  assert.deepEqual(
    figures.map((text) => Number(text.replaceAll(",", ""))),
    pools.map(({ available }) => available),
  );
  await page
    .getByText(/credits run out on/)
    .first()
    .waitFor();
  await checkLooks(watched, "portal-overview");
});

test("the chart follows the period, which the address keeps, and the arrow keys tell its bars", async () => {
  await open("/", "Credit Cost Overview");
  await page.getByRole("button", { name: "Months" }).click();
  await page.getByText(/the last 12 months, in/).waitFor();
  await page.reload();
  await page.getByText(/the last 12 months, in/).waitFor();
  const chart = page.getByRole("slider", { name: "Used credits" });
  await chart.focus();
  await page.keyboard.press("ArrowLeft");
  await page.keyboard.press("ArrowRight");
  assert.match((await chart.getAttribute("aria-valuetext")) ?? "", /: [\d,.]+ credits?, \d+ calls?/);
});

test("the head leads from page to page without loading them anew", async () => {
  await open("/", "Credit Cost Overview");
  for (const [link, title] of [
    ["Statement", "Statement"],
    ["Keys", "Keys"],
    ["Prices", "Prices"],
    ["Overview", "Credit Cost Overview"],
  ] as const) {
    await page.getByRole("navigation").getByRole("link", { name: link }).click();
    await page.getByRole("heading", { level: 1, name: title }).waitFor();
  }
  assert.deepEqual(watched.complaints.splice(0), []);
});

test("the statement: filters in the address, lines as the ledger has them, and the same as CSV", async () => {
  await open("/statement?kind=grant", "Statement");
  const { entries } = (await scene.customer.get("/entries?kind=grant")).json<{
    entries: { amount: number }[];
  }>();
  await page
    .locator("tbody tr")
    .nth(entries.length - 1)
    .waitFor();
  assert.equal(await page.locator("tbody tr").count(), entries.length);
  await page.getByLabel("Kind").selectOption("charge");
  await page.getByRole("button", { name: "Show older lines" }).waitFor();
  assert.match(page.url(), /kind=charge/);
  const downloading = page.waitForEvent("download");
  await page.getByRole("link", { name: "Download CSV" }).click();
  const file = await (await downloading).path();
  const csv = await readFile(file, "utf8");
  const all = (await scene.customer.get("/entries?kind=charge&format=csv")).text;
  assert.equal(csv, all);
  await checkLooks(watched, "portal-statement");
});

test("one call is explained from its line: the price, and what was charged", async () => {
  await open("/statement?kind=charge", "Statement");
  await page.getByRole("link", { name: "GET /v1/ip-lookup" }).first().click();
  await page.getByRole("heading", { level: 1, name: "One call" }).waitFor();
  await page.getByText("10 credits a request").waitFor();
  assert.equal(await page.locator(".figure").innerText(), "10");
  await checkLooks(watched, "portal-call");
});

test("a call that tiers decided says what was used before it, and at which tier it was charged", async () => {
  for (const id of [1, 2, 3]) await scene.customer.call("GET", `/v1/reports/${id}`);
  await open("/statement?kind=charge&credit=search", "Statement");
  await page.getByRole("link", { name: "GET /v1/reports/{id}" }).first().click();
  await page.getByText("1 at 0.5 search credits, beyond 2").waitFor();
  const facts = await page.locator("dl", { hasText: "Used before it" }).innerText();
  assert.match(facts, /Used before it\s+2 in the month from /);
  assert.match(facts, /With it\s+3\b/);
  assert.equal(await page.locator(".figure").innerText(), "0.5");
});

test("a key is made with scopes and a cap, is shown once, works, is rotated and revoked", async () => {
  await open("/keys", "Keys");
  await page.getByRole("button", { name: "Create a key" }).click();
  const name = `browser ${HOSTILE}`;
  await page.getByLabel("Name").fill(name);
  await page.getByLabel("May call").fill("GET /v1/ip-lookup");
  await page.getByLabel("A day").fill("25.5");
  await page.getByRole("button", { name: "Create", exact: true }).click();
  const key = (await page.locator("[data-secret]").innerText()).trim();
  await page.getByRole("button", { name: "I have kept it" }).click();
  const called = await scene.customer.call("GET", "/v1/ip-lookup", undefined, keyHeaders(key));
  assert.equal(called.status, 200);
  const { keys } = (await scene.customer.get("/keys")).json<{ keys: KeyAnswer[] }>();
  const made = keys.find((one) => one.name === name);
  assert.deepEqual([made?.scopes, made?.caps[0]?.day], [["GET /v1/ip-lookup"], 25.5]);
  await page.reload();
  const card = page.getByRole("region", { name });
  await card.getByText(/10 of 25\.5 credits today/).waitFor();
  assert.equal((await page.content()).includes(key), false, "it is shown once");
  await checkLooks(watched, "portal-keys");
  await card.getByRole("button", { name: "Rotate" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Rotate" }).click();
  const next = (await page.locator("[data-secret]").innerText()).trim();
  assert.notEqual(next, key);
  await page.getByRole("button", { name: "I have kept it" }).click();
  await card.getByRole("button", { name: "Revoke" }).click();
  await page.getByRole("button", { name: "Revoke for good" }).click();
  await card.getByText("revoked", { exact: true }).waitFor();
  const revoked = await scene.operate<{ state: string }>("GET", `/v1/keys/${made?.id}`);
  assert.equal(revoked.state, "revoked");
});

test("prices in force, an announced change, and what one call would cost", async () => {
  const effectiveAt = new Date(Date.now() + 5 * 86_400_000).toISOString();
  await scene.operate("POST", "/v1/price-lists", {
    effectiveAt,
    prices: [{ match: "GET /v1/ip-lookup", cost: 12, credit: "credits", on: "processed" }],
  });
  await open("/prices", "Prices");
  await page.getByRole("heading", { name: "Announced change" }).waitFor();
  await page.getByLabel("Method").selectOption("POST");
  await page.getByLabel("Path").fill("/v1/businesses");
  await page.getByLabel(/^Body/).fill('{"page_size": 40}');
  await page.getByRole("button", { name: "What would it cost?" }).click();
  await page.getByText("would be admitted").waitFor();
  assert.equal(await page.locator(".figure").innerText(), "50");
  await checkLooks(watched, "portal-prices");
});

interface KeyAnswer {
  readonly id: string;
  readonly name: string;
  readonly scopes: readonly string[] | null;
  readonly caps: readonly { readonly day: number | null }[];
}

const keyHeaders = (key: string): Record<string, string> => ({
  authorization: `Bearer ${key}`,
  "x-api-key": key,
  apikey: key,
  api_key: key,
});
