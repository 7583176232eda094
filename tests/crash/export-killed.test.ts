import assert from "node:assert/strict";
import { test } from "node:test";
import { createJob, downloadIds, linesSourceOf } from "../../src/exports/testing/job-world.ts";
import { linesOf, range } from "../../src/exports/testing/scripted-source.ts";
import type { ExportJob } from "../../src/ledger/exports/export-job.ts";
import { readExport } from "../../src/ledger/exports/read-exports.ts";
import { assertSound, createPool } from "../../src/ledger/testing/books.ts";
import { eventually } from "./eventually.ts";
import { CREDITS, ExportProcesses, killed, RECORDS } from "./export-processes.ts";

const processes = new ExportProcesses();

for (const [what, statement, time, charge] of [
  ["a claim", "claim-export", 1, "completion"],
  ["the first beat", "beat-export", 1, "completion"],
  ["the record of the second part", "record-export-part", 2, "completion"],
  ["the record of the last part", "record-export-part", 4, "completion"],
  ["the end, and its charge", "finish-export", 1, "completion"],
  ["the end, and no charge before a listing", "finish-export", 1, "listing"],
] as const) {
  for (const moment of ["before", "after"] as const) {
    test(`kill -9 ${moment} ${what}: another goes on, each record once, charged once`, async (context) => {
      const world = await processes.openWorld(context, (_, response) =>
        response.end(linesOf(range(1, RECORDS))),
      );
      const asking = await world.instance({ charge });
      const job = await createJob(asking, await createPool(processes.database, CREDITS));
      await killed(processes.start(context, world, { charge }, { dieAt: { statement, moment, time } }));
      processes.start(context, world, { charge });
      await processes.reaches(job, charge === "listing" ? "ready" : "charged");
      await processes.assertWhole(world, job, { charge });
    });
  }
}

test("kill -9 in the middle of a part: what was not recorded is removed, and the part is written anew", async (context) => {
  const world = await processes.openWorld(context, (_, response) => response.write(linesOf(range(1, 25))));
  const asking = await world.instance();
  const job = await createJob(asking, await createPool(processes.database, CREDITS));
  const first = processes.start(context, world, {});
  await eventually("two parts and a begun one", async () => {
    const now = await readExport(processes.database, job.shard, job.exportId);
    return now?.parts === 2 && (await world.files()).length === 3 ? true : undefined;
  });
  first.kill("SIGKILL");
  await killed(first);
  world.source.script = (_, response) => response.end(linesOf(range(1, RECORDS)));
  processes.start(context, world, {});
  await processes.reaches(job, "charged");
  await processes.assertWhole(world, job, {});
});

test("two workers, one of which is killed again and again: every job is done once", async (context) => {
  const world = await processes.openWorld(context, (_, response) => response.end(linesOf(range(1, RECORDS))));
  const asking = await world.instance();
  const jobs: ExportJob[] = [];
  for (let count = 0; count < 6; count += 1) {
    jobs.push(await createJob(asking, await createPool(processes.database, CREDITS)));
  }
  processes.start(context, world, {});
  for (let round = 1; round <= 3; round += 1) {
    const dieAt = { statement: "record-export-part", moment: "after", time: round } as const;
    const child = processes.start(context, world, {}, { dieAt });
    const isOver = await Promise.race([killed(child).then(() => false), allDone(jobs).then(() => true)]);
    if (isOver) break;
  }
  await allDone(jobs);
  const exports = await world.instance({ source: linesSourceOf(world.source.url) });
  for (const job of jobs) assert.deepEqual(await downloadIds(exports, job), range(1, RECORDS));
  const charges = await processes.database.query<{ count: bigint; requests: bigint }>(
    `SELECT count(*) AS count, count(DISTINCT request) AS requests FROM farebox.entries WHERE kind = 'c' AND request = ANY ($1::uuid[])`,
    [jobs.map(({ exportId }) => exportId)],
  );
  assert.deepEqual(charges, [{ count: 6n, requests: 6n }]);
  await assertSound(processes.database);
});

async function allDone(jobs: readonly ExportJob[]): Promise<void> {
  for (const job of jobs) await processes.reaches(job, "charged");
}
