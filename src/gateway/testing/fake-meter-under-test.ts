import { hash, randomBytes } from "node:crypto";
import { formatCredits, MICRO_PER_CREDIT } from "../../domain/credits.ts";
import { API_KEY_RANDOM_BYTES, formatApiKey } from "../../domain/keys/api-key.ts";
import { createMeter, type MeterOptions } from "../../meter/create-meter.ts";
import { systemClock } from "../../meter/meter-clock.ts";
import { silentEvents } from "../../meter/meter-events.ts";
import { FakeDatabase } from "../../meter/testing/fake-database.ts";
import { FakeLedger } from "../../meter/testing/fake-ledger.ts";
import { TEST_PRICES } from "./test-prices.ts";
import { eventually, type MeterUnderTest, sum, type TestAccount } from "./world.ts";

const OPENING_BALANCE = 1_000n * MICRO_PER_CREDIT;

/** The real meter on a ledger in memory that decides as the real one does. */
export async function openFakeMeterUnderTest(
  options: Partial<Pick<MeterOptions, "limits" | "settleTimeoutMs">> = {},
): Promise<MeterUnderTest> {
  const database = new FakeDatabase(systemClock);
  const meter = createMeter({
    ledger: new FakeLedger(database),
    priceLists: { readPriceList: async () => ({ version: 1, prices: TEST_PRICES, unpriced: "free" }) },
    limits: options.limits ?? [],
    leases: { idleMs: 100, deadAfterMs: 10_000 },
    events: silentEvents,
    ...(options.settleTimeoutMs === undefined ? {} : { settleTimeoutMs: options.settleTimeoutMs }),
  });
  await meter.start();
  let accounts = 0;
  return {
    meter,
    async openAccount(): Promise<TestAccount> {
      const number = String(++accounts).padStart(16, "0");
      const accountId = `acc_${number}`;
      const key = formatApiKey("fbx", randomBytes(API_KEY_RANDOM_BYTES));
      database.addKey(hash("sha256", key, "hex"), { accountId, keyId: `key_${number}`, shard: 0 });
      const pool = database.pool({ accountId, creditType: "credits" });
      pool.balance = OPENING_BALANCE;
      return {
        accountId,
        key,
        async atRest() {
          await eventually(() => database.held(pool) === 0n);
        },
        async books() {
          const charges = pool.entries.filter((entry) => entry.kind === "charge");
          const refunds = pool.entries.filter((entry) => entry.kind === "refund");
          return {
            charged: sum(charges.map((entry) => entry.amount)),
            refunded: sum(refunds.map((entry) => -entry.amount)),
            balance: formatCredits(pool.balance),
            uncollected: sum(charges.map(({ amount, item }) => (item?.amount ?? amount) - amount)),
            entries: pool.entries.map((entry) =>
              entry.item === undefined
                ? `refund ${formatCredits(-entry.amount)}`
                : `charge ${formatCredits(entry.amount)} ${entry.item.endpoint} ${entry.item.status} ${entry.item.units}`,
            ),
          };
        },
      };
    },
    setStorage(state) {
      if (state === "down") database.state = "down";
      else database.recover();
    },
    close: () => meter.close(),
  };
}
