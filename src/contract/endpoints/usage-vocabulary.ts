import { MONTH_NAMES, type ZonedTime } from "../../domain/zoned-time.ts";
import type { RenderContext, UsageFacts, UsageProblem, UsageQuestion } from "../contract.ts";
import type { PlaceholderValue, Vocabulary } from "../vocabulary.ts";
import { contextEntries, entry, momentEntries } from "../vocabulary-entries.ts";

/** A usage report while its answer is rendered. */
export interface UsageAnswerFacts {
  readonly question: UsageQuestion;
  readonly usage: UsageFacts;
  readonly context: RenderContext;
  /** The clocks of the question's time zone. */
  readonly zoned: (unixMs: number) => ZonedTime;
}

type Sums = UsageFacts["total"];

/** A report, and one of its lines. */
export interface UsageLineFacts extends UsageAnswerFacts {
  readonly line: UsageFacts["lines"][number];
}

/** A wrong question while its answer is rendered. */
export interface UsageProblemFacts {
  readonly problem: UsageProblem;
  /** What is said of it. */
  readonly message: string;
  readonly context: RenderContext;
}

function sumEntries<Facts>(read: (facts: Facts) => Sums, of: string): Vocabulary<Facts> {
  return {
    requests: entry(`charged requests ${of}`, (facts: Facts) => read(facts).requests),
    units: entry(`results that were charged ${of}`, (facts: Facts) => read(facts).units),
    credits: entry(`credits charged ${of}`, (facts: Facts) => read(facts).credits),
    refunded: entry("the part of `credits` that refunds gave back", (facts: Facts) => read(facts).refunded),
    spent: entry("`credits` without `refunded`", (facts: Facts) => {
      const { credits, refunded } = read(facts);
      return credits - refunded;
    }),
  };
}

function questionEntries<Facts extends UsageAnswerFacts>(): Vocabulary<Facts> {
  return {
    ...contextEntries<Facts>(),
    from: entry("the period's beginning as it was asked for", (facts: Facts) => facts.question.asked.from),
    to: entry("the period's end as it was asked for", (facts: Facts) => facts.question.asked.to),
    by: entry("the word that said what the report is divided by", (facts: Facts) => facts.question.asked.by),
    resolution: entry(
      "the word that said how long a line is; null when there was none",
      (facts: Facts) => facts.question.asked.resolution ?? null,
    ),
    timeZone: entry("the time zone", (facts: Facts) => facts.question.timeZone),
    creditType: entry("the credit type whose usage is shown", (facts: Facts) => facts.usage.creditType),
  };
}

/** Placeholders of a usage endpoint outside of its lines. */
export const usageVocabulary: Vocabulary<UsageAnswerFacts> = {
  ...questionEntries<UsageAnswerFacts>(),
  ...sumEntries<UsageAnswerFacts>((facts) => facts.usage.total, "in the period"),
};

/** What the line's beginning is in the time zone of the question; null in a line that is about no time. */
const zonedEntry = (means: string, read: (zoned: ZonedTime) => PlaceholderValue) =>
  entry(`${means}; null in other lines`, ({ line, zoned }: UsageLineFacts) =>
    line.time === undefined ? null : read(zoned(line.time.getTime())),
  );

/** Of the day that a date names: 0 for Monday, 6 for Sunday. */
function weekdayOf({ date }: ZonedTime): number {
  return (new Date(`${date}T00:00:00Z`).getUTCDay() + 6) % 7;
}

const WEEKDAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

const monthOf = ({ date }: ZonedTime): number => Number(date.slice(5, 7));
const monthName = (zoned: ZonedTime): string => MONTH_NAMES[monthOf(zoned) - 1] ?? "";

/** Placeholders of one line below `$eachLine`. */
export const usageLineVocabulary: Vocabulary<UsageLineFacts> = {
  ...questionEntries<UsageLineFacts>(),
  ...sumEntries<UsageLineFacts>((facts) => facts.line, "in the line"),
  endpoint: entry(
    "the endpoint that the line is about, as its price names it; null in other lines",
    (facts) => facts.line.endpoint ?? null,
  ),
  key: entry(
    "the id of the key that the line is about; null in other lines",
    ({ line }) => line.key?.keyId ?? null,
  ),
  keyName: entry("that key's name; null in other lines", ({ line }) => line.key?.name ?? null),
  keyHint: entry(
    "its prefix and last four characters; null in other lines",
    ({ line }) => line.key?.hint ?? null,
  ),
  ...momentEntries<UsageLineFacts>("time", "when the line's time begins; null in other lines", (facts) =>
    facts.line.time?.getTime(),
  ),
  timeZoned: zonedEntry("the same in the time zone, as `2026-08-23T13:00:00-04:00`", ({ iso }) => iso),
  timeDate: zonedEntry("its date there, `2026-08-23`", ({ date }) => date),
  timeClock: zonedEntry("its clock there, `13:00`", ({ clock }) => clock),
  timeYear: zonedEntry("its year there, a number", ({ date }) => Number(date.slice(0, 4))),
  timeMonth: zonedEntry("its month there, a number from 1", monthOf),
  timeMonthName: zonedEntry("that month's name, `August`", monthName),
  timeMonthAbbr: zonedEntry("that name's first three letters, `Aug`", (zoned) =>
    monthName(zoned).slice(0, 3),
  ),
  timeYearMonth: zonedEntry("year and month, `2026-08`", ({ date }) => date.slice(0, 7)),
  timeDayName: zonedEntry("its day's name there, `Sunday`", (zoned) => WEEKDAYS[weekdayOf(zoned)] ?? ""),
  timeDayOfWeek: zonedEntry("its day there, from 0 (Monday) to 6 (Sunday)", weekdayOf),
  timeIsoWeekday: zonedEntry("its day there, from 1 (Monday) to 7 (Sunday)", (zoned) => weekdayOf(zoned) + 1),
};

/** Placeholders of the answers to wrong questions. */
export const usageProblemVocabulary: Vocabulary<UsageProblemFacts> = {
  ...contextEntries<UsageProblemFacts>(),
  path: entry("the wrong field as the request names it", (facts) => facts.problem.path),
  reason: entry("what is wrong with it", (facts) => facts.problem.reason),
  message: entry(
    "what `messages` says of the fault; without it the field and what is wrong",
    (facts) => facts.message,
  ),
};
