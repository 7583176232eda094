import type { Credits } from "../domain/credits.ts";
import type { Lease } from "../domain/leases/lease.ts";
import { chargedOn, computeCharge } from "../domain/prices/compute-charge.ts";
import { readOnceValue } from "../domain/prices/once-value.ts";
import type { ComputedCharge } from "../domain/prices/outcome.ts";
import { versionOf } from "../domain/prices/own/own-prices.ts";
import type { Price, Quote } from "../domain/prices/price.ts";
import type { Refusal } from "../domain/refusal.ts";
import type { ChargeItem, PoolRef, StoredResponse } from "../ledger/ledger.ts";
import type { AdmissionParts } from "./admission-parts.ts";
import { chargeWhole, isShortage } from "./answer-charge.ts";
import { ChargeUnderWay } from "./charge-under-way.ts";
import type { ResultClaim } from "./limits/result-claim.ts";
import type { Admission, AdmitRequest, Settlement } from "./meter.ts";
import { explainShortage, refusalOf } from "./refusals.ts";

type Outcome = Parameters<Admission["settle"]>[0];

/** What was decided when the request was admitted. */
export interface AdmissionTerms {
  /** Undefined: free. */
  readonly price: Price | undefined;
  readonly quote: Quote;
  /** Where the quote is set aside; undefined when there is nothing to set aside. */
  readonly lease: Lease | undefined;
  /** Inside its `once` window: admitted without credits, so it is never charged, even if the window ends meanwhile. */
  readonly repeat: boolean;
  /** This run's token for its Idempotency-Key. */
  readonly owner: string | undefined;
  /** Places of limits of results; undefined: none matches. */
  readonly claim: ResultClaim | undefined;
}

/** A request on its way, and the credits set aside for it. They are charged or returned, once. */
export class OpenAdmission implements Admission {
  readonly price: Price | undefined;
  readonly quote: Quote;
  readonly onlyBy: string | undefined;
  readonly #parts: AdmissionParts;
  readonly #request: AdmitRequest;
  readonly #terms: AdmissionTerms;
  #closed = false;
  /** Nothing is set aside any more, and it is not counted among the open ones. */
  #lapsed = false;

  constructor(parts: AdmissionParts, request: AdmitRequest, terms: AdmissionTerms) {
    this.#parts = parts;
    this.#request = request;
    this.#terms = terms;
    this.price = terms.price;
    this.quote = terms.quote;
    this.onlyBy = request.asHold === true ? parts.ledger.instanceId : undefined;
    parts.open.begin();
  }

  chargedOn(status: number): boolean {
    return this.price !== undefined && chargedOn(this.price, status);
  }

