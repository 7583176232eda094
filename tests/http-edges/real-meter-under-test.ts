import assert from "node:assert/strict";
import { hash, randomBytes } from "node:crypto";
import { formatCredits, MICRO_PER_CREDIT } from "../../src/domain/credits.ts";
import { FareboxError } from "../../src/domain/farebox-error.ts";
import { formatId, ID_RANDOM_BYTES } from "../../src/domain/ids.ts";
import { parsePriceList, priceListText } from "../../src/domain/prices/price-list-json.ts";
import { TEST_PRICES } from "../../src/gateway/testing/test-prices.ts";
import { eventually, type MeterUnderTest, sum, type TestAccount } from "../../src/gateway/testing/world.ts";
import { createAccount } from "../../src/ledger/accounts/accounts.ts";
import type { Database } from "../../src/ledger/database/database.ts";
import type { PoolRef } from "../../src/ledger/ledger.ts";
import { openLedger } from "../../src/ledger/open-ledger.ts";
import { readBalances } from "../../src/ledger/pools/balances.ts";
import { type Entry, listEntries } from "../../src/ledger/pools/entries.ts";
import { grantCredits } from "../../src/ledger/pools/grant.ts";
import { publishPriceList, readPriceList } from "../../src/ledger/price-lists/price-lists.ts";
import { addKey, PATIENT } from "../../src/ledger/testing/books.ts";
import { createMeter } from "../../src/meter/create-meter.ts";
import { silentEvents } from "../../src/meter/meter-events.ts";

const SHARDS = 2;
const OPENING_BALANCE = 1_000n * MICRO_PER_CREDIT;

/** The real meter on a real, migrated database, whose books are read back from their tables. */
export async function openRealMeterUnderTest(database: Database): Promise<MeterUnderTest> {
  const body = priceListText({ prices: TEST_PRICES, unpriced: "free" });
  await database.transaction((tx) =>
    publishPriceList(tx, { body, hash: hash("sha256", body, "hex"), effectiveAt: null }),
  );
  const storage = new BreakableDatabase(database);
  const ledger = await openLedger(storage, {
    shards: SHARDS,
    idempotencyKeepSeconds: 3_600,
    limits: PATIENT,
  });
  const meter = createMeter({
    ledger,
    priceLists: {
      async readPriceList(version) {
        const parsed = parsePriceList((await readPriceList(storage, version)).body, version);
        assert.ok(parsed.ok);
        return parsed.value;
      },
    },
    limits: [],
    leases: { idleMs: 100, deadAfterMs: 10_000 },
    events: silentEvents,
    silenceMs: 60_000,
  });
  await meter.start();
  return {
    meter,
    openAccount: () => openAccount(database),
    setStorage: (state) => {
      storage.isDown = state === "down";
    },
    async close() {
      await meter.close();
      await ledger.close();
    },
  };
}

async function openAccount(database: Database): Promise<TestAccount> {
  const accountId = formatId("account", randomBytes(ID_RANDOM_BYTES));
  const { shard } = await createAccount(database, { accountId, name: "test", shards: SHARDS });
  const pool: PoolRef = { accountId, creditType: "credits", shard };
  await grantCredits(database, { pool, amount: OPENING_BALANCE, source: "topup" });
  const { text: key } = await addKey(database, { accountId });
  const readBalance = async () => {
    const [balance] = await readBalances(database, accountId, shard);
    assert.ok(balance !== undefined);
    return balance;
  };
  return {
    accountId,
    key,
    atRest: () => eventually(async () => (await readBalance()).held === 0n),
    async books() {
      let balance = 0n;
      let oldestFirst: Entry[] = [];
      // Two reads are no snapshot: a charge may come between them. At rest they agree.
      await eventually(async () => {
        const { entries } = await listEntries(database, pool, { limit: 1_000 });
        oldestFirst = entries.toReversed();
        ({ balance } = await readBalance());
        return balance === oldestFirst.at(-1)?.balance;
      });
      checkEntries(oldestFirst);
      const ours = oldestFirst.filter(({ kind }) => kind !== "grant");
      return {
        charged: sum(ours.filter(({ kind }) => kind === "charge").map(({ amount }) => -amount)),
        refunded: sum(ours.filter(({ kind }) => kind === "refund").map(({ amount }) => amount)),
        balance: formatCredits(balance),
        uncollected: sum(ours.map(({ uncollected }) => uncollected)),
        entries: ours.map(describeEntry),
      };
    },
  };
}

/** Invariant I1 on one pool: gap-free numbers, each line's balance is the one before plus its amount. */
function checkEntries(entries: readonly Entry[]): void {
  let balance = 0n;
  for (const [index, entry] of entries.entries()) {
    balance += entry.amount;
    assert.equal(entry.seq, index + 1);
    assert.equal(entry.balance, balance);
    assert.ok(entry.uncollected >= 0n);
  }
}

function describeEntry({ kind, amount, endpoint, status, units }: Entry): string {
  return kind === "charge"
    ? `charge ${formatCredits(-amount)} ${endpoint} ${status} ${units}`
    : `${kind} ${formatCredits(amount)}`;
}

/** The database, reachable or not. */
class BreakableDatabase implements Database {
  isDown = false;
  readonly kind: Database["kind"];
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
    this.kind = database.kind;
  }

  query: Database["query"] = (statement, params) =>
    this.isDown ? Promise.reject(unavailable()) : this.#database.query(statement, params);

  exec: Database["exec"] = (sql) => (this.isDown ? Promise.reject(unavailable()) : this.#database.exec(sql));

  transaction: Database["transaction"] = (run) =>
    this.isDown ? Promise.reject(unavailable()) : this.#database.transaction(run);

  close(): Promise<void> {
    return this.#database.close();
  }
}

function unavailable(): FareboxError {
  return new FareboxError("storage_unavailable", "the database is out of reach", { retryable: true });
}
