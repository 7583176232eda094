import type { Outcome } from "../../domain/prices/outcome.ts";
import { isDecodable } from "../body/content-decoding.ts";
import { DecodingScan } from "../body/decoding-scan.ts";
import type { JsonPath } from "../body/json-path-watch.ts";
import { BodyScan, type ScannedBody } from "../body/json-splice.ts";
import type { UpstreamHead } from "../headers/upstream-head.ts";
import type { ToldOutcome } from "../parts/told-outcome.ts";
import type { UsageWish } from "../response/usage-object.ts";
import type { AnswerQuestions, ScannedAnswer } from "./answer-questions.ts";

/** What is read from a body: where the results are counted, and what the usage object becomes. */
export interface BodyQuestions {
  readonly countPath: JsonPath | undefined;
  /** What the price reads of the answer beyond that. */
  readonly answer: AnswerQuestions | undefined;
  /** The answer's body tells what it costs. */
  readonly decides: boolean;
  /** The body need not be JSON: its length does. */
  readonly bytes: boolean;
  readonly usage: UsageWish;
  /** What the handler tells in its place; undefined: the work is done elsewhere. */
  readonly told: ToldOutcome | undefined;
}

/** What reads a body while it passes by. */
export type BodyReading = BodyScan | DecodingScan;

/** The answers, and the body without its coding, if it was to be extended. */
export interface ReadBody extends ScannedBody {
  readonly plain: Buffer | undefined;
  /** `broken`: the coding is. `over`: the body expands more than is followed. Neither can be counted. */
  readonly uncounted: "broken" | "over" | undefined;
}

const NOTHING = { count: undefined, isJson: false, bytes: 0, splice: undefined };

/** Undefined: nothing is to be read, or it cannot be. `keepBytes`: how large a coded body may be to be extended. */
export function openReading(
  { countPath, answer, decides, usage }: BodyQuestions,
  coding: string | undefined,
  keepBytes: number,
): BodyReading | undefined {
  if (!decides && usage.members === undefined) return undefined;
  const scan = new BodyScan(countPath, usage.members ?? [], decides ? answer?.watch : undefined);
  if (coding === undefined) return scan;
  return isDecodable(coding)
    ? new DecodingScan(coding, scan, usage.members === undefined ? 0 : keepBytes)
    : undefined;
}

/** What the reading of a whole body found. A promise only where something is to be decoded. */
export function readUpstreamBody(
  body: Buffer,
  reading: BodyReading | undefined,
): Promise<ReadBody> | ReadBody {
  if (reading === undefined) return { ...NOTHING, plain: body, uncounted: undefined };
  if (reading instanceof BodyScan) return { ...reading.end(), plain: body, uncounted: undefined };
  return reading
    .end()
    .then((read) =>
      read.kind === "complete"
        ? { ...read, uncounted: undefined }
        : { ...NOTHING, plain: undefined, uncounted: read.kind },
    );
}

/** The number of results that a header tells; undefined when it is missing or no number. */
export function unitsOfHeader(head: UpstreamHead): number | undefined {
  const text = head.countHeader?.trim();
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}

/** What is charged for. Without `read` the body told nothing, or was not read. */
export type Found = Pick<Outcome, "units" | "answer" | "told">;

export function findUnits(
  { decides, answer, told }: Pick<BodyQuestions, "decides" | "answer" | "told">,
  head: UpstreamHead,
  read?: ScannedAnswer & { readonly count: number | undefined },
): Found {
  const ofHandler = takeTold(told);
  const units = ofHandler?.units ?? (decides && read !== undefined ? read.count : unitsOfHeader(head));
  return answer === undefined
    ? { units, ...ofHandler }
    : { units, answer: answer.facts(head, read), ...ofHandler };
}

/** A body that is more than can be followed may hold all that was quoted. */
export function mostOf({ answer, told }: Pick<BodyQuestions, "answer" | "told">, units: number): Found {
  const found = { units, ...takeTold(told) };
  return answer === undefined ? found : { ...found, answer: "over" };
}

/** From now on it is too late for the handler to tell. */
function takeTold(told: ToldOutcome | undefined): { units: number; told: true } | undefined {
  if (told === undefined) return undefined;
  told.isDecided = true;
  return told.units === undefined ? undefined : { units: told.units, told: true };
}
