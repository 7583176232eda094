import assert from "node:assert/strict";
import { hash } from "node:crypto";
import { before, test } from "node:test";
import type { Database } from "../../../ledger/database/database.ts";
import { findKey } from "../../../ledger/keys/keys.ts";
import { eachDatabase } from "../../../ledger/testing/test-databases.ts";
import { type Answer, OperatorUnderTest } from "../testing/operator-under-test.ts";

eachDatabase("the operator API's keys", (openFresh) => {
  let database: Database;
  let operator: OperatorUnderTest;

  before(async () => {
    database = await openFresh();
    operator = new OperatorUnderTest(database);
  });

  const create = async (body: object = {}, account?: string): Promise<Answer["body"]> => {
    const { status, body: key } = await operator.post(
      `/v1/accounts/${account ?? (await operator.account())}/keys`,
      body,
    );
    assert.equal(status, 201, JSON.stringify(key));
    return key;
  };
  const patch = (id: string, body: object) => operator.send("PATCH", `/v1/keys/${id}`, { body });
  const rotate = (id: string, body: object, headers?: Record<string, string>) =>
    operator.post(`/v1/keys/${id}/rotate`, body, headers);
  const find = (text: string) => findKey(database, hash("sha256", text, "hex"));
  const paths = ({ status, body }: Answer): unknown[] => [
    status,
    ...(body.errors ?? []).map((error: { path: string }) => error.path),
  ];

  test("a key is created with scopes and caps, read, and listed without its text", async () => {
    const account = await operator.account();
    const made = await create(
      {
        name: "narrow",
        scopes: ["GET /v1/leads", "* /v1/exports/*"],
        addresses: ["10.0.0.0/8", "2001:db8::7", "10.0.0.0/8"],
        caps: [{ creditType: "credits", day: 100, total: "5000.5" }],
      },
      account,
    );
    const { key, ...shown } = made;
    assert.deepEqual(shown.scopes, ["GET /v1/leads", "* /v1/exports/*"]);
    assert.deepEqual(shown.addresses, ["10.0.0.0/8", "2001:db8::7"]);
    assert.equal(shown.caps.length, 1);
    const { dayEndsAt, monthEndsAt, ...cap } = shown.caps[0];
    assert.deepEqual(cap, {
      creditType: "credits",
      day: 100,
      month: null,
      total: 5000.5,
      spent: { day: 0, month: 0, total: 0 },
      held: 0,
      source: "key",
    });
    assert.ok(Date.parse(dayEndsAt) > Date.now() && Date.parse(monthEndsAt) >= Date.parse(dayEndsAt));
    assert.deepEqual((await operator.get(`/v1/keys/${made.id}`)).body, shown);
    assert.deepEqual((await operator.get(`/v1/accounts/${account}/keys`)).body.keys, [shown]);
    const found = await find(key);
    assert.deepEqual([found?.scopes, found?.capped], [shown.scopes, ["credits"]]);
    assert.deepEqual(found?.addresses, shown.addresses);
  });

  test("wrong scopes, caps and graces are named one by one", async () => {
    const account = await operator.account();
    const tries: [object, string[]][] = [
      [{ scopes: [] }, ["scopes"]],
      [{ scopes: ["GET /a", "GET a", "LEADS", 7] }, ["scopes[1]", "scopes[2]", "scopes[3]"]],
      [{ scopes: "GET /a" }, ["scopes"]],
      [{ scopes: Array(51).fill("GET /a") }, ["scopes"]],
      [{ addresses: [] }, ["addresses"]],
      [
        { addresses: ["10.0.0.0/8", "10.0.0.0/33", "nginx", 7] },
        ["addresses[1]", "addresses[2]", "addresses[3]"],
      ],
      [{ addresses: Array(101).fill("10.0.0.1") }, ["addresses"]],
      [{ caps: [{ creditType: "credits" }] }, ["caps[0]"]],
      [
        {
          caps: [
            { creditType: "credits", day: -1 },
            { creditType: "search", hour: 1 },
          ],
        },
        ["caps[0].day", "caps[1].hour", "caps[1]"],
      ],
      [
        {
          caps: [
            { creditType: "credits", day: 1 },
            { creditType: "credits", month: 1 },
          ],
        },
        ["caps[1].creditType"],
      ],
      [
        {
          caps: [
            { creditType: "credits", day: 1 },
            { creditType: "gold", day: 1 },
          ],
        },
        ["caps[1].creditType"],
      ],
      [{ caps: [{ creditType: "credits", day: 0.0000001 }] }, ["caps[0].day"]],
      [{ expiresAt: "tomorrow" }, ["expiresAt"]],
      [{ scope: ["GET /a"] }, ["scope"]],
    ];
    for (const [body, expected] of tries) {
      const answer = await operator.post(`/v1/accounts/${account}/keys`, body);
      assert.deepEqual(paths(answer), [422, ...expected], JSON.stringify(body));
    }
    assert.deepEqual((await operator.get(`/v1/accounts/${account}/keys`)).body.keys, []);
    const { id } = await create();
    assert.deepEqual(paths(await patch(id, {})), [422, "name"]);
    for (const graceSeconds of [-1, 2_592_001, 1.5, "60", null]) {
      assert.deepEqual(paths(await rotate(id, { graceSeconds })), [422, "graceSeconds"]);
    }
    assert.deepEqual(paths(await rotate(id, {})), [422, "graceSeconds"]);
  });

  test("PATCH changes what it names, null and an empty list remove, and a refused one changes nothing", async () => {
    const made = await create({
      name: "a",
      scopes: ["GET /a"],
      addresses: ["10.0.0.1"],
      expiresAt: "2100-01-01",
    });
    const { key: _key, ...first } = made;
    const named = await patch(made.id, { name: "b" });
    assert.deepEqual([named.status, named.body], [200, { ...first, name: "b" }]);
    const capped = await patch(made.id, { caps: [{ creditType: "search", month: 7 }], scopes: ["* /b"] });
    assert.deepEqual([capped.body.caps[0].month, capped.body.scopes], [7, ["* /b"]]);
    const refused = await patch(made.id, {
      name: "c",
      scopes: null,
      caps: [{ creditType: "search", month: 9 }],
      expiresAt: "2020-01-01",
    });
    assert.deepEqual([refused.status, refused.body.code], [422, "key_expiry_past"]);
    assert.deepEqual((await operator.get(`/v1/keys/${made.id}`)).body, capped.body);
    const nothing = { scopes: null, addresses: null, caps: [], expiresAt: null };
    assert.partialDeepStrictEqual((await patch(made.id, nothing)).body, nothing);
    const trail = await database.query<{ detail: unknown }>(
      "SELECT detail FROM farebox.operator_audit WHERE target = $1 AND action = 'key.update' ORDER BY audit_id",
      [made.id],
    );
    assert.deepEqual(trail.at(-1)?.detail, nothing);
    assert.equal(trail.length, 3);
  });

  test("a rotation shows the new text once; hints show a prefix and four characters", async () => {
    const made = await create({ name: "a" });
    const rotated = await rotate(made.id, { graceSeconds: 3600 });
    assert.equal(rotated.status, 200);
    assert.match(rotated.body.key, /^fbx_[0-9A-Za-z]{36}$/);
    assert.notEqual(rotated.body.key, made.key);
    assert.deepEqual([rotated.body.id, rotated.body.name], [made.id, "a"]);
    const read = await operator.get(`/v1/keys/${made.id}`);
    assert.deepEqual(
      [read.body.hint, read.body.secretsInGrace.map((secret: { hint: string }) => secret.hint)],
      [`fbx_...${rotated.body.key.slice(-4)}`, [`fbx_...${made.key.slice(-4)}`]],
    );
    const tables = ["keys", "rotated_secrets", "operator_requests", "operator_audit"];
    const answers = await Promise.all([
      operator.get(`/v1/accounts/${made.account}/keys`),
      operator.get("/v1/audit-trail"),
      ...tables.map((table) => database.query(`SELECT t::text FROM farebox.${table} t`)),
    ]);
    for (const text of [made.key, rotated.body.key]) {
      // The 30 random characters; the checksum's last four are the hint.
      assert.ok(!JSON.stringify([read.body, answers]).includes(text.slice(4, 34)));
    }
    assert.equal((await find(made.key))?.keyId, made.id);
    assert.equal((await find(rotated.body.key))?.keyId, made.id);
  });

  test("a rotation repeated under its Idempotency-Key gives the same text and rotates once", async () => {
    const made = await create();
    const again = () => rotate(made.id, { graceSeconds: 60 }, { "idempotency-key": `rotate-${made.id}` });
    const [one, other] = await Promise.all([again(), again()]);
    const third = await again();
    assert.deepEqual([one.status, other.status, third.status], [200, 200, 200]);
    assert.deepEqual([other.body.key, third.body.key], [one.body.key, one.body.key]);
    assert.equal((await operator.get(`/v1/keys/${made.id}`)).body.secretsInGrace.length, 1);
    const mismatch = await rotate(made.id, { graceSeconds: 61 }, { "idempotency-key": `rotate-${made.id}` });
    assert.deepEqual([mismatch.status, mismatch.body.code], [422, "idempotency_mismatch"]);
  });

  test("revoked and expired keys are not rotated; unknown ones are 404 everywhere", async () => {
    const revoked = await create();
    await operator.send("POST", `/v1/keys/${revoked.id}/revoke`);
    assert.equal((await find(revoked.key))?.state, "revoked");
    const expired = await create();
    await database.query("UPDATE farebox.keys SET expires_at = clock_timestamp() WHERE key_id = $1", [
      expired.id,
    ]);
    const answers = [
      await rotate(revoked.id, { graceSeconds: 0 }),
      await patch(revoked.id, { name: "x" }),
      await patch(revoked.id, { caps: [{ creditType: "credits", day: 1 }] }),
      await rotate(expired.id, { graceSeconds: 0 }),
    ];
    assert.deepEqual(
      answers.map(({ status, body }) => [status, body.code]),
      [
        [409, "key_revoked"],
        [409, "key_revoked"],
        [409, "key_revoked"],
        [409, "key_expired"],
      ],
    );
    assert.deepEqual((await operator.get(`/v1/keys/${revoked.id}`)).body.caps, []);
    const none = "key_0000000000000000";
    for (const { status, body } of await Promise.all([
      operator.get(`/v1/keys/${none}`),
      operator.get(`/v1/keys/${none}/permissions`),
      patch(none, { name: "x" }),
      patch(none, { caps: [{ creditType: "credits", day: 1 }] }),
      rotate(none, { graceSeconds: 0 }),
    ])) {
      assert.deepEqual([status, body.code], [404, "key_unknown"]);
    }
  });

  test("keys are found by state, and by a part of the name or the hint", async () => {
    const account = await operator.account();
    const one = await create({ name: "Production" }, account);
    const other = await create({ name: "staging" }, account);
    await operator.send("POST", `/v1/keys/${other.id}/revoke`);
    const ids = async (query: string): Promise<string[]> =>
      (await operator.get(`/v1/accounts/${account}/keys?${query}`)).body.keys.map(
        ({ id }: { id: string }) => id,
      );
    assert.deepEqual(await ids("state=active"), [one.id]);
    assert.deepEqual(await ids("state=revoked"), [other.id]);
    assert.deepEqual(await ids("state=expired"), []);
    assert.deepEqual(await ids("q=PROD"), [one.id]);
    assert.deepEqual(await ids(`q=${other.id}`), [other.id]);
    assert.deepEqual(paths(await operator.get(`/v1/accounts/${account}/keys?state=lost`)), [422, "state"]);
  });

  test("the permissions of a key name each endpoint, whether it may be called, and its price", async () => {
    const narrow = await create({ scopes: ["GET /v1/leads/7", "POST /v1/search"] });
    const open = await create();
    const unpublished = await operator.get(`/v1/keys/${open.id}/permissions`);
    assert.deepEqual([unpublished.status, unpublished.body.code], [503, "storage_unavailable"]);
    const published = await operator.post("/v1/price-lists", {
      prices: [
        { match: "GET /v1/leads/{id}", cost: 2, credit: "credits" },
        { match: "POST /v1/search", cost: 1, credit: "credits", when: [{ body: "/deep", equals: true }] },
        { match: "POST /v1/search", cost: 0.5, credit: "credits" },
        { match: "GET /v1/ip", free: true, credit: "credits" },
      ],
      unpriced: "refuse",
    });
    assert.equal(published.status, 201, JSON.stringify(published.body));
    const { body } = await operator.get(`/v1/keys/${narrow.id}/permissions`);
    assert.deepEqual(
      body.endpoints.map(({ endpoint, permitted, prices }: Answer["body"]) => [
        endpoint,
        permitted,
        prices.map(({ cost }: { cost: number }) => cost),
      ]),
      [
        ["GET /v1/leads/{id}", "some", [2]],
        ["POST /v1/search", "all", [1, 0.5]],
        ["GET /v1/ip", "none", [undefined]],
      ],
    );
    assert.deepEqual(
      [body.key, body.priceList, body.unpriced],
      [narrow.id, 1, { policy: "refuse", permitted: "none" }],
    );
    const all = await operator.get(`/v1/keys/${open.id}/permissions`);
    assert.deepEqual(
      all.body.endpoints.map(({ permitted }: { permitted: string }) => permitted),
      ["all", "all", "all"],
    );
  });

  test("a key is found by its text, by a former one, and by its hint; nothing keeps the text", async () => {
    const account = String((await operator.post("/v1/accounts", { name: "Leaky Ltd" })).body.id);
    const made = await create({ name: "leaked" }, account);
    const search = async (body: object): Promise<[status: number, keys: [id: string, matched: string][]]> => {
      const { status, body: found } = await operator.post("/v1/keys/search", body);
      return [status, found.keys.map((key: { id: string; matched: string }) => [key.id, key.matched])];
    };
    assert.deepEqual(await search({ text: made.key }), [200, [[made.id, "present"]]]);
    assert.deepEqual(await search({ text: ` ${made.key}\n` }), [200, [[made.id, "present"]]]);
    assert.deepEqual(await search({ hint: made.hint }), [200, [[made.id, "present"]]]);
    assert.deepEqual(await search({ hint: made.key.slice(-4) }), [200, [[made.id, "present"]]]);
    assert.deepEqual(await search({ hint: `other_...${made.key.slice(-4)}` }), [200, []]);
    assert.deepEqual(await search({ text: `${made.key}x` }), [200, []]);
    const { body: rotated } = await rotate(made.id, { graceSeconds: 3600 });
    assert.deepEqual(await search({ text: made.key }), [200, [[made.id, "former"]]]);
    assert.deepEqual(await search({ text: rotated.key }), [200, [[made.id, "present"]]]);
    assert.deepEqual(await search({ hint: made.key.slice(-4) }), [200, [[made.id, "former"]]]);
    await operator.post(`/v1/keys/${made.id}/revoke`, {});
    const { body } = await operator.post("/v1/keys/search", { text: rotated.key });
    const [{ state, accountName, accountState }] = body.keys;
    assert.deepEqual([state, accountName, accountState], ["revoked", "Leaky Ltd", "active"]);
    assert.ok(!JSON.stringify(body).includes(rotated.key));
    assert.ok(!operator.log.join("").includes(rotated.key));
    const { text: trail } = await operator.get("/v1/audit-trail");
    assert.ok(!trail.includes(rotated.key) && !trail.includes(made.key));
    for (const wrong of [{}, { text: made.key, hint: made.hint }, { text: "short" }, { hint: "abc" }]) {
      const { status, text } = await operator.post("/v1/keys/search", wrong);
      assert.equal(status, 422);
      assert.ok(!text.includes(made.key));
    }
  });
});
