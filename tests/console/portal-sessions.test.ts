import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { listAudit } from "../../src/ledger/operators/operator-audit.ts";
import { openScene, type Scene } from "../customer-api/scene.ts";
import { askAsBrowser, CHANGE, codeOf, FORGED } from "./ask-as-browser.ts";

let scene: Scene;
before(async () => {
  scene = await openScene(`
prices: [{ match: GET /paid, cost: 2 }]
sessions: { hosts: [credits.example.com] }
customerApi: { selfService: { keys: true } }
`);
});
after(() => scene.close());

/** As a browser asks. */
const ask = (method: string, path: string, more?: Parameters<typeof askAsBrowser>[2]) =>
  askAsBrowser(`${scene.gateway}${path}`, method, more);

const signIn = (body: object, headers: Record<string, string> = {}) =>
  ask("POST", "/portal/session", { headers: { ...CHANGE, ...headers }, body });

const linkOf = async (account: string, access = "read"): Promise<string> => {
  const made = await scene.operate<{ link: string }>("POST", `/v1/accounts/${account}/portal-links`, {
    access,
  });
  return made.link;
};

test("a key signs in: the cookie is the browser's own secret, and its session reads the account", async () => {
  const customer = await scene.openCustomer();
  const begun = await signIn({ key: customer.key });
  assert.equal(begun.status, 201);
  assert.partialDeepStrictEqual(begun.body, {
    account: { id: customer.id, state: "active" },
    access: "manage",
  });
  const [set = ""] = begun.headers["set-cookie"] ?? [];
  assert.match(set, /^farebox-portal=[\w-]{43}; Path=\/; Max-Age=43200; HttpOnly; SameSite=Strict$/);
  const { cookie } = begun;
  assert.equal((await ask("GET", "/portal/session", { headers: { cookie } })).body.id, begun.body.id);
  const balances = await ask("GET", "/portal/api/balances", { headers: { cookie } });
  assert.deepEqual([balances.status, balances.body.account], [200, customer.id]);
  // Nothing that signs in is in the database.
  const rows = await scene.database.query(
    "SELECT encode(hash, 'hex') AS hash, session_id FROM farebox.sessions",
  );
  assert.ok(!JSON.stringify(rows).includes(cookie.split("=")[1] ?? "x"));
});

test("under a name that is no loopback one the cookie is bound to it and to TLS", async () => {
  const customer = await scene.openCustomer();
  const host = { host: "credits.example.com" };
  const begun = await signIn({ key: customer.key }, host);
  assert.match(
    begun.headers["set-cookie"]?.[0] ?? "",
    /^__Host-farebox-portal=[\w-]{43}; Path=\/; Max-Age=43200; HttpOnly; Secure; SameSite=Strict$/,
  );
  const { cookie } = begun;
  assert.equal((await ask("GET", "/portal/api/balances", { headers: { cookie, ...host } })).status, 200);
  // The plain name is not taken there: another site below the same domain can set it.
  const plain = cookie.replace("__Host-", "");
  assert.equal(
    (await ask("GET", "/portal/api/balances", { headers: { cookie: plain, ...host } })).status,
    401,
  );
});

test("a link signs in once, also of two at once, until it expires, and only looks", async () => {
  const { id } = await scene.openCustomer();
  const link = await linkOf(id);
  const both = await Promise.all([signIn({ link }), signIn({ link })]);
  assert.deepEqual(
    both.map(({ status }) => status).toSorted((one, other) => one - other),
    [201, 401],
  );
  assert.deepEqual(codeOf(await signIn({ link })), [401, "sign_in_refused"]);
  const cookie = both.find(({ status }) => status === 201)?.cookie ?? "";
  const wrote = await ask("POST", "/portal/api/keys", {
    headers: { ...CHANGE, cookie },
    body: { name: "x" },
  });
  assert.deepEqual(codeOf(wrote), [403, "session_read_only"]);
  const quote = { method: "GET", path: "/paid" };
  const quoted = await ask("POST", "/portal/api/quote", { headers: { ...CHANGE, cookie }, body: quote });
  assert.deepEqual([quoted.status, quoted.body.most], [200, 2]);
  const late = await linkOf(id);
  await scene.database.query(
    "UPDATE farebox.portal_links SET expires_at = statement_timestamp() WHERE used_at IS NULL",
  );
  assert.deepEqual(codeOf(await signIn({ link: late })), [401, "sign_in_refused"]);
});

