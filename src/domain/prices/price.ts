import type { Credits } from "../credits.ts";
import type { BodyFields, FieldValue } from "./field-value.ts";

/** Where in a request a value is read: a JSON pointer into the body, a query parameter, a header or a path parameter. */
export type RequestField =
  | { readonly body: string }
  | { readonly query: string }
  | { readonly header: string }
  | { readonly path: string };

/** What a value can be compared with. */
export type Scalar = string | number | boolean;

/** A field as a condition, a bound or a count reads it. */
export type ReadField = RequestField & {
  /** What the API takes when the field is missing. */
  readonly default?: Scalar;
  /** The text is a list, whose items stand between these characters. */
  readonly split?: string;
};

/** What a condition asks of a value. */
type ConditionTest =
  | { readonly equals: Scalar | null }
  | { readonly oneOf: readonly Scalar[] }
  | { readonly noneOf: readonly Scalar[] }
  | { readonly exists: boolean }
  /** Nothing, `null`, `""`, `[]` and `{}` are empty. */
  | { readonly empty: boolean }
  /** A list has such an item: this value, one of these, or one of which the condition holds (its pointer begins at the item). */
  | { readonly contains: Scalar | readonly Scalar[] | Condition }
  /** A number from `from` to `to`, both included. */
  | { readonly from?: number; readonly to?: number };

/** A condition on a field: of the request in `when`; of the answer, or of an item of one of its lists, in `where`. */
export type Condition = ReadField & ConditionTest;

/** The number is a running total of what this field names: only what it is above the highest that was charged is charged. */
export interface Increase {
  readonly field: RequestField;
  /** For so long after the last charge the highest number is known. */
  readonly withinSeconds: number;
}

/** Where the number of results is found: in the response, or already in the request. */
export type Count =
  /** JSON pointer: an array's length or a number. With `where` only the array's items count of which all conditions hold. */
  | {
      readonly body: string;
      readonly where?: readonly Condition[];
      readonly decimal?: true;
      readonly increase?: Increase;
    }
  | { readonly header: string; readonly decimal?: true; readonly increase?: Increase }
  /** The bytes of the body, without its coding. */
  | { readonly bytes: true }
  /** What the request asks for: a list's length or a number. */
  | { readonly request: ReadField & { readonly default: number } };

/** The most results that one response can have, as far as the request tells. */
export interface Bound {
  readonly field: ReadField | undefined;
  /** When the field is missing, or none of several is there. */
  readonly default: number;
  readonly max: number;
  /** Several fields say it together: the smallest does, the first that is there, or all added up. */
  readonly among?: { readonly how: "smallest" | "first" | "sum"; readonly fields: readonly ReadField[] };
}

/** How an amount is rounded up: to whole blocks, to whole credits, or to micro-credits. */
export type Rounding = "block" | "credit" | "exact";

/** A sum that a call costs: a price is one, and may have more in `plus`. */
export interface PricePart {
  /** Per request, or per block of results when `per` is `"result"`. */
  readonly cost: Credits;
  readonly per: "request" | "result";
  /** What the cost is for when it is not one result: `10 results`, `1000 tokens`. */
  readonly unit?: { readonly size: number; readonly name: string } | undefined;
  readonly round?: Rounding | undefined;
  /** So many results of a call are not charged by this sum. Undefined: none. */
  readonly included?: number | undefined;
  readonly count: Count | undefined;
  /** Bounds the quote. Undefined also where no bound is needed: `most` bounds it, or it is decided on the answer. */
  readonly atMost: Bound | undefined;
  /** What is charged when the count is missing or not a number. Never silently 0. */
  readonly uncounted: Credits;
  /** Conditions on the answer, all of which must hold. Undefined: none. */
  readonly where?: readonly Condition[] | undefined;
}

/** A further sum, where its conditions on the request hold. */
export interface Extra extends PricePart {
  readonly when: readonly Condition[];
}

