import type { Config } from "../config/config.ts";
import type { Contract, RenderContext } from "../contract/contract.ts";
import { loadContract } from "../contract/load-contract.ts";
import { parseCredits } from "../domain/credits.ts";
import { KeyScopes } from "../domain/keys/key-scopes.ts";
import type { LimitRule } from "../domain/limit-rule.ts";
import { computeKnownQuote, computeQuote, computeQuoteInTier } from "../domain/prices/compute-quote.ts";
import { explainSelection } from "../domain/prices/explain/explain-price.ts";
import { readOnceValue } from "../domain/prices/once-value.ts";
import { toMicroUnits } from "../domain/prices/part-amount.ts";
import type { Price, RequestFacts } from "../domain/prices/price.ts";
import { buildPriceTable } from "../domain/prices/price-table.ts";
import { isFreeFor } from "../domain/prices/select-price.ts";
import type { Refusal } from "../domain/refusal.ts";
import { parseMatchPattern } from "../domain/routes/match-pattern.ts";
import type { RequestTarget } from "../domain/routes/request-path.ts";
import { RouteTable } from "../domain/routes/route-table.ts";
import { type DescribedCall, headerReader } from "./described-call.ts";
import { readRequest, readTarget } from "./read-request.ts";
import { renderSeen } from "./render-seen.ts";
import type { SeenAnswer, Trial, TriedQuote, TriedRefusal } from "./trial.ts";
import { findCap, refuseByCap } from "./tried-cap.ts";
import { computeTriedCharge } from "./tried-charge.ts";

/** What a trial needs of a configuration. */
export type TriedConfig = Pick<
  Config,
  "contract" | "prices" | "unpriced" | "open" | "customerApi" | "limits" | "plans"
>;

/** The number of a list that is not published: nothing shows it. */
const OWN_VERSION = 1;

/** Nothing runs, so there is no request that an id could be of: it shows its place. */
const REQUEST_ID = "00000000-0000-7000-8000-000000000000";

/**
 * Prices a described call as the gateway would, in its order, without a database: one account with one key, which has the plan, prices,
 * scopes, caps and balance of the description. No limit is used by other calls, and a window only where the description says so.
 */
export async function tryCall(config: TriedConfig, call: DescribedCall, nowMs: number): Promise<Trial> {
  const contract = loadContract(config.contract);
  const { method } = call.request;
  const target = readTarget(call.request, contract, (...of) => isOpen(config.open, ...of));
  const start = { ...NOTHING_TRIED, method, path: call.request.target };
  const context = { requestId: REQUEST_ID, endpoint: undefined, nowMs, startedMs: nowMs };
  const refuse = (
    refusal: Refusal,
    at: TriedRefusal["at"],
    where: Pick<RenderContext, "endpoint" | "path"> = context,
  ): TriedRefusal => ({
    refusal,
    at,
    answer: contract.renderRefusal(refusal, { ...context, ...where }),
  });
  if ("code" in target) return { ...start, kind: "refused", refusal: refuse(target, "request") };
  const { path } = target;
  const limits = findLimits(config, call.plan, method, path);
  const { customerApi } = config;
  const isOfCustomerApi = customerApi.enabled && path.startsWith(`${customerApi.path}/`);
  if (!isOfCustomerApi && isOpen(config.open, method, path)) return { ...start, path, kind: "open" };
  const reached = { ...start, path, limits };
  if (call.scopes !== undefined && !new KeyScopes(call.scopes).permits(method, path)) {
    const refusal = refuse({ code: "key_not_permitted" }, "request");
    return { ...reached, kind: "refused", isForbidden: true, refusal };
  }
  const own = contract.findEndpoint(method, path);
  if (own !== undefined) return { ...reached, kind: "contract", endpoint: own.match };
  if (isOfCustomerApi) return { ...reached, kind: "customerApi" };
  return await tryRoute(config, contract, call, { reached, target, refuse, nowMs });
}

type Reached = Omit<typeof NOTHING_TRIED, "limits"> & Pick<Trial, "method" | "path" | "limits">;

interface Way {
  readonly reached: Reached;
  readonly target: RequestTarget;
  readonly refuse: (
    refusal: Refusal,
    at: TriedRefusal["at"],
    where?: Pick<RenderContext, "endpoint" | "path">,
  ) => TriedRefusal;
  readonly nowMs: number;
}

