import { createHash } from "node:crypto";
import type { LimitRule } from "../domain/limit-rule.ts";
import type { Problem } from "../domain/problem.ts";
import type { RateLimitState, Refusal } from "../domain/refusal.ts";
import { parseMatchPattern } from "../domain/routes/match-pattern.ts";
import { RouteTable } from "../domain/routes/route-table.ts";
import type { LimitDesk } from "./limits/limit-desk.ts";
import { ResultClaim } from "./limits/result-claim.ts";
import { ShareWindow } from "./limits/share-window.ts";
import type { Identity, Limiting, OwnEndpoint } from "./meter.ts";
import type { MeterClock } from "./meter-clock.ts";
import { RecentMap } from "./recent-map.ts";

/** The limit of what Farebox answers itself, in requests of an account. */
export type OwnLimit = Pick<LimitRule, "requests" | "windowSeconds">;

interface Counted {
  readonly rule: LimitRule;
  readonly window: ShareWindow;
}

/** One process has all of a limit. */
const NO_DESK = { instances: 1, isAlone: true } as const;

/** Accounts or keys counted under one rule; beyond it those used least recently are counted anew. */
const MAX_SUBJECTS = 400_000;

/** A request asks again for places that others took before it, for so long: then it is refused, though some may be left. */
const PATIENCE_MS = 400;

/**
 * Counts requests against the configured limits and those of the account's plan, per rule and account or key: in this process, within
 * the places of each limit that it has of the desk. Without a desk it has all of them.
 */
export class Limiter {
  readonly #rules: readonly CountedRule[];
  readonly #own: CountedRule | undefined;
  readonly #clock: MeterClock;
  readonly #desk: LimitDesk | undefined;
  /** Rules of plans by what they say: counting goes on as long as a plan has the same rule, whatever else changes in it. */
  readonly #planRules = new Map<string, CountedRule>();
  /** All rules of an identity by the list that it carries, which stays the same object while its key is cached. */
  #rulesByPlan = new WeakMap<readonly LimitRule[], readonly CountedRule[]>();

  /** Throws for a match that the configuration refuses. */
  constructor(rules: readonly LimitRule[], clock: MeterClock, own?: OwnLimit, desk?: LimitDesk) {
    this.#clock = clock;
    this.#desk = desk;
    const now = clock.now();
    // The same rule twice is one limit.
    const different = new Map(rules.map((rule) => [textOf(rule), rule]));
    this.#rules = [...different.values()].map((rule) => new CountedRule("limits", rule, now));
    this.#own = own && new CountedRule("own", { ...own, match: "*", by: "account" }, now);
  }

