import assert from "node:assert/strict";
import { afterEach, before, beforeEach, test } from "node:test";
import type { Database } from "../ledger/database/database.ts";
import type { ExportJob } from "../ledger/exports/export-job.ts";
import { assertSound, createPool, letTimePass, readPool } from "../ledger/testing/books.ts";
import { eachDatabase } from "../ledger/testing/test-databases.ts";
import {
  createJob,
  download,
  downloadIds,
  JobWorld,
  linesSourceOf,
  pagedSource,
  SILENT,
  workUntil,
} from "./testing/job-world.ts";
import { startS3 } from "./testing/s3-server.ts";
import { linesOf, pagesOf, range, recordOf } from "./testing/scripted-source.ts";

const CREDITS = 100_000n;
const PAGES = { maxRecords: 1_000, partRecords: 10 };

eachDatabase("exports are carried out", (openFresh) => {
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

  test("pages become parts of JSON Lines, charged for what was found; numbers stay what they were", async () => {
    const exports = await world.instance(PAGES);
    const pool = await createPool(db, CREDITS);
    const big = '{"id": 36, "n": 12345678901234567890, "x": 1.50, "text": "a\\nb\\u2028"}';
    world.source.script = (_, response) =>
      response.end(`{"next": null, "items": [ ${range(1, 35).map(recordOf).join(" ,\r\n")},\n\n ${big}]}`);
    const job = await workUntil([exports], await createJob(exports, pool), "charged");
    assert.partialDeepStrictEqual(job, { records: 36, parts: 4, leftOut: 0, expected: 36 });
    const texts = await download(exports, job);
    assert.deepEqual(
      texts.map((text) => text.split("\n").length - 1),
      [10, 10, 10, 6],
    );
    assert.equal(texts.join(""), linesOf(range(1, 35)) + `${big}\n`);
    assert.partialDeepStrictEqual(await readPool(db, pool), { balance: CREDITS - 72n, held: 0n });
    assert.deepEqual(await downloadIds(exports, job), range(1, 36));
  });

  test("CSV: a header in every part, quotes where they are needed, JSON for what is no text", async () => {
    const columns = [
      { name: "id", pointer: "/id" },
      { name: "the name", pointer: "/name" },
      { name: "more", pointer: "/deep/0/x" },
    ];
    const kind = { ...PAGES, partRecords: 2, columns, gzip: false };
    const exports = await world.instance(kind);
    const items = [
      { id: 1, name: 'say "hi", twice' },
      { id: 2, name: null, deep: [{ x: { y: [1] } }] },
      { id: 3, name: "a\r\nb", deep: [{ x: false }] },
    ];
    world.source.script = (_, response) => response.end(JSON.stringify({ items }));
    const job = await createJob(exports, await createPool(db, CREDITS), { format: "csv" });
    const done = await workUntil([exports], job, "charged");
    assert.deepEqual(await download(exports, done), [
      'id,the name,more\r\n1,"say ""hi"", twice",\r\n2,,"{""y"":[1]}"\r\n',
      'id,the name,more\r\n3,"a\r\nb",false\r\n',
    ]);
    const formulas = [
      { id: -4, name: '=HYPERLINK("http://x")' },
      { id: 5, name: "+49 30" },
    ];
    world.source.script = (_, response) => response.end(JSON.stringify({ items: formulas }));
    const texts: string[] = [];
    for (const keep of ["disarm", "keep"] as const) {
      const one = await world.instance({ ...kind, name: keep, formulas: keep });
      const asked = { format: "csv", kind: keep } as const;
      const csv = await createJob(one, await createPool(db, CREDITS), asked);
      texts.push(...(await download(one, await workUntil([one], csv, "charged"))));
    }
    assert.deepEqual(texts, [
      'id,the name,more\r\n-4,"\'=HYPERLINK(""http://x"")",\r\n5,\'+49 30,\r\n',
      'id,the name,more\r\n-4,"=HYPERLINK(""http://x"")",\r\n5,+49 30,\r\n',
    ]);
  });

  test("a stream of JSON Lines that breaks off is asked for again, and goes on where it was", async () => {
    const exports = await world.instance(lines());
    const whole = linesOf(range(1, 35));
    let broken = 0;
    world.source.script = (_, response) => {
      broken += 1;
      if (broken === 3) response.end(whole);
      else response.write(whole.slice(0, 400 * broken), () => response.destroy());
    };
    const job = await workUntil(
      [exports],
      await createJob(exports, await createPool(db, CREDITS)),
      "charged",
    );
    assert.deepEqual(await downloadIds(exports, job), range(1, 35));
    assert.equal(job.leftOut, 0);
    assert.equal(world.source.asked.length, 3);
  });

  test("a source that stays broken half-way: the job rests, and goes on behind its last part", async () => {
    const postponed: number[] = [];
    const events = {
      ...SILENT,
      jobPostponed: (_: ExportJob, __: unknown, attempt: number) => postponed.push(attempt),
    };
    const exports = await world.instance(PAGES, { events });
    const pages = world.source.script;
    world.source.script = (asked, response) => {
      if (asked.url.searchParams.get("page") !== "4") return pages(asked, response);
      response.statusCode = 503;
      return response.end();
    };
    const job = await createJob(exports, await createPool(db, CREDITS));
    await workUntil([exports], job, "running");
    const resting = await workUntil([exports], job, "queued");
    assert.partialDeepStrictEqual(resting, {
      records: 20,
      parts: 2,
      failure: { code: "export_source_unavailable" },
    });
    assert.deepEqual(postponed, [1]);
    world.source.script = pages;
    world.source.asked.length = 0;
    await db.query("UPDATE farebox.exports SET due_at = created_at WHERE export_id = $1", [job.exportId]);
    const done = await workUntil([exports], job, "charged");
    assert.deepEqual(await downloadIds(exports, done), range(1, 35));
    assert.equal(done.failure, null);
    // The page in which the second part ended is the first that is asked for again.
    assert.deepEqual(
      world.source.asked.map(({ url }) => url.searchParams.get("page")),
      ["3", "4", "5"],
    );
  });

  test("a source that repeats records and reorders the page it goes on with: none twice, none missing", async () => {
    const first = await world.instance(PAGES);
    const pages = [range(1, 8), [8, 7, ...range(9, 6)], range(15, 4)];
    const answer = (page: number, ids: readonly number[]) =>
      JSON.stringify({ items: ids.map((id) => ({ id })), next: page < 3 ? page + 1 : null });
    let isDown = true;
    world.source.script = ({ url }, response) => {
      const page = Number(url.searchParams.get("page") ?? 1);
      response.statusCode = page === 3 && isDown ? 400 : 200;
      if (page === 3 && isDown) return response.destroy();
      // The second time the second page has another order.
      const ids = pages[page - 1] ?? [];
      return response.end(answer(page, isDown ? ids : ids.toReversed()));
    };
    const job = await createJob(first, await createPool(db, CREDITS));
    await workUntil([first], job, "running");
    const rests = await workUntil([first], job, "queued");
    assert.partialDeepStrictEqual(rests, { records: 10, parts: 1 });
    isDown = false;
    await db.query("UPDATE farebox.exports SET due_at = created_at WHERE export_id = $1", [job.exportId]);
    const done = await workUntil([first], job, "charged");
    const ids = await downloadIds(first, done);
    assert.deepEqual(
      ids.toSorted((a, b) => a - b),
      range(1, 18),
    );
    assert.equal(done.records, 18);
  });

  test("records that were there already are left out and cost nothing", async () => {
    const exports = await world.instance(lines());
    world.source.script = (_, response) => void response.end(linesOf([1, 2, 2, 3, 1, 4]));
    const job = await workUntil(
      [exports],
      await createJob(exports, await createPool(db, CREDITS)),
      "charged",
    );
    assert.deepEqual(await downloadIds(exports, job), [1, 2, 3, 4]);
    assert.partialDeepStrictEqual(job, { records: 4, leftOut: 2, charge: { charged: 8n } });
  });

  test("a search and a call for each id: in their order, unknown ones left out, each asked for once", async () => {
    const collect = {
      kind: "collect",
      ids: {
        from: "search",
        call: {
          url: `${world.source.url}/{entity}/search`,
          method: "POST",
          headers: { "x-api-key": "up" },
          body: "/filters",
        },
        paging: {
          items: "",
          next: { from: "header", name: "X-Next" },
          send: { to: "query", name: "after" },
          total: { from: "header", name: "x-total" },
        },
      },
      call: {
        url: `${world.source.url}/{entity}/collect/{id}`,
        method: "GET",
        headers: { "x-api-key": "up" },
      },
      throttle: { concurrency: 4, retries: 2, timeoutMs: 10_000 },
    } as const;
    const busy = new Set<string>();
    world.source.script = ({ url, headers, body }, response) => {
      assert.equal(headers["x-api-key"], "up");
      if (url.pathname === "/people/search") {
        assert.equal(body, '{"n": 1.0}');
        const after = Number(url.searchParams.get("after") ?? 0);
        response.setHeader("x-total", "30");
        if (after < 20) response.setHeader("x-next", String(after + 10));
        return response.end(JSON.stringify(range(after + 1, 10)));
      }
      const id = Number(url.pathname.split("/").at(-1));
      if (id === 7 || id === 23) response.statusCode = 404;
      // Every fifth is asked too often at first.
      const name = String(id);
      if (id % 5 === 0 && !busy.has(name)) {
        busy.add(name);
        response.statusCode = 429;
      }
      return setImmediate(() => response.end(`{\n  "id": ${id}\n}`));
    };
    const exports = await world.instance({ ...PAGES, source: collect });
    const job = await createJob(exports, await createPool(db, CREDITS), {
      request: { params: { entity: "people" }, body: '{"filters":{"n": 1.0}}' },
    });
    const done = await workUntil([exports], job, "charged");
    const expected = range(1, 30).filter((id) => id !== 7 && id !== 23);
    assert.deepEqual(await downloadIds(exports, done), expected);
    assert.partialDeepStrictEqual(done, { records: 28, leftOut: 2 });
    const collected = world.source.asked.filter(({ url }) => url.pathname.includes("/collect/"));
    assert.equal(collected.length, 30 + 6);
  });

  test("ids from the request: long numbers stay what they are, and none leads to another path", async () => {
    const collect = {
      kind: "collect",
      ids: { from: "request", pointer: "" },
      call: { url: `${world.source.url}/collect/{id}`, method: "GET", headers: {} },
      throttle: { concurrency: 2, retries: 0, timeoutMs: 10_000 },
    } as const;
    world.source.script = ({ url }, response) => response.end(JSON.stringify({ id: url.pathname }));
    const exports = await world.instance({ ...PAGES, source: collect });
    const body = '[12345678901234567890, "..", ".", "a/../b", "%2e%2e", "x?y=1#z", ""]';
    const request = { params: {}, body };
    const job = await createJob(exports, await createPool(db, CREDITS), { request });
    const done = await workUntil([exports], job, "charged");
    assert.equal(done.leftOut, 3);
    assert.deepEqual(world.source.asked.map(({ url }) => url.pathname).toSorted(), [
      "/collect/%252e%252e",
      "/collect/12345678901234567890",
      "/collect/a%2F..%2Fb",
      "/collect/x%3Fy%3D1%23z",
    ]);
  });

  test("files can be had again and again until they are over; then they are gone, and the job stays", async () => {
    const exports = await world.instance({ ...PAGES, charge: "listing" });
    const pool = await createPool(db, CREDITS);
    const job = await workUntil([exports], await createJob(exports, pool), "ready");
    assert.equal((await exports.open(job, job.exportId, 1))?.kind, "unavailable", "not before it is charged");
    for (let times = 0; times < 3; times += 1) {
      assert.deepEqual(await downloadIds(exports, job), range(1, 35));
    }
    assert.partialDeepStrictEqual(await readPool(db, pool), { balance: CREDITS - 70n });
    const stranger = await createPool(db, 1n);
    assert.equal(await exports.read(stranger, job.exportId), undefined);
    assert.equal(await exports.files({ ...stranger, shard: job.shard }, job.exportId), undefined);
    assert.equal(await exports.open({ ...stranger, shard: job.shard }, job.exportId, 1), undefined);
    await db.query(
      "UPDATE farebox.exports SET expires_at = expires_at - interval '2 h', clean_at = clean_at - interval '2 h' WHERE export_id = $1",
      [job.exportId],
    );
    assert.equal((await exports.open(job, job.exportId, 1))?.kind, "unavailable");
    while ((await world.files()).length > 0) await exports.step();
    const over = await exports.read(job, job.exportId);
    assert.partialDeepStrictEqual(over, { state: "expired", records: 35, charge: { charged: 70n } });
  });

  test("records that the pool covered: the job stops there", async () => {
    const exports = await world.instance(PAGES);
    const pool = await createPool(db, 25n);
    const job = await createJob(exports, pool, { policy: "covered" });
    const done = await workUntil([exports], job, "charged");
    assert.deepEqual(await downloadIds(exports, done), range(1, 12));
    assert.partialDeepStrictEqual(await readPool(db, pool), { balance: 1n, held: 0n });
  });

  test("identical requests are told by their canonical form; one that is too deep or no JSON is refused", async () => {
    const exports = await world.instance(PAGES);
    const pool = await createPool(db, CREDITS);
    const ask = (body: string, params = {}) =>
      exports.create({
        account: pool,
        keyId: "key_1",
        kind: "people",
        request: { params, body },
        priceList: 1,
      });
    assert.equal((await ask('{"a": [1, {"b": 2, "c": "["}]}')).kind, "created");
    assert.equal((await ask('{ "a" :[1,{"c":"[","b":2.0}]}')).kind, "duplicate");
    assert.equal((await ask('{"a": [{"b": 2, "c": "["}, 1]}')).kind, "created");
    assert.equal((await ask('{"a": [1, {"b": 2, "c": "["}]}', { entity: "x" })).kind, "created");
    await assert.rejects(ask("[".repeat(100_000)), { code: "export_request_invalid" });
    await assert.rejects(ask("{"), { code: "export_request_invalid" });
    await assert.rejects(
      exports.create({ account: pool, keyId: "key_1", kind: "no", request: { params: {} }, priceList: 1 }),
      { code: "export_kind_unknown" },
    );
    await letTimePass(db, pool, 0);
  });

  test("on S3: the same job, and nothing left when it is over", async (context) => {
    const s3 = await startS3();
    context.after(() => s3.close());
    const exports = await world.instance(
      { ...PAGES, source: pagedSource(world.source.url) },
      { storage: s3.target },
    );
    const job = await workUntil(
      [exports],
      await createJob(exports, await createPool(db, CREDITS)),
      "charged",
    );
    assert.deepEqual(await downloadIds(exports, job), range(1, 35));
    const opened = await exports.open(job, job.exportId, 1, { first: 0, last: 1 });
    assert.equal(opened?.kind, "opened");
    if (opened?.kind === "opened")
      assert.deepEqual(await opened.stream.toArray(), [Buffer.from([0x1f, 0x8b])]);
    await db.query(
      "UPDATE farebox.exports SET expires_at = expires_at - interval '2 h', clean_at = clean_at - interval '2 h' WHERE export_id = $1",
      [job.exportId],
    );
    while (await exports.step());
    assert.equal((await exports.files(job, job.exportId))?.kind, "not ready");
    await assert.rejects(
      (await import("./storage/open-storage.ts"))
        .openStorage(s3.target)
        .then((storage) => storage.open(`${job.exportId}/000001-1.jsonl.gz`)),
      { code: "export_storage_failed" },
    );
  });
});
