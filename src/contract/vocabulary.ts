import { STATUS_CODES } from "node:http";
import type { FieldFault, RateLimitState, Refusal, RefusalCode } from "../domain/refusal.ts";
import type { BalanceFacts, RenderContext, SettledFacts } from "./contract.ts";
import type { Placeholder, PlaceholderValue, Vocabulary } from "./template.ts";

/**
 * Every placeholder of a contract file: what it may stand in, what it means, what it reads. The reference page is made
 * from these descriptions.
 */

/** A refusal while its answer is rendered. */
export interface RefusalFacts {
  readonly refusal: Refusal;
  readonly context: RenderContext;
  readonly status: number;
  readonly title: string;
  readonly message: string;
}

export interface RateLimitFacts {
  readonly state: RateLimitState;
  readonly context: RenderContext;
}

/** One pool of a balance endpoint. Undefined when the account has no such pool yet: it shows zeros and nulls. */
export interface PoolFacts {
  readonly pool: BalanceFacts | undefined;
  readonly context: RenderContext;
}

export function entry<Facts>(means: string, read: (facts: Facts) => PlaceholderValue): Placeholder<Facts> {
  return { means, read };
}

/** A moment in the forms that APIs use. */
export function momentEntries<Facts>(
  prefix: string,
  means: string,
  read: (facts: Facts) => number | undefined,
): Vocabulary<Facts> {
  const form = (suffix: string, how: string, print: (ms: number) => PlaceholderValue): Vocabulary<Facts> => ({
    [prefix + suffix]: entry(`${means}, ${how}`, (facts: Facts) => {
      const ms = read(facts);
      return ms === undefined ? null : print(ms);
    }),
  });
  return {
    ...form("Iso", "as `2026-08-01T00:00:00Z`", (ms) => `${printSeconds(ms)}Z`),
    ...form("IsoOffset", "as `2026-08-01T00:00:00+00:00`", (ms) => `${printSeconds(ms)}+00:00`),
    ...form("Unix", "in unix seconds", (ms) => Math.floor(ms / 1000)),
    ...form("UnixMs", "in unix milliseconds", (ms) => ms),
  };
}

function printSeconds(ms: number): string {
  return new Date(ms).toISOString().slice(0, 19);
}

export function contextEntries<Facts extends { readonly context: RenderContext }>(): Vocabulary<Facts> {
  return {
    requestId: entry("the request's id, also in `X-Request-Id`", (facts: Facts) => facts.context.requestId),
    requestIdHex: entry("the request's id without its hyphens: 32 hex digits", (facts: Facts) =>
      facts.context.requestId.replaceAll("-", ""),
    ),
    endpoint: entry(
      "the endpoint as its price names it; null when none matched",
      (facts: Facts) => facts.context.endpoint ?? null,
    ),
    elapsedSeconds: entry(
      "seconds since the request arrived, to the millisecond; 0 when unknown",
      (facts: Facts) => {
        const { nowMs, startedMs } = facts.context;
        return startedMs === undefined ? 0 : Math.max(0, Math.round(nowMs - startedMs)) / 1000;
      },
    ),
    ...momentEntries<Facts>("now", "the time of the answer", (facts) => facts.context.nowMs),
  };
}

const rateLimitStateEntries = <Facts extends { readonly context: RenderContext }>(
  read: (facts: Facts) => RateLimitState,
): Vocabulary<Facts> => ({
  limit: entry("requests allowed in a window", (facts: Facts) => Math.floor(read(facts).limit)),
  remaining: entry("requests left in the window, never below 0", (facts: Facts) =>
    Math.max(0, Math.floor(read(facts).remaining)),
  ),
  windowSeconds: entry("the window's length in seconds", (facts: Facts) =>
    Math.ceil(read(facts).windowSeconds),
  ),
  resetSeconds: entry("seconds until requests are accepted again, rounded up", (facts: Facts) =>
    Math.max(0, Math.ceil(read(facts).resetSeconds)),
  ),
  // Rounded up to whole seconds: a client that comes back at the moment told is never early.
  ...momentEntries<Facts>("reset", "the moment at which requests are accepted again", (facts) => {
    const resetMs = facts.context.nowMs + Math.max(0, read(facts).resetSeconds) * 1000;
    return Math.ceil(resetMs / 1000) * 1000;
  }),
});

