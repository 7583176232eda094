import assert from "node:assert/strict";
import { test } from "node:test";
import { createJob, linesSourceOf, workUntil } from "../../src/exports/testing/job-world.ts";
import { linesOf, range } from "../../src/exports/testing/scripted-source.ts";
import { listExports } from "../../src/ledger/exports/read-exports.ts";
import { assertSound, createPool, readPool } from "../../src/ledger/testing/books.ts";
import { CREDITS, ExportProcesses, ended, killed, RECORDS } from "./export-processes.ts";

const processes = new ExportProcesses();

for (const moment of ["before", "after"] as const) {
  test(`kill -9 ${moment} an export and what is set aside for it are written: a repetition under its key makes one`, async (context) => {
    const { database } = processes;
    const world = await processes.openWorld(context, (_, response) =>
      response.end(linesOf(range(1, RECORDS))),
    );
    const pool = await createPool(database, CREDITS);
    const ask = {
      account: { accountId: pool.accountId, shard: pool.shard },
      keyId: "key_1",
      kind: "people",
      request: { params: {}, body: "{}" },
      priceList: 1,
      idempotency: { key: "order 7", requestHash: "01".repeat(32) },
    };
    const dieAt = { statement: "create-export", moment, time: 1 } as const;
    await killed(processes.start(context, world, {}, { ask, dieAt }));
    const there = await listExports(database, pool, { limit: 10 });
    assert.equal(there.items.length, moment === "before" ? 0 : 1);
    const held = moment === "before" ? 0n : 200n;
    assert.partialDeepStrictEqual(await readPool(database, pool), { balance: CREDITS, held });
    await assertSound(database);
    await ended(processes.start(context, world, {}, { ask }));
    const [job = assert.fail("it was created"), ...more] = (await listExports(database, pool, { limit: 10 }))
      .items;
    assert.deepEqual(more, []);
    assert.partialDeepStrictEqual(await readPool(database, pool), { balance: CREDITS, held: 200n });
    processes.start(context, world, {});
    await processes.assertWhole(world, await processes.reaches(job, "charged"), {});
  });

  test(`kill -9 ${moment} the charge of a first listing: the next listing finds it charged, or charges it`, async (context) => {
    const { database } = processes;
    const world = await processes.openWorld(context, (_, response) =>
      response.end(linesOf(range(1, RECORDS))),
    );
    const kind = { charge: "listing" } as const;
    const asking = await world.instance({ ...kind, source: linesSourceOf(world.source.url) });
    const pool = await createPool(database, CREDITS);
    const job = await workUntil([asking], await createJob(asking, pool), "ready");
    const list = { account: { accountId: pool.accountId, shard: pool.shard }, exportId: job.exportId };
    const dieAt = { statement: "charge-export", moment, time: 1 } as const;
    await killed(processes.start(context, world, kind, { list, dieAt }));
    const balance = moment === "before" ? CREDITS : CREDITS - 70n;
    assert.partialDeepStrictEqual(await readPool(database, pool), { balance, held: 0n });
    await assertSound(database);
    await ended(processes.start(context, world, kind, { list }));
    await processes.assertWhole(world, job, kind);
  });
}
