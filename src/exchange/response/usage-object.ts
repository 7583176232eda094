import type { SettledFacts } from "../../contract/contract.ts";
import type { HeaderList } from "../headers/response-headers.ts";
import type { UpstreamHead } from "../headers/upstream-head.ts";
import { poolOf } from "../parts/account-states.ts";
import type { Exchange } from "../parts/exchange.ts";

/**
 * Why the usage object is not in the body of a response that was asked for it: what its header says. docs/reference/answers.md
 * has a line for each.
 */
export type Omission =
  | "status"
  | "no-body"
  | "partial-content"
  | "not-an-object"
  | "media-type"
  | "content-coding";

/** What the usage object becomes in a response, as far as its head tells. */
export interface UsageWish {
  /** The members that it becomes; undefined when it was not asked for or cannot be there. */
  readonly members: readonly string[] | undefined;
  /** Why not, when it was asked for. */
  readonly omitted: Omission | undefined;
}

export const NO_USAGE: UsageWish = { members: undefined, omitted: undefined };

/** Of a response to a request that has a price. Only a success that is a whole representation takes the object. */
export function readUsageWish(
  exchange: Exchange,
  head: Pick<UpstreamHead, "status" | "bodiless">,
): UsageWish {
  const members = usageMembers(exchange);
  if (members === undefined) return NO_USAGE;
  const omitted = findOmission(head);
  return omitted === undefined ? { members, omitted } : { members: undefined, omitted };
}

function findOmission({ status, bodiless }: Pick<UpstreamHead, "status" | "bodiless">): Omission | undefined {
  if (status < 200 || status > 299) return "status";
  if (status === 206) return "partial-content";
  return bodiless ? "no-body" : undefined;
}

/** The members that the usage object becomes, when this request asked for it or every one gets it. */
export function usageMembers(exchange: Exchange): readonly string[] | undefined {
  return exchange.parts.contract.usageMembers(exchange.header);
}

/** Says to a customer who asked for the usage object that it is not in the body, and to the operator where it could have been. */
export function tellOmitted(exchange: Exchange, headers: HeaderList, omission: Omission): void {
  const { parts, requestId, endpoint } = exchange;
  const name = parts.contract.usageHeaders?.omitted;
  if (name !== undefined) headers.push(name, omission);
  if (omission === "status" || omission === "no-body") return;
  parts.events.usageNotSpliced({ requestId, endpoint: endpoint ?? "", reason: omission });
}

/**
 * A cache that keeps a response of a priced endpoint must tell requests that ask for the usage object from others. `isPrivate`: we
 * tell caches to keep nothing.
 */
export function varyOnUsage(exchange: Exchange, head: UpstreamHead, isPrivate: boolean): void {
  const name = exchange.parts.contract.usageHeaders?.asks;
  if (name === undefined || isPrivate || exchange.route?.priced !== true) return;
  if ((head.status >= 200 && head.status <= 299) || head.status === 304) head.headers.push("Vary", name);
}

/** What the object says of a response that costs nothing. */
export async function readFreeFacts(
  exchange: Exchange,
  creditType: string,
  units: number,
): Promise<SettledFacts> {
  const { identity, parts } = exchange;
  if (identity !== undefined && parts.showsState) {
    const state = await parts.states.of(identity, true);
    if (state !== undefined) {
      return { creditType, charged: 0n, balance: poolOf(state, creditType)?.balance ?? 0n, units, state };
    }
  }
  const pools = identity === undefined ? [] : await parts.meter.balances(identity);
  const balance = pools.find((pool) => pool.creditType === creditType)?.balance ?? 0n;
  return { creditType, charged: 0n, balance, units };
}
