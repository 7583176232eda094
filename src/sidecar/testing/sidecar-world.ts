import { loadContract } from "../../contract/load-contract.ts";
import { formatCredits } from "../../domain/credits.ts";
import { parsePrices } from "../../domain/prices/parse-prices.ts";
import { DatabaseClock } from "../../holds/database-clock.ts";
import type { HoldEvents } from "../../holds/hold-events.ts";
import { Holds } from "../../holds/holds.ts";
import type { Database } from "../../ledger/database/database.ts";
import { ensureSecret } from "../../ledger/instance/secret.ts";
import { listEntries } from "../../ledger/pools/entries.ts";
import { addKey } from "../../ledger/testing/books.ts";
import type { Identity } from "../../meter/meter.ts";
import { type MeterEvents, silentEvents } from "../../meter/meter-events.ts";
import {
  closeRealMeter,
  newAccount,
  openRealMeter,
  publish,
  type RealMeter,
} from "../../meter/testing/open-real-meter.ts";
import { createSidecar } from "../create-sidecar.ts";

const TOKEN = "fbo_operators_own";

const PRICES: readonly unknown[] = [
  { match: "GET /ten", cost: 10 },
  { match: "GET /short", cost: 10 },
  {
    match: "POST /results",
    cost: 1,
    per: "result",
    count: { body: "/data" },
    atMost: { body: "/size", default: 10, max: 100 },
  },
  { match: "GET /decided", cost: 2, per: "result", count: { body: "/data" }, decide: "answer" },
  { match: "GET /once", cost: 5, once: { key: { query: "ip" }, within: "1h" } },
  {
    match: "GET /counted",
    cost: 1,
    per: "result",
    count: { body: "/data" },
    atMost: { query: "size", default: 10, max: 100 },
  },
  { match: "GET /tier", when: { header: "x-tier", equals: "gold" }, cost: 4 },
  { match: "GET /tier", cost: 1 },
  { match: "GET /free", free: true },
];

/** A customer of a sidecar under test. */
export interface TestCustomer extends Identity {
  readonly key: string;
  /** `"charge 10 GET /ten 200"`, `"refund 10"`. */
  entries(): Promise<readonly string[]>;
}

/** A sidecar on real books, with the instance that it stands on. */
export interface SidecarUnderTest {
  readonly url: string;
  readonly books: RealMeter;
  readonly expired: readonly { readonly requestId: string }[];
  /** What it counted: `"refused insufficient_credits"`, `"uncollected 70"`. */
  readonly counted: string[];
  /** Faults of its own, as it would log them. */
  readonly failed: unknown[];
  /** POSTs JSON with the operator token. */
  call(path: string, body: unknown, headers?: Record<string, string>): Promise<CallAnswer>;
  /** Authorizes, and gives the hold's text. */
  hold(customer: TestCustomer, path: string, more?: object): Promise<string>;
  /** Resolves when so many holds have expired. */
  untilExpired(count: number): Promise<void>;
  close(): Promise<void>;
  /** Its process is gone as if it had been killed, and the database knows it: nothing of it comes any more. */
  die(): Promise<void>;
}

export interface CallAnswer {
  readonly status: number;
  readonly headers: Headers;
  // oxlint-disable-next-line typescript/no-explicit-any
  readonly body: any;
}

export async function publishTestPrices(database: Database): Promise<void> {
  const parsed = parsePrices(PRICES, "prices", { creditTypes: ["credits"] });
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  await publish(database, { prices: parsed.value, unpriced: "free" });
}

export async function newCustomer(database: Database, balance: number): Promise<TestCustomer> {
  const identity = await newAccount(database, balance);
  const { keyId, text } = await addKey(database, identity);
  const pool = { ...identity, creditType: "credits" };
  return {
    ...identity,
    keyId,
    key: text,
    async entries() {
      const { entries } = await listEntries(database, pool, { limit: 100 });
      const ofUse = entries.filter(({ kind }) => kind !== "grant").toReversed();
      return ofUse.map(({ kind, amount, endpoint, status }) => {
        const credits = Math.abs(Number(amount)) / 1_000_000;
        return kind === "charge" ? `charge ${credits} ${endpoint} ${status}` : `${kind} ${credits}`;
      });
    },
  };
}

export async function openSidecar(
  database: Database,
  counted: "refuse" | "quote" = "refuse",
): Promise<SidecarUnderTest> {
  const told: string[] = [];
  const failed: unknown[] = [];
  const counting: MeterEvents = {
    ...silentEvents,
    uncollected: ({ amount }) => void told.push(`uncollected ${formatCredits(amount)}`),
  };
  const nobody = { accountId: "", shard: 0, keyId: "" };
  const books = await openRealMeter(database, nobody, { events: counting });
  const { meter, ledger } = books;
  const expired: { readonly requestId: string }[] = [];
  const waiting: { readonly count: number; readonly resolve: () => void }[] = [];
  const events: HoldEvents = {
    settledElsewhere() {},
    refused: ({ code }) => void told.push(`refused ${code}`),
    expired(subject) {
      expired.push(subject);
      for (const { count, resolve } of waiting) if (expired.length >= count) resolve();
    },
  };
  const clock = await DatabaseClock.open(database);
  const secret = await ensureSecret(database, "holds");
  const holds = new Holds({ meter, ledger, database, clock, secret, events });
  const sidecar = createSidecar({
    config: {
      open: ["GET /open"],
      sidecar: { listen: undefined, holdMs: 60_000, counted },
      idempotency: { keepHours: 24, maxBodyBytes: 1_000 },
      gateway: { drainMs: 0 },
    },
    contract: loadContract("farebox"),
    meter,
    holds,
    database,
    operatorToken: TOKEN,
    readState: () => Promise.resolve({ at: 0, pools: [], account: undefined }),
    events: { answered() {}, failed: (error) => void failed.push(error) },
    clock: { unixMs: () => Date.now() },
    version: "0.0.0",
  });
  const url = await sidecar.listen({ host: "127.0.0.1", port: 0 });
  const call: SidecarUnderTest["call"] = async (path, body, headers = {}) => {
    const response = await fetch(url + path, {
      method: "POST",
      headers: { authorization: `Bearer ${TOKEN}`, ...headers },
      body: typeof body === "string" ? body : JSON.stringify(body),
    });
    return { status: response.status, headers: response.headers, body: await response.json() };
  };
  return {
    url,
    books,
    expired,
    counted: told,
    failed,
    call,
    async hold({ key }, path, more = {}) {
      const { body } = await call("/v1/authorize", { key, method: "GET", path, ...more });
      if (typeof body.hold !== "string") throw new Error(JSON.stringify(body));
      return body.hold;
    },
    untilExpired: (count) =>
      expired.length >= count
        ? Promise.resolve()
        : new Promise((resolve) => waiting.push({ count, resolve })),
    async close() {
      await sidecar.close();
      await closeRealMeter(books);
    },
    async die() {
      for (const shard of [0, 1, 2, 3]) {
        await database.query(
          `SELECT farebox.end_lane($1::smallint, i.instance_no) FROM farebox.lanes i WHERE i.shard = $1 AND i.instance_id = $2`,
          [shard, ledger.instanceId],
        );
      }
    },
  };
}
