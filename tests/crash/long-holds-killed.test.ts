import assert from "node:assert/strict";
import { describe, type TestContext, test } from "node:test";
import { type PostgresServer, startPostgres } from "../../src/ledger/testing/postgres-server.ts";
import { assertAtRest, auditByCommand, readBooks } from "./books.ts";
import { DatabaseProxy, type HoldBefore } from "./database-proxy.ts";
import { eventually } from "./eventually.ts";
import type { Customer, FareboxInstance } from "./farebox-process.ts";
import { Scene } from "./scene.ts";

const RICH = 100_000;
const HOURS = { ttl: 20_000 };

interface Site {
  readonly scene: Scene;
  readonly customer: Customer;
  readonly jobs: Job[];
  /** Another one after it was killed. */
  instance: FareboxInstance;
}

/** A call of a job: its path, what it says besides its hold, and what it is charged; undefined: it charges nothing. */
interface Step {
  readonly path: "authorize" | "settle" | "extend" | "release";
  readonly says: object;
  readonly cost?: number;
}

const AUTHORIZE: Step = { path: "authorize", says: HOURS };
const FIRST: Step = { path: "settle", says: { part: "a", cost: 1 }, cost: 1 };
const SECOND: Step = { path: "settle", says: { part: "b", cost: 2 }, cost: 2 };
const LAST: Step = { path: "settle", says: { cost: 0.5 }, cost: 0.5 };
const EXTEND: Step = { path: "extend", says: HOURS };
const RELEASE: Step = { path: "release", says: {} };

/** One job for each step at which somebody may die: before it the job has done all that stands before it. */
const WAYS: readonly { readonly steps: readonly Step[]; readonly diesAt: number }[] = [
  { steps: [AUTHORIZE, FIRST, SECOND, LAST], diesAt: 0 },
  { steps: [AUTHORIZE, FIRST, SECOND, LAST], diesAt: 1 },
  { steps: [AUTHORIZE, FIRST, SECOND, LAST], diesAt: 2 },
  { steps: [AUTHORIZE, FIRST, SECOND, LAST], diesAt: 3 },
  { steps: [AUTHORIZE, FIRST, EXTEND, LAST], diesAt: 2 },
  { steps: [AUTHORIZE, FIRST, RELEASE], diesAt: 2 },
];

/** One whose database is a server of its own, reached through a proxy. */
interface ServedSite extends Site {
  readonly server: PostgresServer;
  readonly proxy: DatabaseProxy;
}

interface Job {
  readonly id: string;
  readonly steps: readonly Step[];
  hold: string | undefined;
  requestId: string | undefined;
}

describe("long holds", () => {
  for (const victim of ["Farebox", "Postgres"] as const) {
    test(`kill -9 of ${victim} at each step of a job: every part is charged once, and nothing stays held`, async (context) => {
      const site = await open(context, victim === "Postgres");
      for (const before of ["commit", "told", "between"] as const) {
        const jobs = await openJobs(site, before);
        const asked = before === "between" ? [] : await standAtSteps(site, jobs, before);
        await kill(site, victim);
        await Promise.all(asked);
        await Promise.all(jobs.map((job, way) => goOn(site, job, WAYS[way]?.diesAt ?? 0)));
      }
      await compare(site);
    });
  }

  test("kill -9 of a Farebox that has its database in it, between the calls of jobs and while they are under way: the same", async (context) => {
    const scene = await Scene.open(context, "pglite");
    const instance = await scene.start();
    const site: Site = { scene, customer: await instance.openAccount(RICH), jobs: [], instance };
    for (const moment of ["between", "under way"] as const) {
      const jobs = await openJobs(site, moment);
      // Which of them it has carried out by then nobody knows: whatever it is, the same is asked again.
      const asked = moment === "between" ? [] : jobs.map((job, way) => ask(site, job, nextStep(job, way)));
      await site.instance.kill();
      site.instance = await scene.start();
      await Promise.all(asked);
      await Promise.all(jobs.map((job, way) => goOn(site, job, WAYS[way]?.diesAt ?? 0)));
    }
    await compare(site);
  });
});

