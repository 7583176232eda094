import type { Credits } from "../credits.ts";
import type { BodyFields } from "./field-value.ts";

/** Where in a request a value is read: a JSON pointer into the body, a query parameter, a header or a path parameter. */
export type RequestField =
  | { readonly body: string }
  | { readonly query: string }
  | { readonly header: string }
  | { readonly path: string };

/** A condition on a request field. Exactly one of the tests is present. */
export type Condition = RequestField &
  (
    | { readonly equals: string | number | boolean | null }
    | { readonly oneOf: readonly (string | number | boolean)[] }
    | { readonly exists: boolean }
  );

/** What one endpoint costs. */
export interface Price {
  /** The match as written, `"POST /v2/company_clean/search/{kind}"`: the endpoint's name on entries and reports. */
  readonly endpoint: string;
  /** Per request, or per result when `per` is `"result"`. 0 when `free`. */
  readonly cost: Credits;
  readonly free: boolean;
  readonly creditType: string;
  readonly per: "request" | "result";
  /** Where the number of results is read from the response. JSON pointer (array length or number), or a header. */
  readonly count: { readonly body: string } | { readonly header: string } | undefined;
  /** Bounds the quote of a per-result price. Undefined also where it is decided on the answer, and no bound is known. */
  readonly atMost:
    | { readonly field: RequestField | undefined; readonly default: number; readonly max: number }
    | undefined;
  /** `"processed"`: 2xx and 404. */
  readonly on: "success" | "processed" | readonly number[];
  /** All must hold; among prices with the same match the first whose conditions hold applies. */
  readonly when: readonly Condition[];
  /** Charged once per value of `field` in this window, per account. */
  readonly once: { readonly field: RequestField; readonly withinSeconds: number } | undefined;
  /** What is charged when the count is missing or not a number. Never silently 0. */
  readonly floor: Credits;
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

/** The most a request can cost. */
export interface Quote {
  readonly amount: Credits;
  readonly units: number;
}

/** What can be known of a request's cost before it runs. */
export type KnownQuote = Quote | "unbounded";
