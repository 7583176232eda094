import type { Config } from "../../config/config.ts";
import type { AccountEndpoints } from "../../contract/account-endpoint.ts";
import type { Contract, UsageFacts, UsageQuestion } from "../../contract/contract.ts";
import { AddressRanges } from "../../domain/addresses.ts";
import type { Problem } from "../../domain/problem.ts";
import { type MatchPattern, parseMatchPattern } from "../../domain/routes/match-pattern.ts";
import { RouteTable } from "../../domain/routes/route-table.ts";
import type { Identity, Meter } from "../../meter/meter.ts";
import { toBalanceFacts } from "../../meter/read-account-state.ts";
import type { PageDoor } from "../../pages/page-door.ts";
import type { PortalDoor } from "../../pages/portal-door.ts";
import { Cors } from "../headers/cors.ts";
import { AccountStates, type ReadAccountState } from "./account-states.ts";
import { CountedSlots } from "./counted-slots.ts";
import type { ExchangeEvents } from "./exchange-events.ts";
import { createExportDoor, type ExportDoor, type ExportOptions } from "./export-door.ts";
import { HeldBodies } from "./held-bodies.ts";
import type { Upstreams } from "./upstream.ts";

/**
 * Answers in parts that one account gets at once. Each is free, and reads and renders the account's whole statement as fast as
 * it can: 64 of them at once made every other customer's call take 340 ms instead of 4.
 */
const MAX_STATEMENTS = 2;

/** Wall time: for request ids and the times that answers show. It decides nothing. */
interface WallClock {
  /** Unix milliseconds. */
  unixMs(): number;
}

/** The part of the configuration that exchanges read. */
type ExchangeConfig = Pick<Config, "open" | "gateway" | "idempotency">;

export interface ExchangeOptions {
  readonly config: ExchangeConfig;
  readonly contract: Contract;
  readonly meter: Meter;
  /** What answers customers about their own account; undefined: their paths are forwarded like any other. */
  readonly accountEndpoints?: AccountEndpoints | undefined;
  /** Pages for browsers; undefined: their paths are forwarded like any other. */
  readonly pages?: PageDoor | undefined;
  /** What browsers that are signed in to the portal ask; undefined: its paths are forwarded like any other. */
  readonly portal?: PortalDoor | undefined;
  /** Who does the work of requests that are admitted. */
  readonly upstreams: Upstreams;
  /** Reads what the contract shows of an account; undefined: its pools, by the meter. */
  readonly readState?: ReadAccountState | undefined;
  /** Reads what a contract's usage endpoint shows. Rejects like the ledger, also for questions that cannot be answered. */
  readonly readUsage?: ((identity: Identity, question: UsageQuestion) => Promise<UsageFacts>) | undefined;
  /** Undefined: there are no exports. */
  readonly exports?: ExportOptions | undefined;
  readonly events: ExchangeEvents;
  readonly clock: WallClock;
}

/** What every exchange shares. */
export interface ExchangeParts extends Omit<ExchangeOptions, "exports"> {
  readonly readState: ReadAccountState;
  /** What answers beside balance endpoints show of their account. */
  readonly states: AccountStates;
  /** Whether charged answers show more of it than their charge. */
  readonly showsState: boolean;
  readonly exports: ExportDoor | undefined;
  readonly openRoutes: RouteTable<true>;
  /** Proxies whose word about their clients counts; undefined: there are none. */
  readonly proxies: AddressRanges | undefined;
  /** What a client's address has of us: its connections, or through a proxy its requests under way. */
  readonly addresses: CountedSlots;
  /** Requests under way by account. */
  readonly accounts: CountedSlots;
  readonly bodies: HeldBodies;
  /** Answers in parts under way by account. */
  readonly statements: CountedSlots;
  /** Calls whose client has gone; one name for all. */
  readonly detached: CountedSlots;
  /** By which clients reach the listener. */
  readonly scheme: "http" | "https";
  /** Undefined: browsers are told nothing by us. */
  readonly cors: Cors | undefined;
  /** Lower-case names that are removed from the upstream's responses. */
  readonly ownHeaders: ReadonlySet<string>;
  /** True once the end is announced: connections end with their present answer. */
  draining: boolean;
}

export function createExchangeParts(options: ExchangeOptions): ExchangeParts {
  const { config, contract } = options;
  const { trustedProxies } = config.gateway;
  const { settledNeeds } = contract;
  const readState = options.readState ?? readPools(options);
  return {
    ...options,
    readState,
    states: new AccountStates(readState, settledNeeds),
    showsState: settledNeeds.pools || settledNeeds.account,
    exports: options.exports && createExportDoor(options.exports, contract.exports),
    openRoutes: openRoutesOf(config),
    proxies: trustedProxies.length === 0 ? undefined : new AddressRanges(trustedProxies),
    addresses: new CountedSlots(config.gateway.maxSocketsPerIp),
    accounts: new CountedSlots(config.gateway.maxConcurrentPerAccount),
    statements: new CountedSlots(MAX_STATEMENTS),
    bodies: new HeldBodies(config.gateway.maxBufferedBytes),
    detached: new CountedSlots(config.gateway.maxDetachedCalls),
    scheme: config.gateway.tls === undefined ? "http" : "https",
    cors: config.gateway.cors && new Cors(config.gateway.cors, contract.ownHeaders),
    ownHeaders: new Set(contract.ownHeaders.map((name) => name.toLowerCase())),
    draining: false,
  };
}

/** The endpoints that need no key. */
export function openRoutesOf({ open }: Pick<Config, "open">): RouteTable<true> {
  const patterns = open.map((match): [MatchPattern, true] => [readPattern(match), true]);
  return new RouteTable(patterns, { exact: true, headAsGet: true });
}

function readPools({ meter, clock }: Pick<ExchangeOptions, "meter" | "clock">): ReadAccountState {
  return async (identity) => ({
    at: clock.unixMs(),
    pools: (await meter.balances(identity)).map(toBalanceFacts),
    account: undefined,
  });
}

/** The configuration has checked the pattern: one that cannot be read is a broken invariant. */
function readPattern(match: string): MatchPattern {
  const problems: Problem[] = [];
  const pattern = parseMatchPattern(match, "open", problems);
  if (pattern === undefined) throw new TypeError(`open: ${problems[0]?.reason ?? match}`);
  return pattern;
}
