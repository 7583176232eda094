import { REFUSAL_CODES, type RefusalCode } from "../domain/refusal.ts";
import type { Contract, RenderedAnswer } from "./contract.ts";
import type { ContractFile, RefusalTemplate } from "./contract-schema.ts";
import { compileHeaders, compileHeaderText } from "./header-template.ts";
import { compileJson, type ListMembers } from "./json-template.ts";
import { challengesOf } from "./key/challenges.ts";
import {
  errorShapeVocabulary,
  type FieldFaultFacts,
  fieldFaultVocabulary,
  messageVocabulary,
  type RefusalFacts,
  refusalVocabulary,
} from "./refusal-vocabulary.ts";
import { compileText, type Render, type TemplateProblem } from "./template.ts";

/** What a code has when a contract does not say otherwise: taken from the farebox contract. */
export type RefusalDefaults = Readonly<Partial<Record<RefusalCode, RefusalTemplate | undefined>>>;

type RenderRefusal = (facts: Pick<RefusalFacts, "refusal" | "context">) => RenderedAnswer;

/** An answer that is sent once and means nothing later; a cache that kept a 404 would outlive a top-up or a new price. */
export const NO_STORE: readonly [string, string] = ["Cache-Control", "no-store"];

/** Compiles the answer of every code: no code is without one. */
export function compileRefusals(
  file: ContractFile,
  defaults: RefusalDefaults,
  problems: TemplateProblem[],
): Contract["renderRefusal"] {
  // Compiled for its problems alone, once: each code compiles it again with the same outcome.
  compileJson(file.errorShape.body, errorShapeVocabulary, problems, ["errorShape", "body"]);
  compileHeaders(file.errorShape.headers, errorShapeVocabulary, problems, ["errorShape", "headers"]);
  const answers = new Map(
    REFUSAL_CODES.map((code) => [code, compileRefusal(code, file, defaults[code] ?? {}, problems)]),
  );
  return (refusal, context) => {
    const render = answers.get(refusal.code);
    if (render === undefined) throw new Error(`no answer is compiled for the refusal ${refusal.code}`);
    return render({ refusal, context });
  };
}

/** The answer of `request_invalid` with another status. Its templates were compiled for their problems before. */
export function compileInvalid(
  file: ContractFile,
  defaults: RefusalDefaults,
): (status: number) => Contract["renderRefusal"] {
  const code = "request_invalid";
  return (status) => {
    const refusals = { ...file.refusals, [code]: { ...file.refusals[code], status } };
    const render = compileRefusal(code, { ...file, refusals }, defaults[code] ?? {}, []);
    return (refusal, context) => render({ refusal, context });
  };
}

function compileRefusal(
  code: RefusalCode,
  file: ContractFile,
  defaults: RefusalTemplate,
  problems: TemplateProblem[],
): RenderRefusal {
  const own = file.refusals[code] ?? {};
  const path = ["refusals", code];
  const status = own.status ?? defaults.status;
  const title = own.title ?? defaults.title;
  const message = own.message ?? defaults.message;
  if (status === undefined || title === undefined || message === undefined) {
    problems.push({
      path,
      reason: "has no status, title or message",
      fix: "write all three: there is nothing to inherit from",
    });
    return () => ({ status: 500, headers: [], body: "" });
  }
  const vocabulary = refusalVocabulary(code);
  const renderMessage = compileText(message, messageVocabulary(code), problems, [...path, "message"]);
  const retryAfter = compileRetryAfter(own.retryAfter ?? defaults.retryAfter ?? false, code, problems, path);
  const renderShapeHeaders = compileHeaders(file.errorShape.headers, errorShapeVocabulary, [], path);
  const renderOwnHeaders = compileHeaders(own.headers ?? {}, vocabulary, problems, [...path, "headers"]);
  const challenges = status === 401 && !namesChallenge(file, own) ? challengesOf(file.key, code) : [];
  const contentType = own.contentType ?? file.errorShape.contentType;
  const renderBody =
    own.body === undefined
      ? compileJson(file.errorShape.body, errorShapeVocabulary, [], path)
      : compileJson(own.body, vocabulary, problems, [...path, "body"], fieldLists(code, problems));
  return ({ refusal, context }) => {
    const facts: RefusalFacts = { refusal, context, status, title, message: "" };
    const told: RefusalFacts = { ...facts, message: renderMessage(facts) };
    const headers: (readonly [string, string])[] = [["Content-Type", contentType], NO_STORE];
    if (retryAfter !== undefined) headers.push(["Retry-After", retryAfter(told)]);
    headers.push(...renderShapeHeaders(told), ...renderOwnHeaders(told), ...challenges);
    return { status, headers, body: renderBody(told) };
  };
}

function namesChallenge({ errorShape }: ContractFile, { headers = {} }: RefusalTemplate): boolean {
  return [...Object.keys(errorShape.headers), ...Object.keys(headers)].some(
    (name) => name.toLowerCase() === "www-authenticate",
  );
}

/** `$eachField` repeats what is below it for each wrong field. Only one code has any. */
function fieldLists(code: RefusalCode, problems: TemplateProblem[]): ListMembers<RefusalFacts> {
  if (code !== "fields_invalid") return {};
  return {
    $eachField: {
      compile(item, path) {
        const renderField = compileJson<FieldFaultFacts>(item, fieldFaultVocabulary, problems, path);
        return (facts) => {
          const errors = facts.refusal.code === "fields_invalid" ? facts.refusal.errors : [];
          return `[${errors.map((fault) => renderField({ ...facts, fault })).join(",")}]`;
        };
      },
    },
  };
}

function compileRetryAfter(
  template: string | false,
  code: RefusalCode,
  problems: TemplateProblem[],
  path: TemplateProblem["path"],
): Render<RefusalFacts> | undefined {
  if (template === false) return undefined;
  return compileHeaderText(template, messageVocabulary(code), problems, [...path, "retryAfter"]);
}
