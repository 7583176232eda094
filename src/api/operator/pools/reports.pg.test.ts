import assert from "node:assert/strict";
import { before, test } from "node:test";
import { readAccount } from "../../../ledger/accounts/accounts.ts";
import type { Database } from "../../../ledger/database/database.ts";
import type { ChargeItem, PoolRef } from "../../../ledger/ledger.ts";
import { openLedger } from "../../../ledger/open-ledger.ts";
import { assertSound, chargeOf, LEDGER, nameKeys, placeEntries } from "../../../ledger/testing/books.ts";
import { eachDatabase } from "../../../ledger/testing/test-databases.ts";
import { OperatorUnderTest } from "../testing/operator-under-test.ts";

eachDatabase("operator API: reports and statements", (openFresh) => {
  let database: Database;
  let operator: OperatorUnderTest;
  before(async () => {
    database = await openFresh();
    operator = new OperatorUnderTest(database);
  });

  /** A new account with a grant of 1000 and these charges. */
  async function charged(
    charges: readonly (readonly [amount: bigint, change: Partial<ChargeItem>])[],
  ): Promise<PoolRef> {
    const accountId = await operator.account();
    await operator.post(`/v1/accounts/${accountId}/grants`, { amount: 1000 });
    const { shard } = await readAccount(database, accountId);
    const pool = { accountId, creditType: "credits", shard };
    await nameKeys(database, pool, ["key_1", "key_2"]);
    const ledger = await openLedger(database, LEDGER);
    await Promise.all(charges.map(([amount, change]) => ledger.charge(chargeOf(pool, amount, change))));
    await ledger.close();
    return pool;
  }

  const WEEKEND = "from=2026-10-23T22:00:00Z&to=2026-10-25T23:00:00Z&timeZone=Europe/Berlin";

  /** Three charges on the weekend on which clocks are put back in Berlin. */
  async function weekend(): Promise<string> {
    const pool = await charged([
      [1_000_000n, { endpoint: "GET /a", keyId: "key_1" }],
      [2_500_000n, { endpoint: "GET /b", keyId: "key_1", units: 3 }],
      [500_000n, { endpoint: "GET /a", keyId: "key_2" }],
    ]);
    const at = ["10-20T00:00Z", "10-24T00:10Z", "10-24T22:10Z", "10-25T22:50Z"];
    await placeEntries(
      database,
      pool,
      at.map((time) => new Date(`2026-${time}`)),
    );
    await assertSound(database);
    return pool.accountId;
  }

  test("GET usage by day in a time zone: a row for each day, and totals", async () => {
    const account = await weekend();
    const { status, body } = await operator.get(`/v1/accounts/${account}/usage?${WEEKEND}&resolution=day`);
    assert.equal(status, 200);
    const nowhere = { account: null, endpoint: null, key: null };
    const sums = { creditType: "credits", refunded: 0 };
    const none = { ...nowhere, creditType: "search", requests: 0, units: 0, credits: 0, refunded: 0 };
    const days = [
      { time: "2026-10-23T22:00:00.000Z", timeEnd: "2026-10-24T22:00:00.000Z" },
      { time: "2026-10-24T22:00:00.000Z", timeEnd: "2026-10-25T23:00:00.000Z" },
    ];
    assert.deepEqual(body, {
      account,
      from: "2026-10-23T22:00:00.000Z",
      to: "2026-10-25T23:00:00.000Z",
      timeZone: "Europe/Berlin",
      resolution: "day",
      groupBy: [],
      completeUntil: null,
      rows: [
        { ...days[0], ...nowhere, ...sums, requests: 1, units: 1, credits: 1 },
        { ...days[0], ...none },
        { ...days[1], ...nowhere, ...sums, requests: 2, units: 4, credits: 3 },
        { ...days[1], ...none },
      ],
      totals: [
        { ...sums, requests: 3, units: 5, credits: 4 },
        { ...sums, creditType: "search", requests: 0, units: 0, credits: 0 },
      ],
    });
  });

  test("GET usage groups and filters; without either it is by endpoint", async () => {
    const account = await weekend();
    const path = `/v1/accounts/${account}/usage?${WEEKEND}`;
    const lines = async (query: string): Promise<unknown[]> =>
      (await operator.get(`${path}${query}`)).body.rows.map(
        (row: Record<"endpoint" | "key" | "credits", string | number | null>) =>
          `${row.endpoint} ${row.key} ${row.credits}`,
      );
    assert.deepEqual(await lines(""), ["GET /b null 2.5", "GET /a null 1.5"]);
    assert.deepEqual(await lines("&groupBy=key"), ["null key_1 3.5", "null key_2 0.5"]);
    assert.deepEqual(await lines("&groupBy=endpoint,key"), [
      "GET /b key_1 2.5",
      "GET /a key_1 1",
      "GET /a key_2 0.5",
    ]);
    assert.deepEqual(await lines("&groupBy=endpoint&key=key_2"), ["GET /a null 0.5"]);
    assert.deepEqual(await lines("&groupBy=key&endpoint=GET%20/b"), ["null key_1 2.5"]);
    assert.deepEqual(await lines("&groupBy=&creditType=credits"), ["null null 4"]);
    const { body } = await operator.get(path);
    assert.partialDeepStrictEqual(body.endpoints, [
      { endpoint: "GET /b", credits: 2.5 },
      { endpoint: "GET /a" },
    ]);
  });

  test("GET /v1/usage is that of all accounts, and tells them apart when asked", async () => {
    const [one, other] = [await weekend(), await weekend()];
    const { body } = await operator.get(`/v1/usage?${WEEKEND}&groupBy=account`);
    assert.equal(body.account, null);
    const credits = new Map(
      body.rows.map((row: { account: string; credits: number }) => [row.account, row.credits]),
    );
    assert.deepEqual([credits.get(one), credits.get(other)], [4, 4]);
    const sum = [...credits.values()].reduce<number>((total, value) => total + Number(value), 0);
    assert.equal((await operator.get(`/v1/usage?${WEEKEND}`)).body.totals[0].credits, sum);
  });

  test("usage as CSV has the same rows", async () => {
    const account = await weekend();
    const path = `/v1/accounts/${account}/usage?${WEEKEND}&groupBy=key&creditType=credits`;
    const csv = await operator.get(`${path}&format=csv`);
    assert.equal(csv.status, 200);
    assert.match(csv.headers.get("content-type") ?? "", /^text\/csv/);
    assert.match(csv.headers.get("content-disposition") ?? "", new RegExp(`usage-${account}\\.csv`));
    assert.equal(
      csv.body,
      [
        "time,timeEnd,account,creditType,endpoint,key,requests,units,credits,refunded",
        ",,,credits,,key_1,2,4,3.5,0",
        ",,,credits,,key_2,1,1,0.5,0",
        "",
      ].join("\r\n"),
    );
    assert.equal((await operator.get(path, { accept: "text/csv" })).body, csv.body);
    assert.equal((await operator.get(`${path}&format=json`, { accept: "text/csv" })).body.account, account);
  });

  test("what cannot be reported is refused with its field, also as CSV", async () => {
    const account = await operator.account();
    const wrong: readonly (readonly [query: string, code: string, path: string])[] = [
      ["from=2026-02-01&to=2026-02-01", "usage_period_invalid", "from"],
      ["from=2026-01-01&to=2026-01-08T00:00:01Z&resolution=hour", "usage_period_too_long", "to"],
      ["from=2026-01-01&to=2026-04-01&resolution=day", "usage_period_too_long", "to"],
      ["timeZone=%2B05:30", "time_zone_unknown", "timeZone"],
      ["groupBy=endpoint,color", "request_invalid", "groupBy"],
      ["resolution=minute", "request_invalid", "resolution"],
      ["from=0000-01-01", "request_invalid", "from"],
      ["format=xml", "request_invalid", "format"],
      ["creditType=gold", "credit_type_unknown", "creditType"],
    ];
    for (const path of [`/v1/accounts/${account}/usage`, "/v1/usage"]) {
      for (const [query, code, field] of wrong) {
        const { status, body, headers } = await operator.get(`${path}?${query}`, { accept: "text/csv" });
        assert.deepEqual([status, body.code], [422, code], query);
        assert.equal(body.errors[0].path, field, query);
        assert.match(headers.get("content-type") ?? "", /problem\+json/);
      }
    }
    assert.equal((await operator.get("/v1/accounts/acc_nobody/usage")).status, 404);
  });

  test("entries as CSV are the whole statement that the filters leave, page by page", async () => {
    const pool = await charged(
      Array.from({ length: 2_300 }, (_, index) => [
        1_000n,
        { endpoint: index % 2 === 0 ? "GET /a" : "=cmd|'/c calc'!A1" },
      ]),
    );
    const path = `/v1/accounts/${pool.accountId}/entries`;
    const csv = (await operator.get(path, { accept: "text/csv" })).body.split("\r\n");
    assert.equal(
      csv[0],
      "creditType,seq,at,kind,amount,balance,uncollected,charge,requestId,key,endpoint,units,status,priceList,grant,reason",
    );
    const seqs = csv.slice(1, -1).map((line: string) => Number(line.split(",")[1]));
    assert.deepEqual(
      seqs,
      Array.from({ length: 2_301 }, (_, index) => 2_301 - index),
    );
    const { entries } = (await operator.get(`${path}?limit=1`)).body;
    const [newest] = entries;
    assert.partialDeepStrictEqual(csv[1].split(","), [
      "credits",
      "2301",
      newest.at,
      "charge",
      "-0.001",
      String(newest.balance),
      "0",
      newest.charge,
    ]);
    const formulas = (
      await operator.get(`${path}?format=csv&endpoint=${encodeURIComponent("=cmd|'/c calc'!A1")}`)
    ).body;
    const lines = formulas.split("\r\n").slice(1, -1);
    assert.equal(lines.length, 1_150);
    assert.ok(lines.every((line: string) => line.includes(",'=cmd|'/c calc'!A1,")));
    const early = await operator.get(`${path}?format=csv&to=2020-01-01`);
    assert.equal(early.body.split("\r\n").length, 2);
    assert.equal((await operator.get(`${path}?format=csv&cursor=x`)).status, 422);
  });

  test("GET reports/months: what was sold, burned, given back and is outstanding, as JSON and as a table", async () => {
    const fresh = await openFresh();
    const own = new OperatorUnderTest(fresh);
    const account = await own.account();
    await own.post(`/v1/accounts/${account}/grants`, { amount: 100 });
    await own.post(`/v1/accounts/${account}/grants`, { amount: 7, source: "promo", creditType: "search" });
    await own.post(`/v1/accounts/${account}/adjustments`, { amount: -2.5, reason: "mistake" });
    const { shard } = await readAccount(fresh, account);
    const pool = { accountId: account, creditType: "credits", shard };
    await nameKeys(fresh, pool, ["key_1"]);
    const ledger = await openLedger(fresh, LEDGER);
    const { seq } = await ledger.charge(chargeOf(pool, 40_000_000n));
    ledger.refusals.count("insufficient_credits", "credits");
    ledger.refusals.count("rate_limited");
    await ledger.refusals.write();
    await ledger.close();
    await own.post(`/v1/charges/chg_${account.slice(4)}.credits.${seq}/refunds`, { amount: 15 });
    const { status, body } = await own.get("/v1/reports/months");
    assert.equal(status, 200);
    assert.equal(body.rows.length, 24);
    const nothing = {
      recurring: 0,
      topup: 0,
      promo: 0,
      adjusted: 0,
      charges: 0,
      burned: 0,
      refunded: 0,
      expired: 0,
    };
    const present = body.rows.at(-2);
    assert.deepEqual(present, {
      ...nothing,
      month: present.time.slice(0, 7),
      time: present.time,
      timeEnd: body.to,
      creditType: "credits",
      sold: 100,
      topup: 100,
      adjusted: -2.5,
      charges: 1,
      burned: 40,
      refunded: 15,
      uncollected: 0,
      outstanding: 72.5,
      refused: 1,
    });
    const { promo, sold, outstanding } = body.rows.at(-1);
    assert.deepEqual({ promo, sold, outstanding }, { promo: 7, sold: 0, outstanding: 7 });
    assert.equal(body.completeUntil, null);
    const csv = await own.get("/v1/reports/months?format=csv&creditType=search");
    const [head, ...lines] = csv.text.trimEnd().split("\r\n");
    assert.equal(head?.split(",").at(-1), "refused");
    assert.equal(lines.length, 12);
    assert.match(lines.at(-1) ?? "", /,search,0,0,0,7,0,0,0,0,0,0,7,0$/);
    const refusals = await own.get("/v1/reports/refusals");
    const { month, time, timeEnd } = present;
    assert.deepEqual(refusals.body.rows, [
      { month, time, timeEnd, code: "insufficient_credits", creditType: "credits", requests: 1 },
      { month, time, timeEnd, code: "rate_limited", creditType: null, requests: 1 },
    ]);
    const table = await own.get("/v1/reports/refusals?format=csv");
    assert.match(table.text, /^month,time,timeEnd,code,creditType,requests\r\n/);
    assert.match(table.text, /,rate_limited,,1\r\n$/);
    const early = await own.get("/v1/reports/refusals?to=2200-01-01");
    assert.deepEqual([early.status, early.body.errors[0].path], [422, "to"]);
    const wrong = await own.get("/v1/reports/months?creditType=gold");
    assert.deepEqual([wrong.status, wrong.body.code], [422, "credit_type_unknown"]);
  });
});
