import type { LimitRule } from "../domain/limit-rule.ts";
import type { Problem } from "../domain/problem.ts";
import { RateWindow } from "../domain/rate-window.ts";
import type { RateLimitState, Refusal } from "../domain/refusal.ts";
import { parseMatchPattern } from "../domain/routes/match-pattern.ts";
import { RouteTable } from "../domain/routes/route-table.ts";
import type { Identity, OwnEndpoint } from "./meter.ts";
import type { MeterClock } from "./meter-clock.ts";
import { RecentMap } from "./recent-map.ts";

/** The limit of what Farebox answers itself, in requests of an account. */
export type OwnLimit = Pick<LimitRule, "requests" | "windowSeconds">;

/** Accounts or keys counted under one rule; beyond it those used least recently are counted anew. */
const MAX_SUBJECTS = 400_000;

/**
 * Counts requests against the configured limits and those of the account's plan, per rule and account or key. In this process only: what an instance
 * counts is no money, and its neighbours do not know of it (see docs/decisions).
 */
export class Limiter {
  readonly #rules: readonly CountedRule[];
  readonly #own: CountedRule | undefined;
  readonly #clock: MeterClock;
  /** Rules of plans by what they say: counting goes on as long as a plan has the same rule, whatever else changes in it. */
  readonly #planRules = new Map<string, CountedRule>();
  /** All rules of an identity by the list that it carries, which stays the same object while its key is cached. */
  #rulesByPlan = new WeakMap<readonly LimitRule[], readonly CountedRule[]>();

  /** Throws for a match that the configuration refuses. */
  constructor(rules: readonly LimitRule[], clock: MeterClock, own?: OwnLimit) {
    this.#clock = clock;
    this.#rules = rules.map((rule) => new CountedRule(rule, clock.now()));
    this.#own = own && new CountedRule({ ...own, match: "*", by: "account" }, clock.now());
  }

  /**
   * Counts the request against every rule that matches it, or against none when one of them has no room: a refused
   * request does not use up the others. Gives the state of the rule with the least room; `undefined` when none matches.
   * The limit of what Farebox answers itself applies to the customer API always, and to the contract's endpoints where no
   * rule does: a vendor's documented limit of such an endpoint is the one that counts.
   */
  count(
    identity: Identity,
    method: string,
    path: string,
    own?: OwnEndpoint,
  ): RateLimitState | Refusal | undefined {
    // Most accounts have no limit on what is forwarded.
    if (own === undefined && this.#rules.length === 0 && identity.planLimits === undefined) return undefined;
    const now = this.#clock.now();
    const counted: { readonly rule: LimitRule; readonly window: RateWindow }[] = [];
    let refusal: Refusal | undefined;
    for (const rule of this.#matching(identity, method, path, own, now)) {
      const window = rule.windowOf(identity, now);
      if (!window.hasRoom(now))
        refusal = longer(refusal, renderState(rule.rule, window, window.secondsUntilRoom(now)));
      counted.push({ rule: rule.rule, window });
    }
    if (refusal !== undefined) return refusal;
    let tightest: RateLimitState | undefined;
    for (const { rule, window } of counted) {
      window.count(now);
      const state = renderState(rule, window, window.secondsUntilEmpty(now));
      if (tightest === undefined || state.remaining < tightest.remaining) tightest = state;
    }
    return tightest;
  }

  /** How many windows are kept. */
  get size(): number {
    const rules = [...this.#rules, ...this.#planRules.values()];
    return rules.reduce((sum, rule) => sum + rule.size, this.#own?.size ?? 0);
  }

  #matching(
    identity: Identity,
    method: string,
    path: string,
    own: OwnEndpoint | undefined,
    now: number,
  ): readonly CountedRule[] {
    const rules = this.#rulesOf(identity, now).filter((rule) => rule.matches(method, path));
    const isLimited = own === "customer_api" || (own === "contract" && rules.length === 0);
    return this.#own !== undefined && isLimited ? [...rules, this.#own] : rules;
  }

  #rulesOf({ planLimits }: Identity, now: number): readonly CountedRule[] {
    if (planLimits === undefined) return this.#rules;
    const known = this.#rulesByPlan.get(planLimits);
    if (known !== undefined) return known;
    const rules = [...this.#rules, ...new Set(planLimits.map((rule) => this.#planRule(rule, now)))];
    this.#rulesByPlan.set(planLimits, rules);
    return rules;
  }

  #planRule(rule: LimitRule, now: number): CountedRule {
    const text = JSON.stringify([rule.match, rule.requests, rule.windowSeconds, rule.by]);
    const known = this.#planRules.get(text);
    if (known !== undefined) return known;
    this.#forgetPlanRules(now);
    const counted = new CountedRule(rule, now);
    this.#planRules.set(text, counted);
    return counted;
  }

  /** Rules under which nothing was counted for a whole window: no plan has them any more, or they count nothing. */
  #forgetPlanRules(now: number): void {
    for (const [text, rule] of this.#planRules) {
      if (!rule.isOver(now)) continue;
      this.#planRules.delete(text);
      // Nobody may go on counting under a rule that others find anew.
      this.#rulesByPlan = new WeakMap();
    }
  }
}

class CountedRule {
  readonly rule: LimitRule;
  readonly #routes: RouteTable<true> | undefined;
  readonly #windows = new RecentMap<RateWindow>(MAX_SUBJECTS);
  #agedAt = 0;
  #usedAt: number;

  constructor(rule: LimitRule, now: number) {
    this.rule = rule;
    this.#usedAt = now;
    this.#routes = rule.match === "*" ? undefined : buildRoutes(rule.match);
  }

  matches(method: string, path: string): boolean {
    return this.#routes === undefined || this.#routes.find(method, path) !== undefined;
  }

  windowOf(identity: Identity, now: number): RateWindow {
    const windowMs = this.rule.windowSeconds * 1_000;
    this.#usedAt = now;
    // What was not used for a whole window counts nothing any more: forgetting it changes no decision, and costs nothing.
    if (now - this.#agedAt >= windowMs) {
      this.#windows.age();
      this.#agedAt = now;
    }
    const subject = this.rule.by === "account" ? identity.accountId : identity.keyId;
    let window = this.#windows.get(subject);
    if (window === undefined) {
      window = new RateWindow(this.rule.requests, windowMs);
      this.#windows.set(subject, window);
    }
    return window;
  }

  get size(): number {
    return this.#windows.size;
  }

  isOver(now: number): boolean {
    return now - this.#usedAt >= this.rule.windowSeconds * 1_000;
  }
}

function buildRoutes(match: string): RouteTable<true> {
  const problems: Problem[] = [];
  const pattern = parseMatchPattern(match, "match", problems);
  if (pattern === undefined)
    throw new Error(`"${match}" is not a match, and the configuration should have refused it`);
  // HEAD counts as GET: it is a request of the same endpoint, if a free one.
  return new RouteTable([[pattern, true]], { exact: false, headAsGet: true });
}

function renderState(rule: LimitRule, window: RateWindow, resetSeconds: number): RateLimitState {
  return {
    limit: rule.requests,
    remaining: window.remaining,
    windowSeconds: rule.windowSeconds,
    resetSeconds,
  };
}

/** Of several limits that refuse, the one that refuses longest is the one to wait for. */
function longer(refusal: Refusal | undefined, state: RateLimitState): Refusal {
  if (refusal?.code === "rate_limited" && refusal.resetSeconds >= state.resetSeconds) return refusal;
  return { code: "rate_limited", ...state };
}
