import type { Credits } from "./credits.ts";
import type { CapWindow } from "./key-cap.ts";

/** Every normal negative answer of the meter and the gateway. A contract has a status and a body for each code. */
export type Refusal =
  | { readonly code: "key_missing" }
  /** Unknown, malformed, revoked and expired keys look alike. */
  | { readonly code: "key_invalid" }
  /** The endpoint is outside the key's scopes. */
  | { readonly code: "key_not_permitted" }
  /** The key is bound to addresses, and this is none of them. */
  | { readonly code: "address_not_permitted"; readonly address: string }
  | {
      readonly code: "insufficient_credits";
      readonly creditType: string;
      readonly required: Credits;
      readonly available: Credits;
    }
  /** The key may spend less than the pool has: one of its caps leaves `available`. `resetSeconds` is null for the total. */
  | {
      readonly code: "key_cap_reached";
      readonly creditType: string;
      readonly window: CapWindow;
      readonly cap: Credits;
      readonly required: Credits;
      readonly available: Credits;
      readonly resetSeconds: number | null;
    }
  /** The caller's `Credits-Max` is below the quote. */
  | {
      readonly code: "quote_above_max";
      readonly creditType: string;
      readonly quote: Credits;
      readonly max: Credits;
    }
  | ({ readonly code: "rate_limited" } & RateLimitState)
  /** `unpriced: refuse` and no price matches. */
  | { readonly code: "route_unknown" }
  /** An endpoint of ours exists under other methods only. */
  | { readonly code: "method_not_allowed"; readonly allowed: readonly string[] }
  /** HTTP that is not safe to forward, or a caller's header that cannot be read; `reason` names the place. */
  | { readonly code: "request_invalid"; readonly reason: string }
  /** Fields of a request to an endpoint of ours, all that are wrong at once. Nothing was done. */
  | { readonly code: "fields_invalid"; readonly errors: readonly FieldFault[] }
  /** The account has no such thing. What another account has looks the same as what nobody has. */
  | { readonly code: "resource_unknown"; readonly what: string; readonly id: string }
  /** What was asked for does not go with what is there. Nothing was done. */
  | { readonly code: "state_conflict"; readonly reason: string }
  /** The key is good, and may not do this. */
  | { readonly code: "action_not_permitted"; readonly reason: string }
  | { readonly code: "request_too_large"; readonly limitBytes: number }
  | { readonly code: "media_type_unsupported"; readonly reason: string }
  | { readonly code: "upgrade_refused" }
  /** A browser asked whether a page of this origin may call the API. It may not. */
  | { readonly code: "origin_refused"; readonly origin: string }
  /** An unfinished export of the account came of the same request. */
  | { readonly code: "export_in_progress" }
  /** A request for an export names more ids than one may have. */
  | { readonly code: "export_too_many_ids"; readonly max: number }
  /** The export found more records than it may have, and stopped. Nothing was charged. */
  | { readonly code: "export_too_many_records"; readonly max: number }
  /** It ended without files: it failed or was cancelled. Nothing was charged. */
  | { readonly code: "export_failed"; readonly id: string; readonly reason: string }
  /** Its files have been removed. */
  | { readonly code: "export_expired"; readonly id: string }
  /** The account has as many exports as it may have. */
  | { readonly code: "export_limit_reached"; readonly max: number; readonly reason: string }
  /** The part of a file that was asked for does not exist; `bytes` is the file's size. */
  | { readonly code: "range_unsatisfiable"; readonly bytes: number }
  /** A request with the same Idempotency-Key is running. */
  | { readonly code: "idempotency_in_progress" }
  /** Another request was sent under this Idempotency-Key. */
  | { readonly code: "idempotency_mismatch" }
  /** Completed and charged once, but the stored response was too large to keep for a replay. */
  | { readonly code: "idempotency_not_replayable" }
  | { readonly code: "upstream_unreachable" }
  | { readonly code: "upstream_invalid"; readonly reason: string }
  | { readonly code: "upstream_timeout" }
  | { readonly code: "storage_unavailable"; readonly retryAfterSeconds: number }
  | { readonly code: "overloaded"; readonly retryAfterSeconds: number }
  | { readonly code: "internal_error" };

/** One wrong field: `headers.accept`, `groupBy[1]`. */
export interface FieldFault {
  readonly path: string;
  readonly reason: string;
}

export type RefusalCode = Refusal["code"];

/** The state of one rate limit after the request was counted. */
export interface RateLimitState {
  readonly limit: number;
  readonly remaining: number;
  readonly windowSeconds: number;
  /** Seconds until a request is accepted again (refused), or until the window is empty (accepted); rounded up. */
  readonly resetSeconds: number;
}

export const REFUSAL_CODES = [
  "key_missing",
  "key_invalid",
  "key_not_permitted",
  "address_not_permitted",
  "insufficient_credits",
  "key_cap_reached",
  "quote_above_max",
  "rate_limited",
  "route_unknown",
  "method_not_allowed",
  "request_invalid",
  "fields_invalid",
  "resource_unknown",
  "state_conflict",
  "action_not_permitted",
  "request_too_large",
  "media_type_unsupported",
  "upgrade_refused",
  "origin_refused",
  "export_in_progress",
  "export_too_many_ids",
  "export_too_many_records",
  "export_failed",
  "export_expired",
  "export_limit_reached",
  "range_unsatisfiable",
  "idempotency_in_progress",
  "idempotency_mismatch",
  "idempotency_not_replayable",
  "upstream_unreachable",
  "upstream_invalid",
  "upstream_timeout",
  "storage_unavailable",
  "overloaded",
  "internal_error",
] as const satisfies readonly RefusalCode[];