  /**
   * Counts the request against every rule that matches it, or against none when one of them has no room: a refused
   * request does not use up the others. Gives the state of the rule with the least room; `undefined` when none matches.
   * The limit of what Farebox answers itself applies to the customer API always, and to the contract's endpoints where no
   * rule does: a vendor's documented limit of such an endpoint is the one that counts.
   */
  count(identity: Identity, method: string, path: string, own?: OwnEndpoint): Limiting {
    // Most accounts have no limit on what is forwarded.
    if (own === undefined && this.#rules.length === 0 && identity.planLimits === undefined) return undefined;
    const now = this.#clock.now();
    const rules = this.#matching(identity, method, path, own, now);
    if (rules.length === 0) return undefined;
    const counted = rules.map((rule) => ({
      rule: rule.rule,
      window: rule.windowOf(identity, now, this.#desk),
    }));
    return this.#decide(counted, 1, () => this.#count(counted));
  }

  /**
   * Keeps places for what a request that was counted as one may return, under the rules that count results: those beyond the first, where
   * a bound is known. Undefined: no such rule matches. Refuses a request that may return more than a whole limit.
   */
  claim(
    identity: Identity,
    method: string,
    path: string,
    bound: number | undefined,
  ): ResultClaim | Refusal | undefined | Promise<ResultClaim | Refusal | undefined> {
    if (this.#rules.length === 0 && identity.planLimits === undefined) return undefined;
    const now = this.#clock.now();
    const counted = this.#rulesOf(identity, now)
      .filter((rule) => rule.rule.counts === "results" && rule.matches(method, path))
      .map((rule) => ({ rule: rule.rule, window: rule.windowOf(identity, now, this.#desk) }));
    if (counted.length === 0) return undefined;
    const windows = counted.map(({ window }) => window);
    const claim = new ResultClaim(windows, this.#clock, this.#desk);
    if (bound === undefined || bound <= 1) return claim;
    const small = counted.find(({ rule }) => rule.requests < bound);
    if (small !== undefined) return refuseBound(small.rule, bound);
    const take = (): ResultClaim => {
      claim.hold(bound - 1);
      return claim;
    };
    return this.#decide(counted, bound - 1, take);
  }

  #count(counted: readonly Counted[]): RateLimitState | undefined {
    const now = this.#clock.now();
    const { instances, isAlone } = this.#desk ?? NO_DESK;
    let tightest: RateLimitState | undefined;
    for (const { rule, window } of counted) {
      window.count(now);
      this.#desk?.counted(window);
      const remaining = window.remaining(now, instances, isAlone);
      if (tightest === undefined || remaining < tightest.remaining) {
        tightest = renderState(rule, remaining, window.secondsUntilEmpty(now));
      }
    }
    return tightest;
  }

  /** Takes so many places of each, or of none. */
  #decide<T>(
    counted: readonly Counted[],
    places: number,
    take: () => T,
    since?: number,
  ): T | Refusal | Promise<T | Refusal> {
    const now = this.#clock.now();
    const { instances, isAlone } = this.#desk ?? NO_DESK;
    const full = counted.filter(({ window }) => !window.hasRoom(now, instances, isAlone, places));
    if (full.length === 0) return take();
    const more = now - (since ?? now) < PATIENCE_MS ? this.#waitForMore(full, places) : undefined;
    if (more === undefined) return refuse(full, places, now);
    return more.then(() => {
      // In the step in which it takes them or waits anew: a question that is put together between would give them back.
      for (const { window } of full) window.wait(-places);
      return this.#decide(counted, places, take, since ?? now);
    });
  }

  /** Undefined when one of them cannot get more: then nothing is asked. */
  #waitForMore(full: readonly Counted[], places: number): Promise<unknown> | undefined {
    const desk = this.#desk;
    if (desk === undefined || !full.every(({ window }) => desk.mayGetMore(window))) return undefined;
    for (const { window } of full) window.wait(places);
    return Promise.all(full.map(({ window }) => desk.more(window)));
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
    const text = textOf(rule);
    const known = this.#planRules.get(text);
    if (known !== undefined) return known;
    this.#forgetPlanRules(now);
    const counted = new CountedRule("plan", rule, now);
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
  /** By which all instances know it. */
  readonly #digest: string;
  readonly #routes: RouteTable<true> | undefined;
  readonly #windows = new RecentMap<ShareWindow>(MAX_SUBJECTS);
  #agedAt = 0;
  #usedAt: number;

  /** `of`: where the rule stands; the same one in two places is two limits. */
  constructor(of: "limits" | "plan" | "own", rule: LimitRule, now: number) {
    this.rule = rule;
    this.#digest = createHash("sha256")
      .update(`${of} ${textOf(rule)}`)
      .digest("base64url")
      .slice(0, 16);
    this.#usedAt = now;
    this.#routes = rule.match === "*" ? undefined : buildRoutes(rule.match);
  }

  matches(method: string, path: string): boolean {
    return this.#routes === undefined || this.#routes.find(method, path) !== undefined;
  }

  windowOf(identity: Identity, now: number, desk: LimitDesk | undefined): ShareWindow {
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
      const { shard } = identity;
      window =
        desk?.find(this.#digest, subject) ??
        new ShareWindow({ subject, shard, rule: this.#digest, limit: this.rule.requests, windowMs });
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

function textOf({ match, requests, windowSeconds, by, counts }: LimitRule): string {
  return JSON.stringify([match, requests, windowSeconds, by, ...(counts === undefined ? [] : [counts])]);
}

function buildRoutes(match: string): RouteTable<true> {
  const problems: Problem[] = [];
  const pattern = parseMatchPattern(match, "match", problems);
  if (pattern === undefined)
    throw new Error(`"${match}" is not a match, and the configuration should have refused it`);
  // HEAD counts as GET: it is a request of the same endpoint, if a free one.
  return new RouteTable([[pattern, true]], { exact: false, headAsGet: true });
}

function refuse(full: readonly Counted[], places: number, now: number): Refusal {
  const [first, ...others] = full.map(({ rule, window }) =>
    renderState(rule, 0, window.secondsUntilRoom(now, places)),
  );
  if (first === undefined) throw new Error("who refuses is full");
  // Of several limits that refuse, the one that refuses longest is the one to wait for.
  const longest = others.reduce((one, other) => (other.resetSeconds > one.resetSeconds ? other : one), first);
  return { code: "rate_limited", ...longest };
}

/** No wait helps it. */
function refuseBound({ requests, windowSeconds }: LimitRule, bound: number): Refusal {
  const reason = `the request may return ${bound} results, and the limit is ${requests} in ${windowSeconds} seconds: ask for fewer`;
  return { code: "request_invalid", reason };
}

function renderState(rule: LimitRule, remaining: number, resetSeconds: number): RateLimitState {
  return { limit: rule.requests, remaining, windowSeconds: rule.windowSeconds, resetSeconds };
}
