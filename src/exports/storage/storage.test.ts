import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { after, before, describe, test } from "node:test";
import { type S3Server, startS3 } from "../testing/s3-server.ts";
import { openStorage } from "./open-storage.ts";
import type { ExportStorage } from "./storage.ts";
import { fillDisk } from "./testing/fill-disk.ts";

const FOLDER = "00000000-0000-4000-8000-000000000001";
const OBJECT = `${FOLDER}/000001-1.jsonl.gz`;
const MEBIBYTE = 1_048_576;

async function write(storage: ExportStorage, object: string, chunks: readonly Uint8Array[]): Promise<void> {
  const writer = await storage.create(object);
  for (const chunk of chunks) await writer.write(chunk);
  await writer.close();
}

for (const kind of ["folder", "s3"] as const) {
  describe(`a ${kind} as storage`, () => {
    let storage: ExportStorage;
    let folder: string;
    let s3: S3Server | undefined;

    before(async () => {
      folder = await mkdtemp(join(tmpdir(), "farebox-storage-"));
      s3 = kind === "s3" ? await startS3() : undefined;
      storage = await openStorage(s3?.target ?? ({ kind, path: join(folder, "deep", "exports") } as never));
    });
    after(async () => {
      storage.close();
      await s3?.close();
      await rm(folder, { recursive: true, force: true });
    });

    for (const mebibytes of [0.001, 1, 20]) {
      test(`an object of ${mebibytes} MiB is what was written, whole and in ranges`, async () => {
        const chunks = Array.from({ length: 10 }, () => randomBytes(Math.ceil((mebibytes * MEBIBYTE) / 10)));
        const all = Buffer.concat(chunks);
        await write(storage, OBJECT, chunks);
        assert.ok((await buffer(await storage.open(OBJECT))).equals(all));
        const middle = { first: 100, last: all.length - 200 };
        assert.ok((await buffer(await storage.open(OBJECT, middle))).equals(all.subarray(100, -199)));
        assert.deepEqual(await storage.list(FOLDER), [OBJECT]);
        await storage.remove(OBJECT);
      });
    }

    test("nothing is seen of an object before it is closed, and nothing stays of one that never is", async () => {
      const writer = await storage.create(OBJECT);
      await writer.write(randomBytes(9 * MEBIBYTE));
      await assert.rejects(storage.open(OBJECT), { code: "export_storage_failed", retryable: true });
      await writer.abandon();
      await writer.abandon();
      assert.deepEqual(await storage.list(FOLDER), []);
    });

    test("removing is safe to repeat; an empty folder is none", async () => {
      await write(storage, OBJECT, [randomBytes(10)]);
      await storage.remove(OBJECT);
      await storage.remove(OBJECT);
      assert.deepEqual(await storage.list(FOLDER), []);
      await assert.rejects(storage.open(OBJECT), { code: "export_storage_failed" });
    });

    test("a name that leads out of its folder is refused", async () => {
      for (const name of [
        "../secret",
        "a/../../b",
        "/etc/passwd",
        "a//b",
        "a/.b",
        ".",
        "a\\b",
        "a/b\0",
        "",
      ]) {
        await assert.rejects(async () => storage.create(name), /not the name of a part/, name);
        await assert.rejects(async () => storage.remove(name), /not the name of a part/, name);
        await assert.rejects(async () => storage.open(name), /not the name of a part/, name);
      }
    });
  });
}

test("a full disk is told apart from other failures, and leaves nothing behind", async (context) => {
  const folder = await mkdtemp(join(tmpdir(), "farebox-storage-"));
  context.after(() => rm(folder, { recursive: true, force: true }));
  const storage = await openStorage({ kind: "folder", path: folder });
  await fillDisk(context);
  const writer = await storage.create(OBJECT);
  await assert.rejects(writer.write(randomBytes(10)), { code: "export_storage_full", retryable: false });
  await writer.abandon();
  assert.deepEqual(await readdir(join(folder, FOLDER)), []);
});

test("a service that cannot be reached fails, and may be tried again", async () => {
  const s3 = await startS3();
  await s3.close();
  const storage = await openStorage(s3.target);
  const writer = await storage.create(OBJECT);
  await writer.write(randomBytes(10));
  await assert.rejects(writer.close(), { code: "export_storage_failed", retryable: true });
  storage.close();
});
