import { type Credits, formatCredits } from "../domain/credits.ts";
import { FareboxError } from "../domain/farebox-error.ts";
import type { Exchange } from "../exchange/parts/exchange.ts";
import type { HandHolds, HeldWork, SettledWork, WorkDone, WorkToHold } from "./hand-holds.ts";

/** What an account has of one type of credits. Amounts are decimal numbers as text: `"12.5"`. */
export interface Balance {
  readonly creditType: string;
  readonly balance: string;
}

/**
 * What Farebox knows of a request, and what its handler can say of it: `request.farebox`. Everything that is said counts until the
 * answer is charged, which is before its first byte leaves.
 */
export class FareboxCall {
  readonly #exchange: Exchange;
  readonly #holds: HandHolds | undefined;

  constructor(exchange: Exchange, holds?: HandHolds) {
    this.#exchange = exchange;
    this.#holds = holds;
  }

  /** As the answer's `X-Request-Id` and the operator's log have it. */
  get requestId(): string {
    return this.#exchange.requestId;
  }

  /** `acc_…`; undefined on routes that need no key. */
  get accountId(): string | undefined {
    return this.#exchange.identity?.accountId;
  }

  /** `key_…`, the key's id and never the key; undefined on routes that need none. */
  get keyId(): string | undefined {
    return this.#exchange.identity?.keyId;
  }

  /** The price's match, as `GET /search`; `"unpriced"`, or undefined on routes that need no key. */
  get endpoint(): string | undefined {
    return this.#exchange.route?.endpoint;
  }

  /** The most that the call can cost, in credits as text; undefined where it is free or decided on the answer. */
  get quote(): string | undefined {
    const { admission } = this.#exchange;
    if (admission?.price === undefined || admission.decidedOnAnswer) return undefined;
    return formatCredits(admission.quote.amount);
  }

  /** How many units the call counted, as the handler told; undefined before. */
  get units(): number | undefined {
    return this.#exchange.told?.units;
  }

  /**
   * Says how many units the call counted, in the place of what its price would read of the answer. A whole number, unless the price
   * counts decimals. Beyond the quote it is charged as far as the account's credits go. Ignored where nothing is charged.
   * Throws FareboxError `units_invalid` for what is no count, where the price counts nothing, and once the answer is charged.
   */
  set units(units: number) {
    const { told, admission } = this.#exchange;
    const price = admission?.price;
    if (told === undefined) return;
    const isDecimal = price?.count !== undefined && "decimal" in price.count;
    if (!Number.isFinite(units) || units < 0 || !(isDecimal || Number.isInteger(units))) {
      throw refused(`${units} is no number of units`);
    }
    if (
      price !== undefined &&
      (price.per === "request" || price.count === undefined || "request" in price.count)
    ) {
      throw refused(
        `the price of ${this.endpoint} counts nothing of the answer: write "per" and "count" into it`,
      );
    }
    if (told.isDecided) throw refused(LATE);
    told.units = units;
  }

  /**
   * The call costs nothing, whatever it answers. To be said before the answer begins. Throws FareboxError `units_invalid` once what it
   * costs is decided.
   */
  free(): void {
    const { told } = this.#exchange;
    if (told === undefined) return;
    if (told.isDecided || this.#exchange.upstreamStatus !== undefined) throw refused(LATE);
    told.isFree = true;
  }

  /** What the account has of each type of credits, this call's hold not subtracted. Rejects with FareboxError `storage_unavailable`. */
  async balance(): Promise<readonly Balance[]> {
    const { identity, parts } = this.#exchange;
    if (identity === undefined) return [];
    const pools = await parts.meter.balances(identity);
    return pools.map(({ creditType, balance }) => ({ creditType, balance: text(balance) }));
  }

  /**
   * Holds credits of this call's customer for further work, by the price of its method and path; beside what this call itself costs. Settle
   * or release it, also when this call is long over. Rejects with FareboxError `request_invalid`, which names the fields, `hold_conflict`,
   * `hold_not_long`, `overloaded`, and retryably: the same is to be asked again.
   */
  async hold(work: WorkToHold): Promise<HeldWork> {
    const { identity, clientAddress } = this.#exchange;
    if (identity === undefined) {
      throw new FareboxError(
        "request_invalid",
        `The route needs no key: nobody is there to pay for ${work.path}.`,
      );
    }
    return await this.#byHand().hold(work, { identity, address: clientAddress });
  }

  /**
   * Charges what was held by hand; resolves when that is committed. Again with the same it has one effect and one answer. Rejects with
   * FareboxError `request_invalid`, `hold_unknown`, `hold_settled`, `hold_released`, `hold_expired`, `part_not_possible`, and retryably.
   */
  async settle(done: WorkDone): Promise<SettledWork> {
    return await this.#byHand().settle(done);
  }

  /** Frees what was held by hand; what it was charged is refunded, but for parts. Rejects like {@link FareboxCall.settle}. */
  async release(what: Parameters<HandHolds["release"]>[0]): ReturnType<HandHolds["release"]> {
    return await this.#byHand().release(what);
  }

  /** Holds it for `ttl` seconds from now on. Rejects with FareboxError `hold_unknown`, `hold_expired`. */
  async extend(what: Parameters<HandHolds["extend"]>[0]): ReturnType<HandHolds["extend"]> {
    return await this.#byHand().extend(what);
  }

  #byHand(): HandHolds {
    if (this.#holds === undefined) throw new TypeError("this middleware was made without holds");
    return this.#holds;
  }
}

const LATE = "it is too late: what the call costs was decided when its answer began";

function text(amount: Credits): string {
  return formatCredits(amount);
}

function refused(message: string): FareboxError {
  return new FareboxError("units_invalid", message);
}