/** Other costs in the place of a price's own, by what the account has used in the present period. */
export interface Tiers {
  /** The calendar's, of UTC. */
  readonly within: "day" | "week" | "month" | "year";
  /** What each unit costs beyond so many; in order. */
  readonly steps: readonly { readonly over: number; readonly cost: Credits }[];
  /** A call costs what the tier says in which it begins; else each unit what its own tier says. */
  readonly whole: boolean;
  /** Prices of a credit type with the same name count together. Undefined: each endpoint by itself. */
  readonly counter?: string | undefined;
}

/** What one endpoint costs. */
export interface Price extends PricePart {
  readonly tiers?: Tiers | undefined;
  /** The match as written, `"POST /v2/company_clean/search/{kind}"`: the endpoint's name on entries and reports. */
  readonly endpoint: string;
  readonly free: boolean;
  readonly creditType: string;
  /** Added to the price's own sum. */
  readonly plus?: readonly Extra[] | undefined;
  /** The least and the most that a charged call costs in all. */
  readonly least?: Credits | undefined;
  readonly most?: Credits | undefined;
  /** `"processed"`: 2xx and 404. Where `where` does not hold either, nothing is charged. */
  readonly on: "success" | "processed" | readonly number[];
  /** The plans whose accounts it is for. Undefined: every account, also one without a plan. */
  readonly plans?: readonly string[] | undefined;
  /** All must hold; among prices with the same match the first whose conditions hold applies. */
  readonly when: readonly Condition[];
  /** Charged once per value of `field` in this window, per account. */
  readonly once: { readonly field: RequestField; readonly withinSeconds: number } | undefined;
  /**
   * Whether the credits cover a call is decided on the request, by the most that it can cost, which is set aside; or on the
   * upstream's answer: nothing is set aside, and the answer is held back until exactly what it costs is charged.
   */
  readonly decide: "request" | "answer";
  /** The request bodies whose fields it reads: `json`, `form`, `multipart`, and media types that are JSON. Empty where it reads none. */
  readonly bodies: readonly string[];
  /** What becomes of a body that cannot be read: it is refused, or has the price of the dearest that it may be. */
  readonly unreadable: "refuse" | "dearest";
  /** Whether HEAD costs what its GET does, or nothing. */
  readonly head: "charged" | "free";
  /** Whether a call whose client has gone is finished and charged (default) or abandoned. */
  readonly detached: "finish" | "abandon";
}

/** The dated, immutable version of all prices. `version` is the database's number for it. */
export interface PriceList {
  readonly version: number;
  readonly prices: readonly Price[];
  /** What an endpoint without a price does. */
  readonly unpriced: "free" | "refuse";
}

/** What decides which of the prices an account has. */
export interface AccountPricing {
  /** The name of its plan; undefined: it has none. */
  readonly plan?: string | undefined;
  /** The account's own price list: it is as if its prices stood before all others. Undefined: it has none. */
  readonly own?: PriceList | undefined;
}

/** What a price may look at in a request. */
export interface RequestFacts {
  readonly method: string;
  /** The normalised path that is also forwarded. */
  readonly path: string;
  readonly pathParams: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  readonly header: (name: string) => string | undefined;
  readonly body: BodyFields;
}

/** What a price may look at in an answer. */
export interface AnswerFacts {
  /** The value at a JSON pointer of the body; undefined when it is missing. */
  readonly read: (pointer: string) => FieldValue | undefined;
  /** How many items of the list there have all these conditions; undefined when there is no list. */
  readonly countItems: (pointer: string, where: readonly Condition[]) => number | undefined;
  readonly header: (name: string) => string | undefined;
  /** The body is JSON, and was read to its end. */
  readonly isRead: boolean;
  /** Of the body without its coding; undefined when it is not known. */
  readonly bytes: number | undefined;
}

/** The most a request can cost. */
export interface Quote {
  readonly amount: Credits;
  readonly units: number;
}

/** What can be known of a request's cost before it runs. */
export type KnownQuote = Quote | "unbounded";
