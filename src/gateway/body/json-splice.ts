import { type JsonPath, PathWatch } from "./json-path-watch.ts";
import { JsonScan } from "./json-scan.ts";

/** What one scan of a complete body found. */
export interface ScannedBody {
  /** The number of results at the path; undefined when the body is no JSON or nothing countable is there. */
  readonly count: number | undefined;
  /** Where the member goes; undefined when the body is not a top-level object that can take it. */
  readonly splice: SplicePoint | undefined;
}

/** `from` = `to`: insert; otherwise the bytes between are the value to replace. */
export interface SplicePoint {
  readonly from: number;
  readonly to: number;
  /** What goes before the value. */
  readonly prefix: string;
}

/** Reads the count and the place for a member in one pass, while the body arrives. */
export class BodyScan {
  readonly #watch: PathWatch;
  readonly #scan: JsonScan;
  readonly #member: string | undefined;

  constructor(path: JsonPath | undefined, member: string | undefined) {
    this.#watch = new PathWatch(path, member);
    this.#scan = new JsonScan(this.#watch);
    this.#member = member;
  }

  write(chunk: Uint8Array): void {
    this.#scan.write(chunk);
  }

  /** What was written so far is not the beginning of a JSON text. */
  get failed(): boolean {
    return this.#scan.failed;
  }

  /** The number of results seen so far in a body that is not complete. */
  get countSoFar(): number | undefined {
    return this.#watch.count;
  }

  /** The body is complete. */
  end(): ScannedBody {
    if (!this.#scan.end()) return { count: undefined, splice: undefined };
    const splice = this.#member === undefined ? undefined : findSplice(this.#watch, this.#member);
    return { count: this.#watch.count, splice };
  }
}

/** {@link BodyScan} over a body that is already whole. */
export function scanBody(
  body: Uint8Array,
  path: JsonPath | undefined,
  member: string | undefined,
): ScannedBody {
  const scan = new BodyScan(path, member);
  scan.write(body);
  return scan.end();
}

/**
 * Puts a member into a top-level object without touching another byte: parse-and-stringify would change large numbers
 * and lose repeated names. `json` must be one JSON text.
 */
export function spliceMember(body: Uint8Array, point: SplicePoint, json: string): Buffer {
  return Buffer.concat([
    body.subarray(0, point.from),
    Buffer.from(point.prefix + json),
    body.subarray(point.to),
  ]);
}

/**
 * The upstream may send a member of that name itself: only ours may be believed, so its value is replaced. When it
 * sends several, readers disagree on which one counts, and the body is left alone.
 */
function findSplice(watch: PathWatch, member: string): SplicePoint | undefined {
  if (watch.topLevel !== "object" || watch.memberTimes > 1) return undefined;
  if (watch.memberTimes === 1) return { from: watch.memberStart, to: watch.memberEnd, prefix: "" };
  const name = `${JSON.stringify(member)}:`;
  return { from: watch.insertAt, to: watch.insertAt, prefix: watch.isEmpty ? name : `,${name}` };
}
