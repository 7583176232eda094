import assert from "node:assert/strict";
import { before, test } from "node:test";
import { renderChargeId } from "../../../domain/ids.ts";
import { readAccount } from "../../../ledger/accounts/accounts.ts";
import type { Database } from "../../../ledger/database/database.ts";
import { openLedger } from "../../../ledger/open-ledger.ts";
import { nameKeys } from "../../../ledger/testing/books.ts";
import { eachDatabase } from "../../../ledger/testing/test-databases.ts";
import { OperatorUnderTest } from "../testing/operator-under-test.ts";

eachDatabase("operator API: pools", (openFresh) => {
  let database: Database;
  let operator: OperatorUnderTest;
  before(async () => {
    database = await openFresh();
    operator = new OperatorUnderTest(database);
  });

  /** Charges the account as a running instance would, and returns the charge's id. */
  async function charge(accountId: string, amount: bigint): Promise<string> {
    const { shard } = await readAccount(database, accountId);
    const ledger = await openLedger(database, { shards: 4, idempotencyKeepSeconds: 60 });
    const pool = { accountId, creditType: "credits", shard };
    await nameKeys(database, pool, ["key_0000000000000001"]);
    const { seq } = await ledger.charge({
      pool,
      hold: null,
      amount,
      requestId: "01a2011d-4c22-78a9-a336-ce5d9bcd106f",
      keyId: "key_0000000000000001",
      endpoint: "GET /x",
      units: 3,
      status: 200,
      priceList: 1,
    });
    await ledger.close();
    assert.ok(seq !== null);
    return renderChargeId({ ...pool, seq });
  }

  const balanceOf = async (account: string): Promise<unknown> =>
    (await operator.get(`/v1/accounts/${account}/balances`)).body.pools[0]?.balance;

  test("POST grants adds credits, as a number or as text, and tells the balance", async () => {
    const account = await operator.account();
    const first = await operator.post(`/v1/accounts/${account}/grants`, { amount: 9406.5 });
    assert.equal(first.status, 201);
    assert.partialDeepStrictEqual(first.body, {
      creditType: "credits",
      amount: 9406.5,
      balance: 9406.5,
      created: true,
    });
    const second = await operator.post(`/v1/accounts/${account}/grants`, {
      amount: "0.000001",
      expiresAt: "2100-01-01",
    });
    assert.equal(second.body.balance, 9406.500001);
    const { pools } = (await operator.get(`/v1/accounts/${account}/balances`)).body;
    assert.partialDeepStrictEqual(pools[0], {
      balance: 9406.500001,
      held: 0,
      available: 9406.500001,
      recurring: null,
    });
    assert.equal(pools[0].grants[0].expiresAt, "2100-01-01T00:00:00.000Z");
  });

  for (const amount of [0, -1, "-1", 0.0000001, 1_000_000_000.1, "abc", null, undefined]) {
    test(`a grant of ${String(amount)} is refused with its field, and nothing is granted`, async () => {
      const account = await operator.account();
      const { status, body } = await operator.post(`/v1/accounts/${account}/grants`, { amount });
      assert.deepEqual([status, body.errors[0].path], [422, "amount"]);
      assert.equal(await balanceOf(account), undefined);
    });
  }

  test("an unknown credit type is named, also when reading", async () => {
    const account = await operator.account();
    const { status, body } = await operator.post(`/v1/accounts/${account}/grants`, {
      amount: 1,
      creditType: "gold",
    });
    assert.deepEqual([status, body.code, body.errors[0].path], [422, "credit_type_unknown", "creditType"]);
    assert.match(body.detail, /gold.*credits, search/);
    const read = await operator.get(`/v1/accounts/${account}/entries?creditType=gold`);
    assert.deepEqual([read.status, read.body.code], [422, "credit_type_unknown"]);
  });

  test("a reference grants once, and refuses another amount", async () => {
    const account = await operator.account();
    const grant = (amount: number) =>
      operator.post(`/v1/accounts/${account}/grants`, { amount, reference: "invoice 7" });
    const [one, other] = await Promise.all([grant(5), grant(5)]);
    assert.notEqual(one.body.created, other.body.created);
    assert.equal(one.body.id, other.body.id);
    assert.equal(await balanceOf(account), 5);
    const conflict = await grant(6);
    assert.deepEqual([conflict.status, conflict.body.code], [409, "grant_conflict"]);
  });

  test("a grant, a refund and an adjustment sent twice at once under one Idempotency-Key happen once", async () => {
    const account = await operator.account();
    await operator.post(`/v1/accounts/${account}/grants`, { amount: 100 });
    const spent = await charge(account, 40_000_000n);
    const mutations: [string, unknown, unknown][] = [
      [`/v1/accounts/${account}/grants`, { amount: 7 }, 67],
      [`/v1/charges/${spent}/refunds`, { amount: 10 }, 77],
      [`/v1/accounts/${account}/adjustments`, { amount: -2, reason: "test" }, 75],
    ];
    for (const [path, body, balance] of mutations) {
      const headers = { "idempotency-key": `twice${path}` };
      const both = await Promise.all([
        operator.post(path, body, headers),
        operator.post(path, body, headers),
      ]);
      assert.deepEqual(both[0].body, both[1].body, path);
      assert.equal(both[0].body.balance, balance, path);
      assert.equal(await balanceOf(account), balance, path);
    }
  });

  test("POST refunds returns at most what was charged; all that is left when no amount is given", async () => {
    const account = await operator.account();
    await operator.post(`/v1/accounts/${account}/grants`, { amount: 100 });
    const spent = await charge(account, 40_000_000n);
    const part = await operator.post(`/v1/charges/${spent}/refunds`, { amount: 15.5, reason: "outage" });
    assert.equal(part.status, 201);
    assert.deepEqual(part.body, {
      charge: spent,
      account,
      creditType: "credits",
      refunded: 15.5,
      balance: 75.5,
      nothingLeft: false,
      created: true,
    });
    const tooMuch = await operator.post(`/v1/charges/${spent}/refunds`, { amount: 24.500001 });
    assert.deepEqual([tooMuch.status, tooMuch.body.code], [422, "refund_exceeds_charge"]);
    assert.match(tooMuch.body.detail, /24\.5 /);
    assert.equal((await operator.post(`/v1/charges/${spent}/refunds`, {})).body.refunded, 24.5);
    const nothing = await operator.post(`/v1/charges/${spent}/refunds`, {});
    assert.deepEqual([nothing.status, nothing.body.refunded, nothing.body.balance], [201, 0, 100]);
    assert.deepEqual([nothing.body.nothingLeft, nothing.body.created], [true, true]);
  });

  test("a refund's reference with the same amount answers the same, with another it is refused", async () => {
    const account = await operator.account();
    await operator.post(`/v1/accounts/${account}/grants`, { amount: 100 });
    const spent = await charge(account, 40_000_000n);
    const refund = (body: object) =>
      operator.post(`/v1/charges/${spent}/refunds`, { reference: "r", ...body });
    const first = await refund({ amount: 15 });
    assert.equal(first.status, 201);
    assert.deepEqual((await refund({ amount: 15 })).body, { ...first.body, created: false });
    for (const body of [{ amount: 14 }, {}]) {
      const other = await refund(body);
      assert.deepEqual([other.status, other.body.code], [409, "refund_conflict"]);
    }
    assert.equal(await balanceOf(account), 75);
  });

  test("a refund that finds nothing left says so, and its reference is remembered", async () => {
    const account = await operator.account();
    await operator.post(`/v1/accounts/${account}/grants`, { amount: 100 });
    const spent = await charge(account, 40_000_000n);
    const refund = (body: object) => operator.post(`/v1/charges/${spent}/refunds`, body);
    await refund({});
    const nothing = await refund({ reference: "late" });
    assert.deepEqual([nothing.status, nothing.body.refunded, nothing.body.nothingLeft], [201, 0, true]);
    assert.deepEqual((await refund({ reference: "late" })).body, { ...nothing.body, created: false });
    const other = await refund({ reference: "late", amount: 1 });
    assert.deepEqual([other.status, other.body.code], [409, "refund_conflict"]);
    assert.equal(await balanceOf(account), 100);
  });

  test("a charge that does not exist is named", async () => {
    const account = await operator.account();
    await operator.post(`/v1/accounts/${account}/grants`, { amount: 1 });
    const ids = [
      "nonsense",
      "chg_0000000000000000.credits.1",
      renderChargeId({ accountId: account, creditType: "credits", seq: 999 }),
      // The grant's entry is no charge.
      renderChargeId({ accountId: account, creditType: "credits", seq: 1 }),
    ];
    for (const id of ids) {
      const { status, body } = await operator.post(`/v1/charges/${id}/refunds`, {});
      assert.deepEqual([status, body.code], [404, "charge_unknown"], id);
      assert.ok(body.detail.includes(id), body.detail);
    }
  });

  test("an adjustment takes at most what is available and needs a reason", async () => {
    const account = await operator.account();
    await operator.post(`/v1/accounts/${account}/grants`, { amount: 10 });
    const path = `/v1/accounts/${account}/adjustments`;
    const named = { amount: 1, reason: "goodwill", reference: "r" };
    assert.equal((await operator.post(path, named)).body.created, true);
    assert.equal((await operator.post(path, named)).body.created, false);
    assert.equal((await operator.post(path, { amount: -1, reason: "back" })).body.balance, 10);
    assert.equal((await operator.post(path, { amount: "-2.5", reason: "typing error" })).body.balance, 7.5);
    assert.equal((await operator.post(path, { amount: 1, reason: "goodwill" })).body.balance, 8.5);
    const tooMuch = await operator.post(path, { amount: -8.500001, reason: "x" });
    assert.deepEqual([tooMuch.status, tooMuch.body.code], [422, "adjustment_exceeds_available"]);
    const silent = await operator.post(path, { amount: 0 });
    assert.deepEqual(silent.body.errors.map((error: { path: string }) => error.path).sort(), [
      "amount",
      "reason",
    ]);
    assert.equal(await balanceOf(account), 8.5);
  });

  test("GET entries shows every line with its balance, filtered and paged", async () => {
    const account = await operator.account();
    await operator.post(`/v1/accounts/${account}/grants`, { amount: 100 });
    const spent = await charge(account, 1_500_000n);
    await operator.post(`/v1/charges/${spent}/refunds`, { amount: 1, reason: "outage" });
    const path = `/v1/accounts/${account}/entries`;
    const { entries } = (await operator.get(path)).body;
    assert.partialDeepStrictEqual(entries, [
      { seq: 3, kind: "refund", amount: 1, balance: 99.5, charge: spent, reason: "outage" },
      {
        seq: 2,
        kind: "charge",
        amount: -1.5,
        balance: 98.5,
        charge: spent,
        endpoint: "GET /x",
        units: 3,
        status: 200,
      },
      { seq: 1, kind: "grant", amount: 100, balance: 100, charge: null },
    ]);
    const charges = (await operator.get(`${path}?kind=charge&endpoint=GET%20%2Fx&key=key_0000000000000001`))
      .body;
    assert.deepEqual(charges.entries, [entries[1]]);
    const first = (await operator.get(`${path}?limit=2`)).body;
    const rest = (await operator.get(`${path}?limit=2&cursor=${first.next}`)).body;
    assert.deepEqual([...first.entries, ...rest.entries], entries);
    assert.equal(rest.next, null);
    const future = (await operator.get(`${path}?from=2100-01-01`)).body;
    assert.deepEqual(future.entries, []);
    const wrong = await operator.get(`${path}?kind=tip&cursor=0x&from=yesterday`);
    assert.deepEqual(wrong.body.errors.map((error: { path: string }) => error.path).sort(), ["from", "kind"]);
    assert.equal((await operator.get(`${path}?cursor=0x`)).status, 422);
  });

  test("GET usage totals the charges by endpoint, with what was refunded", async () => {
    const account = await operator.account();
    await operator.post(`/v1/accounts/${account}/grants`, { amount: 100 });
    const spent = await charge(account, 1_500_000n);
    await charge(account, 2_000_000n);
    await operator.post(`/v1/charges/${spent}/refunds`, { amount: 1 });
    const { body } = await operator.get(`/v1/accounts/${account}/usage`);
    assert.deepEqual(body.endpoints, [
      { creditType: "credits", endpoint: "GET /x", requests: 2, units: 6, credits: 3.5, refunded: 1 },
    ]);
    const past = await operator.get(`/v1/accounts/${account}/usage?from=2020-01-01&to=2020-02-01`);
    assert.deepEqual(past.body.endpoints, []);
    const wrong = await operator.get(`/v1/accounts/${account}/usage?from=2020-02-01&to=2020-01-01`);
    assert.deepEqual([wrong.status, wrong.body.errors[0].path], [422, "from"]);
  });

  test("GET /v1/audit finds the books sound, and names the pool whose balance was changed by hand", async () => {
    const account = await operator.account();
    await operator.post(`/v1/accounts/${account}/grants`, { amount: 100, creditType: "search" });
    const sound = await operator.get("/v1/audit");
    assert.deepEqual([sound.status, sound.body.sound, sound.body.findings], [200, true, []]);
    assert.equal((await operator.get("/v1/audit?atRest=true")).body.sound, true);
    await database.query(
      `UPDATE farebox.pools SET balance = balance - 1
       WHERE account_no = (SELECT account_no FROM farebox.accounts WHERE account_id = $1)`,
      [account],
    );
    const { body } = await operator.get("/v1/audit");
    assert.equal(body.sound, false);
    assert.partialDeepStrictEqual(body.findings[0], { invariant: "I1", account, creditType: "search" });
    assert.match(JSON.stringify(body.findings), /99999999/);
    assert.equal((await operator.get("/v1/audit?atRest=maybe")).status, 422);
  });
});
