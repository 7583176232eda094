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
  readonly units: number;
  readonly supersededBy: StoredResponse | undefined;
  readonly #parts: RefundParts;
  readonly #pool: PoolRef;
  readonly #result: ChargeResult;
  readonly #requestId: string;
  #refund: Promise<void> | undefined = undefined;

  constructor(
    parts: RefundParts,
    pool: PoolRef,
    result: ChargeResult,
    requestId: string,
    units: number,
    supersededBy: StoredResponse | undefined,
  ) {
    this.#parts = parts;
    this.#pool = pool;
    this.#result = result;
    this.#requestId = requestId;
    this.units = units;
    this.supersededBy = supersededBy;
  }

  get creditType(): string {
    return this.#pool.creditType;
  }

  get charged(): Credits {
    return this.#result.charged;
  }

  get uncollected(): Credits {
    return this.#result.uncollected;
  }

  get balance(): Credits {
    return this.#result.balance;
  }

  get superseded(): boolean {
    return this.#result.kind === "superseded";
  }

  get chargeId(): string | undefined {
    const { seq } = this.#result;
    return seq === null ? undefined : renderChargeId({ ...this.#pool, seq });
  }

  refund(reason: string): Promise<void> {
    this.#refund ??= this.superseded
      ? Promise.resolve()
      : reverseCharge(this.#parts, this.#pool, this.#result, this.#requestId, reason);
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
