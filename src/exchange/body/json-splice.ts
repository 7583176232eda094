import { BothWatches } from "./both-watches.ts";
import { type JsonPath, PathWatch, type Range } from "./json-path-watch.ts";
import { JsonScan } from "./json-scan.ts";
import type { JsonWatch } from "./json-watch.ts";

/** What one scan of a complete body found. */
export interface ScannedBody {
  /** The number of results at the path; undefined when the body is no JSON or nothing countable is there. */
  readonly count: number | undefined;
  /** It is one JSON text. */
  readonly isJson: boolean;
  readonly bytes: number;
  /** Where the member goes; undefined when the body is not a top-level object that can take it. */
  readonly splice: SplicePoint | undefined;
}

/** `from` = `to`: insert; otherwise the bytes between are the value to replace. */
export interface SplicePoint {
  readonly from: number;
  readonly to: number;
  /** What goes before the value. */
  readonly prefix: string;
  /** Before `from`, what goes out: in order, without overlaps. */
  readonly cuts: readonly Range[];
}

/** Reads the count and the place for a member in one pass, while the body arrives. */
export class BodyScan {
  readonly #watch: PathWatch;
  readonly #scan: JsonScan;
  readonly #members: readonly string[];
  #bytes = 0;

  /** `also`: looks at the same body for something else. */
  constructor(path: JsonPath | undefined, members: readonly string[], also?: JsonWatch) {
    this.#watch = new PathWatch(path, members);
    this.#scan = new JsonScan(also === undefined ? this.#watch : new BothWatches(this.#watch, also));
    this.#members = members;
  }

  write(chunk: Uint8Array): undefined {
    this.#bytes += chunk.length;
    this.#scan.write(chunk);
  }

  /** How much of the body has been read. */
  get bytesSoFar(): number {
    return this.#bytes;
  }

  /** What was written so far is not the beginning of a JSON text. */
  get failed(): boolean {
    return this.#scan.failed;
  }

  /** The number of results seen so far in a body that is not complete. */
  get countSoFar(): number | undefined {
    return this.#watch.count;
  }

  /** What of the body may be sent before its end is known, see {@link PathWatch}. */
  get watch(): Pick<PathWatch, "heldFrom" | "cuts" | "isCutting" | "topLevel"> {
    return this.#watch;
  }

  /** The body is complete. Where it is to be extended in pieces, the member is put before the closing brace. */
  endInPieces(): { readonly before: number; readonly prefix: string } | undefined {
    const isObject = this.#scan.end() && this.#watch.topLevel === "object";
    const [first] = this.#members;
    if (!isObject || first === undefined) return undefined;
    return { before: this.#watch.heldFrom, prefix: renderName(first, this.#watch.otherMembers === 0) };
  }

  /** The body is complete. */
  end(): ScannedBody {
    const bytes = this.#bytes;
    if (!this.#scan.end()) return { count: undefined, isJson: false, bytes, splice: undefined };
    const splice = findSplice(this.#watch, this.#members);
    return { count: this.#watch.count, isJson: true, bytes, splice };
  }
}

/** {@link BodyScan} over a body that is already whole. */
export function scanBody(
  body: Uint8Array,
  path: JsonPath | undefined,
  members: readonly string[],
): ScannedBody {
  const scan = new BodyScan(path, members);
  scan.write(body);
  return scan.end();
}

/**
 * Puts members into a top-level object without touching another byte: parse-and-stringify would change large numbers
 * and lose repeated names. `json` is the value of the first, and the others behind it
 * with their names. Nothing is copied: the result is in pieces.
 */
export function spliceMember(body: Buffer, point: SplicePoint, json: string): readonly Buffer[] {
  const pieces: Buffer[] = [];
  let from = 0;
  for (const [cutFrom, cutTo] of point.cuts) {
    pieces.push(body.subarray(from, cutFrom));
    from = cutTo;
  }
  pieces.push(body.subarray(from, point.from), Buffer.from(point.prefix + json), body.subarray(point.to));
  return pieces;
}

/**
 * The upstream may send a member of that name itself: only ours may be believed, so its value is replaced. When it sends several,
 * readers disagree on which one counts: all go, and ours comes last.
 */
function findSplice(watch: PathWatch, members: readonly string[]): SplicePoint | undefined {
  const [first] = members;
  if (first === undefined || watch.topLevel !== "object") return undefined;
  if (watch.memberTimes === 1 && members.length === 1)
    return { from: watch.memberStart, to: watch.memberEnd, prefix: "", cuts: [] };
  const { insertAt, cuts } = watch;
  return { from: insertAt, to: insertAt, prefix: renderName(first, watch.otherMembers === 0), cuts };
}

function renderName(member: string, isOnly: boolean): string {
  return `${isOnly ? "" : ","}${JSON.stringify(member)}:`;
}
