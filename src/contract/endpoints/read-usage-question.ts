import { type OwnRequest, readOwnField } from "../../domain/own-request.ts";
import type { UsageProblem, UsageQuestion } from "../contract.ts";
import type { UsageTemplate } from "../contract-schema.ts";

/** Seconds are optional, a fraction of them too; the offset is not: nobody has to guess a time zone. */
const MOMENT = /^\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?:Z|[+-]\d{2}:?\d{2}))?$/i;

/** What a request to a usage endpoint asks for, or the first thing that is wrong with it. */
export function readUsageQuestion(
  template: UsageTemplate,
  request: OwnRequest,
): UsageQuestion | UsageProblem {
  const { from, to, timeZone, by, resolution } = template.request;
  const start = readMoment(from, request);
  if ("reason" in start) return start;
  const end = readMoment(to, request);
  if ("reason" in end) return end;
  const zone = timeZone === undefined ? "UTC" : (readOwnField(timeZone, request) ?? "UTC");
  if (typeof zone !== "string") {
    return { part: "other", path: nameOf(timeZone ?? from), reason: "must be the name of a time zone" };
  }
  const mode = readWord(by, request, "other");
  if ("reason" in mode) return mode;
  const length = readWord(resolution, request, "resolution");
  // Only lines about times have a length.
  if ("reason" in length && (mode.meaning === "time" || length.given)) return length;
  const isByTime = mode.meaning === "time";
  return {
    creditType: template.creditType,
    from: start.moment,
    to: end.moment,
    timeZone: zone,
    by: mode.meaning,
    resolution: isByTime && "meaning" in length ? length.meaning : undefined,
    asked: {
      from: start.text,
      to: end.text,
      by: mode.word,
      resolution: "meaning" in length ? length.word : undefined,
    },
  };
}

/** A field as its request calls it. */
export function nameOf(field: UsageTemplate["request"]["from"]): string {
  return "body" in field ? field.body.slice(1) : field.query;
}

function readMoment(
  field: UsageTemplate["request"]["from"],
  request: OwnRequest,
): { readonly moment: Date; readonly text: string } | UsageProblem {
  const value = readOwnField(field, request);
  if (typeof value === "string" && MOMENT.test(value)) {
    const moment = new Date(value);
    // `2026-02-31` is read as a day in March: what is not the day that was written is refused.
    if (!Number.isNaN(moment.getTime()) && isDay(value.slice(0, 10))) return { moment, text: value };
  }
  const reason =
    value === undefined
      ? "is missing"
      : "must be an ISO 8601 time with its offset, like 2026-08-01T00:00:00Z, or a date";
  return { part: "period", path: nameOf(field), reason };
}

function isDay(text: string): boolean {
  const moment = new Date(`${text}T00:00:00Z`);
  return !Number.isNaN(moment.getTime()) && moment.toISOString().startsWith(text);
}

interface WordField<Meaning> {
  readonly in: UsageTemplate["request"]["from"];
  readonly words: Readonly<Record<string, Meaning>>;
  readonly default?: string | undefined;
}

function readWord<Meaning>(
  field: WordField<Meaning>,
  request: OwnRequest,
  part: UsageProblem["part"],
): { readonly word: string; readonly meaning: Meaning } | (UsageProblem & { readonly given: boolean }) {
  const value = readOwnField(field.in, request);
  const word = value ?? field.default;
  const meaning =
    typeof word === "string" && Object.hasOwn(field.words, word) ? field.words[word] : undefined;
  if (typeof word === "string" && meaning !== undefined) return { word, meaning };
  const words = Object.keys(field.words).join(", ");
  const reason = value === undefined ? `is missing: it is one of ${words}` : `must be one of ${words}`;
  return { part, path: nameOf(field.in), reason, given: value !== undefined };
}