  unitsOf(outcome: Parameters<Admission["unitsOf"]>[0]): number {
    return this.price === undefined ? 0 : computeCharge(this.price, outcome, this.#request.facts).units;
  }

  get owner(): string | undefined {
    return this.#terms.owner;
  }

  get decidedOnAnswer(): boolean {
    return this.price?.decide === "answer";
  }

  settle(outcome: Outcome): Promise<Settlement> {
    const price = this.#priceOf("request");
    this.#close();
    const computed = this.#compute(price, outcome);
    // One that may be settled again counts when it is charged.
    if (this.onlyBy === undefined) this.#terms.claim?.count(computed.units);
    const amount = this.#terms.repeat ? 0n : computed.amount;
    const measured = this.#terms.repeat ? undefined : computed.measured;
    const { max } = this.#request;
    // The caller was promised that it costs no more, whatever the upstream returned.
    const most = max !== undefined && max < amount ? max : undefined;
    const lease = this.#setAsideExactly(most ?? amount);
    const item = { ...this.#item(price, outcome, amount, computed.units, lease), most, measured };
    const committed = this.#commit(item, lease);
    return this.onlyBy === undefined ? committed : this.#orAgain(this.#counted(committed, computed.units));
  }

  async decide(outcome: Outcome): Promise<Settlement | Refusal> {
    const price = this.#priceOf("answer");
    this.#close();
    return await this.#orAgain(this.#decide(price, outcome));
  }

  lapse(): void {
    if (this.#closed || this.#lapsed) return;
    this.#returnAll();
    this.#lapsed = true;
    this.#parts.open.end();
  }

  async #decide(price: Price, outcome: Outcome): Promise<Settlement | Refusal> {
    try {
      const computed = this.#compute(price, outcome);
      const allowed = await this.#allowedByMax(price, computed.amount);
      if (typeof allowed !== "bigint") return await this.#refuse(allowed);
      const item = this.#item(price, outcome, allowed, computed.units, undefined);
      const { measured } = computed;
      const charged = await chargeWhole(this.#parts, this.#request, { ...item, whole: true, measured });
      if (!isShortage(charged)) {
        this.#terms.claim?.count(computed.units);
        return charged;
      }
      return await this.#refuse(explainShortage(price.creditType, item.amount, charged));
    } finally {
      this.#terms.claim?.free();
      this.#parts.open.end();
    }
  }

  async cancel(): Promise<void> {
    if (this.#closed) return;
    this.#end();
    await this.#freeKey();
  }

  async finish(response: StoredResponse): Promise<void> {
    this.#end();
    const { owner } = this.#terms;
    const { idempotency, identity } = this.#request;
    if (idempotency === undefined || owner === undefined) return;
    await this.#parts.tasks.attempt("storing a response", () =>
      this.#parts.ledger.completeIdempotent(
        identity.accountId,
        identity.shard,
        idempotency.key,
        owner,
        response,
      ),
    );
  }

  /**
   * What may be charged: the caller's `Credits-Max` is a limit on what the answer costs. A repeat costs nothing; it stays so if its
   * window ends before the charge is made.
   */
  async #allowedByMax(price: Price, amount: Credits): Promise<Credits | Refusal> {
    const { max, facts } = this.#request;
    if (max === undefined || amount <= max) return amount;
    const value = readOnceValue(price, facts);
    try {
      if (
        value !== undefined &&
        (await this.#parts.ledger.isRepeat(this.#pool(price), price.endpoint, value))
      )
        return 0n;
    } catch (error) {
      return refusalOf(error);
    }
    return { code: "quote_above_max", creditType: price.creditType, quote: amount, max };
  }

  async #counted(committed: Promise<Settlement>, units: number): Promise<Settlement> {
    const settlement = await committed;
    this.#terms.claim?.count(units);
    return settlement;
  }

  /** A caller who asks again may settle again what was not charged: what was set aside has gone back. */
  async #orAgain<T>(settling: Promise<T>): Promise<T> {
    try {
      return await settling;
    } catch (error) {
      this.#closed = this.onlyBy === undefined;
      this.#lapsed = !this.#closed;
      this.#terms.claim?.free();
      throw error;
    }
  }

