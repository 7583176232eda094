import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { FareboxError } from "../../domain/farebox-error.ts";
import type { Cli } from "../cli.ts";
import { printCsv } from "./print-csv.ts";

/** Prints what a Farebox streams, with a clock that moves on by a second per chunk. */
async function print(
  context: TestContext,
  chunks: AsyncIterable<Uint8Array>,
  interactive: boolean,
): Promise<{ readonly out: string; readonly err: string; readonly error: unknown }> {
  let now = 0;
  context.mock.method(performance, "now", () => (now += 1_000));
  const written = { out: "", err: "" };
  const terminal = {
    out: (text: string) => void (written.out += text),
    err: (text: string) => void (written.err += text),
    interactive,
  };
  const operator = () => ({ stream: async () => ReadableStream.from(chunks) });
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  const cli = { terminal, operator } as unknown as Cli;
  const error = await printCsv(cli, {}, "/v1/usage", {}).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  return { ...written, error };
}

const bytes = new TextEncoder().encode("name\r\né\r\n");
/** A character is cut in two. */
async function* halves() {
  yield bytes.subarray(0, 7);
  yield bytes.subarray(7);
}

test("a table is printed as it comes, and a person sees how far it is", async (context) => {
  const person = await print(context, halves(), true);
  assert.deepEqual(person, {
    out: "name\r\né\r\n",
    err: "\r1 lines\r2 lines\r2 lines\n",
    error: undefined,
  });
  const program = await print(context, halves(), false);
  assert.deepEqual([program.out, program.err], [person.out, ""]);
});

test("a table that breaks off is an error, so that half of it is not taken for the whole", async (context) => {
  const broken = async function* () {
    yield* halves();
    throw new TypeError("terminated");
  };
  const { out, error } = await print(context, broken(), false);
  assert.equal(out, "name\r\né\r\n");
  assert.ok(error instanceof FareboxError);
  assert.equal(error.code, "instance_unreachable");
  assert.match(error.message, /after 2 lines/);
});