test("a link that manages makes keys, under the session's name in the audit trail, and never another account's", async () => {
  const [own, other] = [await scene.openCustomer(), await scene.openCustomer()];
  const { cookie, body: session } = await signIn({ link: await linkOf(own.id, "manage") });
  const headers = { ...CHANGE, cookie };
  const made = await ask("POST", "/portal/api/keys", { headers, body: { name: "made" } });
  assert.equal(made.status, 201);
  assert.match(made.body.key, /^fbx_/);
  const [line] = (await listAudit(scene.database, { limit: 1, accountId: own.id })).items;
  assert.deepEqual([line?.actor, line?.action], [`portal:${session.id}`, "key.create"]);
  const theirs = await ask("POST", `/portal/api/keys/${other.keyId}/revoke`, { headers });
  assert.deepEqual(theirs.status, 404);
  const listed = await ask("GET", "/portal/api/keys", { headers: { cookie } });
  assert.ok(listed.body.keys.every(({ account }: { account: string }) => account === own.id));
});

test("what another site's page sends is refused, signed in or not", async () => {
  const customer = await scene.openCustomer();
  const { cookie } = await signIn({ key: customer.key });
  for (const headers of FORGED) {
    const wrote = await ask("POST", "/portal/api/keys", {
      headers: { ...CHANGE, cookie, ...headers },
      body: {},
    });
    assert.deepEqual(codeOf(wrote), [403, "request_forged"], JSON.stringify(headers));
    assert.deepEqual(codeOf(await signIn({ key: customer.key }, headers)), [403, "request_forged"]);
  }
  // Reading too: a name that was pointed here (DNS rebinding) makes the page's requests same-origin.
  for (const headers of FORGED.slice(0, 5)) {
    const read = await ask("GET", "/portal/api/balances", { headers: { cookie, ...headers } });
    assert.deepEqual(codeOf(read), [403, "request_forged"], JSON.stringify(headers));
  }
});

test("a session that a browser brought along is never taken over, and the one before ends", async () => {
  const customer = await scene.openCustomer();
  const planted = "farebox-portal=cGxhbnRlZC1ieS1zb21lYm9keS1lbHNlLTEyMzQ1Njc4OTA";
  const first = await signIn({ key: customer.key }, { cookie: planted });
  assert.notEqual(first.cookie, planted);
  const signedOut = (cookie: string) => ask("GET", "/portal/session", { headers: { cookie } });
  assert.equal((await signedOut(planted)).status, 401);
  const second = await signIn({ key: customer.key }, { cookie: first.cookie });
  assert.equal((await signedOut(first.cookie)).status, 401);
  // Two of one name: one was put there by somebody else.
  assert.equal((await signedOut(`${second.cookie}; ${planted}`)).status, 401);
  assert.equal((await signedOut(second.cookie)).status, 200);
  const gone = await ask("DELETE", "/portal/session", { headers: { ...CHANGE, cookie: second.cookie } });
  assert.deepEqual([gone.status, gone.cookie], [204, "farebox-portal="]);
  assert.deepEqual(codeOf(await signedOut(second.cookie)), [401, "session_missing"]);
});

test("a session ends when it is idle, old, or its key is revoked, by the database's clock", async () => {
  const ends = [
    "UPDATE farebox.sessions SET last_seen_at = last_seen_at - interval '31 minutes' WHERE session_id = $1",
    "UPDATE farebox.sessions SET expires_at = statement_timestamp() WHERE session_id = $1",
    "UPDATE farebox.keys SET state = 'revoked', revoked_at = statement_timestamp() WHERE key_id = (SELECT key_id FROM farebox.sessions WHERE session_id = $1)",
  ];
  for (const end of ends) {
    const customer = await scene.openCustomer();
    const { cookie, body } = await signIn({ key: customer.key });
    await scene.database.query(end, [body.id]);
    const afterwards = await ask("GET", "/portal/api/balances", { headers: { cookie } });
    assert.deepEqual(codeOf(afterwards), [401, "session_missing"], end);
  }
});

test("the upstream never sees a session", async () => {
  const customer = await scene.openCustomer();
  const { cookie } = await signIn({ key: customer.key });
  const already = scene.forwarded.length;
  for (const path of ["/portal/session", "/portal/api/nothing", "/portal/api"]) {
    await ask("GET", path, { headers: { cookie } });
  }
  assert.equal(scene.forwarded.length, already);
});

test("tries to sign in are limited", async () => {
  const statuses = [];
  for (let tries = 0; tries < 25; tries += 1) statuses.push((await signIn({ key: "fbx_wrong" })).status);
  assert.equal(statuses.at(-1), 429);
});
