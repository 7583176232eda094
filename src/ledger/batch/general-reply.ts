import type { CapWindow } from "../../domain/key-cap.ts";
import type { ChargeResult, HoldResult, HoldState, LeaseResult } from "../ledger.ts";
import { at } from "./batch.ts";
import { holdUnknown } from "./check-item.ts";
import type { ChargeGroup, GeneralPool } from "./general-pool.ts";
import type { ChargeWork } from "./lane-work.ts";

type ChargeReply = readonly [
  kind: ChargeResult["kind"] | "unknown",
  seq: number | null,
  charged: number,
  uncollected: number,
  balance: number,
  shortage?: LeaseReply | null,
  units?: number | null,
  isAgain?: boolean,
];

/** What `farebox.run_batch_pool` answers. */
export interface PoolReply {
  readonly released: readonly number[];
  readonly groups: readonly (
    | { readonly seq: number; readonly balance: number }
    | { readonly each: readonly ChargeReply[] }
  )[];
  readonly specials: readonly ChargeReply[];
  readonly leases: readonly LeaseReply[];
  readonly holds: readonly (readonly [
    kind: "held" | "insufficient" | HoldState,
    available: number,
    expiresAt: number | null,
    recalled: boolean,
  ])[];
  readonly balance: number;
  readonly available: number;
}

/** As `lease_credits` and `find_shortage` answer. */
export type LeaseReply = readonly [
  granted: number,
  available: number,
  balance: number,
  nextEventMs: number | null,
  window: number,
  cap: number | null,
  resetMs: number | null,
  recalled: boolean,
];

/** Tells the callers of one pool their results. `owner`: the instance that sent the batch, whose leases they are. */
export function settlePool(pool: GeneralPool, reply: PoolReply, owner: string): void {
  const available = BigInt(reply.available);
  for (const [index, work] of pool.releases.entries()) {
    work.resolve({ released: BigInt(at(reply.released, index)), available }, owner);
  }
  for (const { work, released } of pool.returns) work.resolve({ released, available }, owner);
  for (const [index, { works }] of [...pool.groups.values()].entries()) {
    settleGroup(works, at(reply.groups, index), owner);
  }
  for (const [index, { work }] of pool.specials.entries())
    settleCharge(work, at(reply.specials, index), owner);
  for (const work of pool.free) work.resolve({ ...NOTHING, balance: BigInt(reply.balance) }, owner);
  for (const [index, work] of pool.leases.entries()) work.resolve(readLease(at(reply.leases, index)), owner);
  for (const [index, work] of pool.holds.entries()) work.resolve(readHold(at(reply.holds, index)), owner);
}

const NOTHING = { kind: "charged", seq: null, charged: 0n, uncollected: 0n } as const;

function settleGroup(works: ChargeGroup["works"], reply: PoolReply["groups"][number], owner: string): void {
  if ("each" in reply) {
    for (const [index, work] of works.entries()) settleCharge(work, at(reply.each, index), owner);
    return;
  }
  let balance = BigInt(reply.balance);
  for (const [nth, { item, resolve }] of works.entries()) {
    balance -= item.amount;
    resolve(
      { kind: "charged", seq: reply.seq + nth + 1, charged: item.amount, uncollected: 0n, balance },
      owner,
    );
  }
}

function settleCharge(
  work: ChargeWork,
  [kind, seq, charged, uncollected, balance, shortage, units, isAgain]: ChargeReply,
  owner: string,
): void {
  if (kind === "unknown") {
    work.reject(holdUnknown(work.item));
    return;
  }
  work.resolve(
    {
      kind,
      seq,
      charged: BigInt(charged),
      uncollected: BigInt(uncollected),
      balance: BigInt(balance),
      ...(shortage && { shortage: readLease(shortage) }),
      ...(typeof units === "number" && { units }),
      ...(isAgain === true && { isAgain }),
    },
    owner,
  );
}

const CAP_WINDOW: readonly (CapWindow | undefined)[] = [undefined, "day", "month", "total"];

export function readLease(reply: LeaseReply): LeaseResult {
  const [granted, available, balance, nextEventMs, nth, cap, resetMs, recalled] = reply;
  const window = CAP_WINDOW[nth];
  return {
    granted: BigInt(granted),
    available: BigInt(available),
    balance: BigInt(balance),
    nextEventMs,
    recalled,
    ...(window && { cap: { window, amount: BigInt(cap ?? 0), resetMs } }),
  };
}

function readHold([kind, available, expiresAt, recalled]: PoolReply["holds"][number]): HoldResult {
  if (kind === "held") return { kind, available: BigInt(available), expiresAt: new Date(expiresAt ?? 0) };
  if (kind === "insufficient") return { kind, available: BigInt(available), recalled };
  return { kind: "conflict", state: kind };
}