/** Placeholders that every refusal has. `message` is left out of the messages themselves. */
const refusalEntries: Vocabulary<RefusalFacts> = {
  code: entry("the refusal's code, `insufficient_credits`", (facts) => facts.refusal.code),
  status: entry("the HTTP status, a number", (facts) => facts.status),
  statusText: entry(
    "the status's standard phrase, `Payment Required`",
    (facts) => STATUS_CODES[facts.status] ?? "",
  ),
  title: entry("the refusal's title: the same for every occurrence", (facts) => facts.title),
  ...contextEntries<RefusalFacts>(),
};

const messageEntry: Vocabulary<RefusalFacts> = {
  message: entry("the refusal's message: this occurrence, for people", (facts) => facts.message),
};

type RefusalOf<Code extends RefusalCode> = Extract<Refusal, { code: Code }>;

function isRefusal<Code extends RefusalCode>(refusal: Refusal, code: Code): refusal is RefusalOf<Code> {
  return refusal.code === code;
}

/** Reads a member of one refusal. A template is compiled for one code, so it never meets another one. */
function of<Code extends RefusalCode, Value>(
  code: Code,
  read: (refusal: RefusalOf<Code>) => Value,
): (facts: RefusalFacts) => Value {
  return ({ refusal }) => {
    if (!isRefusal(refusal, code)) throw new Error(`a template of ${code} met the refusal ${refusal.code}`);
    return read(refusal);
  };
}

type CodeWithReason =
  | "request_invalid"
  | "state_conflict"
  | "action_not_permitted"
  | "media_type_unsupported"
  | "upstream_invalid";

const reasonEntry = (code: CodeWithReason) => ({
  reason: entry(
    "what is wrong, and where",
    of(code, (refusal) => refusal.reason),
  ),
});

const retryEntry = (code: "storage_unavailable" | "overloaded") => ({
  retryAfterSeconds: entry(
    "seconds after which a retry makes sense",
    of(code, (refusal) => refusal.retryAfterSeconds),
  ),
});

/** A fault of the whole request has no path. */
function printFault({ path, reason }: FieldFault): string {
  return path === "" ? reason : `${path} ${reason}`;
}

/** What only one code knows. */
const entriesByCode: Readonly<Partial<Record<RefusalCode, Vocabulary<RefusalFacts>>>> = {
  insufficient_credits: {
    creditType: entry(
      "the credit type that the request spends",
      of("insufficient_credits", (refusal) => refusal.creditType),
    ),
    required: entry(
      "credits that the request can cost",
      of("insufficient_credits", (refusal) => refusal.required),
    ),
    available: entry(
      "credits that are available",
      of("insufficient_credits", (refusal) => refusal.available),
    ),
  },
  key_cap_reached: {
    creditType: entry(
      "the credit type that the request spends",
      of("key_cap_reached", (refusal) => refusal.creditType),
    ),
    window: entry(
      "over what the cap counts: `day`, `month` (of UTC) or `total`",
      of("key_cap_reached", (refusal) => refusal.window),
    ),
    cap: entry(
      "credits that the key may spend in the window",
      of("key_cap_reached", (refusal) => refusal.cap),
    ),
    required: entry(
      "credits that the request can cost",
      of("key_cap_reached", (refusal) => refusal.required),
    ),
    available: entry(
      "credits that the key may still spend",
      of("key_cap_reached", (refusal) => refusal.available),
    ),
    resetSeconds: entry(
      "seconds until the window ends, rounded up; null for the total",
      of("key_cap_reached", (refusal) => refusal.resetSeconds),
    ),
  },
  quote_above_max: {
    creditType: entry(
      "the credit type that the request spends",
      of("quote_above_max", (refusal) => refusal.creditType),
    ),
    quote: entry(
      "credits that the request can cost",
      of("quote_above_max", (refusal) => refusal.quote),
    ),
    max: entry(
      "the caller's `Credits-Max`",
      of("quote_above_max", (refusal) => refusal.max),
    ),
  },
  rate_limited: rateLimitStateEntries<RefusalFacts>(of("rate_limited", (refusal) => refusal)),
  method_not_allowed: {
    allowed: entry(
      "the methods that the endpoint answers, `GET, POST`",
      of("method_not_allowed", (refusal) => refusal.allowed.join(", ")),
    ),
  },
  request_invalid: reasonEntry("request_invalid"),
  fields_invalid: {
    faults: entry(
      "each wrong field with what is wrong, `limit must be at most 500; from must be a time`",
      of("fields_invalid", ({ errors }) => errors.map(printFault).join("; ")),
    ),
    fields: entry(
      "the wrong fields' paths, `limit, from`",
      of("fields_invalid", ({ errors }) => errors.map(({ path }) => path).join(", ")),
    ),
  },
  resource_unknown: {
    what: entry(
      "the kind of thing, `key`",
      of("resource_unknown", (refusal) => refusal.what),
    ),
    id: entry(
      "the id that was asked for",
      of("resource_unknown", (refusal) => refusal.id),
    ),
  },
  state_conflict: reasonEntry("state_conflict"),
  action_not_permitted: reasonEntry("action_not_permitted"),
  request_too_large: {
    limitBytes: entry(
      "the largest body in bytes",
      of("request_too_large", (refusal) => refusal.limitBytes),
    ),
  },
  media_type_unsupported: reasonEntry("media_type_unsupported"),
  upstream_invalid: reasonEntry("upstream_invalid"),
  storage_unavailable: retryEntry("storage_unavailable"),
  overloaded: retryEntry("overloaded"),
};

