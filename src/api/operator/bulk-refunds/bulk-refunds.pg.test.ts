import assert from "node:assert/strict";
import { before, test } from "node:test";
import { formatUuidV7 } from "../../../domain/ids.ts";
import { readAccount } from "../../../ledger/accounts/accounts.ts";
import type { Database } from "../../../ledger/database/database.ts";
import { type LedgerHandle, openLedger } from "../../../ledger/open-ledger.ts";
import { advanceBulkRefund } from "../../../ledger/refunds/advance-bulk-refund.ts";
import { assertSound, chargeOf, LEDGER, nameKeys } from "../../../ledger/testing/books.ts";
import { eachDatabase } from "../../../ledger/testing/test-databases.ts";
import { type Answer, OperatorUnderTest } from "../testing/operator-under-test.ts";

const FROM = "2020-01-01T00:00:00Z";
let requests = 0;

eachDatabase("operator API: refunds by filter and by request", (openFresh) => {
  let database: Database;
  let operator: OperatorUnderTest;
  let ledger: LedgerHandle;
  before(async () => {
    database = await openFresh();
    operator = new OperatorUnderTest(database);
    ledger = await openLedger(database, LEDGER);
  });

  /** An account with 100 credits and so many charges of 2.5 on an endpoint; the requests' ids. */
  async function charged(endpoint: string, count: number): Promise<{ account: string; ids: string[] }> {
    const account = await operator.account();
    await operator.post(`/v1/accounts/${account}/grants`, { amount: 100 });
    const { shard } = await readAccount(database, account);
    const pool = { accountId: account, creditType: "credits", shard };
    await nameKeys(database, pool, ["key_1"]);
    const ids: string[] = [];
    for (let index = 0; index < count; index += 1) {
      requests += 1;
      const requestId = formatUuidV7(Date.now(), new Uint8Array(10).fill(requests));
      await ledger.charge(chargeOf(pool, 2_500_000n, { requestId, endpoint }));
      ids.push(requestId);
    }
    return { account, ids };
  }

  /** A moment of the database's clock behind all charges so far. */
  async function now(): Promise<string> {
    const [row] = await database.query<{ now: Date }>("SELECT clock_timestamp() + interval '1 ms' AS now");
    const moment = row?.now ?? assert.fail();
    for (;;) {
      const [later] = await database.query<{ isOver: boolean }>(
        'SELECT clock_timestamp() >= $1::timestamptz AS "isOver"',
        [moment],
      );
      if (later?.isOver === true) return moment.toISOString();
    }
  }

  const preview = (filter: object): Promise<Answer> => operator.post("/v1/bulk-refunds/preview", { filter });
  const create = (body: object, headers?: Record<string, string>): Promise<Answer> =>
    operator.post("/v1/bulk-refunds", body, headers);
  const work = async (): Promise<void> => {
    while (await advanceBulkRefund(database));
  };
  const balanceOf = async (account: string): Promise<unknown> =>
    (await operator.get(`/v1/accounts/${account}/balances`)).body.pools[0]?.balance;
  const auditOf = (action: string) =>
    database.query<{ target: string; account: string | null; detail: Record<string, unknown> }>(
      `SELECT target, account_id AS account, detail FROM farebox.operator_audit WHERE action = $1 ORDER BY audit_id DESC`,
      [action],
    );

  test("preview, apply, progress, list: what was shown is what is refunded", async () => {
    const { account, ids } = await charged("GET /all", 3);
    const filter = { from: FROM, to: await now(), endpoint: "GET /all" };
    const shown = await preview(filter);
    assert.equal(shown.status, 200);
    assert.partialDeepStrictEqual(shown.body, {
      charges: 3,
      credits: { credits: 7.5 },
      accounts: 1,
      skipped: 0,
    });
    assert.partialDeepStrictEqual(
      shown.body.examples,
      ids.map((requestId) => ({ account, requestId, charged: 2.5, refundable: 2.5, endpoint: "GET /all" })),
    );
    assert.equal(await balanceOf(account), 92.5);
    const { charges, credits } = shown.body;
    const created = await create({ filter, reason: "outage", expect: { charges, credits } });
    assert.equal(created.status, 201);
    const { id } = created.body;
    assert.match(id, /^bulk_[0-9A-Za-z]{16}$/);
    assert.partialDeepStrictEqual(created.body, {
      state: "running",
      reference: id,
      filter: { from: "2020-01-01T00:00:00.000Z", endpoint: "GET /all" },
      charges: { total: 3, done: 0, skipped: 0, failed: 0 },
    });
    await work();
    const { body } = await operator.get(`/v1/bulk-refunds/${id}`);
    assert.partialDeepStrictEqual(body, {
      state: "done",
      charges: { total: 3, done: 3, skipped: 0, failed: 0 },
      credits: { total: { credits: 7.5 }, done: { credits: 7.5 } },
      accounts: { total: 1, done: 1 },
      failures: [],
    });
    assert.equal(await balanceOf(account), 100);
    const { entries } = (await operator.get(`/v1/accounts/${account}/entries?kind=refund`)).body;
    assert.deepEqual(
      entries.map((entry: { reason: string }) => entry.reason),
      ["outage", "outage", "outage"],
    );
    const list = await operator.get("/v1/bulk-refunds?limit=1");
    assert.deepEqual(list.body.bulkRefunds, [body]);
    const [line] = await auditOf("bulk_refund.create");
    assert.partialDeepStrictEqual(line, {
      target: id,
      detail: { reason: "outage", charges: 3, credits: { credits: 7.5 }, created: true },
    });
    assert.equal((await auditOf("bulk_refund.finish"))[0]?.target, id);
    await assertSound(database);
  });

  test("sent twice at once under one reference it is one; another filter or reason under it is refused", async () => {
    const { account } = await charged("GET /reference", 2);
    const filter = { from: FROM, to: await now(), endpoint: "GET /reference" };
    const request = { filter, reason: "outage", reference: "incident 9" };
    const both = await Promise.all([create(request), create(request)]);
    assert.deepEqual(both[0].body, both[1].body);
    await work();
    const again = await create({ ...request, expect: { charges: 2, credits: { credits: 5 } } });
    assert.deepEqual([again.status, again.body.id, again.body.state], [201, both[0].body.id, "done"]);
    for (const change of [{ reason: "other" }, { filter: { ...filter, status: 200 } }]) {
      const { status, body } = await create({ ...request, ...change });
      assert.deepEqual([status, body.code], [409, "bulk_refund_conflict"]);
    }
    assert.equal(await balanceOf(account), 100);
  });

  test("a request that is repeated under its Idempotency-Key gets its first answer, whatever happened since", async () => {
    await charged("GET /repeat", 1);
    const filter = { from: FROM, to: await now(), endpoint: "GET /repeat" };
    const request = { filter, reason: "outage", expect: { charges: 1, credits: { credits: 2.5 } } };
    const first = await create(request, { "idempotency-key": "bulk-1" });
    await work();
    const second = await create(request, { "idempotency-key": "bulk-1" });
    assert.deepEqual([second.status, second.body], [201, first.body]);
    assert.equal(second.headers.get("idempotency-replayed"), "true");
  });

  test("when the preview has changed nothing is done", async () => {
    const { account, ids } = await charged("GET /changed", 2);
    const filter = { from: FROM, to: await now(), endpoint: "GET /changed" };
    const expect = { charges: 2, credits: { credits: 5 } };
    await operator.post(`/v1/accounts/${account}/refunds`, { requestId: ids[0], amount: 1 });
    const { status, body } = await create({ filter, reason: "outage", expect });
    assert.deepEqual([status, body.code], [409, "refund_preview_changed"]);
    assert.match(body.detail, /"charges":2,"credits":\{"credits":4\}/);
    await work();
    assert.equal(await balanceOf(account), 96);
  });

  test("cancelling stops it; again it is the same, and a done one is refused", async () => {
    const { account } = await charged("GET /cancel", 2);
    const filter = { from: FROM, to: await now(), endpoint: "GET /cancel" };
    const { id } = (await create({ filter, reason: "outage" })).body;
    const cancelled = await operator.send("POST", `/v1/bulk-refunds/${id}/cancel`);
    assert.deepEqual([cancelled.status, cancelled.body.state], [200, "cancelled"]);
    assert.deepEqual((await operator.send("POST", `/v1/bulk-refunds/${id}/cancel`)).body, cancelled.body);
    await work();
    assert.equal(await balanceOf(account), 95);
    const other = (await create({ filter, reason: "outage" })).body;
    await work();
    const late = await operator.send("POST", `/v1/bulk-refunds/${other.id}/cancel`);
    assert.deepEqual([late.status, late.body.code], [409, "bulk_refund_finished"]);
    assert.equal(await balanceOf(account), 100);
  });

  test("what cannot be accepted is named by its path, and nothing is done", async () => {
    const period = { from: FROM, to: "2020-02-01" };
    const wrong: readonly [object, number, string, readonly string[]][] = [
      [{}, 422, "request_invalid", ["filter", "reason"]],
      [{ filter: {}, reason: "x" }, 422, "request_invalid", ["filter.from", "filter.to"]],
      [{ filter: period, reason: " " }, 422, "request_invalid", ["reason"]],
      [{ filter: { ...period, from: "yesterday" }, reason: "x" }, 422, "request_invalid", ["filter.from"]],
      [{ filter: { from: FROM, to: FROM }, reason: "x" }, 422, "request_invalid", ["filter.from"]],
      [{ filter: { ...period, to: "2100-01-01" }, reason: "x" }, 422, "charge_period_open", ["filter.to"]],
      [{ filter: { ...period, endpoints: "x" }, reason: "x" }, 422, "request_invalid", ["filter.endpoints"]],
      [{ filter: { ...period, status: 99 }, reason: "x" }, 422, "request_invalid", ["filter.status"]],
      [
        { filter: { ...period, endpoint: "GET \0" }, reason: "x" },
        422,
        "request_invalid",
        ["filter.endpoint"],
      ],
      [{ filter: { ...period, key: "" }, reason: "x" }, 422, "request_invalid", ["filter.key"]],
      [{ filter: { ...period, priceList: 1.5 }, reason: "x" }, 422, "request_invalid", ["filter.priceList"]],
      [
        { filter: { ...period, creditType: "gold" }, reason: "x" },
        422,
        "credit_type_unknown",
        ["filter.creditType"],
      ],
      [{ filter: { ...period, account: "acc_0000000000000000" }, reason: "x" }, 404, "account_unknown", []],
      [{ filter: { ...period, key: "key_0000000000000000" }, reason: "x" }, 404, "key_unknown", []],
      [
        { filter: period, reason: "x", expect: { charges: -1, credits: { credits: "1" } } },
        422,
        "request_invalid",
        ["expect.charges", "expect.credits.credits"],
      ],
    ];
    const count = (await operator.get("/v1/bulk-refunds")).body.bulkRefunds.length;
    for (const [body, status, code, paths] of wrong) {
      const answer = await create(body);
      const errors: { path: string }[] = answer.body.errors ?? [];
      const found = [answer.status, answer.body.code, errors.map(({ path }) => path).toSorted()];
      assert.deepEqual(found, [status, code, paths], JSON.stringify(body));
    }
    const open = await preview({ ...period, to: "2100-01-01" });
    assert.deepEqual([open.status, open.body.code], [422, "charge_period_open"]);
    const noJson = await operator.post("/v1/bulk-refunds", "{");
    assert.deepEqual([noJson.status, noJson.body.code], [400, "request_malformed"]);
    for (const [method, path] of [
      ["GET", "/v1/bulk-refunds/bulk_0000000000000000"],
      ["POST", "/v1/bulk-refunds/bulk_0000000000000000/cancel"],
    ] as const) {
      const { status, body } = await operator.send(method, path);
      assert.deepEqual([status, body.code], [404, "bulk_refund_unknown"]);
    }
    assert.equal((await operator.get("/v1/bulk-refunds?cursor=x")).body.code, "cursor_invalid");
    assert.equal((await operator.get("/v1/bulk-refunds")).body.bulkRefunds.length, count);
  });

  test("POST refunds of an account finds the charge by its request's id", async () => {
    const { account, ids } = await charged("GET /request", 3);
    const path = `/v1/accounts/${account}/refunds`;
    const part = await operator.post(path, {
      requestId: ids[1],
      amount: 1,
      reason: "slow",
      reference: "t-1",
    });
    assert.equal(part.status, 201);
    assert.partialDeepStrictEqual(part.body, { account, creditType: "credits", refunded: 1, balance: 93.5 });
    assert.equal(part.body.charge, `chg_${account.slice(4)}.credits.3`);
    const again = await operator.post(path, { requestId: ids[1], amount: 1, reference: "t-1" });
    assert.equal(again.body.balance, 93.5);
    const both = await Promise.all([0, 1].map(() => operator.post(path, { requestId: ids[1] })));
    assert.equal(Math.max(...both.map(({ body }) => body.refunded)), 1.5);
    assert.equal(Math.min(...both.map(({ body }) => body.refunded)), 0);
    const tooMuch = await operator.post(path, { requestId: ids[0], amount: 2.500001 });
    assert.deepEqual([tooMuch.status, tooMuch.body.code], [422, "refund_exceeds_charge"]);
    const [line] = await auditOf("refund.create");
    assert.partialDeepStrictEqual(line, { account, target: part.body.charge, detail: { requestId: ids[1] } });
    const wrong: readonly [string, object, number, string][] = [
      [path, { requestId: formatUuidV7(Date.now(), new Uint8Array(10)) }, 404, "charge_unknown"],
      [path, { requestId: "r" }, 404, "charge_unknown"],
      [path, {}, 422, "request_invalid"],
      [path, { requestId: "a b" }, 422, "request_invalid"],
      [path, { requestId: ids[0], amount: 0 }, 422, "request_invalid"],
      ["/v1/accounts/acc_0000000000000000/refunds", { requestId: ids[0] }, 404, "account_unknown"],
    ];
    for (const [to, body, status, code] of wrong) {
      const answer = await operator.post(to, body);
      assert.deepEqual([answer.status, answer.body.code], [status, code], JSON.stringify(body));
    }
    const other = await operator.account();
    const foreign = await operator.post(`/v1/accounts/${other}/refunds`, { requestId: ids[0] });
    assert.deepEqual([foreign.status, foreign.body.code], [404, "charge_unknown"]);
    assert.equal(await balanceOf(account), 95);
  });

  test("a request with several charges is not refunded by its id: the charges are named", async () => {
    const { account, ids } = await charged("GET /several", 1);
    const { shard } = await readAccount(database, account);
    const pool = { accountId: account, creditType: "credits", shard };
    await ledger.charge(chargeOf(pool, 1_000_000n, { requestId: ids[0] ?? "" }));
    const { status, body } = await operator.post(`/v1/accounts/${account}/refunds`, { requestId: ids[0] });
    assert.deepEqual([status, body.code], [409, "charge_ambiguous"]);
    assert.match(body.detail, /credits\.2, chg_\w+\.credits\.3/);
    assert.equal(await balanceOf(account), 96.5);
    await assertSound(database);
  });
});
