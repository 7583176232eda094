import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { after, before, type TestContext } from "node:test";
import type { ExportKind } from "../../src/domain/export-kind.ts";
import { downloadIds, JobWorld, linesSourceOf } from "../../src/exports/testing/job-world.ts";
import { range, type Script } from "../../src/exports/testing/scripted-source.ts";
import type { Database } from "../../src/ledger/database/database.ts";
import { type DatabaseTarget, openDatabase } from "../../src/ledger/database/open-database.ts";
import type { ExportJob } from "../../src/ledger/exports/export-job.ts";
import { readExport } from "../../src/ledger/exports/read-exports.ts";
import { assertSound, OF_POOL, readPool, SHARDS } from "../../src/ledger/testing/books.ts";
import { kindOf } from "../../src/ledger/testing/new-export.ts";
import { createTestDatabase } from "../../src/ledger/testing/test-databases.ts";
import { eventually } from "./eventually.ts";
import type { WorkerArguments } from "./export-worker.ts";

/** What the source of these tests has, and what a pool has before. */
export const RECORDS = 35;
export const CREDITS = 1_000n;

const WORKER = join(import.meta.dirname, "export-worker.ts");

/** How a process is started: its place in a shell, `ulimit -f 1 &&`, and what it does. */
export interface ProcessOptions extends Pick<WorkerArguments, "ask" | "list" | "dieAt"> {
  readonly shell?: string;
}

/** Processes that work on exports over one Postgres, in place of those of instances. Registers hooks of the file. */
export class ExportProcesses {
  #target: DatabaseTarget | undefined;
  #database: Database | undefined;

  constructor() {
    let drop = (): Promise<void> => Promise.resolve();
    before(async () => {
      const made = await createTestDatabase("postgres");
      this.#target = made.target;
      drop = () => made.drop();
      this.#database = await openDatabase(made.target);
    });
    after(async () => {
      await this.#database?.close();
      await drop();
    });
  }

  get database(): Database {
    return this.#database ?? assert.fail("it is opened before the tests");
  }

  async openWorld(context: TestContext, script: Script): Promise<JobWorld> {
    const world = await JobWorld.open(this.database, script);
    context.after(() => world.close());
    return world;
  }

  start(
    context: TestContext,
    world: JobWorld,
    kind: Partial<ExportKind>,
    { shell, ...does }: ProcessOptions = {},
  ): ChildProcess {
    const whole = kindOf({ source: linesSourceOf(world.source.url), ...kind });
    const settings = {
      kinds: [{ ...whole, price: String(whole.price) }],
      storage: { kind: "folder", path: world.folder },
      workers: 2,
      workersPerAccount: 2,
    };
    const argument = JSON.stringify({ database: this.#target, settings, shards: SHARDS, ...does });
    const command = [process.execPath, WORKER, argument] as const;
    const stdio = ["ignore", "ignore", "inherit"] as const;
    const child =
      shell === undefined
        ? spawn(command[0], command.slice(1), { stdio: [...stdio] })
        : spawn("sh", ["-c", `${shell} exec "$0" "$@"`, ...command], { stdio: [...stdio] });
    context.after(() => child.kill("SIGKILL"));
    return child;
  }

  reaches(job: ExportJob, ...states: readonly string[]): Promise<ExportJob> {
    return eventually(`the export is ${states.join(" or ")}`, async () => {
      const now = await readExport(this.database, job.shard, job.exportId);
      return now !== undefined && states.includes(now.state) ? now : undefined;
    });
  }

  /** Every record once, in its order; charged once, for all of them; no file besides the parts; the books are sound. */
  async assertWhole(world: JobWorld, job: ExportJob, kind: Partial<ExportKind>): Promise<void> {
    const exports = await world.instance({ source: linesSourceOf(world.source.url), ...kind });
    assert.deepEqual(await downloadIds(exports, job), range(1, RECORDS));
    assert.equal((await world.files()).length, 4);
    const pool = { accountId: job.accountId, shard: job.shard, creditType: "credits" };
    const charges = await this.database.query<{ amount: bigint; request: string }>(
      `SELECT amount, request::text AS request FROM farebox.entries WHERE ${OF_POOL} AND kind = 'c'`,
      [pool.accountId, pool.creditType],
    );
    assert.deepEqual(charges, [{ amount: -70n, request: job.exportId }]);
    assert.partialDeepStrictEqual(await readPool(this.database, pool), { balance: CREDITS - 70n, held: 0n });
    await assertSound(this.database);
  }
}

export async function killed(child: ChildProcess): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
  assert.equal(child.signalCode, "SIGKILL");
}

/** It did what it was asked to do. */
export async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
  assert.deepEqual([child.exitCode, child.signalCode], [0, null]);
}
