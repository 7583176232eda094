import { parseDuration } from "../../domain/duration.ts";
import { isJsonObject } from "../../domain/json/json-value.ts";
import { type LineLength, LONGEST_REPORT } from "../../domain/longest-report.ts";
import { nearestWord } from "../../domain/nearest-word.ts";
import { ownFieldName } from "../../domain/own-request.ts";
import { zonedClock } from "../../domain/zoned-time.ts";
import type { RenderedAnswer, UsageEndpoint, UsageProblem, UsageQuestion } from "../contract.ts";
import { checkDefaultWord } from "../contract-fields.ts";
import { checkReadHeader, compileHeaders } from "../header-template.ts";
import { compileJson, type ListMembers } from "../json-template.ts";
import { NO_STORE } from "../refusal-answers.ts";
import { type Render, type TemplateProblem } from "../template.ts";
import type { UsageTemplate } from "./endpoint-schema.ts";
import { readUsageQuestion } from "./read-usage-question.ts";
import {
  type UsageAnswerFacts,
  type UsageLineFacts,
  type UsageProblemFacts,
  usageLineVocabulary,
  usageProblemVocabulary,
  usageVocabulary,
} from "./usage-vocabulary.ts";

/** What a line can be about: each may have a form of its own. */
const LINES = ["hour", "day", "month", "endpoint", "key"] as const;
type Line = (typeof LINES)[number];

/** Compiles an endpoint that shows what an account used in a period. */
export function compileUsageEndpoint(
  template: UsageTemplate,
  problems: TemplateProblem[],
  path: TemplateProblem["path"],
): UsageEndpoint {
  for (const name of ["by", "resolution"] as const) {
    const choice = template.request[name];
    const place = [...path, "request", name, "default"];
    if (typeof choice !== "string") checkDefaultWord(choice, place, problems);
  }
  checkUsualPeriod(template, problems, path);
  checkPlaces(template, problems, path);
  const { body, headers, request } = template;
  const lists: ListMembers<UsageAnswerFacts> = {
    $eachLine: { compile: (item, itemPath) => compileLines(item, linesOf(request), problems, itemPath) },
  };
  const renderBody = compileJson<UsageAnswerFacts>(body, usageVocabulary, problems, [...path, "body"], lists);
  const renderHeaders = compileHeaders<UsageAnswerFacts>(headers, usageVocabulary, problems, [
    ...path,
    "headers",
  ]);
  const answer = (status: number, more: readonly [string, string][], text: string): RenderedAnswer => ({
    status,
    headers: [["Content-Type", template.contentType], NO_STORE, ...more],
    body: text,
  });
  const wrong = compileProblems(template, problems, path);
  return {
    name: "usage",
    readQuestion: (facts, nowMs) => readUsageQuestion(template, facts, nowMs),
    render(question, usage, context) {
      const facts = { question, usage, context, zoned: zonedClock(question.timeZone) };
      return answer(200, renderHeaders(facts), renderBody(facts));
    },
    pathOf(part) {
      const field = request[part];
      return field === undefined ? part : ownFieldName(field);
    },
    renderProblem(problem, context) {
      const rendered = wrong(problem.part);
      if (rendered === undefined) return undefined;
      const message = rendered.messages[problem.fault] ?? `${problem.path} ${problem.reason}`;
      return answer(rendered.status, [], rendered.render({ problem, message, context }));
    },
  };
}

/** One form for all lines, or one for each kind: `{ hour: …, endpoint: … }`. */
function compileLines(
  item: unknown,
  asked: ReadonlySet<Line>,
  problems: TemplateProblem[],
  path: TemplateProblem["path"],
): Render<UsageAnswerFacts> {
  const forms = readForms(item, problems, path);
  for (const kind of asked) {
    if (forms === undefined || forms[kind] !== undefined) continue;
    const reason = `says nothing of lines by ${kind}, which requests can ask for`;
    problems.push({ path, reason, fix: `add ${kind}: { … }` });
  }
  const renders = new Map(
    LINES.map((kind) => {
      const [form, formPath] = forms === undefined ? [item, path] : [forms[kind], [...path, kind]];
      // Said once where one form serves all.
      const told = forms === undefined && kind !== LINES[0] ? [] : problems;
      return [kind, compileJson<UsageLineFacts>(form ?? {}, usageLineVocabulary, told, formPath)];
    }),
  );
  return (facts) => {
    const { by, resolution } = facts.question;
    const render = renders.get(by === "time" ? (resolution ?? "day") : by);
    return `[${facts.usage.lines.map((line) => render?.({ ...facts, line }) ?? "").join(",")}]`;
  };
}

