import assert from "node:assert/strict";
import { hash, randomBytes, randomUUID } from "node:crypto";
import { inspect } from "node:util";
import { type Credits, MICRO_PER_CREDIT } from "../../domain/credits.ts";
import { API_KEY_RANDOM_BYTES, formatApiKey } from "../../domain/keys/api-key.ts";
import { fieldsOfValue } from "../../domain/prices/field-value.ts";
import type { Price, PriceList } from "../../domain/prices/price.ts";
import type { Refusal } from "../../domain/refusal.ts";
import { createMeter, type MeterOptions, type StartableMeter } from "../create-meter.ts";
import type { Admission, AdmitRequest, Identity, Meter, Route } from "../meter.ts";
import { type MeterEvents, silentEvents } from "../meter-events.ts";
import { FakeDatabase } from "./fake-database.ts";
import { FakeLedger } from "./fake-ledger.ts";
import { ManualClock } from "./manual-clock.ts";

/** Whole credits as the integer they are. */
export function credits(amount: number): Credits {
  return BigInt(Math.round(amount * 1_000_000));
}

export function price(endpoint: string, cost: number, more: Partial<Price> = {}): Price {
  const defaults = {
    creditType: "credits",
    per: "request",
    on: "success",
    when: [],
    bodies: ["json"],
    unreadable: "refuse",
    head: "charged",
    decide: "request",
    detached: "finish",
  } as const;
  const amount = credits(cost);
  return {
    endpoint,
    cost: amount,
    free: cost === 0,
    count: undefined,
    atMost: undefined,
    once: undefined,
    uncounted: amount,
    ...defaults,
    ...more,
  };
}

export const PRICES: readonly Price[] = [
  price("GET /75", 75),
  price("GET /1", 1),
  price("GET /10", 10, { on: "processed" }),
  price("GET /free", 0),
  price("POST /results", 1, {
    per: "result",
    count: { body: "/data" },
    atMost: { field: { body: "/size" }, default: 10, max: 100 },
    uncounted: credits(2),
  }),
  price("POST /once", 5, { once: { field: { body: "/ip" }, withinSeconds: 60 } }),
  price("GET /list", 1, {
    per: "result",
    count: { header: "x-records" },
    uncounted: credits(4),
    decide: "answer",
  }),
  price("POST /unlock", 5, { once: { field: { body: "/id" }, withinSeconds: 60 }, decide: "answer" }),
];

type RequestParts = Partial<AdmitRequest> & { readonly body?: unknown };

/** A meter on a fake database and a clock that stands still, with what tests ask it. */
export interface FakeMeter {
  readonly meter: StartableMeter;
  readonly ledger: FakeLedger;
  readonly events: string[];
  readonly route: (method: string, path: string) => Route;
  readonly request: (target: string, more?: RequestParts) => AdmitRequest;
  /** Fails when the request is refused. */
  readonly admit: (target: string, more?: RequestParts) => Promise<Admission>;
  /** Fails when it is admitted. */
  readonly refusal: (target: string, more?: RequestParts) => Promise<Refusal>;
}

export const ALICE = {
  accountId: "acc_0000000000000001",
  shard: 0,
  keyId: "key_0000000000000001",
} satisfies Identity;

export function newKey(database: FakeDatabase, record: Parameters<FakeDatabase["addKey"]>[1] = {}): string {
  const key = formatApiKey("fbx", randomBytes(API_KEY_RANDOM_BYTES));
  database.addKey(hash("sha256", key, "hex"), { ...ALICE, ...record });
  return key;
}

export function hashOf(key: string): string {
  return hash("sha256", key, "hex");
}

/** Lists by version; the default one has {@link PRICES}. */
export const LISTS = new Map<number, PriceList>([
  [1, { version: 1, prices: PRICES, unpriced: "free" }],
  [2, { version: 2, prices: [price("GET /1", 2)], unpriced: "free" }],
  [3, { version: 3, prices: PRICES, unpriced: "refuse" }],
]);

export function newDatabase(balance = 0): FakeDatabase {
  const database = new FakeDatabase(new ManualClock());
  database.pool({ ...ALICE, creditType: "credits" }).balance = BigInt(balance) * MICRO_PER_CREDIT;
  return database;
}

export function clockOf(database: FakeDatabase): ManualClock {
  assert.ok(database.clock instanceof ManualClock);
  return database.clock;
}

export async function openFakeMeter(
  database: FakeDatabase,
  options: Partial<MeterOptions> = {},
): Promise<FakeMeter> {
  const ledger = new FakeLedger(database);
  const events: string[] = [];
  const meter = createMeter({
    ledger,
    priceLists: {
      readPriceList: (version) => database.call("readPriceList", () => LISTS.get(version) ?? assert.fail()),
    },
    limits: [],
    leases: { idleMs: 1_000, deadAfterMs: 10_000 },
    events: recordEvents(events),
    clock: database.clock,
    random: () => 0.5,
    ...options,
  });
  await meter.start();
  return { meter, ledger, events, ...askMeter(meter) };
}

/** Ways to ask a meter, also a real one, that fail a test when the answer is of another kind. */
export function askMeter(
  meter: Meter,
  identity: Identity = ALICE,
): Pick<FakeMeter, "route" | "request" | "admit" | "refusal"> {
  const route = (method: string, path: string): Route => {
    const found = meter.route(method, path, identity);
    assert.ok(!("code" in found), "refused");
    return found;
  };
  const request: FakeMeter["request"] = (target, { body, ...more } = {}) => {
    const [method = "", path = ""] = target.split(" ");
    const found = route(method, path);
    const { pathParams } = found;
    return {
      requestId: randomUUID(),
      identity,
      route: found,
      facts: {
        method,
        path,
        pathParams,
        query: new URLSearchParams(),
        header: () => undefined,
        body: fieldsOfValue(body),
      },
      max: undefined,
      idempotency: undefined,
      ...more,
    };
  };
  return {
    route,
    request,
    async admit(target, more) {
      const decision = await meter.admit(request(target, more));
      if (decision.kind !== "admitted") assert.fail(`not admitted: ${inspect(decision)}`);
      return decision.admission;
    },
    async refusal(target, more) {
      const decision = await meter.admit(request(target, more));
      if (decision.kind !== "refused") assert.fail(`not refused: ${decision.kind}`);
      return decision.refusal;
    },
  };
}

function recordEvents(events: string[]): MeterEvents {
  return {
    ...silentEvents,
    countMissing: ({ problem }) => events.push(`countMissing ${problem}`),
    uncollected: ({ amount }) => events.push(`uncollected ${amount}`),
    chargeUnknown: () => events.push("chargeUnknown"),
    chargeReversed: ({ amount }) => events.push(`chargeReversed ${amount}`),
    fenced: () => events.push("fenced"),
    heartbeatFailed: () => events.push("heartbeatFailed"),
    databaseAway: () => events.push("databaseAway"),
    databaseBack: (ms) => events.push(`databaseBack ${ms}`),
    shardsAway: (count) => events.push(`shardsAway ${count}`),
    shardsBack: (ms) => events.push(`shardsBack ${ms}`),
    taskFailed: (task) => events.push(`taskFailed ${task}`),
  };
}
