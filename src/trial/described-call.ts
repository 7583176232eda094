import type { Credits } from "../domain/credits.ts";
import type { CapWindow } from "../domain/key-cap.ts";
import type { Price } from "../domain/prices/price.ts";

/** Headers as they were written: a name may come several times. */
type Headers = readonly (readonly [name: string, value: string])[];

/** A request that is described rather than sent. */
export interface DescribedRequest {
  readonly method: string;
  /** Path and query: `/v1/search?size=5`. */
  readonly target: string;
  readonly headers: Headers;
  /** Empty: there is none. */
  readonly body: Buffer;
}

/** What the upstream is taken to answer. */
export interface DescribedResponse {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Buffer;
}

/** A call to price without running it. */
export interface DescribedCall {
  readonly request: DescribedRequest;
  readonly response: DescribedResponse;
  /** The account's plan. */
  readonly plan: string | undefined;
  /** What the account has in the pool that the call is paid from. */
  readonly balance: Credits;
  /** The account's own prices; undefined: it has none. */
  readonly ownPrices: readonly Price[] | undefined;
  /** What the key may call; undefined: everything. */
  readonly scopes: readonly string[] | undefined;
  /** The key's own caps on the pool that the call is paid from; undefined: those of the plan. */
  readonly caps: Readonly<Record<CapWindow, Credits | null>> | undefined;
  /** What the key has spent of that pool before, in the day, the month and in all. */
  readonly spent: Credits;
  /** Units that the account used before, in the present period of the price's tiers. */
  readonly used: number;
  /** What was charged before of a number that grows. */
  readonly charged: number;
  /** An earlier call with the same value was charged within the price's `once` window. */
  readonly repeated: boolean;
}

/** Reads a header by its lower-case name. Repeats are joined, as RFC 9110 §5.3 says they mean. */
export function headerReader(headers: Headers): (name: string) => string | undefined {
  return (name) => {
    const values = headers.flatMap(([other, value]) => (other.toLowerCase() === name ? [value] : []));
    return values.length === 0 ? undefined : values.join(", ");
  };
}
