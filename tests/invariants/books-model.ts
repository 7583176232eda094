export interface ModelGrant {
  amount: bigint;
  remaining: bigint;
  /** Has expired and is still covered by a hold. */
  overdue: bigint;
  readonly source: string;
  readonly priority: number;
  readonly effectiveAt: number;
  readonly expiresAt: number | null;
  isActive: boolean;
  /** The plan that granted it. */
  readonly plan: string | null;
}

interface ModelHold {
  readonly asked: bigint;
  amount: bigint;
  readonly expiresAt: number;
  state: "live" | "charged" | "released" | "expired";
  /** The charge that resolved it. */
  charge: ModelCharge | undefined;
}

export interface ModelCharge {
  readonly seq: number | null;
  readonly charged: bigint;
  readonly uncollected: bigint;
  readonly balance: bigint;
  /** Of a hold that was charged before. */
  readonly isAgain?: true;
}

export interface ModelPlan {
  readonly name: string;
  readonly amount: bigint;
  readonly everyHours: number;
  readonly rollover: "none" | "all" | bigint;
}

type TakenPlan = ModelPlan & { nextAt: number };

type Event = { readonly at: number; readonly rank: number; readonly run: () => void };

/**
 * What a pool should be, kept the simplest way: everything happens at once and nothing is lazy. Time is counted in whole hours;
 * the fraction of a moment says in which order moments of one hour were named.
 */
export class BooksModel {
  now = 0;
  seq = 0;
  uncollected = 0n;
  grants: ModelGrant[] = [];
  plan: TakenPlan | undefined;
  /** What takes the plan's place at a moment, if it is not withdrawn before. */
  next: { readonly plan: ModelPlan | undefined; readonly at: number } | undefined;
  readonly holds = new Map<string, ModelHold>();
  /** Per instance. */
  readonly leases = new Map<number, bigint>();
  readonly references = new Set<string>();
  /** What was asked for by each refund's charge and reference. */
  readonly refunds = new Map<string, bigint | "all">();
  /** Which grants paid each charge, in the order in which they did. */
  readonly charges = new Map<number, { readonly parts: { grant: ModelGrant; amount: bigint }[] }>();
  readonly paidUntil = new Map<string, number>();
  #moments = 0;

  get balance(): bigint {
    return this.grants.reduce((sum, grant) => sum + (grant.isActive ? grant.remaining : 0n), 0n);
  }

  get held(): bigint {
    let sum = 0n;
    for (const hold of this.holds.values()) sum += hold.amount;
    for (const lease of this.leases.values()) sum += lease;
    return sum;
  }

  get available(): bigint {
    return this.balance - this.held;
  }

  /** The moment so many hours from now. */
  moment(hours: number): number {
    this.#moments += 1;
    return this.now + hours + this.#moments * 1e-6;
  }

  isDue(moment: number): boolean {
    return Math.floor(moment) <= this.now;
  }

  /** Lets hours pass and applies what becomes due, in the order of time. */
  pass(hours: number): void {
    this.now += hours;
    for (let event = this.#next(); event !== undefined; event = this.#next()) {
      event.run();
      this.expireOverdue();
    }
  }

  add(grant: Pick<ModelGrant, "amount" | "source" | "priority" | "effectiveAt" | "expiresAt">): ModelGrant {
    const isActive = this.isDue(grant.effectiveAt);
    const added = { ...grant, remaining: grant.amount, overdue: 0n, isActive, plan: null };
    this.grants.push(added);
    if (isActive) this.seq += 1;
    // It may cover a hold that an expired grant has covered until now.
    this.expireOverdue();
    return added;
  }

  /** Gives another plan or none. The plan that it has already only withdraws what is pending. */
  changePlan(plan: ModelPlan | undefined, when: "now" | "refresh"): void {
    this.next = undefined;
    if (plan?.name === this.plan?.name) return;
    if (when === "refresh" && this.plan !== undefined) {
      this.next = { plan, at: this.plan.nextAt };
      return;
    }
    this.plan = plan && { ...plan, nextAt: this.moment(0) };
    this.pass(0);
  }

  lease(instance: number, giveBack: bigint, need: bigint, want: bigint): bigint {
    const before = this.leases.get(instance) ?? 0n;
    this.leases.set(instance, before - (giveBack < before ? giveBack : before));
    this.expireOverdue();
    const { available } = this;
    if (available < need) return 0n;
    const eighth = available / 8n;
    const wanted = want < eighth ? want : eighth;
    const granted = wanted > need ? wanted : need;
    this.leases.set(instance, (this.leases.get(instance) ?? 0n) + granted);
    return granted;
  }

