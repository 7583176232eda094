import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { DatabaseTarget } from "../../src/ledger/database/open-database.ts";
import { createTestDatabase, type TestDatabase } from "../../src/ledger/testing/test-databases.ts";
import { assertAtRest, auditByCommand, readBooks, readHeld } from "./books.ts";
import { compareLogs } from "./compare-logs.ts";
import { DatabaseProxy } from "./database-proxy.ts";
import { eventually } from "./eventually.ts";
import { COST, type Customer, createFolder, FareboxInstance } from "./farebox-process.ts";
import { type CallOptions, type CallRecord, LoggingClient, type OngoingCall } from "./logging-client.ts";
import { ScriptedUpstream } from "./scripted-upstream.ts";

const CREDITS = 30;
/** More than a socket's buffers hold: when the kernel has taken all of it, the instance has read most of it. */
const LARGE = Buffer.alloc(48 * 1024 * 1024, "x");

const MOST_TRIES = 5;

/** The request got 503: its step, which nothing reaches any more, would be waited for until the end of the run. */
class RefusedBefore extends Error {
  override readonly name = "RefusedBefore";
}

/** What a step may watch and steer. */
interface Scene {
  readonly call: string;
  readonly customer: Customer;
  readonly proxy: DatabaseProxy;
  readonly upstream: ScriptedUpstream;
  readonly database: DatabaseTarget;
  /** Sends the request. */
  readonly begin: () => OngoingCall;
}

interface Step {
  readonly title: string;
  readonly path?: string;
  /** Brings the request exactly to the step. */
  reach(scene: Scene): Promise<OngoingCall>;
  /** What had happened when the instance died. */
  readonly reachedUpstream: boolean;
  readonly charged: boolean;
  readonly told: "nothing" | "a part" | "everything";
  /** With an Idempotency-Key too, and what a retry under it then finds. */
  readonly retry?: "runs again" | "is replayed";
}

const STEPS: readonly Step[] = [
  {
    title: "before the lease",
    async reach({ proxy, begin }) {
      const { reached } = proxy.hold("lease", "commit");
      const ongoing = begin();
      await reached;
      return ongoing;
    },
    reachedUpstream: false,
    charged: false,
    told: "nothing",
    retry: "runs again",
  },
  {
    title: "after the lease",
    async reach({ proxy, begin, database, customer }) {
      const { reached } = proxy.hold("lease", "told");
      const ongoing = begin();
      await reached;
      assert.equal(await readHeld(database, customer.accountId), COST);
      return ongoing;
    },
    reachedUpstream: false,
    charged: false,
    told: "nothing",
  },
  {
    title: "after the dispatch",
    async reach({ upstream, call, begin }) {
      const dispatched = upstream.next(call);
      const ongoing = begin();
      await dispatched;
      return ongoing;
    },
    reachedUpstream: true,
    charged: false,
    told: "nothing",
    retry: "runs again",
  },
  {
    title: "after the upstream's head, in its body",
    async reach({ upstream, call, begin }) {
      const dispatched = upstream.next(call);
      const ongoing = begin();
      const answer = await dispatched;
      answer.sendHead(LARGE.length + 1);
      await answer.sendBody(LARGE);
      return ongoing;
    },
    reachedUpstream: true,
    charged: false,
    told: "nothing",
  },
  {
    title: "after the upstream's end, before the charge's commit",
    async reach({ proxy, begin }) {
      const { reached } = proxy.hold("charge", "commit");
      const ongoing = begin();
      await reached;
      return ongoing;
    },
    reachedUpstream: true,
    charged: false,
    told: "nothing",
    retry: "runs again",
  },
  {
    title: "after the charge's commit, before the client is told",
    async reach({ proxy, begin }) {
      const { reached } = proxy.hold("charge", "told");
      const ongoing = begin();
      await reached;
      return ongoing;
    },
    reachedUpstream: true,
    charged: true,
    told: "nothing",
    retry: "is replayed",
  },
  {
    title: "after a stream's head, before the charge's commit",
    path: "/stream",
    async reach({ proxy, upstream, call, begin }) {
      const dispatched = upstream.next(call);
      const { reached } = proxy.hold("charge", "commit");
      const ongoing = begin();
      (await dispatched).sendHead();
      await reached;
      return ongoing;
    },
    reachedUpstream: true,
    charged: false,
    told: "nothing",
  },
  {
    title: "in the middle of a stream's body",
    path: "/stream",
    async reach({ upstream, call, begin }) {
      const dispatched = upstream.next(call);
      const ongoing = begin();
      const answer = await dispatched;
      answer.sendHead();
      await answer.sendBody("the first half");
      await ongoing.until("the first half");
      return ongoing;
    },
    reachedUpstream: true,
    charged: true,
    told: "a part",
  },
  {
    title: "after the client was told",
    async reach({ begin, call }) {
      const ongoing = begin();
      await ongoing.until(`{"call":"${call}"}`);
      return ongoing;
    },
    reachedUpstream: true,
    charged: true,
    told: "everything",
    retry: "is replayed",
  },
];

