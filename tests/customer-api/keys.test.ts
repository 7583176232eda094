import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { type Answer, send } from "../conformance/call.ts";
import { type Customer, openScene, type Scene } from "./scene.ts";

const CONFIG = `
prices:
  - { match: GET /fixed, cost: 5 }
  - { match: "GET /leads/{id}", cost: 2 }
customerApi: { requests: 10000, selfService: { keys: true, maxKeys: 4 } }
`;

let scene: Scene;
before(async () => {
  scene = await openScene(CONFIG);
});
after(() => scene.close());

interface Key {
  readonly id: string;
  readonly name: string;
  readonly hint: string;
  readonly state: string;
  readonly scopes: readonly string[] | null;
  readonly caps: readonly { readonly creditType: string; readonly day: number | null }[];
  readonly key: string;
}

const bearer = (key: string): Record<string, string> => ({ authorization: `Bearer ${key}` });

/** Calls with another text than the customer's. */
const as = (key: string, method: string, path: string, body?: unknown): Promise<Answer> =>
  send(scene.gateway, `/v1/credits${path}`, { method, headers: bearer(key), body });

async function create(customer: Customer, body: object = {}): Promise<Key> {
  const answer = await customer.post("/keys", body);
  assert.equal(answer.status, 201, answer.text);
  return answer.json<Key>();
}

async function listIds(customer: Customer): Promise<readonly string[]> {
  return (await customer.get("/keys")).json<{ keys: Key[] }>().keys.map(({ id }) => id);
}

function codeOf(answer: Answer): unknown {
  return answer.json()["code"];
}

async function works(key: string): Promise<boolean> {
  return (await send(scene.gateway, "/fixed", { headers: bearer(key) })).status === 200;
}

/** Instances learn of changes with their next heartbeat. */
async function eventually(isTrue: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 5_000;
  while (!(await isTrue())) assert.ok(performance.now() < deadline, "it did not come true");
}

test("a body that is not looked at, and half a character, are the caller's mistakes", async () => {
  const customer = await scene.openCustomer();
  const { id } = await create(customer);
  const headers = { "content-type": "application/json", "idempotency-key": "revoke-1" };
  for (const body of ["{", "[".repeat(400_000) + "]".repeat(400_000)]) {
    const answer = await customer.post(`/keys/${id}/revoke`, Buffer.from(body), headers);
    assert.deepEqual([answer.status, codeOf(answer)], [400, "request_invalid"]);
  }
  const half = await customer.post("/keys", Buffer.from('{"name":"\\ud83d"}'), headers);
  assert.deepEqual([half.status, codeOf(half)], [422, "fields_invalid"]);
  assert.equal((await customer.post(`/keys/${id}/revoke`, undefined, headers)).status, 200);
});

test("a customer creates a key, sees its text once and its hint later, and the key works", async () => {
  const customer = await scene.openCustomer();
  const key = await create(customer, {
    name: "worker",
    scopes: ["GET /fixed"],
    caps: [{ creditType: "credits", day: 5 }],
  });
  assert.ok(await works(key.key));
  assert.equal(codeOf(await send(scene.gateway, "/fixed", { headers: bearer(key.key) })), "key_cap_reached");
  assert.equal(
    codeOf(await send(scene.gateway, "/leads/1", { headers: bearer(key.key) })),
    "key_not_permitted",
  );
  const listed = await customer.get("/keys");
  assert.deepEqual(
    listed.json<{ keys: Key[] }>().keys.map(({ id, name, hint, scopes }) => [id, name, hint, scopes]),
    [
      [key.id, "worker", key.hint, ["GET /fixed"]],
      [customer.keyId, "", listed.json<{ keys: Key[] }>().keys[1]?.hint, null],
    ],
  );
  assert.ok(!listed.text.includes(key.key));
  assert.equal((await customer.get("/keys?q=work&state=active")).json<{ keys: Key[] }>().keys.length, 1);
});

