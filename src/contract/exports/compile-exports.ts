import type { Problem } from "../../domain/problem.ts";
import { parseMatchPattern } from "../../domain/routes/match-pattern.ts";
import type { RenderedAnswer } from "../contract.ts";
import { checkDefaultWord } from "../contract-fields.ts";
import { compileHeaders, compileHeaderText } from "../header-template.ts";
import { compileJson, type ListMembers } from "../json-template.ts";
import { NO_STORE } from "../refusal-answers.ts";
import { compileText, type Render, type TemplateProblem } from "../template.ts";
import type { ExportsTemplate } from "./export-schema.ts";
import {
  type ExportAnswerFacts,
  type ExportFileAnswerFacts,
  exportFileVocabulary,
  exportVocabulary,
  type FileNameFacts,
  fileNameVocabulary,
} from "./export-vocabulary.ts";
import type { ExportFileFacts, ExportWire } from "./export-wire.ts";
import { readExportChoices } from "./read-export-choices.ts";

type Path = TemplateProblem["path"];
type AnswerTemplate = Pick<ExportsTemplate["created"], "headers" | "contentType" | "body"> &
  Partial<Pick<ExportsTemplate["created"], "status" | "retryAfter">>;

interface ListedFacts extends ExportAnswerFacts {
  readonly files: readonly ExportFileFacts[];
}

/** Compiles how exports look. */
export function compileExports(template: ExportsTemplate, problems: TemplateProblem[]): ExportWire {
  const { created, running, files, file, fileNames, request } = template;
  const path = ["exports"];
  for (const [name, match] of [["files", files?.match] as const, ["file", file?.match] as const]) {
    if (match !== undefined) checkMatch(match, [...path, name, "match"], problems);
  }
  for (const name of ["format", "policy"] as const) {
    const place = [...path, "request", name, "default"];
    if (request[name] !== undefined) checkDefaultWord(request[name], place, problems);
  }
  const lists: ListMembers<ListedFacts> = {
    $eachFile: {
      compile(item, itemPath) {
        const render = compileJson<ExportFileAnswerFacts>(item, exportFileVocabulary, problems, itemPath);
        return ({ files: listed, ...facts }) =>
          `[${listed.map((one) => render({ ...facts, file: one })).join(",")}]`;
      },
    },
  };
  const renderCreated = compileAnswer<ExportAnswerFacts>(created, problems, [...path, "created"]);
  const renderRunning = compileAnswer<ExportAnswerFacts>(running, problems, [...path, "running"]);
  const renderFiles =
    files === undefined ? undefined : compileAnswer<ListedFacts>(files, problems, [...path, "files"], lists);
  const nameOf = (format: "jsonl" | "csv"): Render<FileNameFacts> =>
    compileText(fileNames[format], fileNameVocabulary, problems, [...path, "fileNames", format]);
  const names = { jsonl: nameOf("jsonl"), csv: nameOf("csv") };
  return {
    filesMatch: files?.match,
    fileMatch: file?.match,
    readChoices: (facts, allowed) => readExportChoices(request, facts, allowed),
    renderCreated: (facts, context) => renderCreated({ export: facts, context }),
    renderRunning: (facts, context) => renderRunning({ export: facts, context }),
    renderFiles(facts, listed, context) {
      if (renderFiles === undefined) throw new TypeError("the contract lists no files");
      return renderFiles({ export: facts, files: listed, context });
    },
    nameFile: ({ format, gzip, ...facts }) => `${names[format](facts)}${gzip ? ".gz" : ""}`,
  };
}

function checkMatch(match: string, path: Path, problems: TemplateProblem[]): void {
  const faults: Problem[] = [];
  parseMatchPattern(match, "", faults);
  for (const { reason, fix } of faults) problems.push({ path, reason, fix });
}

function compileAnswer<Facts extends ExportAnswerFacts>(
  template: AnswerTemplate,
  problems: TemplateProblem[],
  path: Path,
  lists: ListMembers<Facts> = {},
): (facts: Facts) => RenderedAnswer {
  const { status = 200, contentType, retryAfter } = template;
  const renderHeaders = compileHeaders<Facts>(template.headers, exportVocabulary, problems, [
    ...path,
    "headers",
  ]);
  const renderBody = compileJson<Facts>(template.body, exportVocabulary, problems, [...path, "body"], lists);
  const renderRetry =
    retryAfter === undefined
      ? undefined
      : compileHeaderText<Facts>(retryAfter, exportVocabulary, problems, [...path, "retryAfter"]);
  return (facts) => {
    const headers: (readonly [string, string])[] = [["Content-Type", contentType], NO_STORE];
    if (renderRetry !== undefined) headers.push(["Retry-After", renderRetry(facts)]);
    headers.push(...renderHeaders(facts));
    return { status, headers, body: renderBody(facts) };
  };
}
