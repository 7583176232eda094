import { zonedClock } from "../../domain/zoned-time.ts";
import type { RenderedAnswer, UsageEndpoint, UsageProblem } from "../contract.ts";
import type { UsageTemplate } from "../contract-schema.ts";
import { compileHeaders } from "../header-template.ts";
import { NO_STORE } from "../refusal-answers.ts";
import { compileJson, type ListMembers, type Render, type TemplateProblem } from "../template.ts";
import { nameOf, readUsageQuestion } from "./read-usage-question.ts";
import {
  type UsageAnswerFacts,
  type UsageLineFacts,
  type UsageProblemFacts,
  usageLineVocabulary,
  usageProblemVocabulary,
  usageVocabulary,
} from "./usage-vocabulary.ts";

/** What a line can be about: each may have a form of its own. */
const LINES = ["hour", "day", "month", "endpoint"] as const;

/** Compiles an endpoint that shows what an account used in a period. */
export function compileUsageEndpoint(
  template: UsageTemplate,
  problems: TemplateProblem[],
  path: TemplateProblem["path"],
): UsageEndpoint {
  checkDefaults(template, problems, path);
  const { body, headers, request } = template;
  const lists: ListMembers<UsageAnswerFacts> = {
    $eachLine: (item, itemPath) => compileLines(item, problems, itemPath),
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
    readQuestion: (facts) => readUsageQuestion(template, facts),
    render(question, usage, context) {
      const facts = { question, usage, context, zoned: zonedClock(question.timeZone) };
      return answer(200, renderHeaders(facts), renderBody(facts));
    },
    pathOf: (part) => nameOf(request[part] ?? request.from),
    renderProblem(problem, context) {
      const rendered = wrong(problem.part);
      return rendered && answer(rendered.status, [], rendered.render({ problem, context }));
    },
  };
}

/** One form for all lines, or one for each kind: `{ hour: …, endpoint: … }`. */
function compileLines(
  item: unknown,
  problems: TemplateProblem[],
  path: TemplateProblem["path"],
): Render<UsageAnswerFacts> {
  const forms = readForms(item);
  const renders = new Map(
    LINES.map((kind) => {
      const [form, formPath] = forms === undefined ? [item, path] : [forms[kind], [...path, kind]];
      // Said once where one form serves all.
      const told = forms === undefined && kind !== LINES[0] ? [] : problems;
      return [kind, compileJson<UsageLineFacts>(form ?? {}, usageLineVocabulary, told, formPath)];
    }),
  );
  return (facts) => {
    const render = renders.get(facts.question.resolution ?? "endpoint");
    return `[${facts.usage.lines.map((line) => render?.({ ...facts, line }) ?? "").join(",")}]`;
  };
}

function readForms(item: unknown): Readonly<Record<string, unknown>> | undefined {
  if (typeof item !== "object" || item === null || Array.isArray(item)) return undefined;
  const forms = Object.fromEntries<unknown>(Object.entries(item));
  const isByKind = Object.entries(forms).every(
    ([name, form]) => (LINES as readonly string[]).includes(name) && typeof form === "object",
  );
  return isByKind ? forms : undefined;
}

function compileProblems(
  { errors }: UsageTemplate,
  problems: TemplateProblem[],
  path: TemplateProblem["path"],
): (
  part: UsageProblem["part"],
) => { readonly status: number; readonly render: Render<UsageProblemFacts> } | undefined {
  const compile = (part: "period" | "resolution") => {
    const error = errors[part];
    if (error === undefined) return undefined;
    const place = [...path, "errors", part, "body"];
    return { status: error.status, render: compileJson(error.body, usageProblemVocabulary, problems, place) };
  };
  const compiled = { period: compile("period"), resolution: compile("resolution"), other: undefined };
  return (part) => compiled[part];
}

/** A default that is no word would refuse every request that leaves the word out. */
function checkDefaults(
  { request }: UsageTemplate,
  problems: TemplateProblem[],
  path: TemplateProblem["path"],
): void {
  for (const name of ["by", "resolution"] as const) {
    const { default: word, words } = request[name];
    if (word === undefined || Object.hasOwn(words, word)) continue;
    problems.push({
      path: [...path, "request", name, "default"],
      reason: `"${word}" is none of the words`,
      mend: `write one of ${Object.keys(words).join(", ")}`,
    });
  }
}