/** A job of each way, at the step before which somebody dies. */
async function openJobs(site: Site, name: string): Promise<readonly Job[]> {
  const jobs = WAYS.map(
    ({ steps }, way): Job => ({
      id: `${name} ${way}`,
      steps,
      hold: undefined,
      requestId: undefined,
    }),
  );
  site.jobs.push(...jobs);
  for (const [way, job] of jobs.entries()) await untilStep(site, job, WAYS[way]?.diesAt ?? 0);
  return jobs;
}

const nextStep = ({ steps }: Job, way: number): Step => steps[WAYS[way]?.diesAt ?? 0] ?? assert.fail();

async function open(context: TestContext, fsync: boolean): Promise<ServedSite> {
  const server = await startPostgres({ fsync });
  const scene = await Scene.open(context, "postgres", server);
  const proxy = await DatabaseProxy.start("url" in scene.database ? scene.database.url : "");
  context.after(() => proxy.close());
  const instance = await scene.start({ url: proxy.url });
  const customer = await instance.openAccount(RICH);
  return { scene, server, proxy, customer, jobs: [], instance };
}

const ask = ({ instance, customer: { key } }: Site, { id, hold }: Job, { path, says }: Step) =>
  instance.callSidecar(
    `/v1/${path}`,
    path === "authorize" ? { id, key, method: "POST", path: "/work", ...says } : { hold, ...says },
  );

/** Until it is told; whoever dies meanwhile, the same is asked again. */
async function carryOut(site: Site, job: Job, step: Step): Promise<void> {
  const body = await eventually(`${step.path} of ${job.id} is told`, async () => {
    const told = await ask(site, job, step);
    assert.ok(told === undefined || [200, 503].includes(told.status), JSON.stringify(told));
    // While the database is away a customer's key is not known either: that refusal holds nothing.
    return told?.status === 200 && told.body.decision !== "refused" ? told.body : undefined;
  });
  if (step.path === "authorize") {
    assert.ok(job.hold === undefined || job.hold === body.hold, "an id is one hold");
    job.hold = body.hold;
    job.requestId = body.requestId;
  }
  if (step.cost !== undefined)
    assert.deepEqual([body.outcome, body.charged, body.uncollected], ["charged", step.cost, 0]);
}

async function untilStep(site: Site, job: Job, diesAt: number): Promise<void> {
  for (const step of job.steps.slice(0, diesAt)) await carryOut(site, job, step);
}

/** Each job's call stands at its step; resolves with what they will be answered. */
async function standAtSteps(
  site: ServedSite,
  jobs: readonly Job[],
  before: HoldBefore,
): Promise<readonly unknown[]> {
  const asked: Promise<unknown>[] = [];
  for (const [way, job] of jobs.entries()) {
    const step = nextStep(job, way);
    const verb = step.path === "authorize" ? "open" : step.path;
    const { reached } = site.proxy.hold(`${verb}_long_hold`, before);
    asked.push(ask(site, job, step));
    await reached;
  }
  return asked;
}

async function kill(site: ServedSite, victim: "Farebox" | "Postgres"): Promise<void> {
  if (victim === "Postgres") {
    await site.server.crash();
    await site.server.start();
    return;
  }
  await site.instance.kill();
  site.instance = await site.scene.start({ url: site.proxy.url });
}

/** From the step at which somebody died, each call twice at once. */
async function goOn(site: Site, job: Job, from: number): Promise<void> {
  for (const step of job.steps.slice(from)) {
    await Promise.all([carryOut(site, job, step), carryOut(site, job, step)]);
  }
}

async function compare({ scene, instance, customer, jobs }: Site): Promise<void> {
  const balance = await instance.atRest(customer.accountId);
  const costs = (job: Job): number[] => job.steps.flatMap(({ cost }) => cost ?? []);
  assert.equal(balance, RICH - jobs.flatMap(costs).reduce((sum, cost) => sum + cost, 0));
  assert.equal((await instance.terminate()).code, 0);
  const books = await readBooks(scene.database);
  const charges = books.entries.filter(({ kind }) => kind === "charge");
  assert.equal(charges.length, jobs.flatMap(costs).length);
  for (const job of jobs) {
    const own = charges.filter(({ requestId }) => requestId === job.requestId);
    assert.equal(own.length, costs(job).length, job.id);
  }
  assertAtRest(books);
  await auditByCommand(scene.database);
}
