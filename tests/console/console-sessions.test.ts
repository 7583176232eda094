import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { buildConsole } from "../../examples/build-console.ts";
import { listAudit } from "../../src/ledger/operators/operator-audit.ts";
import { openScene, type Scene } from "../customer-api/scene.ts";
import { askAsBrowser, CHANGE, codeOf, FORGED } from "./ask-as-browser.ts";

let scene: Scene;
before(async () => {
  await buildConsole();
  scene = await openScene(`
prices: [{ match: GET /paid, cost: 2 }]
sessions: { hosts: [farebox.example.com] }
`);
});
after(() => scene.close());

/** As a browser asks. */
const ask = (method: string, path: string, more?: Parameters<typeof askAsBrowser>[2]) =>
  askAsBrowser(`${scene.operator}${path}`, method, more);

const signIn = (body: object, headers: Record<string, string> = {}) =>
  ask("POST", "/console/session", { headers: { ...CHANGE, ...headers }, body });

let names = 0;
const tokenOf = (role: string, limits?: object): Promise<{ id: string; name: string; token: string }> => {
  names += 1;
  return scene.operate("POST", "/v1/tokens", { name: `console-${names}`, role, limits });
};

const grant = (account: string, cookie: string, headers: Record<string, string> = {}) =>
  ask("POST", `/v1/accounts/${account}/grants`, {
    headers: { ...CHANGE, cookie, ...headers },
    body: { amount: 5 },
  });

test("the operator token signs in: its cookie is the browser's own secret, and reads and changes what the token may", async () => {
  const { id } = await scene.openCustomer(0);
  const begun = await signIn({ token: scene.operatorToken });
  assert.equal(begun.status, 201);
  assert.partialDeepStrictEqual(begun.body, { actor: "operator", role: "admin", limits: null });
  const [set = ""] = begun.headers["set-cookie"] ?? [];
  assert.match(set, /^farebox-console=[\w-]{43}; Path=\/; Max-Age=43200; HttpOnly; SameSite=Strict$/);
  const { cookie } = begun;
  assert.equal((await ask("GET", "/console/session", { headers: { cookie } })).body.id, begun.body.id);
  assert.equal((await grant(id, cookie)).status, 201);
  const rows = await scene.database.query(
    "SELECT encode(hash, 'hex') AS hash, encode(proof, 'hex') AS proof FROM farebox.console_sessions",
  );
  const text = JSON.stringify(rows);
  assert.ok(!text.includes(cookie.split("=")[1] ?? "x") && !text.includes(scene.operatorToken));
});

test("under a name that is no loopback one the cookie is bound to it and to TLS", async () => {
  const host = { host: "farebox.example.com" };
  const begun = await signIn({ token: scene.operatorToken }, host);
  assert.match(
    begun.headers["set-cookie"]?.[0] ?? "",
    /^__Host-farebox-console=[\w-]{43}; Path=\/; Max-Age=43200; HttpOnly; Secure; SameSite=Strict$/,
  );
  const { cookie } = begun;
  assert.equal((await ask("GET", "/v1/self", { headers: { cookie, ...host } })).status, 200);
  const plain = cookie.replace("__Host-", "");
  assert.equal((await ask("GET", "/v1/self", { headers: { cookie: plain, ...host } })).status, 401);
});

test("a named token's role and limits hold, and the audit trail has its name", async () => {
  const { id } = await scene.openCustomer(0);
  const reader = await tokenOf("read");
  const { cookie } = await signIn({ token: reader.token });
  assert.equal((await ask("GET", `/v1/accounts/${id}`, { headers: { cookie } })).status, 200);
  assert.deepEqual(codeOf(await grant(id, cookie)), [403, "role_not_permitted"]);
  const helper = await tokenOf("support", { each: 5, day: 9 });
  const support = await signIn({ token: helper.token });
  assert.deepEqual(support.body.limits, { each: 5, day: 9 });
  assert.equal((await grant(id, support.cookie)).status, 201);
  assert.deepEqual(codeOf(await grant(id, support.cookie)), [403, "giving_limit_exceeded"]);
  const [line] = (await listAudit(scene.database, { limit: 1, accountId: id })).items;
  assert.deepEqual([line?.actor, line?.action], [`token:${helper.name}`, "grant.create"]);
  for (const role of ["metrics", "portal"]) {
    const { token } = await tokenOf(role);
    assert.deepEqual(codeOf(await signIn({ token })), [403, "role_not_permitted"]);
  }
});

