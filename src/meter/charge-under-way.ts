import type { Credits } from "../domain/credits.ts";
import { FareboxError } from "../domain/farebox-error.ts";
import type { Lease } from "../domain/leases/lease.ts";
import type { ChargeItem, ChargeResult, PoolRef, Shortage, StoredResponse } from "../ledger/ledger.ts";
import type { AdmissionParts } from "./admission-parts.ts";
import type { AdmitRequest, Settlement } from "./meter.ts";
import { PendingSettle } from "./settle-deadlines.ts";
import { reverseCharge, Settled } from "./settled.ts";

/** How the request that waits hears of its charge. */
interface Waiting {
  readonly resolve: (settlement: Settlement | Promise<Settlement>) => void;
  readonly reject: (error: unknown) => void;
  /** The charge was to be made whole and is not covered. Undefined: it is not to be. */
  readonly short?: (shortage: Shortage) => void;
}

/**
 * A charge on its way to the database, and the request that waits for it. When its outcome is not known in time the request
 * is answered as failed; should the charge turn out to be committed, it is refunded: a failed request costs nothing
 * (invariant I7).
 */
export class ChargeUnderWay extends PendingSettle {
  readonly #parts: AdmissionParts;
  readonly #request: AdmitRequest;
  readonly #item: ChargeItem;
  readonly #lease: Lease | undefined;
  readonly #waiting: Waiting;

  constructor(
    parts: AdmissionParts,
    request: AdmitRequest,
    item: ChargeItem,
    lease: Lease | undefined,
    waiting: Waiting,
  ) {
    super();
    this.#parts = parts;
    this.#request = request;
    this.#item = item;
    this.#lease = lease;
    this.#waiting = waiting;
  }

  send(): void {
    const { ledger, deadlines, clock } = this.#parts;
    if (!this.#isAwaited) deadlines.add(clock.now(), this);
    void ledger.charge(this.#item).then(
      (result) => this.#committed(result),
      (error: unknown) => this.#failed(error),
    );
  }

  protected override overdue(): void {
    this.#parts.events.chargeUnknown(this.#subject());
    this.#waiting.reject(
      new FareboxError("storage_unavailable", "the charge is not known to be committed", { retryable: true }),
    );
  }

  #committed(result: ChargeResult): Promise<void> | undefined {
    const { desk, open } = this.#parts;
    if (this.#lease !== undefined) desk.settle(this.#lease, this.#reserved, result.charged);
    open.end();
    if (!this.#mayAnswer()) return this.#reverseLate(result);
    if (result.shortage === undefined) this.#waiting.resolve(this.#settled(result));
    else if (this.#waiting.short !== undefined) this.#waiting.short(result.shortage);
    else this.#waiting.reject(new Error(`the charge of request ${this.#item.requestId} is short`));
    return undefined;
  }

  #failed(error: unknown): void {
    const { desk, open } = this.#parts;
    if (this.#lease !== undefined) desk.unreserve(this.#lease, this.#reserved);
    open.end();
    if (this.#mayAnswer()) this.#waiting.reject(error);
  }

  /** Somebody asks until it is told. */
  get #isAwaited(): boolean {
    return this.#request.asHold === true;
  }

  #mayAnswer(): boolean {
    return this.#isAwaited || this.claim();
  }

  /** What was set aside for it in the lease. */
  get #reserved(): Credits {
    return this.#item.most ?? this.#item.amount;
  }

  #settled(result: ChargeResult): Settlement | Promise<Settlement> {
    const { pool, requestId, units } = this.#item;
    if (result.uncollected > 0n) {
      const { creditType } = pool;
      this.#parts.events.uncollected({ ...this.#subject(), creditType, amount: result.uncollected });
    }
    if (result.kind === "superseded") return this.#superseded(pool, result);
    return new Settled(this.#parts, pool, result, requestId, result.units ?? units, undefined);
  }

  /** Another run completed the key first: its response is the answer. */
  async #superseded(pool: PoolRef, result: ChargeResult): Promise<Settlement> {
    const { idempotency, identity, requestId } = this.#request;
    let response: StoredResponse | undefined;
    if (idempotency !== undefined) {
      const start = await this.#parts.ledger.beginIdempotent(
        identity.accountId,
        identity.shard,
        idempotency.key,
        idempotency.requestHash,
      );
      if (start.kind === "done") response = start.response;
      if (start.kind === "begun") {
        await this.#parts.tasks.attempt("freeing an Idempotency-Key", () =>
          this.#parts.ledger.abandonIdempotent(
            identity.accountId,
            identity.shard,
            idempotency.key,
            start.owner,
          ),
        );
      }
    }
    return new Settled(this.#parts, pool, result, requestId, 0, response);
  }

  async #reverseLate(result: ChargeResult): Promise<void> {
    if (result.charged === 0n) return;
    const reason = "answered as failed because the charge was not known to be committed";
    await reverseCharge(this.#parts, this.#item.pool, result, this.#item.requestId, reason);
    this.#parts.events.chargeReversed({ ...this.#subject(), amount: result.charged });
  }

  #subject() {
    const { requestId, identity, route } = this.#request;
    return { requestId, accountId: identity.accountId, endpoint: route.endpoint };
  }
}