test("a customer changes, rotates and revokes keys; each change has its audit row, which names the key that asked", async () => {
  const customer = await scene.openCustomer();
  const key = await create(customer);
  const changed = await customer.call("PATCH", `/v1/credits/keys/${key.id}`, {
    name: "renamed",
    scopes: ["GET /leads/*"],
  });
  assert.equal(changed.status, 200, changed.text);
  assert.deepEqual([changed.json<Key>().name, changed.json<Key>().scopes], ["renamed", ["GET /leads/*"]]);
  const rotated = await customer.post(`/keys/${key.id}/rotate`, { graceSeconds: 3600 });
  const { key: text } = rotated.json<Key>();
  assert.notEqual(text, key.key);
  assert.equal(rotated.json<Key>().id, key.id);
  for (const each of [text, key.key]) {
    await eventually(
      async () => (await send(scene.gateway, "/leads/1", { headers: bearer(each) })).status === 200,
    );
  }
  assert.equal((await customer.post(`/keys/${key.id}/revoke`)).json<Key>().state, "revoked");
  assert.equal((await customer.post(`/keys/${key.id}/revoke`)).status, 200);
  for (const each of [text, key.key]) {
    await eventually(
      async () => (await send(scene.gateway, "/leads/1", { headers: bearer(each) })).status === 401,
    );
  }
  const rows = await scene.database.query<{
    actor: string;
    action: string;
    target: string;
    request_id: string;
  }>(
    "SELECT actor, action, target, request_id FROM farebox.operator_audit WHERE account_id = $1 AND actor LIKE 'key:%' ORDER BY audit_id",
    [customer.id],
  );
  assert.deepEqual(
    rows.map(({ actor, action, target }) => [actor, action, target]),
    ["key.create", "key.update", "key.rotate", "key.revoke", "key.revoke"].map((action) => [
      `key:${customer.keyId}`,
      action,
      key.id,
    ]),
  );
  assert.equal(rows[2]?.request_id, rotated.headers["x-request-id"]);
  assert.doesNotMatch(JSON.stringify(rows), new RegExp(text));
});

test("a key rotates and revokes itself", async () => {
  const customer = await scene.openCustomer();
  const headers = { "idempotency-key": "rotate-1" };
  const rotated = await customer.post(`/keys/${customer.keyId}/rotate`, { graceSeconds: 60 }, headers);
  const { key } = rotated.json<Key>();
  assert.ok(await works(key));
  // The answer was lost: the former text asks again and reads the same.
  const again = await customer.post(`/keys/${customer.keyId}/rotate`, { graceSeconds: 60 }, headers);
  assert.deepEqual([again.status, again.text], [200, rotated.text]);
  assert.equal(again.headers["idempotency-replayed"], "true");
  assert.equal((await as(key, "POST", `/keys/${customer.keyId}/revoke`)).status, 200);
  await eventually(async () => !(await works(key)) && !(await works(customer.key)));
});

test("a former text in its grace calls the API and manages nothing", async () => {
  const customer = await scene.openCustomer();
  const { key } = (await customer.post(`/keys/${customer.keyId}/rotate`, { graceSeconds: 3600 })).json<Key>();
  assert.ok(await works(customer.key));
  for (const answer of [
    await customer.post(`/keys/${customer.keyId}/rotate`, { graceSeconds: 3600 }),
    await customer.post(`/keys/${customer.keyId}/revoke`),
    await customer.post("/keys", {}),
  ]) {
    assert.deepEqual([answer.status, codeOf(answer)], [403, "action_not_permitted"]);
  }
  assert.equal((await as(key, "POST", "/keys", {})).status, 201);
});

test("an Idempotency-Key makes a repetition harmless, and is the calling key's own", async () => {
  const customer = await scene.openCustomer();
  const headers = { "idempotency-key": "create-1" };
  const [first, second] = await Promise.all([
    customer.post("/keys", { name: "once" }, headers),
    customer.post("/keys", { name: "once" }, headers),
  ]);
  assert.deepEqual([first.status, second.status], [201, 201]);
  assert.equal(first.text, second.text);
  assert.equal((await listIds(customer)).length, 2);
  const other = await customer.post("/keys", { name: "twice" }, headers);
  assert.deepEqual([other.status, codeOf(other)], [422, "idempotency_mismatch"]);
  const stranger = await scene.openCustomer();
  const theirs = await stranger.post("/keys", { name: "once" }, headers);
  assert.equal(theirs.status, 201);
  assert.notEqual(theirs.json<Key>().id, first.json<Key>().id);
  const [stored] = await scene.database.query<{ body: string }>(
    "SELECT body::text AS body FROM farebox.operator_requests WHERE key LIKE $1",
    [`${customer.keyId} %`],
  );
  assert.ok(stored !== undefined && !stored.body.includes(first.json<Key>().key));
});

test("keys over maxKeys are refused, also when two ask for the last one at once", async () => {
  const customer = await scene.openCustomer();
  await create(customer);
  await create(customer);
  const answers = await Promise.all([1, 2, 3, 4].map(() => customer.post("/keys", {})));
  assert.deepEqual(
    answers.map(({ status }) => status).toSorted((one, other) => one - other),
    [201, 409, 409, 409],
  );
  const refused = answers.find(({ status }) => status === 409);
  assert.equal(refused?.json()["code"], "state_conflict");
  const [newest] = await listIds(customer);
  assert.equal((await customer.post(`/keys/${newest}/revoke`)).status, 200);
  await create(customer);
});

