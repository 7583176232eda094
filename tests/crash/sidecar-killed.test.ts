import assert from "node:assert/strict";
import { describe, type TestContext, test } from "node:test";
import { type PostgresServer, startPostgres } from "../../src/ledger/testing/postgres-server.ts";
import { assertAtRest, auditByCommand, readBooks } from "./books.ts";
import { DatabaseProxy } from "./database-proxy.ts";
import { eventually } from "./eventually.ts";
import { COST, type Customer, type FareboxInstance } from "./farebox-process.ts";
import { Scene } from "./scene.ts";

const HOLDS = 8;
const RICH = 100_000;
/** Before a batch of charges is sent to the server; when it is committed and nobody has been told; at any moment. */
const STEPS = ["commit", "told", undefined] as const;

interface Site {
  readonly scene: Scene;
  readonly server: PostgresServer;
  readonly proxy: DatabaseProxy;
  readonly customer: Customer;
  /** Request ids of the holds that were to be charged. */
  readonly served: Set<string>;
  /** Another one after it was killed. */
  instance: FareboxInstance;
}

describe("holds of the sidecar", () => {
  test("kill -9 of Farebox at each step of a settlement: every hold is charged once, and told", async (context) => {
    const site = await open(context, false);
    for (const step of STEPS) {
      const { holds, settling } = await settleAt(site, step);
      await site.instance.kill();
      await settling;
      site.instance = await site.scene.start({ url: site.proxy.url });
      await settleAgain(site, holds);
    }
    await compare(site);
  });

  test("kill -9 of Postgres at each step of a settlement: every hold is charged once, and told", async (context) => {
    const site = await open(context, true);
    for (const step of STEPS) {
      const { holds, settling } = await settleAt(site, step);
      await site.server.crash();
      await site.server.start();
      await settling;
      await settleAgain(site, holds);
    }
    await compare(site);
  });

  test("kill -9 of the caller between authorize and settle, and of Farebox then: nothing is charged, nothing stays held", async (context) => {
    const site = await open(context, false);
    await authorize(site, { ttl: 1 });
    assert.equal(await site.instance.atRest(site.customer.accountId), RICH);
    await authorize(site, { ttl: 900 });
    await site.instance.kill();
    site.instance = await site.scene.start({ url: site.proxy.url });
    assert.equal(await site.instance.atRest(site.customer.accountId), RICH);
    site.served.clear();
    await compare(site);
  });
});

async function open(context: TestContext, fsync: boolean): Promise<Site> {
  const server = await startPostgres({ fsync });
  const scene = await Scene.open(context, "postgres", server);
  const proxy = await DatabaseProxy.start("url" in scene.database ? scene.database.url : "");
  context.after(() => proxy.close());
  const instance = await scene.start({ url: proxy.url });
  const customer = await instance.openAccount(RICH);
  return { scene, server, proxy, customer, served: new Set(), instance };
}

function authorize({ instance, customer: { key }, served }: Site, more: object = {}): Promise<string[]> {
  return Promise.all(
    Array.from({ length: HOLDS }, async () => {
      const answer = await eventually("a hold is made", async () => {
        const told = await instance.callSidecar("/v1/authorize", {
          key,
          method: "POST",
          path: "/work",
          ...more,
        });
        return told?.body.hold === undefined ? undefined : told.body;
      });
      served.add(answer.requestId ?? "");
      return answer.hold ?? "";
    }),
  );
}

/** Settles holds, and resolves when one of their batches stands at the step. */
async function settleAt(
  site: Site,
  step: (typeof STEPS)[number],
): Promise<{ readonly holds: readonly string[]; readonly settling: Promise<unknown> }> {
  const holds = await authorize(site);
  const held = step === undefined ? undefined : site.proxy.hold("charge", step);
  const { instance } = site;
  const answers = holds.map((hold) => instance.callSidecar("/v1/settle", { hold }));
  const settling = Promise.all(answers);
  // At any moment: some are told, some are not.
  await (held?.reached ?? Promise.race(answers));
  return { holds, settling };
}

/** Each until it is told, twice at once. */
async function settleAgain({ instance }: Site, holds: readonly string[]): Promise<void> {
  const settle = (hold: string): Promise<void> =>
    eventually("a hold is settled", async () => {
      const told = await instance.callSidecar("/v1/settle", { hold });
      if (told?.status !== 200) {
        assert.ok(told === undefined || told.status === 503, JSON.stringify(told));
        return undefined;
      }
      const { outcome, charged, uncollected } = told.body;
      assert.deepEqual([outcome, charged, uncollected], ["charged", COST, 0]);
      return true;
    }).then(() => undefined);
  await Promise.all([...holds, ...holds].map(settle));
}

async function compare({ scene, instance, customer, served }: Site): Promise<void> {
  const balance = await instance.atRest(customer.accountId);
  assert.equal(balance, RICH - COST * served.size);
  assert.equal((await instance.terminate()).code, 0);
  const books = await readBooks(scene.database);
  const charges = books.entries
    .filter(({ kind }) => kind === "charge")
    .map(({ requestId }) => requestId ?? "");
  assert.deepEqual(charges.toSorted(), [...served].toSorted());
  assertAtRest(books);
  await auditByCommand(scene.database);
}
