import { isAscii, isUtf8 } from "node:buffer";
import type { LinesSource } from "../../domain/export-kind.ts";
import {
  type RecordSource,
  type SourceBatch,
  SourceError,
  sourceInvalid,
  sourceUnavailable,
} from "../source-record.ts";
import { type RecordRules, readRecord, recordTooLarge } from "./read-record.ts";
import type { SourceAnswer, SourceClient } from "./source-client.ts";

/**
 * An answer that streams JSON Lines. When it breaks it is asked for again from its start: without ids as many lines are passed
 * over as were taken, with ids every line that was there, in whatever order they come.
 */
export function linesSource(client: SourceClient, source: LinesSource, rules: RecordRules): RecordSource {
  return async function* (place, signal) {
    let taken = place === undefined ? 0 : readPlace(place);
    for (let failures = 0; ; ) {
      const before = taken;
      const answer = await client.call(source.call, {}, signal);
      try {
        let line = 0;
        for await (const texts of readLines(answer, rules.recordBytes)) {
          const first = rules.id === undefined ? Math.max(0, taken - line) : 0;
          const records = texts.slice(first).map((text) => readRecord(text, rules));
          if (records.length > 0) yield batchOf(records, line + first, taken);
          line += texts.length;
          taken = Math.max(taken, line);
        }
        return;
      } catch (error) {
        signal.throwIfAborted();
        if (error instanceof SourceError) throw error;
        failures = taken > before ? 1 : failures + 1;
        const reason = error instanceof Error ? error.message : String(error);
        if (failures > client.retries)
          throw sourceUnavailable(`The source's answer broke off: ${reason}`, error);
        await client.rest(failures - 1, signal);
      } finally {
        answer.body.on("error", () => undefined).destroy();
      }
    }
  };
}

function batchOf(records: SourceBatch["records"], from: number, taken: number): SourceBatch {
  return {
    records,
    place: (count) => JSON.stringify({ lines: Math.max(taken, from + count) }),
    missing: 0,
    isAgain: from < taken,
    expected: undefined,
  };
}

function readPlace(place: string): number {
  const { lines }: { lines: number } = JSON.parse(place);
  return lines;
}

const LINE_FEED = 0x0a;

/** The lines of each chunk; blank ones are none. A last line without an end is one. */
async function* readLines({ body }: SourceAnswer, maxBytes: number): AsyncGenerator<string[]> {
  let rest: Buffer[] = [];
  let restBytes = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    const first = chunk.indexOf(LINE_FEED) + 1;
    const end = chunk.lastIndexOf(LINE_FEED) + 1;
    if (end > 0) {
      // Only the line that began before is put together: the chunk need not be copied.
      const begun = linesOf(Buffer.concat([...rest, chunk.subarray(0, first)]));
      const lines = [...begun, ...linesOf(chunk.subarray(first, end))];
      if (lines.length > 0) yield lines;
      rest = [];
      restBytes = 0;
    }
    if (end < chunk.length) rest.push(chunk.subarray(end));
    restBytes += chunk.length - end;
    if (restBytes > maxBytes) throw recordTooLarge(maxBytes);
  }
  const last = linesOf(Buffer.concat(rest));
  if (last.length > 0) yield last;
}

/** No character is divided: a line feed is none's part. */
function linesOf(bytes: Buffer): string[] {
  if (!isUtf8(bytes)) throw sourceInvalid("The source gave what is no UTF-8.");
  return bytes
    .toString(isAscii(bytes) ? "latin1" : "utf8")
    .split("\n")
    .filter((line) => line.trim() !== "");
}
