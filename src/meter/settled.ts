import type { Credits } from "../domain/credits.ts";
import { renderChargeId } from "../domain/ids.ts";
import type { ChargeResult, Ledger, PoolRef, StoredResponse } from "../ledger/ledger.ts";
import type { DurableTasks } from "./durable-tasks.ts";
import type { Settlement } from "./meter.ts";

/** What a settlement needs for its refund. */
export interface RefundParts {
  readonly ledger: Pick<Ledger, "refund">;
  readonly tasks: DurableTasks;
}

/** A committed charge, or a request that was found to cost nothing. */
export class Settled implements Settlement {
  readonly creditType: string;
  readonly charged: Credits;
  readonly uncollected: Credits;
  readonly balance: Credits;
  readonly units: number;
  readonly superseded: boolean;
  readonly supersededBy: StoredResponse | undefined;
  readonly chargeId: string | undefined;
  readonly #refundOnce: ((reason: string) => Promise<void>) | undefined;
  #refund: Promise<void> | undefined = undefined;

  constructor(
    pool: PoolRef,
    result: ChargeResult,
    units: number,
    refundOnce: ((reason: string) => Promise<void>) | undefined,
    supersededBy: StoredResponse | undefined,
  ) {
    this.creditType = pool.creditType;
    this.charged = result.charged;
    this.uncollected = result.uncollected;
    this.balance = result.balance;
    this.units = units;
    this.superseded = result.kind === "superseded";
    this.supersededBy = supersededBy;
    this.chargeId = result.seq === null ? undefined : renderChargeId({ ...pool, seq: result.seq });
    this.#refundOnce = refundOnce;
  }

  refund(reason: string): Promise<void> {
    this.#refund ??= this.#refundOnce === undefined ? Promise.resolve() : this.#refundOnce(reason);
    return this.#refund;
  }
}

/**
 * Reverses a charge whose request failed in the end. The request's id is the reference, so whoever reverses it, and
 * however often, refunds it once.
 */
export function reverseCharge(
  parts: RefundParts,
  pool: PoolRef,
  result: ChargeResult,
  requestId: string,
  reason: string,
): Promise<void> {
  const { seq } = result;
  if (seq === null || result.charged === 0n) return Promise.resolve();
  return parts.tasks.run("refund", () => parts.ledger.refund(pool, seq, "all", reason, requestId));
}
