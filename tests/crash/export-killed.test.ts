import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { after, before, type TestContext, test } from "node:test";
import type { ExportKind } from "../../src/domain/export-kind.ts";
import { createJob, downloadIds, JobWorld, linesSourceOf } from "../../src/exports/testing/job-world.ts";
import { linesOf, range, type Script } from "../../src/exports/testing/scripted-source.ts";
import type { Database } from "../../src/ledger/database/database.ts";
import { type DatabaseTarget, openDatabase } from "../../src/ledger/database/open-database.ts";
import type { ExportJob } from "../../src/ledger/exports/export-job.ts";
import { readExport } from "../../src/ledger/exports/read-exports.ts";
import { assertSound, createPool, OF_POOL, readPool, SHARDS } from "../../src/ledger/testing/books.ts";
import { kindOf } from "../../src/ledger/testing/new-export.ts";
import { createTestDatabase } from "../../src/ledger/testing/test-databases.ts";
import { eventually } from "./eventually.ts";
import type { WorkerArguments } from "./export-worker.ts";

const RECORDS = 35;
const CREDITS = 1_000n;
const WORKER = join(import.meta.dirname, "export-worker.ts");

let target: DatabaseTarget;
let database: Database;
let drop: () => Promise<void>;

before(async () => {
  const made = await createTestDatabase("postgres");
  target = made.target;
  drop = () => made.drop();
  database = await openDatabase(target);
});
after(async () => {
  await database.close();
  await drop();
});

async function openWorld(context: TestContext, script: Script): Promise<JobWorld> {
  const world = await JobWorld.open(database, script);
  context.after(() => world.close());
  return world;
}

function startWorker(
  context: TestContext,
  world: JobWorld,
  kind: Partial<ExportKind>,
  dieAt?: WorkerArguments["dieAt"],
): ChildProcess {
  const whole = kindOf({ ...kind, source: linesSourceOf(world.source.url) });
  const settings = {
    kinds: [{ ...whole, price: String(whole.price) }],
    storage: { kind: "folder", path: world.folder },
    workers: 2,
    workersPerAccount: 2,
  };
  const argument = JSON.stringify({ database: target, settings, shards: SHARDS, dieAt });
  const child = spawn(process.execPath, [WORKER, argument], { stdio: ["ignore", "ignore", "inherit"] });
  context.after(() => child.kill("SIGKILL"));
  return child;
}

const killed = async (child: ChildProcess): Promise<void> => {
  if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
  assert.equal(child.signalCode, "SIGKILL");
};

function reaches(job: ExportJob, ...states: readonly string[]): Promise<ExportJob> {
  return eventually(`the export is ${states.join(" or ")}`, async () => {
    const now = await readExport(database, job.shard, job.exportId);
    return now !== undefined && states.includes(now.state) ? now : undefined;
  });
}

/** Every record once, in its order; charged once, for all of them; no file besides the parts; the books are sound. */
async function assertWhole(world: JobWorld, job: ExportJob, kind: Partial<ExportKind>): Promise<void> {
  const exports = await world.instance({ ...kind, source: linesSourceOf(world.source.url) });
  assert.deepEqual(await downloadIds(exports, job), range(1, RECORDS));
  assert.equal((await world.files()).length, 4);
  const pool = { accountId: job.accountId, shard: job.shard, creditType: "credits" };
  const charges = await database.query<{ amount: bigint; request: string }>(
    `SELECT amount, request::text AS request FROM farebox.entries WHERE ${OF_POOL} AND kind = 'c'`,
    [pool.accountId, pool.creditType],
  );
  assert.deepEqual(charges, [{ amount: -70n, request: job.exportId }]);
  assert.partialDeepStrictEqual(await readPool(database, pool), { balance: CREDITS - 70n, held: 0n });
  await assertSound(database);
}

for (const charge of ["completion", "listing"] as const) {
  for (const [what, statement, time] of [
    ["a claim", "claim-export", 1],
    ["the first beat", "beat-export", 1],
    ["the record of the second part", "record-export-part", 2],
    ["the record of the last part", "record-export-part", 4],
    ["the end, and its charge", "finish-export", 1],
  ] as const) {
    for (const moment of ["before", "after"] as const) {
      test(`kill -9 ${moment} ${what}, charged at ${charge}: another goes on, each record once, charged once`, async (context) => {
        const world = await openWorld(context, (_, response) => response.end(linesOf(range(1, RECORDS))));
        const asking = await world.instance({ charge });
        const job = await createJob(asking, await createPool(database, CREDITS));
        await killed(startWorker(context, world, { charge }, { statement, moment, time }));
        startWorker(context, world, { charge });
        await reaches(job, charge === "listing" ? "ready" : "charged");
        await assertWhole(world, job, { charge });
      });
    }
  }
}

test("kill -9 in the middle of a part: what was not recorded is removed, and the part is written anew", async (context) => {
  const world = await openWorld(context, (_, response) => response.write(linesOf(range(1, 25))));
  const asking = await world.instance();
  const job = await createJob(asking, await createPool(database, CREDITS));
  const first = startWorker(context, world, {});
  await eventually("two parts and a begun one", async () => {
    const now = await readExport(database, job.shard, job.exportId);
    return now?.parts === 2 && (await world.files()).length === 3 ? true : undefined;
  });
  first.kill("SIGKILL");
  await killed(first);
  world.source.script = (_, response) => response.end(linesOf(range(1, RECORDS)));
  startWorker(context, world, {});
  await reaches(job, "charged");
  await assertWhole(world, job, {});
});

test("two workers, one of which is killed again and again: every job is done once", async (context) => {
  const world = await openWorld(context, (_, response) => response.end(linesOf(range(1, RECORDS))));
  const asking = await world.instance();
  const jobs: ExportJob[] = [];
  for (let count = 0; count < 6; count += 1) {
    jobs.push(await createJob(asking, await createPool(database, CREDITS)));
  }
  startWorker(context, world, {});
  for (let round = 1; round <= 3; round += 1) {
    const dieAt = { statement: "record-export-part", moment: "after", time: round } as const;
    const child = startWorker(context, world, {}, dieAt);
    const isOver = await Promise.race([killed(child).then(() => false), allDone(jobs).then(() => true)]);
    if (isOver) break;
  }
  await allDone(jobs);
  const exports = await world.instance({ source: linesSourceOf(world.source.url) });
  for (const job of jobs) assert.deepEqual(await downloadIds(exports, job), range(1, RECORDS));
  const charges = await database.query<{ count: bigint; requests: bigint }>(
    `SELECT count(*) AS count, count(DISTINCT request) AS requests FROM farebox.entries WHERE kind = 'c' AND request = ANY ($1::uuid[])`,
    [jobs.map(({ exportId }) => exportId)],
  );
  assert.deepEqual(charges, [{ count: 6n, requests: 6n }]);
  await assertSound(database);
});

async function allDone(jobs: readonly ExportJob[]): Promise<void> {
  for (const job of jobs) await reaches(job, "charged");
}
