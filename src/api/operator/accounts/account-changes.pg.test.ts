import assert from "node:assert/strict";
import { before, test } from "node:test";
import type { Database } from "../../../ledger/database/database.ts";
import { type LedgerHandle, openLedger } from "../../../ledger/open-ledger.ts";
import {
  assertSound,
  chargeOf,
  holdOf,
  LEDGER,
  leaseOf,
  nameKeys,
  releaseOf,
} from "../../../ledger/testing/books.ts";
import { eachDatabase } from "../../../ledger/testing/test-databases.ts";
import { OperatorUnderTest } from "../testing/operator-under-test.ts";

eachDatabase("operator API: changes of accounts", (openFresh) => {
  let database: Database;
  let operator: OperatorUnderTest;
  let ledger: LedgerHandle;
  before(async () => {
    database = await openFresh();
    operator = new OperatorUnderTest(database);
    ledger = await openLedger(database, LEDGER);
  });

  const change = (account: string, body: unknown) =>
    operator.send("PATCH", `/v1/accounts/${account}`, { body });
  const poolOf = async (accountId: string) => {
    const [row] = await database.query<{ shard: number }>(
      "SELECT shard FROM accounts WHERE account_id = $1",
      [accountId],
    );
    return { accountId, creditType: "credits", shard: row?.shard ?? assert.fail() };
  };

  test("PATCH changes what is named and merges metadata; null removes a member", async () => {
    const { body } = await operator.post("/v1/accounts", {
      name: "Acme",
      metadata: { crm: "42", tier: "gold" },
    });
    const renamed = await change(body.id, { name: "Acme Ltd" });
    assert.deepEqual([renamed.status, renamed.body], [200, { ...body, name: "Acme Ltd" }]);
    const merged = await change(body.id, { metadata: { tier: null, seat: "7" } });
    assert.deepEqual(merged.body.metadata, { crm: "42", seat: "7" });
    assert.deepEqual((await operator.get(`/v1/accounts/${body.id}`)).body, merged.body);
  });

  test("PATCH names every wrong field, refuses to do nothing, and a merge that would be too large", async () => {
    const account = await operator.account();
    const wrong = await change(account, { name: "", metadata: { crm: 7 }, state: "closed" });
    assert.equal(wrong.status, 422);
    assert.deepEqual(wrong.body.errors.map(({ path }: { path: string }) => path).sort(), [
      "metadata.crm",
      "name",
      "state",
    ]);
    assert.deepEqual((await change(account, {})).body.errors, [
      { path: "name", reason: "must change the name or the metadata" },
    ]);
    const half = (prefix: string) =>
      Object.fromEntries(Array.from({ length: 30 }, (_, index) => [`${prefix}${index}`, "x"]));
    assert.equal((await change(account, { metadata: half("a") })).status, 200);
    const large = await change(account, { metadata: half("b") });
    assert.deepEqual([large.status, large.body.errors[0].path], [422, "metadata"]);
    const read = await operator.get(`/v1/accounts/${account}`);
    assert.equal(Object.keys(read.body.metadata).length, 30, "no partial effect");
  });

  test("suspend and resume change the state, again changes nothing, and a closed account refuses both", async () => {
    const account = await operator.account();
    const post = (verb: string, body?: unknown) =>
      operator.send("POST", `/v1/accounts/${account}/${verb}`, body === undefined ? {} : { body });
    const suspended = await post("suspend", { reason: "unpaid invoice 17" });
    assert.deepEqual([suspended.status, suspended.body.state], [200, "suspended"]);
    assert.deepEqual((await post("suspend")).body, suspended.body);
    assert.equal((await post("resume")).body.state, "active");
    assert.equal((await post("close", {})).body.state, "closed");
    for (const verb of ["suspend", "resume"]) {
      const refused = await post(verb);
      assert.deepEqual([refused.status, refused.body.code], [409, "account_closed"]);
    }
    const trail = await operator.get(`/v1/audit-trail?account=${account}&action=account.suspend`);
    assert.deepEqual(
      trail.body.lines.map(({ target, detail }: { target: string; detail: object }) => [target, detail]),
      [
        [account, {}],
        [account, { reason: "unpaid invoice 17" }],
      ],
    );
  });

  test("closing is refused while a client holds credits, and says what; leases are no obstacle", async () => {
    const account = await operator.account();
    await operator.post(`/v1/accounts/${account}/grants`, { amount: 100 });
    const pool = await poolOf(account);
    await ledger.hold(holdOf(pool, "h1", 30_000_000n));
    await ledger.lease(leaseOf(pool, 20_000_000n));
    const close = () => operator.send("POST", `/v1/accounts/${account}/close`);
    const refused = await close();
    assert.deepEqual([refused.status, refused.body.code], [409, "account_has_holds"]);
    assert.match(refused.body.detail, /30 credits in 1 hold/);
    const held = await operator.get(`/v1/accounts/${account}/holds`);
    assert.partialDeepStrictEqual(held.body, {
      account,
      holds: [
        { id: "h1", kind: "hold", creditType: "credits", amount: 30, instance: null },
        { kind: "lease", creditType: "credits", amount: 20, instance: ledger.instanceId, expiresAt: null },
      ],
      next: null,
    });
    assert.equal((await operator.get(`/v1/accounts/${account}`)).body.state, "active");
    await ledger.release(releaseOf(pool, "h1"));
    const closed = await close();
    assert.deepEqual([closed.status, closed.body.state], [200, "closed"]);
    await ledger.release({ pool, hold: "lease", amount: 20_000_000n });
    await assertSound(database);
  });

  test("a closed account keeps its balance, takes no more credits or keys, and its charges can be refunded", async () => {
    const account = await operator.account();
    await operator.post(`/v1/accounts/${account}/grants`, { amount: 100 });
    const pool = await poolOf(account);
    await nameKeys(database, pool, ["key_1"]);
    const charge = await ledger.charge(chargeOf(pool, 10_000_000n));
    await operator.send("POST", `/v1/accounts/${account}/close`);
    for (const [path, body] of [
      ["grants", { amount: 1 }],
      ["adjustments", { amount: 1, reason: "x" }],
      ["keys", {}],
    ] as const) {
      const refused = await operator.post(`/v1/accounts/${account}/${path}`, body);
      assert.deepEqual([refused.status, refused.body.code], [409, "account_closed"], path);
    }
    const id = `${account.replace("acc", "chg")}.credits.${charge.seq}`;
    const { body: entries } = await operator.get(`/v1/accounts/${account}/entries`);
    assert.equal(entries.entries[0].charge, id);
    const refunded = await operator.post(`/v1/charges/${id}/refunds`, { reason: "goodwill" });
    assert.deepEqual([refunded.status, refunded.body.balance], [201, 100]);
    await assertSound(database);
  });

  test("accounts are searched by name, id, state, plan and metadata, and sorted by age or name", async () => {
    const { body: first } = await operator.post("/v1/accounts", {
      name: "Zebra One",
      metadata: { seek: "a:b" },
    });
    const { body: second } = await operator.post("/v1/accounts", {
      name: "zebra Two",
      metadata: { seek: "c" },
    });
    await operator.send("POST", `/v1/accounts/${second.id}/suspend`);
    const find = async (query: string) => {
      const { status, body } = await operator.get(`/v1/accounts?${query}`);
      assert.equal(status, 200, query);
      return body.accounts.map(({ id }: { id: string }) => id);
    };
    assert.deepEqual(await find("q=ZEBRA"), [second.id, first.id]);
    assert.deepEqual(await find("q=zebra&sort=oldest"), [first.id, second.id]);
    assert.deepEqual(await find("q=zebra&sort=name"), [first.id, second.id]);
    assert.deepEqual(await find(`q=${first.id}`), [first.id]);
    assert.deepEqual(await find("q=zebra&state=suspended"), [second.id]);
    assert.deepEqual(await find("metadata=seek:a:b"), [first.id]);
    assert.deepEqual(await find("q=zebra&plan=none"), []);
    for (const [query, path] of [
      ["metadata=seek", "metadata"],
      ["metadata=seek:a:b&metadata=seek:c", "metadata"],
      ["state=open", "state"],
      ["sort=balance", "sort"],
      ["q=", "q"],
    ]) {
      const { status, body } = await operator.get(`/v1/accounts?${query}`);
      assert.deepEqual([status, body.errors[0].path], [422, path], query);
    }
  });

  test("the audit trail is paged and filtered by action, actor, target and time", async () => {
    const account = await operator.account();
    const { body: key } = await operator.post(`/v1/accounts/${account}/keys`, {});
    await operator.send("POST", `/v1/keys/${key.id}/revoke`);
    const read = async (query: string) => {
      const { status, body } = await operator.get(`/v1/audit-trail?account=${account}&${query}`);
      assert.equal(status, 200, query);
      return body;
    };
    const { lines } = await read("");
    assert.deepEqual(
      lines.map(({ action }: { action: string }) => action),
      ["key.revoke", "key.create", "account.create"],
    );
    const first = await read("limit=2");
    const second = await read(`limit=2&cursor=${first.next}`);
    assert.deepEqual([[...first.lines, ...second.lines], second.next], [lines, null]);
    assert.deepEqual((await read("action=key.create")).lines, [lines[1]]);
    assert.deepEqual((await read(`target=${key.id}`)).lines, lines.slice(0, 2));
    assert.deepEqual((await read("actor=nobody")).lines, []);
    const moment = encodeURIComponent(lines[2].at);
    assert.equal((await read("actor=operator&to=2020-01-01")).lines.length, 0);
    assert.equal((await read(`from=${moment}`)).lines.length, 3);
  });

  test("accounts as CSV are all that the filter leaves, with balances as of now", async () => {
    const { body: rich } = await operator.post("/v1/accounts", {
      name: "=Csv, rich",
      metadata: { csv: "1" },
    });
    const { body: poor } = await operator.post("/v1/accounts", { name: "poor", metadata: { csv: "1" } });
    await operator.post(`/v1/accounts/${rich.id}/grants`, { amount: 12.5 });
    await operator.post(`/v1/accounts/${rich.id}/grants`, { amount: 3, creditType: "search" });
    const pool = await poolOf(rich.id);
    await ledger.hold(holdOf(pool, "csv", 500_000n));
    const csv = await operator.get("/v1/accounts?metadata=csv:1&sort=oldest&format=csv");
    assert.match(csv.headers.get("content-type") ?? "", /^text\/csv/);
    assert.deepEqual(csv.body.split("\r\n"), [
      "id,name,state,plan,createdAt,metadata,balance.credits,held.credits,balance.search,held.search",
      `${rich.id},"'=Csv, rich",active,,${rich.createdAt},"{""csv"":""1""}",12.5,0.5,3,0`,
      `${poor.id},poor,active,,${poor.createdAt},"{""csv"":""1""}",0,0,0,0`,
      "",
    ]);
    await ledger.release(releaseOf(pool, "csv"));
  });

  test("a table of more lines than a page has each of them once", async () => {
    await database.exec(`INSERT INTO accounts (account_id, name, shard)
      SELECT 'acc_many' || n, 'Many', 0 FROM generate_series(1, 1001) n`);
    const accept = { accept: "text/csv" };
    const { body } = await operator.get("/v1/accounts?q=acc_many&limit=5", accept);
    const ids = String(body)
      .split("\r\n")
      .slice(1, -1)
      .map((line) => line.split(",")[0]);
    assert.deepEqual([ids.length, new Set(ids).size], [1001, 1001]);
    const trail = await operator.get("/v1/audit-trail?limit=1", accept);
    const [{ count } = { count: 0n }] = await database.query<{ count: bigint }>(
      "SELECT count(*) AS count FROM operator_audit",
    );
    assert.equal(String(trail.body).split("\r\n").length, Number(count) + 2);
  });
});