/** Placeholders of `errorShape`: those that all refusals have. */
export const errorShapeVocabulary: Vocabulary<RefusalFacts> = { ...refusalEntries, ...messageEntry };

/** Placeholders of one refusal's headers and body. */
export function refusalVocabulary(code: RefusalCode): Vocabulary<RefusalFacts> {
  return { ...errorShapeVocabulary, ...entriesByCode[code] };
}

/** A refusal, and one of the fields that it names. */
export interface FieldFaultFacts extends RefusalFacts {
  readonly fault: FieldFault;
}

/** Placeholders of one wrong field below `$eachField`, besides those of the refusal. */
export const fieldFaultVocabulary: Vocabulary<FieldFaultFacts> = {
  ...errorShapeVocabulary,
  path: entry("the field's path, `groupBy[1]`", (facts) => facts.fault.path),
  reason: entry("what is wrong with it", (facts) => facts.fault.reason),
};

/** Placeholders of one refusal's `message` and `retryAfter`. */
export function messageVocabulary(code: RefusalCode): Vocabulary<RefusalFacts> {
  return { ...refusalEntries, ...entriesByCode[code] };
}

/** Placeholders that only this code has, for the reference page. */
export function ownVocabulary(code: RefusalCode): Vocabulary<RefusalFacts> {
  return entriesByCode[code] ?? {};
}

/** Placeholders of the settled headers and the usage object. */
export const settledVocabulary: Vocabulary<SettledFacts> = {
  creditType: entry("the credit type that the request spent", (facts) => facts.creditType),
  charged: entry("credits charged for this request", (facts) => facts.charged),
  balance: entry("the pool's balance after this charge", (facts) => facts.balance),
  units: entry("results counted, or 1 for a price per request", (facts) => facts.units),
};

/** Placeholders of the rate-limit headers. */
export const rateLimitVocabulary: Vocabulary<RateLimitFacts> = rateLimitStateEntries((facts) => facts.state);

const FREQUENCY = { day: "daily", week: "weekly", month: "monthly", year: "yearly" } as const;

/** Placeholders of a balance endpoint outside of a list of pools. */
const answerVocabulary: Vocabulary<PoolFacts> = contextEntries<PoolFacts>();

/** Placeholders of one pool. Without a recurring grant: 0, null and false. */
export const poolVocabulary: Vocabulary<PoolFacts> = {
  ...answerVocabulary,
  creditType: entry("the pool's credit type", (facts) => facts.pool?.creditType ?? null),
  balance: entry("credits in the pool", (facts) => facts.pool?.balance ?? 0n),
  held: entry("credits set aside for requests in flight", (facts) => facts.pool?.held ?? 0n),
  available: entry("the balance without what is held", (facts) =>
    facts.pool === undefined ? 0n : facts.pool.balance - facts.pool.held,
  ),
  allocated: entry("credits granted since the last refresh", (facts) => facts.pool?.allocated ?? 0n),
  recurring: entry(
    "credits of the recurring grant; 0 without one",
    (facts) => facts.pool?.recurring?.amount ?? 0n,
  ),
  every: entry(
    "the recurring grant's period, `month`; null without one",
    (facts) => facts.pool?.recurring?.every ?? null,
  ),
  frequency: entry(
    "the period as an adverb: `daily`, `weekly`, `monthly`, `yearly`; null without a recurring grant",
    (facts) => (facts.pool?.recurring === undefined ? null : FREQUENCY[facts.pool.recurring.every]),
  ),
  rollover: entry(
    "whether unused credits survive the refresh; false without a recurring grant",
    (facts) => facts.pool?.recurring?.rollover ?? false,
  ),
  ...momentEntries<PoolFacts>(
    "refresh",
    "the next refresh; null without a recurring grant, and when the plan ends before it",
    (facts) => facts.pool?.recurring?.nextAt?.getTime(),
  ),
};
