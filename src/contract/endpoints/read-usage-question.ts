import { type OwnField, type OwnRequest, ownFieldName, readOwnField } from "../../domain/own-request.ts";
import type { UsageProblem, UsageQuestion } from "../contract.ts";
import type { UsageTemplate } from "./endpoint-schema.ts";
import { isTimeZone, readPeriod } from "./read-period.ts";

/** What a request to a usage endpoint asks for, or the first thing that is wrong with it. */
export function readUsageQuestion(
  template: UsageTemplate,
  request: OwnRequest,
  nowMs: number,
): UsageQuestion | UsageProblem {
  const { timeZone, by, resolution, key } = template.request;
  const zone = timeZone === undefined ? "UTC" : (readOwnField(timeZone, request) ?? "UTC");
  if (timeZone !== undefined && (typeof zone !== "string" || !isTimeZone(zone))) {
    const reason = "must be UTC or the name of a place's time zone, like Europe/Berlin";
    return { part: "timeZone", fault: "invalid", path: ownFieldName(timeZone), reason };
  }
  const zoneName = typeof zone === "string" ? zone : "UTC";
  const period = readPeriod(template.request, request, zoneName, nowMs);
  if ("reason" in period) return period;
  const mode = readChoice<UsageQuestion["by"]>(by, request, "by");
  if ("reason" in mode) return mode;
  const length = readChoice<NonNullable<UsageQuestion["resolution"]>>(resolution, request, "resolution");
  // Only lines about times have a length.
  if ("reason" in length && (mode.meaning === "time" || length.given)) return length;
  const isByTime = mode.meaning === "time";
  const limitedTo = key === undefined ? undefined : readOwnField(key, request);
  if (key !== undefined && limitedTo !== undefined && typeof limitedTo !== "string") {
    return { part: "key", fault: "invalid", path: ownFieldName(key), reason: "must be the name of a key" };
  }
  return {
    creditType: template.creditType,
    from: period.from,
    to: period.to,
    timeZone: zoneName,
    by: mode.meaning,
    key: typeof limitedTo === "string" && limitedTo !== "" ? limitedTo : undefined,
    resolution: isByTime && "meaning" in length ? length.meaning : undefined,
    asked: {
      from: period.fromText,
      to: period.toText,
      by: mode.word,
      resolution: "meaning" in length ? length.word : undefined,
    },
  };
}

interface WordField<Meaning> {
  readonly in: OwnField;
  readonly words: Readonly<Record<string, Meaning>>;
  readonly default?: string | undefined;
}

interface Chosen<Meaning> {
  readonly word: string;
  readonly meaning: Meaning;
}

/** A word that stands in the request, or the one for all requests. */
function readChoice<Meaning extends string>(
  choice: WordField<Meaning> | Meaning,
  request: OwnRequest,
  part: UsageProblem["part"],
): Chosen<Meaning> | (UsageProblem & { readonly given: boolean }) {
  if (typeof choice === "string") return { word: choice, meaning: choice };
  const value = readOwnField(choice.in, request);
  const word = value ?? choice.default;
  const meaning =
    typeof word === "string" && Object.hasOwn(choice.words, word) ? choice.words[word] : undefined;
  if (typeof word === "string" && meaning !== undefined) return { word, meaning };
  const words = Object.keys(choice.words).join(", ");
  const given = value !== undefined;
  const reason = given ? `must be one of ${words}` : `is missing: it is one of ${words}`;
  return { part, fault: given ? "invalid" : "missing", path: ownFieldName(choice.in), reason, given };
}
