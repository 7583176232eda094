import assert from "node:assert/strict";
import { before, test } from "node:test";
import { buildConsole } from "../../examples/build-console.ts";
import { send } from "../conformance/call.ts";
import { openScene } from "../customer-api/scene.ts";
import { keepScreenshot, openPage } from "../end-to-end/browser.ts";
import { checkAccessibility, checkLooks, checkWidth } from "./check-page.ts";

before(() => buildConsole());

test("the gateway serves the portal without a key, forwards nothing of it, and keeps its files for ever", async (context) => {
  const scene = await openScene('portal: { path: /me, brand: { name: "A <b>" } }\n');
  context.after(() => scene.close());
  const page = await send(scene.gateway, "/me", { method: "GET" });
  assert.equal(page.status, 200);
  assert.equal(page.headers["content-type"], "text/html; charset=utf-8");
  assert.match(page.text, /<base href="\/me\/">/);
  assert.match(page.text, /<title>A &lt;b&gt;<\/title>/);
  const deep = await send(scene.gateway, "/me/statement?kind=charge", { method: "GET" });
  assert.equal(deep.text, page.text, "the page's own router reads the rest of the path");
  const [, script = ""] = /src="\.\/(assets\/[^"]+)"/.exec(page.text) ?? [];
  const asset = await send(scene.gateway, `/me/${script}`, { method: "GET" });
  assert.equal(asset.status, 200);
  assert.match(String(asset.headers["cache-control"]), /immutable/);
  const head = await send(scene.gateway, "/me", { method: "HEAD" });
  assert.deepEqual([head.status, head.text], [200, ""]);
  assert.equal((await send(scene.gateway, "/me", { method: "POST" })).status, 405);
  assert.equal((await send(scene.gateway, "/men", { method: "GET" })).status, 401, "that is the API's");
  assert.deepEqual(scene.forwarded, []);
});

test("the sign-in, in light and dark and on a phone: the brand, nothing that axe-core finds, nothing from elsewhere", async (context) => {
  const scene = await openScene('portal: { brand: { name: "<b>Acme</b>", accent: "#ffe000" } }\n');
  context.after(() => scene.close());
  const { page, complaints, requested } = await openPage(context);
  await page.route(`${scene.gateway}/portal/session`, (route) => route.fulfill({ status: 401, json: {} }));
  for (const colorScheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme });
    await page.goto(`${scene.gateway}/portal/statement`);
    await page.getByRole("heading", { name: "Sign in" }).waitFor();
    await checkAccessibility(page);
    await keepScreenshot(page, `portal-sign-in-${colorScheme}`);
  }
  await page.setViewportSize({ width: 320, height: 640 });
  await checkWidth(page);
  assert.equal(await page.title(), "Sign in · <b>Acme</b>");
  assert.equal(await page.locator("b").count(), 0);
  assert.deepEqual([...new Set(requested.map(({ origin }) => origin))], [scene.gateway]);
  assert.deepEqual(
    complaints.filter((text) => !/status of 401/.test(text)),
    [],
    "nothing broke, and the policy forbade nothing that the page needs",
  );
});

test("a link signs in once, and leaves the address; after signing out a key does, and the pages are the account's", async (context) => {
  const scene = await openScene("prices: [{ match: GET /paid, cost: 2 }]\n");
  context.after(() => scene.close());
  const customer = await scene.openCustomer();
  const links = `/v1/accounts/${customer.id}/portal-links`;
  const { path } = await scene.operate<{ path: string }>("POST", links, {});
  const { page } = await openPage(context);
  const overview = page.getByRole("heading", { name: "Credit Cost Overview" });
  await page.goto(scene.gateway + path);
  await overview.waitFor();
  assert.equal(
    page.url(),
    `${scene.gateway}/portal/`,
    "the link's text is in no address that could be passed on",
  );
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByRole("heading", { name: "Sign in" }).waitFor();
  await page.goto("about:blank");
  await page.goto(scene.gateway + path);
  await page.getByText("This link was used before").waitFor();
  await page.getByLabel("API key").fill(customer.key);
  await page.getByRole("button", { name: "Sign in" }).click();
  await overview.waitFor();
});

test("where customers do not manage keys, the page says who does, and asks for none", async (context) => {
  const scene = await openScene("prices: [{ match: GET /paid, cost: 2 }]\n");
  context.after(() => scene.close());
  const customer = await scene.openCustomer();
  await scene.operate("PATCH", `/v1/keys/${customer.keyId}`, { name: "nightly" });
  await customer.call("GET", "/paid");
  const watched = await openPage(context);
  const { page, requested } = watched;
  await page.goto(`${scene.gateway}/portal/keys`);
  await page.getByLabel("API key").fill(customer.key);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByText("Your keys are managed by your provider").waitFor();
  watched.complaints.splice(0);
  await checkLooks(watched, "portal-keys-managed");
  for (const role of ["button", "searchbox", "combobox", "alert"] as const) {
    assert.equal(await page.getByRole("main").getByRole(role).count(), 0, role);
  }
  // The statement names the keys that were used all the same.
  await page.getByRole("link", { name: "Statement" }).click();
  await page.getByRole("cell", { name: "nightly", exact: true }).waitFor();
  await page.getByLabel("Key", { exact: true }).selectOption({ index: 1 });
  await page.waitForURL(/key=key_/);
  await page.getByRole("cell", { name: "nightly", exact: true }).waitFor();
  assert.deepEqual(
    requested.filter(({ pathname }) => pathname.endsWith("/keys") && pathname.includes("/api/")),
    [],
  );
  assert.deepEqual(watched.complaints, []);
});

test("a page whose script is gone says so, the others stay, and loading it anew shows it", async (context) => {
  const scene = await openScene("prices: [{ match: GET /paid, cost: 2 }]\n");
  context.after(() => scene.close());
  const customer = await scene.openCustomer();
  const watched = await openPage(context);
  const { page } = watched;
  await page.goto(`${scene.gateway}/portal/`);
  await page.getByLabel("API key").fill(customer.key);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("heading", { name: "Credit Cost Overview" }).waitFor();
  // As after an upgrade: this tab knows scripts that are served no more.
  await page.route(/assets\/prices-/, (route) => route.fulfill({ status: 404, body: "" }));
  await page.getByRole("link", { name: "Prices", exact: true }).click();
  await page.getByText("It could not be loaded").waitFor();
  watched.complaints.splice(0);
  await checkLooks(watched, "portal-broken");
  await page.getByRole("link", { name: "Statement", exact: true }).click();
  await page.getByRole("heading", { name: "Statement" }).waitFor();
  await page.getByRole("link", { name: "Prices", exact: true }).click();
  await page.unroute(/assets\/prices-/);
  await page.getByRole("button", { name: "Load it anew" }).click();
  await page.getByText("Price calculator").waitFor();
});

test("switched off, its paths are the API's", async (context) => {
  const scene = await openScene("portal: { enabled: false }\nopen: [GET /portal]\n");
  context.after(() => scene.close());
  await send(scene.gateway, "/portal", { method: "GET" });
  assert.deepEqual(scene.forwarded, ["GET /portal"]);
});