describe("kill -9 of an instance", () => {
  const log: CallRecord[] = [];
  let database: TestDatabase;
  let upstream: ScriptedUpstream;
  let folder: ReturnType<typeof createFolder>;
  /** Started again after the others died; the same for all, because each step has an account of its own. */
  let next: FareboxInstance;

  before(async () => {
    database = await createTestDatabase("postgres");
    upstream = await ScriptedUpstream.start();
    folder = createFolder(upstream.url);
    next = await FareboxInstance.start(folder.path, database.target);
  });

  after(async () => {
    await next.remove();
    await upstream.close();
    folder.remove();
    await database.drop();
  });

  describe("at each step", { concurrency: 5 }, () => {
    for (const step of STEPS) {
      test(step.title, () => crash(step, undefined));
      if (step.retry === undefined) continue;
      test(`${step.title}, under an Idempotency-Key: a retry ${step.retry}`, () => crash(step, step.retry));
    }
  });

  test("and in the end all books are exact", async () => {
    assert.equal((await next.terminate()).code, 0);
    const books = await readBooks(database.target);
    assertAtRest(books);
    const { acknowledged, unseen } = compareLogs(log, upstream.log, books);
    assert.ok(acknowledged > 0 && unseen > 0, "charges that were told of, and charges that were not");
    await auditByCommand(database.target);
  });

  /** The step again, with another customer and instance, where a busy machine has refused the request before it got there. */
  async function crash(step: Step, retry: Step["retry"]): Promise<void> {
    for (let left = MOST_TRIES; ; left--) {
      try {
        await crashOnce(step, retry, left);
        return;
      } catch (error) {
        if (!(error instanceof RefusedBefore) || left === 1) throw error;
      }
    }
  }

  async function crashOnce(step: Step, retry: Step["retry"], triesLeft: number): Promise<void> {
    const call = `${step.title}${retry === undefined ? "" : " with a key"} ${triesLeft}`.replaceAll(
      /\W+/g,
      "-",
    );
    const customer = await next.openAccount(CREDITS);
    const proxy = await DatabaseProxy.start("url" in database.target ? database.target.url : "");
    let victim: FareboxInstance | undefined;
    try {
      victim = await FareboxInstance.start(folder.path, { url: proxy.url });
      const { gatewayPort } = victim;
      const options: CallOptions = {
        ...customer,
        call,
        path: step.path ?? "/work",
        ...(retry === undefined ? {} : { idempotencyKey: call }),
      };
      const client = new LoggingClient(log);
      const refused = Promise.withResolvers<never>();
      const begin = (): OngoingCall => {
        const ongoing = client.begin(gatewayPort, options);
        ongoing.until("HTTP/1.1 503 ").then(
          () => refused.reject(new RefusedBefore(`${step.title}: refused before it`)),
          () => undefined,
        );
        return ongoing;
      };
      const scene = { call, customer, proxy, upstream, database: database.target, begin };
      const ongoing = await Promise.race([step.reach(scene), refused.promise]);
      await victim.kill();
      assertTold(await ongoing.end(), step.told);
      assert.equal(upstream.seen(call).length, step.reachedUpstream ? 1 : 0);
      await assertPaid(customer, step.charged ? 1 : 0);
      if (retry !== undefined) await assertRetry(client, options, step, retry);
      // The dead instance's lease comes back by itself, and everything that was not charged can be spent.
      await next.atRest(customer.accountId);
      const left = CREDITS / COST - (step.charged || retry !== undefined ? 1 : 0);
      await spendAll(client, customer, left);
    } finally {
      await victim?.remove();
      await proxy.close();
    }
  }

  /** While the dead instance counts as alive its run counts as running. */
  async function assertRetry(
    client: LoggingClient,
    options: CallOptions,
    step: Step,
    retry: Step["retry"],
  ): Promise<void> {
    const record = await eventually("the key is free again", async () => {
      const answer = await client.call(next.gatewayPort, options);
      if (answer.status !== 409) return answer;
      assert.equal(retry, "runs again", "a completed key is replayed at once");
      return undefined;
    });
    assert.equal(record.status, 200);
    assert.equal(record.body, `{"call":"${options.call}"}`);
    assert.equal(record.replayed, retry === "is replayed");
    assert.equal(record.charged, retry === "is replayed" ? 0 : COST);
    const runs = (step.reachedUpstream ? 1 : 0) + (retry === "is replayed" ? 0 : 1);
    assert.equal(upstream.seen(options.call).length, runs);
    await assertPaid(options, 1);
  }

  async function assertPaid({ accountId }: { readonly accountId: string }, times: number): Promise<void> {
    const { entries } = await readBooks(database.target);
    const charges = entries.filter((entry) => entry.accountId === accountId && entry.kind !== "grant");
    assert.deepEqual(
      charges.map(({ kind, amount }) => ({ kind, amount })),
      Array.from({ length: times }, () => ({ kind: "charge", amount: -COST })),
    );
  }

  async function spendAll(client: LoggingClient, customer: Customer, times: number): Promise<void> {
    for (let spent = 0; spent <= times; spent += 1) {
      const call = `spend-${customer.accountId}-${spent}`;
      const { status } = await client.call(next.gatewayPort, { ...customer, call });
      assert.equal(status, spent < times ? 200 : 402, `request ${spent + 1} of ${times} that are paid for`);
    }
    await next.atRest(customer.accountId);
    client.leave();
  }
});

function assertTold(record: CallRecord, told: Step["told"]): void {
  if (told === "nothing") assert.equal(record.bytes, 0);
  else assert.equal(record.status, 200);
  assert.equal(record.complete, told === "everything");
}
