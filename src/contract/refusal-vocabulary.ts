import { STATUS_CODES } from "node:http";
import type { FieldFault, Refusal, RefusalCode } from "../domain/refusal.ts";
import type { RenderContext } from "./contract.ts";
import { rateLimitStateEntries } from "./rate-limit-vocabulary.ts";
import type { Placeholder, PlaceholderValue, Vocabulary } from "./vocabulary.ts";
import { contextEntries, entry } from "./vocabulary-entries.ts";

/** A refusal while its answer is rendered. */
export interface RefusalFacts {
  readonly refusal: Refusal;
  readonly context: RenderContext;
  readonly status: number;
  readonly title: string;
  readonly message: string;
}

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

/** A placeholder that only one code has. */
function own<Code extends RefusalCode>(
  code: Code,
  means: string,
  read: (refusal: RefusalOf<Code>) => PlaceholderValue,
): Placeholder<RefusalFacts> {
  return entry(means, of(code, read));
}

type CodeWithReason =
  | "request_invalid"
  | "state_conflict"
  | "action_not_permitted"
  | "media_type_unsupported"
  | "upstream_invalid"
  | "export_failed"
  | "export_limit_reached";

const reasonEntry = (code: CodeWithReason) => ({
  reason: own(code, "what is wrong, and where", (refusal) => refusal.reason),
});

const retryEntry = (code: "storage_unavailable" | "overloaded") => ({
  retryAfterSeconds: own(
    code,
    "seconds after which a retry makes sense",
    (refusal) => refusal.retryAfterSeconds,
  ),
});

type CodeWithMax = "export_too_many_ids" | "export_too_many_records" | "export_limit_reached";

const maxEntries = (code: CodeWithMax, means: string): Vocabulary<RefusalFacts> => ({
  max: own(code, means, (refusal) => refusal.max),
  maxGrouped: own(code, "the same with commas, `10,000`", (refusal) => refusal.max.toLocaleString("en-US")),
});

const exportIdEntry = (code: "export_failed" | "export_expired") => ({
  id: own(code, "the export's id", (refusal) => refusal.id),
});

/** A fault of the whole request has no path. */
function printFault({ path, reason }: FieldFault): string {
  // A contract's message ends the sentence itself.
  const words = reason.replace(/\.$/, "");
  return path === "" ? words : `${path} ${words}`;
}

/** What only one code knows. */
const entriesByCode: Readonly<Partial<Record<RefusalCode, Vocabulary<RefusalFacts>>>> = {
  address_not_permitted: {
    address: own("address_not_permitted", "the client's address", (refusal) => refusal.address),
  },
  insufficient_credits: {
    creditType: own(
      "insufficient_credits",
      "the credit type that the request spends",
      (refusal) => refusal.creditType,
    ),
    required: own("insufficient_credits", "credits that the request can cost", (refusal) => refusal.required),
    available: own("insufficient_credits", "credits that are available", (refusal) => refusal.available),
  },
  key_cap_reached: {
    creditType: own(
      "key_cap_reached",
      "the credit type that the request spends",
      (refusal) => refusal.creditType,
    ),
    window: own(
      "key_cap_reached",
      "over what the cap counts: `day`, `month` (of UTC) or `total`",
      (refusal) => refusal.window,
    ),
    cap: own("key_cap_reached", "credits that the key may spend in the window", (refusal) => refusal.cap),
    required: own("key_cap_reached", "credits that the request can cost", (refusal) => refusal.required),
    available: own("key_cap_reached", "credits that the key may still spend", (refusal) => refusal.available),
    resetSeconds: own(
      "key_cap_reached",
      "seconds until the window ends, rounded up; null for the total",
      (refusal) => refusal.resetSeconds,
    ),
  },
  quote_above_max: {
    creditType: own(
      "quote_above_max",
      "the credit type that the request spends",
      (refusal) => refusal.creditType,
    ),
    quote: own("quote_above_max", "credits that the request can cost", (refusal) => refusal.quote),
    max: own("quote_above_max", "the caller's `Credits-Max`", (refusal) => refusal.max),
  },
  rate_limited: rateLimitStateEntries<RefusalFacts>(of("rate_limited", (refusal) => refusal)),
  method_not_allowed: {
    allowed: own("method_not_allowed", "the methods that the endpoint answers, `GET, POST`", (refusal) =>
      refusal.allowed.join(", "),
    ),
  },
  request_invalid: reasonEntry("request_invalid"),
  fields_invalid: {
    faults: own(
      "fields_invalid",
      "each wrong field with what is wrong, `limit must be at most 500; from must be a time`",
      ({ errors }) => errors.map(printFault).join("; "),
    ),
    fields: own("fields_invalid", "the wrong fields' paths, `limit, from`", ({ errors }) =>
      errors.map(({ path }) => path).join(", "),
    ),
  },
  resource_unknown: {
    what: own("resource_unknown", "the kind of thing, `key`", (refusal) => refusal.what),
    id: own("resource_unknown", "the id that was asked for", (refusal) => refusal.id),
  },
  state_conflict: reasonEntry("state_conflict"),
  action_not_permitted: reasonEntry("action_not_permitted"),
  request_too_large: {
    limitBytes: own("request_too_large", "the largest body in bytes", (refusal) => refusal.limitBytes),
  },
  media_type_unsupported: reasonEntry("media_type_unsupported"),
  origin_refused: {
    origin: own("origin_refused", "the page's origin, as its browser names it", (refusal) => refusal.origin),
  },
  export_too_many_ids: maxEntries("export_too_many_ids", "the most ids of one export"),
  export_too_many_records: maxEntries("export_too_many_records", "the most records of one export"),
  export_failed: { ...exportIdEntry("export_failed"), ...reasonEntry("export_failed") },
  export_expired: exportIdEntry("export_expired"),
  export_limit_reached: {
    ...maxEntries("export_limit_reached", "the most exports"),
    ...reasonEntry("export_limit_reached"),
  },
  range_unsatisfiable: {
    bytes: own("range_unsatisfiable", "the file's size in bytes", (refusal) => refusal.bytes),
  },
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
