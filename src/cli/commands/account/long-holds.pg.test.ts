import assert from "node:assert/strict";
import { hash, randomBytes } from "node:crypto";
import { before, test } from "node:test";
import { formatUuidV7, renderChargeId } from "../../../domain/ids.ts";
import { parsePrices } from "../../../domain/prices/parse-prices.ts";
import { priceListText } from "../../../domain/prices/price-list-json.ts";
import { readAccount } from "../../../ledger/accounts/accounts.ts";
import type { Database } from "../../../ledger/database/database.ts";
import { LongHoldRows } from "../../../ledger/long-holds/long-hold-rows.ts";
import { publishPriceList } from "../../../ledger/price-lists/price-lists.ts";
import { letTimePass } from "../../../ledger/testing/books.ts";
import { eachDatabase } from "../../../ledger/testing/test-databases.ts";
import { CliUnderTest } from "../../testing/cli-under-test.ts";

const CONTENT = "0".repeat(64);
const MICRO = 1_000_000n;

eachDatabase("the list of an account's long holds", (openFresh) => {
  let database: Database;
  let cli: CliUnderTest;
  before(async () => {
    database = await openFresh();
    cli = new CliUnderTest(database);
  });

  test("shows each with what it holds and was charged, by state; its parts are calls that are explained", async () => {
    const { id } = await cli.json("account", "create", "Jobs");
    await cli.run("grant", id, "100");
    const key = await cli.json("key", "create", id);
    const { shard } = await readAccount(database, id);
    const pool = { accountId: id, creditType: "credits", shard };
    const prices = [{ match: "POST /jobs", cost: 1, per: "result", count: { body: "/data" }, atMost: 20 }];
    const parsed = parsePrices(prices, "prices", { creditTypes: ["credits"] });
    assert.ok(parsed.ok);
    const body = priceListText({ prices: parsed.value, unpriced: "free" });
    const list = { body, hash: hash("sha256", body), effectiveAt: null };
    const { version } = await database.transaction((tx) => publishPriceList(tx, list));
    const rows = new LongHoldRows(database);
    // A day ago by its id, as the last part of a job may be.
    const ids = [0, 1].map(() => formatUuidV7(Date.now() - 80_000_000, randomBytes(10)));
    const [first = "", second = ""] = ids;
    for (const [index, requestId] of ids.entries()) {
      await rows.open({
        pool,
        keyId: key.id,
        endpoint: "POST /jobs",
        requestId,
        callerId: `job ${index}`,
        content: CONTENT,
        token: "text",
        amount: 20n * MICRO,
        units: 20,
        most: undefined,
        ttlSeconds: 100 + index * 100,
      });
    }
    const charge = {
      keyId: key.id,
      endpoint: "POST /jobs",
      amount: 3n * MICRO,
      units: 3,
      status: 200,
      priceList: version,
    };
    const settlement = { pool, requestId: first, content: CONTENT, isWhole: false, charge };
    const seqs: number[] = [];
    for (const part of ["a", "b"]) {
      const told = await rows.settle({ ...settlement, part });
      assert.ok(told.kind === "told");
      seqs.push(told.settled.seq ?? 0);
    }
    const { longHolds } = await cli.json("account", "long-holds", id);
    assert.deepEqual(
      longHolds.map((hold: Record<string, unknown>) => [
        hold["id"],
        hold["state"],
        hold["held"],
        hold["charged"],
      ]),
      [
        ["job 1", "open", 20, 0],
        ["job 0", "open", 14, 6],
      ],
    );
    const page = await cli.json("account", "long-holds", id, "--limit", "1");
    const rest = await cli.json("account", "long-holds", id, "--cursor", page.next);
    assert.deepEqual([page.longHolds[0].requestId, rest.longHolds[0].requestId], [second, first]);
    await letTimePass(database, pool, 150_000);
    const expired = await cli.run("account", "long-holds", id, "--state", "expired");
    assert.match(
      expired.out,
      new RegExp(`^REQUEST +ID +STATE .*\\n${first} +job 0 +expired +0 of 20 credits +6 in 2 +.*\\n$`),
    );
    assert.equal((await cli.run("account", "long-holds", id, "--state", "released")).out, "No long holds.\n");
    const [chargeId = "", other = ""] = seqs.map((seq) => renderChargeId({ ...pool, seq }));
    const call = await cli.json("calls", "explain", chargeId);
    assert.deepEqual([call.requestId, call.charged, call.units, call.price.cost], [first, 3, 3, 1]);
    await cli.run("refund", other, "--amount", "1");
    const job = await cli.json("calls", "explain", first);
    const { parts, refunds, ...sums } = job;
    assert.partialDeepStrictEqual(sums, {
      requestId: first,
      charge: null,
      units: 6,
      held: 20,
      list: 6,
      charged: 6,
      uncollected: 0,
      refunded: 1,
      net: 5,
      balance: 94,
      price: { cost: 1 },
    });
    assert.deepEqual(
      refunds.map(({ amount, reason }: Record<string, unknown>) => [amount, reason]),
      [[1, "operator"]],
    );
    assert.equal(parts.total, 2);
    assert.partialDeepStrictEqual(parts.charges, [
      { charge: chargeId, part: "a", units: 3, list: 3, charged: 3, refunded: 0 },
      { charge: other, part: "b", units: 3, list: 3, charged: 3, refunded: 1 },
    ]);
    const shown = (await cli.run("calls", "explain", first, "--account", id)).out;
    assert.match(
      shown,
      new RegExp(`^2 charges {2}request ${first}\\n[^]*charged: 6 credits[^]*\\n${other} +b `),
    );
    const refund = await cli.operator.post(`/v1/accounts/${id}/refunds`, { requestId: first });
    assert.equal(refund.body.code, "charge_ambiguous");
    assert.ok(refund.body.detail.includes(`has 2 charges`) && refund.body.detail.includes(other));
    const extended = await cli.run("account", "extend-hold", id, second, "--seconds", "3600");
    assert.match(extended.out, new RegExp(`^${second} holds 20 credits until 2\\S+Z\\.\\n$`));
    const nobody = await cli.run("account", "release-hold", id, second);
    assert.equal(nobody.code, 1);
    assert.match(nobody.err, /confirmation_required|nothing was released/i);
    assert.equal((await cli.json("account", "long-holds", id)).longHolds[0].state, "open");
    const released = await cli.run(
      "account",
      "release-hold",
      id,
      second,
      "--yes",
      "--reason",
      "its job died",
    );
    assert.equal(released.out, `Released ${second}: 20 credits free; 0 in 0 parts stay charged.\n`);
    const again = await cli.json("account", "release-hold", id, second, "--yes");
    assert.deepEqual([again.state, again.freed], ["released", 0]);
    const over = await cli.run("account", "extend-hold", id, second, "--seconds", "60", "--json");
    assert.equal(JSON.parse(over.err).error.code, "hold_released");
    const unknown = await cli.run("calls", "explain", second, "--account", id, "--json");
    assert.equal(JSON.parse(unknown.err).error.code, "charge_unknown");
  });
});
