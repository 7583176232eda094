import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { formatUuidV7 } from "../../domain/ids.ts";
import type { Database } from "../database/database.ts";
import type { PoolRef } from "../ledger.ts";
import type { LongSettled, LongSettlement, NewLongHold } from "../long-holds/long-hold.ts";
import type { LongHoldRows } from "../long-holds/long-hold-rows.ts";
import { letTimePass, readPool, roll } from "./books.ts";

const hash = (text: string): string => createHash("sha256").update(text).digest("hex");
const newRequestId = (): string => formatUuidV7(Date.now(), randomBytes(10));

/** A job, and what is held for it. */
export interface Job {
  readonly pool: PoolRef;
  readonly keyId: string;
  readonly requestId: string;
}

type ChargeChange = Partial<NonNullable<LongSettlement["charge"]>> & { readonly isWhole?: boolean };

export const newHold = (pool: PoolRef, amount: bigint, change: Partial<NewLongHold> = {}): NewLongHold => ({
  pool,
  keyId: "key_1",
  endpoint: "POST /jobs",
  requestId: newRequestId(),
  callerId: newRequestId(),
  content: hash("a job"),
  token: "fbh_text",
  amount,
  units: Number(amount),
  most: undefined,
  ttlSeconds: 3_600,
  ...change,
});

/** By its units, a credit each. */
export const settlement = (
  { pool, keyId, requestId }: Job,
  part: string | undefined,
  amount: bigint | undefined,
  change: ChargeChange = {},
): LongSettlement => ({
  pool,
  requestId,
  part,
  content: hash(`${part} ${amount}`),
  isWhole: change.isWhole ?? false,
  charge:
    amount === undefined
      ? undefined
      : {
          keyId,
          endpoint: "POST /jobs",
          amount,
          units: Number(amount),
          status: 200,
          priceList: 1,
          ...change,
        },
});

/** `"charged 3 of 5"`, or what keeps it from being charged. */
export const say = (result: LongSettled): string => {
  if (result.kind !== "told") return result.kind;
  const { kind, charged, uncollected } = result.settled;
  return kind === "charged" ? `charged ${charged} of ${charged + uncollected}` : kind;
};

/** What tests of long holds do by an instance, and read of the database that the suite has opened. */
export function longJobs(database: () => Database, instance: () => LongHoldRows) {
  return {
    open: async (pool: PoolRef, amount: bigint, change: Partial<NewLongHold> = {}): Promise<Job> => {
      const hold = newHold(pool, amount, change);
      const opened = await instance().open(hold);
      assert.equal(opened.kind, "held");
      return { pool, keyId: hold.keyId, requestId: hold.requestId };
    },
    settle: (
      job: Job,
      part: string | undefined,
      amount: bigint | undefined,
      change: ChargeChange = {},
    ): Promise<LongSettled> => instance().settle(settlement(job, part, amount, change)),
    pass: async (pool: PoolRef, ms: number): Promise<void> => {
      await letTimePass(database(), pool, ms);
      await roll(database(), pool);
    },
    /** Balance and what is held of it. */
    state: async (pool: PoolRef): Promise<readonly [bigint, bigint]> => {
      const { balance, held } = await readPool(database(), pool);
      return [balance, held];
    },
  };
}
