import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import { createJob } from "../../src/exports/testing/job-world.ts";
import { linesOf, range } from "../../src/exports/testing/scripted-source.ts";
import { assertSound, createPool, readPool } from "../../src/ledger/testing/books.ts";
import { eventually } from "./eventually.ts";
import { CREDITS, ExportProcesses, killed, RECORDS } from "./export-processes.ts";

const processes = new ExportProcesses();

test("the system refuses to write on in a part: the export fails and says so, what it held is free, and a retry elsewhere works", async (context) => {
  const { database } = processes;
  // The third part does not become small however it is compressed.
  const bulky = `{"id": 25, "noise": "${randomBytes(200_000).toString("base64")}"}\n`;
  const world = await processes.openWorld(context, (_, response) =>
    response.end(linesOf(range(1, 24)) + bulky + linesOf(range(26, 10))),
  );
  const asking = await world.instance();
  const pool = await createPool(database, CREDITS);
  const job = await createJob(asking, pool);
  assert.partialDeepStrictEqual(await readPool(database, pool), { held: 200n });
  // A process with a limit to its files' size is refused by the system as on a full disk, whoever runs the test: 32 KiB or 64 KiB.
  const limited = processes.start(context, world, {}, { shell: "ulimit -f 64;" });
  const failed = await processes.reaches(job, "failed");
  assert.partialDeepStrictEqual(failed, {
    records: 20,
    failure: { code: "export_storage_full", message: "The storage of exports is full." },
  });
  assert.partialDeepStrictEqual(await readPool(database, pool), { balance: CREDITS, held: 0n });
  await eventually("its files are gone", async () => ((await world.files()).length === 0 ? true : undefined));
  await assertSound(database);
  limited.kill("SIGKILL");
  await killed(limited);
  assert.equal((await asking.retry(job, job.exportId))?.kind, "queued");
  processes.start(context, world, {});
  await processes.assertWhole(world, await processes.reaches(job, "charged"), {});
  assert.equal(RECORDS, failed.records + 15);
});
