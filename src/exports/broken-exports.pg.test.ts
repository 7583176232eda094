import assert from "node:assert/strict";
import { afterEach, before, beforeEach, test } from "node:test";
import type { Database } from "../ledger/database/database.ts";
import type { ExportJob } from "../ledger/exports/export-job.ts";
import { assertSound, createPool, readPool } from "../ledger/testing/books.ts";
import { eachDatabase } from "../ledger/testing/test-databases.ts";
import type { Exports } from "./exports.ts";
import { fillDisk } from "./storage/testing/fill-disk.ts";
import { createJob, downloadIds, JobWorld, linesSourceOf, workUntil } from "./testing/job-world.ts";
import { linesOf, pagesOf, range, recordOf } from "./testing/scripted-source.ts";

const CREDITS = 100_000n;
const PAGES = { maxRecords: 1_000, partRecords: 10 };

eachDatabase("exports are broken off", (openFresh) => {
  let db: Database;
  let world: JobWorld;

  before(async () => {
    db = await openFresh();
  });
  beforeEach(async () => {
    world = await JobWorld.open(db, pagesOf(range(1, 35), 8));
  });
  afterEach(async () => {
    await world.close();
    await assertSound(db);
  });

  const lines = () => ({ ...PAGES, source: linesSourceOf(world.source.url) });

  /** A job that ends in a failure: it has cost nothing, and no file of it stays. */
  async function assertFails(exports: Exports, job: ExportJob, code: string): Promise<ExportJob> {
    const failed = await workUntil([exports], job, "failed");
    assert.equal(failed.failure?.code, code, failed.failure?.message);
    await exports.step();
    assert.deepEqual(await world.files(), []);
    const pool = { accountId: job.accountId, shard: job.shard, creditType: "credits" };
    assert.partialDeepStrictEqual(await readPool(db, pool), { balance: CREDITS, held: 0n });
    return failed;
  }

  for (const [what, code, script] of [
    ["a line that is no JSON", "export_source_invalid", `${recordOf(1)}\n{"id": 2\n`],
    ["a record without an id", "export_source_invalid", `${recordOf(1)}\n{"no": 2}\n`],
    ["bytes that are no text", "export_source_invalid", Buffer.from('{"id":"\xff\xfe"}\n', "latin1")],
    ["a line that is too long", "export_record_too_large", `${recordOf(1)}\n{"id":"${"x".repeat(2_000)}`],
    ["more records than it may have", "export_too_large", linesOf(range(1, 1_001))],
    ["more bytes than it may have", "export_too_large", linesOf(range(1, 900))],
  ] as const) {
    test(`${what}: the job fails with ${code}, free, and leaves no file`, async () => {
      const limits = { recordBytes: 1_000, totalBytes: 20_000, seconds: 3_600 };
      const exports = await world.instance({ ...lines(), limits });
      world.source.script = (_, response) => void response.end(script);
      const job = await createJob(exports, await createPool(db, CREDITS));
      await assertFails(exports, job, code);
    });
  }

  test("a source that refuses is not asked again; one that leads nowhere ends", async () => {
    const exports = await world.instance(PAGES);
    world.source.script = (_, response) => {
      response.statusCode = 401;
      response.end();
    };
    await assertFails(
      exports,
      await createJob(exports, await createPool(db, CREDITS)),
      "export_source_refused",
    );
    assert.equal(world.source.asked.length, 1);
    world.source.script = (_, response) => void response.end('{"items": [], "next": "again"}');
    await assertFails(
      exports,
      await createJob(exports, await createPool(db, CREDITS)),
      "export_source_loops",
    );
  });

  test("a source that asks to wait for longer than a worker would: the job rests so long, and goes on then", async () => {
    const exports = await world.instance(PAGES);
    const pages = world.source.script;
    world.source.script = (_, response) => {
      response.statusCode = 429;
      response.setHeader("retry-after", "1800");
      response.end();
    };
    const job = await createJob(exports, await createPool(db, CREDITS));
    let resting = await workUntil([exports], job, "queued");
    while (resting.failure === null) resting = await workUntil([exports], job, "queued");
    assert.equal(resting.failure.message, "The source asks to wait for 1800 s.");
    assert.equal(world.source.asked.length, 1);
    const [due] = await db.query<{ is_later: boolean }>(
      "SELECT due_at > now() + interval '20 min' AS is_later FROM farebox.exports WHERE export_id = $1",
      [job.exportId],
    );
    assert.equal(due?.is_later, true);
    world.source.script = pages;
    await db.query("UPDATE farebox.exports SET due_at = created_at WHERE export_id = $1", [job.exportId]);
    const done = await workUntil([exports], job, "charged");
    assert.deepEqual(await downloadIds(exports, done), range(1, 35));
  });

  test("a source that says at once that it has too many is not read; a limit of the customer's own stops there", async () => {
    const exports = await world.instance({ ...PAGES, maxRecords: 30 });
    const pool = await createPool(db, CREDITS);
    await assertFails(exports, await createJob(exports, pool), "export_too_large");
    assert.equal(world.source.asked.length, 1);
    const limited = await createJob(exports, pool, { limit: 20 });
    assert.equal(limited.held, 40n);
    const done = await workUntil([exports], limited, "charged");
    assert.deepEqual(await downloadIds(exports, done), range(1, 20));
  });

  test("a slow source holds up no other account, and ends when its time is over", async () => {
    const exports = await world.instance({
      ...lines(),
      limits: { recordBytes: 1_000, totalBytes: 30_000, seconds: 3_600 },
    });
    const pool = await createPool(db, CREDITS);
    const slow = await createJob(exports, pool);
    world.source.script = (_, response) => void response.write(linesOf([1]));
    await workUntil([exports], slow, "running");
    while (world.source.asked.length === 0) await new Promise(setImmediate);
    world.source.script = (_, response) => void response.end(linesOf([1, 2]));
    await workUntil([exports], await createJob(exports, await createPool(db, CREDITS)), "charged");
    assert.equal((await exports.read(slow, slow.exportId))?.state, "running");
    await exports.stop();
    // It went back to the queue, and its time runs on.
    await db.query("UPDATE farebox.exports SET begun_at = begun_at - interval '2 h' WHERE export_id = $1", [
      slow.exportId,
    ]);
    const next = await world.instance(lines());
    const failed = await workUntil([next], slow, "failed");
    assert.equal(failed.failure?.code, "export_timed_out");
    assert.partialDeepStrictEqual(await readPool(db, pool), { balance: CREDITS, held: 0n });
  });

  test("an instance that stops leaves its job behind the last part; another one goes on", async () => {
    const first = await world.instance(lines());
    world.source.script = (_, response) => void response.write(linesOf(range(1, 25)));
    const job = await createJob(first, await createPool(db, CREDITS));
    for (let records = 0; records < 20; ) {
      await first.step();
      records = (await first.read(job, job.exportId))?.records ?? 0;
    }
    await first.stop();
    assert.deepEqual((await world.files()).length, 2, "the third part was not finished");
    world.source.script = (_, response) => void response.end(linesOf(range(1, 35)));
    const second = await world.instance(lines());
    const done = await workUntil([second], job, "charged");
    assert.deepEqual(await downloadIds(second, done), range(1, 35));
    assert.equal((await world.files()).length, 4);
  });

  test("two instances at ten jobs: each job once, no record twice", async () => {
    const instances = [await world.instance(PAGES), await world.instance(PAGES)];
    const [first = assert.fail("two"), second = assert.fail("two")] = instances;
    const jobs: ExportJob[] = [];
    for (let count = 0; count < 10; count += 1) {
      jobs.push(await createJob(count % 2 === 0 ? first : second, await createPool(db, CREDITS)));
    }
    for (const job of jobs) {
      const done = await workUntil(instances, job, "charged");
      assert.deepEqual(await downloadIds(first, done), range(1, 35));
    }
    assert.equal((await world.files()).length, 40);
  });

  test("a worker that lost its claim adds nothing: the other's parts stand", async () => {
    const first = await world.instance(lines());
    let release = (): void => undefined;
    world.source.script = (_, response) => {
      response.write(linesOf(range(1, 5)));
      release = () => void response.end(linesOf(range(6, 30)));
    };
    const job = await createJob(first, await createPool(db, CREDITS));
    await workUntil([first], job, "running");
    while (world.source.asked.length === 0) await new Promise(setImmediate);
    const finish = release;
    // Its claim ends, as when it was paused for longer.
    await db.query("UPDATE farebox.exports SET due_at = created_at WHERE export_id = $1", [job.exportId]);
    const second = await world.instance(lines());
    world.source.script = (_, response) => void response.end(linesOf(range(1, 35)));
    const done = await workUntil([second], job, "charged");
    finish();
    await first.stop();
    assert.equal((await world.files()).length, 4);
    assert.deepEqual(await downloadIds(second, done), range(1, 35));
  });

  test("cancelled while it runs: the worker leaves, the files go, nothing is charged", async () => {
    const exports = await world.instance(lines(), { claimSeconds: 1 });
    world.source.script = (_, response) => void response.write(linesOf(range(1, 25)));
    const pool = await createPool(db, CREDITS);
    const job = await createJob(exports, pool);
    for (let records = 0; records < 20; ) {
      await exports.step();
      records = (await exports.read(job, job.exportId))?.records ?? 0;
    }
    assert.equal((await exports.cancel(job, job.exportId))?.kind, "cancelled");
    while ((await world.files()).length > 0) {
      await exports.step();
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    assert.partialDeepStrictEqual(await readPool(db, pool), { balance: CREDITS, held: 0n });
    assert.equal((await exports.files(job, job.exportId))?.kind, "not ready");
  });

  test("a full disk fails the job with its own code, frees what is set aside, and a retry works when there is room", async (context) => {
    const exports = await world.instance(PAGES);
    await fillDisk(context);
    const job = await createJob(exports, await createPool(db, CREDITS));
    await assertFails(exports, job, "export_storage_full");
    context.mock.restoreAll();
    assert.equal((await exports.retry(job, job.exportId))?.kind, "queued");
    const done = await workUntil([exports], job, "charged");
    assert.deepEqual(await downloadIds(exports, done), range(1, 35));
  });
});