  /** Whether a charge that is to be made whole would not be. */
  isShortOf(amount: bigint, once?: { value: string }): boolean {
    const isRepeat = once !== undefined && (this.paidUntil.get(once.value) ?? -1) > this.now;
    return !isRepeat && amount > this.available;
  }

  /** `source`: an instance's lease, a hold, or the pool. */
  charge(
    amount: bigint,
    source: number | string | null,
    once?: { value: string; hours: number },
  ): ModelCharge | "repeat" {
    const hold = typeof source === "string" ? this.holds.get(source) : undefined;
    if (hold?.charge !== undefined) return { ...hold.charge, isAgain: true };
    const isRepeat = once !== undefined && (this.paidUntil.get(once.value) ?? -1) > this.now;
    let setAside = 0n;
    if (hold !== undefined) {
      setAside = hold.amount;
      hold.amount = 0n;
      if (hold.state === "live") hold.state = "charged";
    } else if (typeof source === "number" && !isRepeat) {
      const lease = this.leases.get(source) ?? 0n;
      setAside = lease < amount ? lease : amount;
      this.leases.set(source, lease - setAside);
    }
    const result = isRepeat ? this.#nothing() : this.#collect(amount);
    if (once !== undefined && result.charged > 0n) this.paidUntil.set(once.value, this.now + once.hours);
    if (hold !== undefined) hold.charge = result;
    this.expireOverdue();
    return isRepeat ? "repeat" : result;
  }

  refund(seq: number, amount: bigint | "all"): bigint | "exceeds" {
    const charge = this.charges.get(seq);
    if (charge === undefined) throw new Error(`no charge ${seq}`);
    const left = charge.parts.reduce((sum, part) => sum + part.amount, 0n);
    if (amount !== "all" && amount > left) return "exceeds";
    const refunded = amount === "all" ? left : amount;
    if (refunded === 0n) return 0n;
    let rest = refunded;
    let homeless = 0n;
    while (rest > 0n) {
      const part = charge.parts.at(-1);
      if (part === undefined) throw new Error("the parts of a charge are its amount");
      const back = part.amount < rest ? part.amount : rest;
      part.amount -= back;
      rest -= back;
      if (part.amount === 0n) charge.parts.pop();
      if (part.grant.expiresAt !== null && this.isDue(part.grant.expiresAt)) homeless += back;
      else part.grant.remaining += back;
    }
    this.seq += 1;
    if (homeless > 0n) {
      this.#giveShelter(homeless);
    }
    this.expireOverdue();
    return refunded;
  }

