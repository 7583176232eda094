import type { Refusal } from "../../domain/refusal.ts";
import type { CheckRequest, RenderContext, RenderedAnswer } from "../contract.ts";
import { checkReadHeader } from "../header-template.ts";
import { compileJson } from "../json-template.ts";
import { NO_STORE } from "../refusal-answers.ts";
import type { TemplateProblem } from "../template.ts";
import type { EndpointTemplate } from "./endpoint-schema.ts";
import { type UsageProblemFacts, usageProblemVocabulary } from "./usage-vocabulary.ts";

/** Renders `request_invalid` with another status. */
export type RenderInvalid = (status: number) => (refusal: Refusal, context: RenderContext) => RenderedAnswer;

const DEFAULT_STATUS = 400;

/** Compiles the headers that an endpoint needs. `renderInvalid` answers where they have no body of their own. */
export function compileRequires(
  { requires, contentType }: EndpointTemplate,
  problems: TemplateProblem[],
  path: TemplateProblem["path"],
  renderInvalid: RenderInvalid,
): CheckRequest {
  const rules = requires.map(({ header, values, status, body }, index) => {
    checkReadHeader(header, problems, [...path, index, "header"]);
    const place = [...path, index, "body"];
    const render =
      body === undefined
        ? undefined
        : compileJson<UsageProblemFacts>(body, usageProblemVocabulary, problems, place);
    const invalid = status === undefined ? undefined : renderInvalid(status);
    return { name: header.toLowerCase(), values, status: status ?? DEFAULT_STATUS, render, invalid };
  });
  return (header, context) => {
    for (const { name, values, status, render, invalid } of rules) {
      const text = header(name)?.trim() ?? "";
      if (text !== "" && (values === undefined || values.includes(text))) continue;
      const fault = text === "" ? "missing" : "invalid";
      const reason = text === "" ? "is missing" : `must be ${values?.join(" or ") ?? "given"}`;
      if (render === undefined) {
        const refusal: Refusal = { code: "request_invalid", reason: `header ${name} ${reason}` };
        return invalid === undefined ? refusal : invalid(refusal, context);
      }
      const problem = { part: "header", fault, path: name, reason } as const;
      const message = `${name} ${reason}`;
      const headers = [["Content-Type", contentType] as const, NO_STORE];
      return { status, headers, body: render({ problem, message, context }) };
    }
    return undefined;
  };
}