  /** Nothing was charged, so the key is free before the refusal is told: a top-up and a retry under it must work. */
  async #refuse(refusal: Refusal): Promise<Refusal> {
    await this.#freeKey();
    return refusal;
  }

  /**
   * Makes what is set aside equal to what will be charged, and gives the lease it is in. Less: the rest is free for
   * others at once. More (the upstream returned more than it may): from the lease's free part, or else everything of
   * this pool that no other request needs goes back and the charge draws from the pool, which covers what it can.
   */
  #setAsideExactly(amount: Credits): Lease | undefined {
    const { lease, quote } = this.#terms;
    const { desk } = this.#parts;
    if (lease === undefined || this.#lapsed || !desk.holds(lease)) return undefined;
    if (amount < quote.amount) desk.unreserve(lease, quote.amount - amount);
    if (amount <= quote.amount || desk.reserveMore(lease, amount - quote.amount)) return lease;
    desk.surrender(lease, quote.amount);
    return undefined;
  }

  /** Resolves when the charge is durable. */
  #commit(item: ChargeItem, lease: Lease | undefined): Promise<Settlement> {
    return new Promise((resolve, reject) => {
      new ChargeUnderWay(this.#parts, this.#request, item, lease, { resolve, reject }).send();
    });
  }

  async #freeKey(): Promise<void> {
    const { owner } = this.#terms;
    const { idempotency, identity } = this.#request;
    if (idempotency === undefined || owner === undefined) return;
    await this.#parts.tasks.attempt("freeing an Idempotency-Key", () =>
      this.#parts.ledger.abandonIdempotent(identity.accountId, identity.shard, idempotency.key, owner),
    );
  }

  #priceOf(decide: Price["decide"]): Price {
    const { price } = this;
    if (price?.decide === decide) return price;
    const decided = price === undefined ? "is free" : `is decided on the ${price.decide}`;
    throw new Error(`request ${this.#request.requestId} ${decided} and cannot be settled so`);
  }

  #compute(price: Price, outcome: Outcome): ComputedCharge {
    const { cost, units = 1 } = outcome;
    if (cost !== undefined && chargedOn(price, outcome.status))
      return { amount: cost, units, countProblem: undefined };
    const computed = computeCharge(price, outcome, this.#request.facts);
    if (computed.countProblem !== undefined) {
      this.#parts.events.countMissing({
        ...this.#subject(),
        problem: computed.countProblem,
        charged: computed.amount,
      });
    }
    return computed;
  }

  #item(
    price: Price,
    outcome: Outcome,
    amount: Credits,
    units: number,
    lease: Lease | undefined,
  ): ChargeItem {
    return {
      pool: this.#pool(price),
      hold: lease === undefined ? null : "lease",
      capKey: lease?.capKey,
      amount,
      onlyBy: this.onlyBy,
      requestId: this.#request.requestId,
      keyId: this.#request.identity.keyId,
      endpoint: price.endpoint,
      units,
      status: outcome.status,
      priceList: versionOf(this.#request.route, price),
      once: this.#once(price),
      idempotency: this.#idempotency(outcome.status, outcome.response),
    };
  }

  #returnAll(): void {
    const { lease, quote, claim } = this.#terms;
    claim?.free();
    if (lease !== undefined && !this.#lapsed) this.#parts.desk.unreserve(lease, quote.amount);
  }

  /** Nothing is charged. */
  #end(): void {
    this.#close();
    this.#returnAll();
    this.#parts.open.end();
  }

  /** Of those that may be settled once, and of those that were not charged at the first time. */
  #close(): void {
    if (this.#closed) throw new Error(`request ${this.#request.requestId} was settled or cancelled before`);
    this.#closed = true;
    if (this.#lapsed) this.#parts.open.begin();
  }

  #pool(price: Price): PoolRef {
    const { accountId, shard } = this.#request.identity;
    return this.#terms.lease ?? { accountId, creditType: price.creditType, shard };
  }

  #once(price: Price): ChargeItem["once"] {
    if (price.once === undefined || this.#terms.repeat) return undefined;
    const value = readOnceValue(price, this.#request.facts);
    return value === undefined ? undefined : { value, withinSeconds: price.once.withinSeconds };
  }

  /** A response that was not kept is stored as one that cannot be replayed: running it again would charge it again. */
  #idempotency(status: number, response: StoredResponse | undefined): ChargeItem["idempotency"] {
    const { owner } = this.#terms;
    const { idempotency } = this.#request;
    if (idempotency === undefined || owner === undefined) return undefined;
    const { key, requestHash } = idempotency;
    return { key, requestHash, owner, response: response ?? { status, headers: [], body: null } };
  }

  #subject() {
    const { requestId, identity, route } = this.#request;
    return { requestId, accountId: identity.accountId, endpoint: route.endpoint };
  }
}
