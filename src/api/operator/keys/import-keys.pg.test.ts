import assert from "node:assert/strict";
import { hash, randomBytes } from "node:crypto";
import { before, test } from "node:test";
import type { Database } from "../../../ledger/database/database.ts";
import { findKey } from "../../../ledger/keys/keys.ts";
import { eachDatabase } from "../../../ledger/testing/test-databases.ts";
import { OperatorUnderTest } from "../testing/operator-under-test.ts";

/** As the operator under test is configured: `old-{hex 32}`, salted. */
const oldKey = (): string => `old-${randomBytes(16).toString("hex")}`;
const hashOf = (text: string): string => hash("sha256", `pepper:${text}`, "hex");

eachDatabase("keys that exist already", (openFresh) => {
  let database: Database;
  let operator: OperatorUnderTest;
  before(async () => {
    database = await openFresh();
    operator = new OperatorUnderTest(database);
  });
  const importInto = (account: string, keys: readonly object[]) =>
    operator.post(`/v1/accounts/${account}/keys/import`, { keys });

  test("are imported by text and by hash, once, and are found by their texts", async () => {
    const account = await operator.account();
    const [text, hashed] = [oldKey(), oldKey()];
    const keys = [
      { key: text, name: "by text", scopes: ["GET /v1/leads"] },
      { sha256: hashOf(hashed), hint: "old-...1234" },
    ];
    const { status, body } = await importInto(account, keys);
    assert.deepEqual([status, body.imported, body.existing, body.taken], [200, 2, 0, 0]);
    assert.ok(!JSON.stringify(body).includes(text));
    const [first, second] = [await findKey(database, hashOf(text)), await findKey(database, hashOf(hashed))];
    assert.deepEqual([first?.accountId, first?.scopes], [account, ["GET /v1/leads"]]);
    assert.equal(second?.accountId, account);
    const shown = (await operator.get(`/v1/keys/${first?.keyId}`)).body;
    assert.deepEqual([shown.hint, shown.name], [`old-...${text.slice(-4)}`, "by text"]);
    const again = await importInto(account, keys);
    assert.deepEqual([again.body.imported, again.body.existing], [0, 2]);
    const sought = await operator.post("/v1/keys/search", { text: hashed });
    assert.deepEqual(
      sought.body.keys.map((key: { id: string }) => key.id),
      [second?.keyId],
    );
    const rows = JSON.stringify(await database.query("SELECT a::text FROM farebox.operator_audit a"));
    assert.ok(rows.includes("key.import") && !rows.includes(text));
  });

  test("of another account are left out and named, and those of no known form refuse the request", async () => {
    const [mine, other] = [await operator.account(), await operator.account()];
    const text = oldKey();
    await importInto(mine, [{ key: text }]);
    const { body } = await importInto(other, [{ key: oldKey() }, { key: text }]);
    assert.deepEqual(
      body.keys.map(({ outcome }: { outcome: string }) => outcome),
      ["imported", "taken"],
    );
    assert.equal((await findKey(database, hashOf(text)))?.accountId, mine);
    const fresh = oldKey();
    const refused = await importInto(mine, [{ key: fresh }, { key: "old-123" }, { key: `${fresh}0` }]);
    assert.deepEqual(
      [refused.status, ...(refused.body.errors ?? []).map(({ path }: { path: string }) => path)],
      [422, "keys[1].key", "keys[2].key"],
    );
    assert.equal(await findKey(database, hashOf(fresh)), undefined);
    const both = await importInto(mine, [{ key: fresh, sha256: hashOf(fresh) }, {}]);
    assert.equal(both.status, 422);
  });

  test("a file that is imported several times at once, in whatever order, is imported once", async () => {
    const account = await operator.account();
    const keys = Array.from({ length: 20 }, () => ({ key: oldKey() }));
    const files = [keys, keys.toReversed(), keys, keys.toReversed()];
    const answers = await Promise.all(files.map((file) => importInto(account, file)));
    assert.deepEqual(
      answers.map(({ status, body }) => [status, body.imported + body.existing]),
      files.map(() => [200, keys.length]),
    );
    assert.equal(
      answers.reduce((sum, { body }) => sum + body.imported, 0),
      keys.length,
    );
  });

  test("two accounts that import the same keys at once, in other orders, never have one both", async () => {
    const accounts = [await operator.account(), await operator.account()];
    const keys = Array.from({ length: 20 }, () => ({ key: oldKey() }));
    const [first = "", second = ""] = accounts;
    const answers = await Promise.all([importInto(first, keys), importInto(second, keys.toReversed())]);
    for (const { status, body } of answers) {
      if (status !== 200) assert.deepEqual([status, body.code], [422, "key_exists"]);
    }
    const again = await Promise.all([importInto(first, keys), importInto(second, keys)]);
    const counts = again.map(({ body }) => [body.existing, body.taken]);
    assert.deepEqual(
      counts.toSorted(([a = 0], [b = 0]) => a - b),
      [
        [0, keys.length],
        [keys.length, 0],
      ],
    );
  });
});