/** Undefined: it is one form for all. A kind that is misspelt beside another one was meant as a kind. */
function readForms(
  item: unknown,
  problems: TemplateProblem[],
  path: TemplateProblem["path"],
): Readonly<Record<string, unknown>> | undefined {
  if (!isJsonObject(item)) return undefined;
  const names = Object.keys(item);
  if (names.length === 0 || !Object.values(item).every((form) => typeof form === "object")) return undefined;
  const others = names.filter((name) => !LINES.some((kind) => kind === name));
  if (others.length === 0) return item;
  const nearest = others.map((name) => nearestWord(name, LINES));
  if (others.length === names.length || nearest.includes(undefined)) return undefined;
  for (const [index, name] of others.entries()) {
    const reason = `no line is about "${name}"`;
    problems.push({ path: [...path, name], reason, fix: `did you mean ${nearest[index] ?? ""}?` });
  }
  return item;
}

/** What the lines of a report can be about, by what requests can ask for. */
function linesOf({ by, resolution }: UsageTemplate["request"]): ReadonlySet<Line> {
  const divided = typeof by === "string" ? [by] : Object.values(by.words);
  const lengths = typeof resolution === "string" ? [resolution] : Object.values(resolution.words);
  return new Set(divided.flatMap((one): readonly Line[] => (one === "time" ? lengths : [one])));
}

const PARTS = ["period", "resolution", "by", "timeZone", "key"] as const;

interface CompiledProblem {
  readonly status: number;
  readonly messages: Readonly<Partial<Record<UsageProblem["fault"], string | undefined>>>;
  readonly render: Render<UsageProblemFacts>;
}

function compileProblems(
  { errors }: UsageTemplate,
  problems: TemplateProblem[],
  path: TemplateProblem["path"],
): (part: UsageProblem["part"]) => CompiledProblem | undefined {
  const compiled = new Map<UsageProblem["part"], CompiledProblem>();
  for (const part of PARTS) {
    const error = errors[part];
    if (error === undefined) continue;
    const place = [...path, "errors", part, "body"];
    const render = compileJson<UsageProblemFacts>(error.body, usageProblemVocabulary, problems, place);
    compiled.set(part, { status: error.status, messages: error.messages, render });
  }
  return (part) => compiled.get(part);
}

/** A name that the match does not have is never there, nor is a header that means something else. */
function checkPlaces(
  { match, request }: UsageTemplate,
  problems: TemplateProblem[],
  path: TemplateProblem["path"],
): void {
  const known = [...match.matchAll(/\{([^}]*)\}/g)].map(([, name = ""]) => name);
  for (const [name, field] of Object.entries(request)) {
    const place = typeof field === "object" && field !== null && "in" in field ? field.in : field;
    if (typeof place !== "object" || place === null) continue;
    if ("header" in place) checkReadHeader(place.header, problems, [...path, "request", name]);
    if (!("path" in place)) continue;
    if (known.includes(place.path)) continue;
    problems.push({
      path: [...path, "request", name],
      reason: `${match} has no {${place.path}}`,
      fix: known.length === 0 ? "write it into the match" : `its names are ${known.join(", ")}`,
    });
  }
}

/** A period that is too long for what its request is divided by would refuse every request that names no beginning. */
function checkUsualPeriod(
  { request }: UsageTemplate,
  problems: TemplateProblem[],
  path: TemplateProblem["path"],
): void {
  const { period, by, resolution } = request;
  const days = period === undefined ? undefined : daysOf(period);
  if (days === undefined) return;
  const lines = usualMeanings<UsageQuestion["by"]>(by).flatMap((one): readonly LineLength[] =>
    one === "time" ? usualMeanings<NonNullable<UsageQuestion["resolution"]>>(resolution) : ["none"],
  );
  const longest = Math.max(...lines.map((line) => LONGEST_REPORT[line].days));
  if (lines.length === 0 || days <= longest) return;
  const line = lines.find((one) => LONGEST_REPORT[one].days === longest);
  const what = line === undefined || line === "none" ? "not divided by time" : `by ${line}`;
  const others = lines.some((one) => one === "hour" || one === "day") ? ", or a longer resolution" : "";
  problems.push({
    path: [...path, "request", "period"],
    reason: `"${period}" is longer than a report ${what} may be, ${longest} days: requests that name no beginning would all be refused`,
    fix: `write period: ${longest}d or less${others}`,
  });
}

/** The longest that it can be. */
function daysOf(period: string): number {
  if (period === "month") return 31;
  return period === "day" ? 1 : (parseDuration(period) ?? 0) / 86_400;
}

/** What it is for a request that does not say it; any of its words where such a request is refused. */
function usualMeanings<Meaning extends string>(
  choice:
    | Meaning
    | { readonly words: Readonly<Record<string, Meaning>>; readonly default?: string | undefined },
): readonly Meaning[] {
  if (typeof choice === "string") return [choice];
  const { words, default: word } = choice;
  // A default that is no word is told by itself.
  if (word !== undefined)
    return Object.hasOwn(words, word) ? [words[word]].filter((one) => one !== undefined) : [];
  return Object.values(words);
}