test("with its token a session ends at once, and when it is idle, old or signed out", async () => {
  const self = (cookie: string) => ask("GET", "/v1/self", { headers: { cookie } });
  const over = [401, "operator_unauthorized"];
  const { id, token } = await tokenOf("admin");
  const { cookie } = await signIn({ token });
  assert.equal((await self(cookie)).body.role, "admin");
  await scene.operate("POST", `/v1/tokens/${id}/revoke`, {});
  assert.deepEqual(codeOf(await self(cookie)), over);
  assert.deepEqual(codeOf(await signIn({ token })), [401, "sign_in_refused"]);
  for (const set of [
    "last_seen_at = last_seen_at - interval '31 minutes'",
    "expires_at = statement_timestamp()",
    // Another operator token proves nothing.
    "proof = sha256(proof)",
  ]) {
    const begun = await signIn({ token: scene.operatorToken });
    await scene.database.query(`UPDATE farebox.console_sessions SET ${set} WHERE session_id = $1`, [
      begun.body.id,
    ]);
    assert.deepEqual(codeOf(await self(begun.cookie)), over, set);
  }
  const last = await signIn({ token: scene.operatorToken });
  const gone = await ask("DELETE", "/console/session", { headers: { ...CHANGE, cookie: last.cookie } });
  assert.deepEqual([gone.status, gone.cookie], [204, "farebox-console="]);
  assert.deepEqual(codeOf(await self(last.cookie)), over);
});

test("what another site's page sends is refused, for reading too; a token needs no page", async () => {
  const { id } = await scene.openCustomer(0);
  const { cookie } = await signIn({ token: scene.operatorToken });
  for (const headers of FORGED) {
    assert.deepEqual(
      codeOf(await grant(id, cookie, headers)),
      [403, "request_forged"],
      JSON.stringify(headers),
    );
    const again = await signIn({ token: scene.operatorToken }, headers);
    assert.deepEqual(codeOf(again), [403, "request_forged"], JSON.stringify(headers));
  }
  for (const headers of FORGED.slice(0, 5)) {
    const read = await ask("GET", "/v1/accounts", { headers: { cookie, ...headers } });
    assert.deepEqual(codeOf(read), [403, "request_forged"], JSON.stringify(headers));
  }
  const authorization = `Bearer ${scene.operatorToken}`;
  assert.equal(
    (await ask("GET", "/v1/self", { headers: { authorization, host: "evil.example" } })).status,
    200,
  );
  // A token that is wrong is not made good by a session.
  const wrong = await ask("GET", "/v1/self", { headers: { authorization: "Bearer x", cookie } });
  assert.deepEqual(codeOf(wrong), [401, "operator_unauthorized"]);
});

test("a session that a browser brought along is never taken over, nor a customer's", async () => {
  const planted = "farebox-console=cGxhbnRlZC1ieS1zb21lYm9keS1lbHNlLTEyMzQ1Njc4OTA";
  const first = await signIn({ token: scene.operatorToken }, { cookie: planted });
  assert.notEqual(first.cookie, planted);
  const status = async (cookie: string): Promise<number> =>
    (await ask("GET", "/v1/self", { headers: { cookie } })).status;
  assert.equal(await status(planted), 401);
  const second = await signIn({ token: scene.operatorToken }, { cookie: first.cookie });
  assert.equal(await status(first.cookie), 401);
  assert.equal(await status(`${second.cookie}; ${planted}`), 401);
  assert.equal(await status(second.cookie), 200);
  const customer = await scene.openCustomer();
  const theirs = await askAsBrowser(`${scene.gateway}/portal/session`, "POST", {
    headers: CHANGE,
    body: { key: customer.key },
  });
  assert.equal(await status(theirs.cookie.replace("portal", "console")), 401);
  const portal = second.cookie.replace("console", "portal");
  const read = await askAsBrowser(`${scene.gateway}/portal/api/balances`, "GET", {
    headers: { cookie: portal },
  });
  assert.deepEqual(codeOf(read), [401, "session_missing"]);
  assert.equal((await signIn({ token: customer.key })).status, 401);
});

test("its pages need no token and carry no data, / leads to them, and no other site shows them in a frame", async () => {
  const root = await ask("GET", "/");
  assert.deepEqual([root.status, root.headers.location], [302, "/console/"]);
  for (const path of ["/console", "/console/accounts/acc_1"]) {
    const page = await ask("GET", path);
    assert.equal(page.status, 200);
    assert.match(String(page.headers["content-security-policy"]), /frame-ancestors 'none'/);
  }
  assert.equal((await ask("POST", "/console/accounts")).status, 405);
  assert.equal((await ask("GET", "/consoles")).status, 401);
  assert.equal((await ask("HEAD", "/console")).body, "");
});

test("tries to sign in are limited", async () => {
  const statuses = [];
  for (let tries = 0; tries < 25; tries += 1) statuses.push((await signIn({ token: "fbo_wrong" })).status);
  assert.equal(statuses.at(-1), 429);
});