/** A request that is neither open nor answered by Farebox itself. */
async function tryRoute(
  config: TriedConfig,
  contract: Contract,
  call: DescribedCall,
  { reached, target, refuse, nowMs }: Way,
): Promise<Trial> {
  const { path } = target;
  const { method } = reached;
  const whole = buildPriceTable({ version: 0, prices: config.prices, unpriced: config.unpriced });
  const { plan, ownPrices } = call;
  const list = ownPrices && { version: OWN_VERSION, prices: ownPrices, unpriced: config.unpriced };
  const table = whole.forAccount({ plan, own: list });
  const match = table.find(method, path);
  const ofOtherPlans = findOthers(config.prices, whole.find(method, path)?.endpoint, call.plan);
  const facts = await readRequest(call.request, target, match?.pathParams ?? {}, match?.reads);
  const ownOnes = match?.own?.prices ?? NONE;
  const found = { ...reached, endpoint: match?.endpoint, ofOtherPlans, ownPrices: ownOnes };
  if ("code" in facts) return { ...found, kind: "refused", refusal: refuse(facts, "request") };
  const prices = explainSelection(match?.candidates ?? [], facts);
  const price = prices.find(({ outcome }) => outcome === "applies")?.price;
  if (price === undefined) {
    const isRefused = table.list.unpriced === "refuse";
    const refusal = isRefused ? refuse({ code: "route_unknown" }, "request") : undefined;
    return { ...found, kind: "unpriced", prices, refusal };
  }
  const priced = { ...found, prices, price };
  const state = { plan: call.plan, balance: call.balance, nowMs };
  if (isFreeFor(price, method)) {
    return { ...priced, kind: "free", seen: renderSeen(contract, call, price, undefined, state) };
  }
  const at = { endpoint: price.endpoint, path };
  return {
    ...priced,
    kind: "priced",
    ...tryPrice(
      call,
      price,
      facts,
      { cap: findCap(config.plans, call, price.creditType), nowMs },
      (refusal, when) => refuse(refusal, when, at),
      (charge) => renderSeen(contract, call, price, charge, state),
    ),
  };
}

type TriedPrice = Pick<Trial, "quote" | "cap" | "charge" | "refusal" | "seen" | "withoutCredits">;

function tryPrice(
  call: DescribedCall,
  price: Price,
  facts: RequestFacts,
  { cap, nowMs }: Pick<Trial, "cap"> & Pick<Way, "nowMs">,
  refuse: (refusal: Refusal, at: TriedRefusal["at"]) => TriedRefusal,
  see: (charge: NonNullable<Trial["charge"]>) => SeenAnswer,
): TriedPrice {
  const { creditType } = price;
  const { balance } = call;
  const isCapped = cap !== undefined && cap.left < balance;
  const quote = computeTriedQuote(price, facts, call.used);
  const max = readMax(call);
  const covered = isCapped ? cap.left : balance;
  const isRepeat = call.repeated && quote.repeatsBy !== undefined;
  const charge = computeTriedCharge(price, facts, { ...call, balance: covered }, { max, isRepeat });
  const needed = price.decide === "answer" ? charge.amount : quote.heldAside;
  const at = price.decide;
  const short = (available: bigint): Refusal => ({
    code: "insufficient_credits",
    creditType,
    required: needed,
    available,
  });
  const refusal =
    max !== undefined && needed > max
      ? refuse({ code: "quote_above_max", creditType, quote: needed, max }, at)
      : isRepeat || needed <= covered
        ? undefined
        : refuse(isCapped ? refuseByCap(cap, creditType, needed, nowMs) : short(balance), at);
  return {
    quote,
    cap,
    charge: refusal?.at === "request" ? undefined : charge,
    refusal,
    seen: refusal === undefined ? see(charge) : undefined,
    withoutCredits: needed === 0n || isRepeat ? undefined : refuse(short(0n), at).answer,
  };
}

function computeTriedQuote(price: Price, facts: RequestFacts, used: number): TriedQuote {
  return {
    known: computeKnownQuote(price, facts),
    heldAside: price.decide === "answer" ? 0n : computeQuote(price, facts).amount,
    inTier: price.tiers && computeQuoteInTier(price, facts, toMicroUnits(used)),
    repeatsBy: readOnceValue(price, facts),
  };
}

function readMax({ request }: DescribedCall): bigint | undefined {
  const text = headerReader(request.headers)("credits-max");
  return text === undefined ? undefined : parseCredits(text);
}

/** The rules that would count it, of all accounts and of its plan. */
function findLimits(
  { limits, plans }: Pick<Config, "limits" | "plans">,
  plan: string | undefined,
  method: string,
  path: string,
): readonly LimitRule[] {
  const ofPlan = plans.find(({ name }) => name === plan)?.limits ?? [];
  // Scopes and limits compare paths alike.
  return [...limits, ...ofPlan].filter(({ match }) => new KeyScopes([match]).permits(method, path));
}

function isOpen(open: readonly string[], method: string, path: string): boolean {
  const patterns = open.flatMap((match) => parseMatchPattern(match, "open", []) ?? []);
  const table = new RouteTable<true>(
    patterns.map((pattern) => [pattern, true]),
    { exact: true, headAsGet: true },
  );
  return method === "OPTIONS" || table.find(method, path) !== undefined;
}

function findOthers(
  prices: Config["prices"],
  endpoint: string | undefined,
  plan: string | undefined,
): readonly Price[] {
  return prices.filter(
    (price) =>
      price.endpoint === endpoint &&
      price.plans !== undefined &&
      (plan === undefined || !price.plans.includes(plan)),
  );
}

const NONE: ReadonlySet<Price> = new Set();

const NOTHING_TRIED = {
  endpoint: undefined,
  isForbidden: false,
  limits: [],
  ownPrices: NONE,
  prices: [],
  ofOtherPlans: [],
  price: undefined,
  quote: undefined,
  cap: undefined,
  charge: undefined,
  refusal: undefined,
  seen: undefined,
  withoutCredits: undefined,
} satisfies Partial<Trial>;