test("a key with scopes, addresses, caps of its own or an expiry sees and manages itself only", async (context) => {
  const limits: readonly object[] = [
    { scopes: ["* /v1/credits/*"] },
    { addresses: ["127.0.0.0/8"] },
    { caps: [{ creditType: "credits", total: 100 }] },
    { expiresAt: "2100-01-01" },
  ];
  for (const limit of limits) {
    await context.test(JSON.stringify(limit), async () => {
      const customer = await scene.openCustomer();
      const limited = await create(customer, limit);
      const listed = (await as(limited.key, "GET", "/keys")).json<{ keys: Key[] }>().keys;
      assert.deepEqual(
        listed.map(({ id }) => id),
        [limited.id],
      );
      const own = customer.keyId;
      for (const [method, path, body] of [
        ["POST", "/keys", {}],
        ["PATCH", `/keys/${own}`, { name: "taken" }],
        ["POST", `/keys/${own}/rotate`, { graceSeconds: 0 }],
        ["POST", `/keys/${own}/revoke`, undefined],
        // Its own limits neither.
        ["PATCH", `/keys/${limited.id}`, { scopes: null, caps: [], expiresAt: null }],
        ["POST", "/keys/key_0000000000000000/revoke", undefined],
      ] as const) {
        const answer = await as(limited.key, method, path, body);
        assert.deepEqual([answer.status, codeOf(answer)], [403, "action_not_permitted"], `${method} ${path}`);
      }
      assert.equal((await listIds(customer)).length, 2);
      assert.ok(await works(customer.key));
      const rotated = await as(limited.key, "POST", `/keys/${limited.id}/rotate`, { graceSeconds: 0 });
      assert.equal(rotated.status, 200, rotated.text);
      const { key } = rotated.json<Key>();
      assert.equal((await as(key, "POST", `/keys/${limited.id}/revoke`)).status, 200);
    });
  }
});

test("self-service is off unless the provider switches it on: nothing of it answers, and nothing is done", async () => {
  const off = await openScene(CONFIG.replace("keys: true", "keys: false"));
  try {
    const customer = await off.openCustomer();
    for (const [method, path, body] of [
      ["GET", "/keys", undefined],
      ["POST", "/keys", {}],
      ["PATCH", `/keys/${customer.keyId}`, { name: "x" }],
      ["POST", `/keys/${customer.keyId}/rotate`, { graceSeconds: 0 }],
      ["POST", `/keys/${customer.keyId}/revoke`, undefined],
    ] as const) {
      const answer = await customer.call(method, `/v1/credits${path}`, body);
      assert.deepEqual([answer.status, codeOf(answer)], [403, "action_not_permitted"], `${method} ${path}`);
    }
    assert.equal((await customer.call("GET", "/fixed")).status, 200);
  } finally {
    await off.close();
  }
});

