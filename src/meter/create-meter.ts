import { FareboxError } from "../domain/farebox-error.ts";
import type { KeyForms } from "../domain/keys/key-form.ts";
import type { LimitRule } from "../domain/limit-rule.ts";
import type { AccountPricing, PriceList } from "../domain/prices/price.ts";
import type { PriceTable } from "../domain/prices/price-table.ts";
import type { Refusal } from "../domain/refusal.ts";
import { PATTERN_METHODS } from "../domain/routes/match-pattern.ts";
import type { Ledger, PoolBalance } from "../ledger/ledger.ts";
import type { AdmissionParts } from "./admission-parts.ts";
import { Admitter } from "./admitter.ts";
import { DurableTasks } from "./durable-tasks.ts";
import { HeartbeatLoop } from "./heartbeat-loop.ts";
import { KeyCache } from "./key-cache.ts";
import { LeaseDesk } from "./lease-desk.ts";
import { Limiter, type OwnLimit } from "./limiter.ts";
import { LimitDesk } from "./limits/limit-desk.ts";
import type {
  AdmitRequest,
  Decision,
  Identity,
  Limiting,
  Meter,
  OwnEndpoint,
  PricedRequest,
  QuotedRequest,
  Route,
} from "./meter.ts";
import { type MeterClock, systemClock } from "./meter-clock.ts";
import type { MeterEvents } from "./meter-events.ts";
import { OpenRequests } from "./open-requests.ts";
import { type PriceListSource, PriceLists } from "./price-lists.ts";
import { KEY_MISSING, KEY_NOT_PERMITTED, ROUTE_UNKNOWN, STORAGE_UNAVAILABLE } from "./refusals.ts";
import { SettleDeadlines } from "./settle-deadlines.ts";
import { SignsOfLife } from "./signs-of-life.ts";

export interface MeterOptions {
  readonly ledger: Ledger;
  readonly priceLists: PriceListSource;
  /** The configuration's `limits` and `leases`. */
  readonly limits: readonly LimitRule[];
  /** Of an account over everything that Farebox answers itself; undefined: none but those of `limits`. */
  readonly ownLimit?: OwnLimit | undefined;
  readonly leases: { readonly idleMs: number; readonly deadAfterMs: number };
  /** What keys from elsewhere look like; absent: there are none. */
  readonly keyForms?: KeyForms | undefined;
  readonly events: MeterEvents;
  readonly clock?: MeterClock;
  /** In [0, 1): spreads retries. */
  readonly random?: () => number;
  /** How long a request waits for its charge to be durable before it is answered as failed. */
  readonly settleTimeoutMs?: number;
  /** A database that answers nothing for so long is away for requests that are not admitted yet; 750 by default. */
  readonly silenceMs?: number;
  /** How long a request that the pool refused waits for what other instances return; 400 by default. */
  readonly recallPatienceMs?: number;
}

/** A meter with its beginning. Everything else is in {@link Meter}. */
export interface StartableMeter extends Meter {
  /**
   * Sends the first heartbeat, reads the price lists and begins to beat. Before it everything is refused as
   * `storage_unavailable`. Rejects like the ledger.
   */
  start(): Promise<void>;
  /** The heartbeats found that the database is away: nothing is sold. */
  readonly isDatabaseAway: boolean;
}

/** Longer than a failover of a managed Postgres usually blocks a commit, shorter than most clients' patience. */
const SETTLE_TIMEOUT_MS = 10_000;
/** What is still in flight then has outlived the doors' own drain; its leases are released when this instance is dead. */
const CLOSE_TIMEOUT_MS = 30_000;
/** What a price may name. HEAD has the price of GET, OPTIONS none. */
const METHODS: readonly string[] = PATTERN_METHODS.filter(
  (method) => method !== "HEAD" && method !== "OPTIONS",
);
const KNOWN_METHODS: ReadonlySet<string> = new Set(PATTERN_METHODS);

/** Builds the meter of this process. */
export function createMeter(options: MeterOptions): StartableMeter {
  return new RunningMeter(options);
}

class RunningMeter implements StartableMeter {
  readonly tell: Meter["tell"];
  readonly #parts: AdmissionParts;
  readonly #admitter: Admitter;
  readonly #keys: KeyCache;
  readonly #priceLists: PriceLists;
  readonly #limiter: Limiter;
  readonly #limits: LimitDesk;
  readonly #heartbeat: HeartbeatLoop;
  /** What every unpriced request gets under a list, as accounts have it. */
  readonly #unpriced = new WeakMap<PriceList, Route>();

