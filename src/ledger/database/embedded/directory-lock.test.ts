import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, beforeEach, describe, test } from "node:test";
import { lockDirectory } from "./directory-lock.ts";

/** A process that tries to take the lock, says how that went, and then keeps what it has until it is killed. */
const CONTENDER = `
  const { lockDirectory } = await import(process.argv[1]);
  try {
    lockDirectory(process.argv[2]);
    process.send("locked");
  } catch (error) {
    process.send(JSON.stringify({ code: error.code, pid: error.detail?.pid }));
  }
  setInterval(() => {}, 1000);
`;

describe("the lock on a data directory", () => {
  let parent: string;
  let directory: string;
  const contenders: ChildProcess[] = [];

  before(() => {
    parent = mkdtempSync(join(tmpdir(), "farebox-lock-"));
  });

  beforeEach(() => {
    directory = mkdtempSync(join(parent, "data-"));
  });

  after(() => {
    for (const child of contenders) child.kill("SIGKILL");
    rmSync(parent, { recursive: true, force: true });
  });

  async function contend(): Promise<{ child: ChildProcess; answer: string }> {
    const child = spawn(
      process.execPath,
      ["--input-type=module", "-e", CONTENDER, import.meta.resolve("./directory-lock.ts"), directory],
      { stdio: ["ignore", "ignore", "inherit", "ipc"] },
    );
    contenders.push(child);
    const [answer] = await once(child, "message");
    return { child, answer: String(answer) };
  }

  async function kill(child: ChildProcess): Promise<void> {
    const ended = once(child, "exit");
    child.kill("SIGKILL");
    await ended;
  }

  test("of processes that start at once exactly one gets it, and the others learn its pid", async () => {
    const answers = await Promise.all(Array.from({ length: 6 }, contend));
    const holders = answers.filter(({ answer }) => answer === "locked");
    assert.equal(holders.length, 1);
    const refusal = JSON.stringify({ code: "data_directory_locked", pid: holders[0]?.child.pid });
    assert.deepEqual(
      answers.filter(({ answer }) => answer !== "locked").map(({ answer }) => answer),
      Array.from({ length: 5 }, () => refusal),
    );
  });

  test("a holder that was killed leaves it free, and again exactly one of those at once gets it", async () => {
    const first = await contend();
    assert.equal(first.answer, "locked");
    await kill(first.child);
    const answers = await Promise.all(Array.from({ length: 4 }, contend));
    assert.equal(answers.filter(({ answer }) => answer === "locked").length, 1);
  });

  test("another process is refused while this one has it, and not after its release", async () => {
    const lock = lockDirectory(directory);
    const refused = await contend();
    assert.deepEqual(JSON.parse(refused.answer), { code: "data_directory_locked", pid: process.pid });
    lock.release();
    assert.equal((await contend()).answer, "locked");
  });

  test("the same process cannot take it twice", () => {
    const lock = lockDirectory(directory);
    assert.throws(() => lockDirectory(directory), {
      code: "data_directory_locked",
      retryable: false,
      detail: { directory, pid: process.pid },
    });
    lock.release();
    lock.release();
    lockDirectory(directory).release();
  });

  test("a pid that is left behind and runs by now as something else locks nobody out", () => {
    writeFileSync(join(directory, "lock.json"), JSON.stringify({ pid: process.ppid }));
    lockDirectory(directory).release();
  });

  test("what the file says does not matter to the lock, only to the message", () => {
    const lock = lockDirectory(directory);
    writeFileSync(join(directory, "lock.json"), "half a li");
    assert.throws(() => lockDirectory(directory), {
      code: "data_directory_locked",
      message: /another process/,
      detail: { directory },
    });
    lock.release();
  });

  test("a directory that does not exist yet is made", () => {
    lockDirectory(join(directory, "new", "data")).release();
  });
});