test("wrong requests name the field, change nothing and leave no audit row", async (context) => {
  const customer = await scene.openCustomer();
  const key = await create(customer);
  const revoked = await create(customer);
  await customer.post(`/keys/${revoked.id}/revoke`);
  // When a key was last used is noted off the request's path.
  const readKeys = async (): Promise<string> =>
    (await customer.get("/keys")).text.replaceAll(/"lastUsedAt":[^,]*/g, "");
  const unchanged = await readKeys();
  const audited = async (): Promise<number> =>
    (
      await scene.database.query("SELECT 1 AS one FROM farebox.operator_audit WHERE account_id = $1", [
        customer.id,
      ])
    ).length;
  const rows = await audited();
  const cases: readonly (readonly [number, string, string, string, unknown, string?])[] = [
    [422, "fields_invalid", "POST", "/keys", { scopes: [] }, "scopes"],
    [422, "fields_invalid", "POST", "/keys", { scopes: ["GET"] }, "scopes[0]"],
    [
      422,
      "fields_invalid",
      "POST",
      "/keys",
      { caps: [{ creditType: "gold", day: 1 }] },
      "caps[0].creditType",
    ],
    [422, "fields_invalid", "POST", "/keys", { caps: [{ creditType: "credits", day: -1 }] }, "caps[0].day"],
    [422, "fields_invalid", "POST", "/keys", { expiresAt: "2020-01-01" }, "expiresAt"],
    [422, "fields_invalid", "POST", "/keys", { name: "a\0b" }, "name"],
    [422, "fields_invalid", "POST", "/keys", { account: "acc_x" }, "account"],
    [422, "fields_invalid", "PATCH", `/keys/${key.id}`, {}, "name"],
    [422, "fields_invalid", "PATCH", `/keys/${key.id}`, { expiresAt: "2020-01-01" }, "expiresAt"],
    [422, "fields_invalid", "POST", `/keys/${key.id}/rotate`, {}, "graceSeconds"],
    [422, "fields_invalid", "POST", `/keys/${key.id}/rotate`, { graceSeconds: 1e9 }, "graceSeconds"],
    [400, "request_invalid", "POST", "/keys", "{"],
    [404, "resource_unknown", "PATCH", "/keys/key_0000000000000000", { name: "x" }],
    [404, "resource_unknown", "POST", "/keys/key_0000000000000000/rotate", { graceSeconds: 0 }],
    [404, "resource_unknown", "POST", "/keys/key_0000000000000000/revoke", undefined],
    [409, "state_conflict", "PATCH", `/keys/${revoked.id}`, { name: "x" }],
    [409, "state_conflict", "POST", `/keys/${revoked.id}/rotate`, { graceSeconds: 0 }],
    [405, "method_not_allowed", "DELETE", `/keys/${key.id}`, undefined],
    [404, "route_unknown", "POST", `/keys/${key.id}/unrevoke`, undefined],
  ];
  for (const [status, code, method, path, body, field] of cases) {
    await context.test(`${status} ${method} ${path} ${JSON.stringify(body)}`, async () => {
      const answer = await customer.call(method, `/v1/credits${path}`, body);
      assert.deepEqual([answer.status, codeOf(answer)], [status, code], answer.text);
      assert.doesNotMatch(answer.text, /\.\."/, "a sentence with two full stops");
      const errors = answer.json<{ errors?: { path: string }[] }>().errors;
      if (field !== undefined)
        assert.deepEqual(
          errors?.map((error) => error.path),
          [field],
        );
    });
  }
  const tooLong = await customer.post("/keys", {}, { "idempotency-key": "x".repeat(256) });
  assert.deepEqual(
    [tooLong.status, tooLong.json<{ errors: { path: string }[] }>().errors[0]?.path],
    [422, "idempotency-key"],
  );
  assert.equal(await readKeys(), unchanged);
  assert.equal(await audited(), rows);
});

test("GET permissions tells the calling key what it may call, at what price, and what it has spent", async () => {
  const customer = await scene.openCustomer();
  const limited = await create(customer, {
    name: "leads",
    scopes: ["GET /leads/1"],
    caps: [{ creditType: "credits", month: 10 }],
    expiresAt: "2100-01-01",
  });
  assert.equal((await send(scene.gateway, "/leads/1", { headers: bearer(limited.key) })).status, 200);
  // Its scopes do not name this path: every key may ask it, and nothing else here.
  assert.equal(codeOf(await as(limited.key, "GET", "/balances")), "key_not_permitted");
  assert.equal(codeOf(await as(limited.key, "POST", "/permissions")), "key_not_permitted");
  assert.equal((await as(limited.key, "HEAD", "/permissions")).status, 200);
  const answer = await as(limited.key, "GET", "/permissions");
  assert.equal(answer.status, 200, answer.text);
  const permissions = answer.json<{
    key: string;
    name: string;
    expiresAt: string;
    scopes: string[];
    caps: { creditType: string; month: number; spent: { month: number } }[];
    endpoints: { endpoint: string; permitted: string; prices: { cost: number }[] }[];
    unpriced: { policy: string; permitted: string };
  }>();
  assert.deepEqual(
    [permissions.key, permissions.name, permissions.expiresAt, permissions.scopes],
    [limited.id, "leads", "2100-01-01T00:00:00.000Z", ["GET /leads/1"]],
  );
  assert.deepEqual(
    permissions.endpoints.map(({ endpoint, permitted, prices }) => [endpoint, permitted, prices[0]?.cost]),
    [
      ["GET /fixed", "none", 5],
      ["GET /leads/{id}", "some", 2],
    ],
  );
  assert.deepEqual(permissions.unpriced, { policy: "free", permitted: "none" });
  const [cap] = permissions.caps;
  assert.deepEqual([cap?.creditType, cap?.month, cap?.spent.month], ["credits", 10, 2]);
  assert.ok(!answer.text.includes(limited.key));
  const all = (await customer.get("/permissions")).json<{
    endpoints: { permitted: string }[];
    scopes: null;
  }>();
  assert.deepEqual([all.scopes, ...all.endpoints.map(({ permitted }) => permitted)], [null, "all", "all"]);
});

test("POST quote knows the calling key's caps", async () => {
  const customer = await scene.openCustomer();
  const capped = await create(customer, { caps: [{ creditType: "credits", day: 7 }] });
  const quote = async (): Promise<unknown[]> => {
    const answer = await as(capped.key, "POST", "/quote", { method: "GET", path: "/fixed" });
    const { admitted, refusal } = answer.json();
    return [admitted, refusal];
  };
  assert.deepEqual(await quote(), [true, null]);
  assert.ok(await works(capped.key));
  assert.deepEqual(await quote(), [false, "key_cap_reached"]);
  assert.equal(
    codeOf(await send(scene.gateway, "/fixed", { headers: bearer(capped.key) })),
    "key_cap_reached",
  );
});