  constructor(options: MeterOptions) {
    const { ledger, events, clock = systemClock, random = Math.random } = options;
    this.tell = events;
    const tasks = new DurableTasks(clock, random, events);
    const desk = new LeaseDesk({
      ledger,
      clock,
      random,
      events,
      tasks,
      idleMs: options.leases.idleMs,
      recallPatienceMs: options.recallPatienceMs,
    });
    const deadlines = new SettleDeadlines(options.settleTimeoutMs ?? SETTLE_TIMEOUT_MS);
    const life = new SignsOfLife(clock, options.silenceMs);
    const claimResults: AdmissionParts["claimResults"] = ({ identity, facts }, bound) =>
      this.#limiter.claim(identity, facts.method, facts.path, bound);
    const open = new OpenRequests();
    this.#parts = { ledger, desk, tasks, life, deadlines, open, clock, random, events, claimResults };
    this.#admitter = new Admitter(this.#parts);
    this.#keys = new KeyCache(ledger, clock, options.priceLists, options.keyForms);
    this.#priceLists = new PriceLists(options.priceLists);
    this.#limits = new LimitDesk({ ledger, clock });
    this.#limiter = new Limiter(options.limits, clock, options.ownLimit, this.#limits);
    this.#heartbeat = new HeartbeatLoop({
      ledger,
      clock,
      events,
      desk,
      life,
      keys: this.#keys,
      priceLists: this.#priceLists,
      deadAfterMs: options.leases.deadAfterMs,
      isBusy: () => this.#keys.takeWasAsked() || desk.holdsLeases || this.#parts.open.size > 0,
      onTick: () => {
        desk.sweepIdle();
        this.#limits.look();
        deadlines.check(clock.now());
      },
    });
  }

  start(): Promise<void> {
    return this.#heartbeat.start();
  }

  get isDatabaseAway(): boolean {
    return this.#parts.life.isAway;
  }

  authenticate(presented: string | undefined): Promise<Identity | Refusal> | Identity | Refusal {
    if (presented === undefined) return KEY_MISSING;
    const answer = this.#keys.authenticate(presented);
    if (!(answer instanceof Promise)) return answer;
    return this.#parts.life.within(answer).then((late) => (late === "silent" ? STORAGE_UNAVAILABLE : late));
  }

  permitAddress({ addresses }: Identity, address: string): Refusal | undefined {
    if (addresses === undefined || addresses.includes(address)) return undefined;
    return { code: "address_not_permitted", address };
  }

  permit({ scopes }: Identity, method: string, path: string): Refusal | undefined {
    if (scopes === undefined || scopes.permits(method, path)) return undefined;
    return KEY_NOT_PERMITTED;
  }

  route(method: string, path: string, pricing: AccountPricing): Route | Refusal {
    const table = this.priceTable(pricing);
    if (table === undefined) return STORAGE_UNAVAILABLE;
    const { list } = table;
    const match = table.find(method, path);
    if (match !== undefined) {
      const { endpoint, candidates, pathParams, priced, reads, own } = match;
      return { endpoint, list, candidates, pathParams, priced, reads, own };
    }
    const refusal = refuseUnpriced(table, method, path);
    if (refusal !== undefined) return refusal;
    const known = this.#unpriced.get(list);
    if (known !== undefined) return known;
    const unpriced = unpricedRoute(list);
    this.#unpriced.set(list, unpriced);
    return unpriced;
  }

  priceTable(pricing?: AccountPricing): PriceTable | undefined {
    const table = this.#priceLists.current(this.#parts.clock.now());
    return pricing === undefined ? table : table?.forAccount(pricing);
  }

  limit(identity: Identity, method: string, path: string, own?: OwnEndpoint): Limiting {
    return this.#limiter.count(identity, method, path, own);
  }

  admit(request: AdmitRequest): Promise<Decision> | Decision {
    return this.#admitter.admit(request);
  }

  quote(request: QuotedRequest): PricedRequest | Refusal {
    return this.#admitter.quote(request);
  }

  balances(identity: Identity): Promise<readonly PoolBalance[]> {
    if (identity.unconfirmed) {
      const reason = "the database is silent, so the key cannot be confirmed";
      return Promise.reject(new FareboxError("storage_unavailable", reason, { retryable: true }));
    }
    return this.#parts.ledger.balances(identity.accountId, identity.shard);
  }

  async close(): Promise<void> {
    const { clock, desk, open, tasks } = this.#parts;
    let cancel: (() => void) | undefined;
    const timeout = new Promise<"late">((resolve) => {
      cancel = clock.after(CLOSE_TIMEOUT_MS, () => resolve("late"));
    });
    await Promise.race([open.drained(), timeout]);
    await Promise.race([this.#heartbeat.stop(), timeout]);
    desk.releaseAll();
    await Promise.race([this.#limits.close(), timeout]);
    const ended = await Promise.race([tasks.settled(), timeout]);
    cancel?.();
    if (ended === "late") {
      throw new FareboxError("storage_unavailable", "leases could not be released before the meter closed", {
        retryable: true,
        detail: { open: open.size, tasks: tasks.pending },
      });
    }
  }
}

function unpricedRoute(list: PriceList): Route {
  return {
    endpoint: "unpriced",
    list,
    candidates: [],
    pathParams: {},
    priced: false,
    reads: undefined,
  };
}

/**
 * What is said of a request without a price. A method that no price can name is refused where another has one: many upstreams serve
 * it as they serve GET. OPTIONS asks what may be done with a path at all; it is passed on where a path is known.
 */
function refuseUnpriced(table: PriceTable, method: string, path: string): Refusal | undefined {
  if (!KNOWN_METHODS.has(method)) {
    const allowed = METHODS.filter((other) => table.find(other, path)?.priced === true);
    if (allowed.length > 0) return { code: "method_not_allowed", allowed };
  }
  if (table.list.unpriced !== "refuse") return undefined;
  const isKnown = method === "OPTIONS" && METHODS.some((other) => table.find(other, path) !== undefined);
  return isKnown ? undefined : ROUTE_UNKNOWN;
}
