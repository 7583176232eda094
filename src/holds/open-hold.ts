import type { Credits } from "../domain/credits.ts";
import { FareboxError } from "../domain/farebox-error.ts";
import type { Admission, Settlement } from "../meter/meter.ts";
import type { HoldEnd, HoldOutcome } from "./hold.ts";
import type { HoldSubject } from "./hold-events.ts";

/** A hold that this instance has made, until it is forgotten. It resolves once. */
export class OpenHold {
  readonly subject: HoldSubject;
  /** Of the caller's own id, if it has one. */
  readonly callerId: string | undefined;
  readonly #admission: Admission;
  #state: "open" | "lapsed" | "settling" | "settled" | "released" = "open";
  #content: string | undefined = undefined;
  #ending: Promise<HoldEnd> | undefined = undefined;
  #settlement: Settlement | undefined = undefined;
  #releasing: Promise<Credits> | undefined = undefined;

  constructor(subject: HoldSubject, admission: Admission, callerId: string | undefined) {
    this.subject = subject;
    this.#admission = admission;
    this.callerId = callerId;
  }

  /** Nobody has settled or released it, and it has not expired. */
  get isOpen(): boolean {
    return this.#state === "open";
  }

  get isLapsed(): boolean {
    return this.#state === "lapsed";
  }

  /** Its end is known, or will be without anybody's doing. */
  get isResolved(): boolean {
    return this.#ending !== undefined || this.#releasing !== undefined;
  }

  get quote(): Credits {
    return this.#admission.quote.amount;
  }

  /** Its time is over: what it holds goes back. It may still be settled, from what the pool has then. */
  lapse(): void {
    if (this.#state !== "open") return;
    this.#state = "lapsed";
    this.#admission.lapse();
  }

  /** Not to be settled any more. */
  forget(): void {
    if (this.#state === "lapsed") void this.#admission.cancel();
  }

  /**
   * The same outcome again has the same end, also at once. Rejects with FareboxError `hold_settled` for another outcome, with
   * `hold_released`, and like {@link Admission.settle}: then it may be settled again.
   */
  settle(outcome: HoldOutcome): Promise<HoldEnd> {
    if (this.#state === "released") {
      return Promise.reject(
        new FareboxError("hold_released", "The hold was released, so it cannot be settled.", this.#detail),
      );
    }
    if (this.#ending !== undefined) {
      if (this.#content === outcome.content) return this.#tell(this.#ending);
      return Promise.reject(
        new FareboxError("hold_settled", "The hold was settled with another outcome.", this.#detail),
      );
    }
    this.#state = "settling";
    this.#content = outcome.content;
    this.#ending = this.#settle(outcome);
    return this.#ending;
  }

  /**
   * What it holds goes back; of one that is charged the whole charge. The credits that were given back. Again: the same.
   */
  release(reason: string): Promise<Credits> {
    this.#releasing ??= this.#release(reason);
    return this.#releasing;
  }

  /** With what was given back since. */
  async #tell(ending: Promise<HoldEnd>): Promise<HoldEnd> {
    const end = await ending;
    if (end.kind !== "charged" || this.#releasing === undefined) return end;
    return { ...end, refunded: await this.#releasing };
  }

  async #settle(outcome: HoldOutcome): Promise<HoldEnd> {
    try {
      const end = await this.#run(outcome);
      this.#state = "settled";
      return end;
    } catch (error) {
      // Nothing was charged; what was held has gone back.
      this.#state = "lapsed";
      this.#ending = undefined;
      this.#content = undefined;
      throw error;
    }
  }

  async #run(outcome: HoldOutcome): Promise<HoldEnd> {
    const admission = this.#admission;
    const { response } = outcome;
    if (!admission.chargedOn(outcome.status)) {
      // A failure that may pass frees the Idempotency-Key; what is complete is kept for its replay.
      if (response === undefined) await admission.cancel();
      else await admission.finish(response);
      return { kind: "free" };
    }
    const settled = admission.decidedOnAnswer
      ? await admission.decide(withoutNothing(outcome))
      : await admission.settle(withoutNothing(outcome));
    if ("code" in settled) return { kind: "refused", refusal: settled };
    if (settled.superseded) return { kind: "superseded", response: settled.supersededBy };
    this.#settlement = settled;
    const { creditType, charged, uncollected, balance, units, chargeId } = settled;
    return { kind: "charged", creditType, charged, uncollected, balance, units, chargeId, refunded: 0n };
  }

  async #release(reason: string): Promise<Credits> {
    // A settlement on its way is waited for: only a charge that is known can be given back. One that failed may have been begun again
    // meanwhile; without any, the hold is released before anything else can happen.
    while (this.#ending !== undefined) {
      await this.#ending.catch(() => undefined);
      if (this.#state !== "settled") continue;
      await this.#settlement?.refund(reason);
      return this.#settlement?.charged ?? 0n;
    }
    this.#state = "released";
    await this.#admission.cancel();
    return 0n;
  }

  get #detail(): { readonly detail: Record<string, unknown> } {
    return { detail: { requestId: this.subject.requestId } };
  }
}

function withoutNothing({
  status,
  units,
  cost,
  answer,
  response,
}: HoldOutcome): Parameters<Admission["settle"]>[0] {
  return { status, units, cost, answer, ...(response && { response }) };
}