  /** To the refund grant that is open and lives as long as the longest-lived one, or to a new one. */
  #giveShelter(amount: bigint): void {
    const expiresAt = this.#longestLife();
    const open = this.#inOrder().find(
      (grant) => grant.source === "refund" && grant.remaining > 0n && grant.expiresAt === expiresAt,
    );
    if (open === undefined) {
      this.seq -= 1;
      this.add({ amount, source: "refund", priority: 100, effectiveAt: this.moment(0), expiresAt });
      return;
    }
    open.amount += amount;
    open.remaining += amount;
  }

  adjust(amount: bigint): boolean {
    if (amount > 0n) {
      this.add({ amount, source: "adjustment", priority: 100, effectiveAt: this.moment(0), expiresAt: null });
      return true;
    }
    if (-amount > this.available) return false;
    this.#draw(-amount);
    this.seq += 1;
    return true;
  }

  /** Takes what has expired and is no longer covered. Holds cover the grants in the order in which they are drawn. */
  expireOverdue(): void {
    let cover = this.held;
    for (const grant of this.#inOrder()) {
      const covered = cover < grant.remaining ? cover : grant.remaining;
      cover -= covered;
      const free = grant.remaining - covered;
      const taken = free < grant.overdue ? free : grant.overdue;
      if (taken === 0n) continue;
      grant.remaining -= taken;
      grant.overdue -= taken;
      this.seq += 1;
    }
  }

  /** The sweep forgets holds that were resolved, an hour after they would have expired. */
  forget(): void {
    for (const [id, hold] of this.holds) {
      if (hold.state !== "live" && this.isDue(hold.expiresAt + 1)) this.holds.delete(id);
    }
  }

  #collect(amount: bigint): ModelCharge {
    if (amount === 0n) return this.#nothing();
    const { available } = this;
    const charged = available < amount ? available : amount;
    const parts = this.#draw(charged);
    this.uncollected += amount - charged;
    this.seq += 1;
    this.charges.set(this.seq, { parts });
    return { seq: this.seq, charged, uncollected: amount - charged, balance: this.balance };
  }

  #nothing(): ModelCharge {
    return { seq: null, charged: 0n, uncollected: 0n, balance: this.balance };
  }

  #draw(amount: bigint): { grant: ModelGrant; amount: bigint }[] {
    const parts: { grant: ModelGrant; amount: bigint }[] = [];
    let rest = amount;
    for (const grant of this.#inOrder()) {
      const part = grant.remaining < rest ? grant.remaining : rest;
      if (part === 0n) continue;
      grant.remaining -= part;
      grant.overdue -= part < grant.overdue ? part : grant.overdue;
      parts.push({ grant, amount: part });
      rest -= part;
    }
    if (rest > 0n) throw new Error("the model spent more than it has");
    return parts;
  }

  #inOrder(): ModelGrant[] {
    return this.grants
      .filter(({ isActive }) => isActive)
      .sort(
        (left, right) =>
          left.priority - right.priority ||
          compareEnds(left.expiresAt, right.expiresAt) ||
          left.effectiveAt - right.effectiveAt,
      );
  }

  #longestLife(): number | null {
    const open = this.grants.filter(
      (grant) =>
        (grant.remaining > 0n || !grant.isActive) &&
        (grant.expiresAt === null || !this.isDue(grant.expiresAt)),
    );
    if (open.length === 0 || open.some(({ expiresAt }) => expiresAt === null)) return null;
    return Math.max(...open.map(({ expiresAt }) => expiresAt ?? 0));
  }

  #next(): Event | undefined {
    return this.#events()
      .filter(({ at }) => this.isDue(at))
      .sort((left, right) => left.at - right.at || left.rank - right.rank)
      .at(0);
  }

  #events(): Event[] {
    const events: Event[] = [];
    for (const hold of this.holds.values()) {
      if (hold.state !== "live") continue;
      const run = (): void => {
        hold.state = "expired";
        hold.amount = 0n;
      };
      events.push({ at: hold.expiresAt, rank: 0, run });
    }
    for (const grant of this.grants) {
      if (!grant.isActive) {
        const run = (): void => {
          grant.isActive = true;
          this.seq += 1;
        };
        events.push({ at: grant.effectiveAt, rank: 3, run });
      } else if (grant.expiresAt !== null && grant.overdue < grant.remaining) {
        const run = (): void => {
          grant.overdue = grant.remaining;
        };
        events.push({ at: grant.expiresAt, rank: 1, run });
      }
    }
    const { plan, next } = this;
    if (next !== undefined && next.at === plan?.nextAt) {
      const run = (): void => {
        this.plan = next.plan && { ...next.plan, nextAt: next.at };
        this.next = undefined;
      };
      events.push({ at: next.at, rank: 2, run });
    } else if (plan !== undefined) {
      events.push({ at: plan.nextAt, rank: 2, run: () => this.#refresh(plan) });
    }
    return events;
  }

  #refresh(plan: TakenPlan): void {
    if (typeof plan.rollover === "bigint") {
      const survivors = this.#inOrder().filter((grant) => grant.plan === plan.name);
      let excess =
        survivors.reduce((sum, grant) => sum + grant.remaining - grant.overdue, 0n) - plan.rollover;
      for (const grant of survivors) {
        if (excess <= 0n) break;
        const part = grant.remaining - grant.overdue < excess ? grant.remaining - grant.overdue : excess;
        grant.overdue += part;
        excess -= part;
      }
      this.expireOverdue();
    }
    const at = plan.nextAt;
    plan.nextAt += plan.everyHours;
    this.grants.push({
      amount: plan.amount,
      remaining: plan.amount,
      overdue: 0n,
      source: "recurring",
      priority: 100,
      effectiveAt: at,
      expiresAt: plan.rollover === "none" ? plan.nextAt : null,
      isActive: true,
      plan: plan.name,
    });
    this.seq += 1;
  }
}

function compareEnds(left: number | null, right: number | null): number {
  if (left === right) return 0;
  if (left === null) return 1;
  return right === null ? -1 : left - right;
}
