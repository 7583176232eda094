import type { CheckRequest } from "../contract.ts";
import { checkReadHeader } from "../header-template.ts";
import { compileJson } from "../json-template.ts";
import { NO_STORE } from "../refusal-answers.ts";
import type { TemplateProblem } from "../template.ts";
import type { EndpointTemplate } from "./endpoint-schema.ts";
import { type UsageProblemFacts, usageProblemVocabulary } from "./usage-vocabulary.ts";

/** Compiles the headers that an endpoint needs. */
export function compileRequires(
  { requires, contentType }: EndpointTemplate,
  problems: TemplateProblem[],
  path: TemplateProblem["path"],
): CheckRequest {
  const rules = requires.map(({ header, values, status, body }, index) => {
    checkReadHeader(header, problems, [...path, index, "header"]);
    const place = [...path, index, "body"];
    const render =
      body === undefined
        ? undefined
        : compileJson<UsageProblemFacts>(body, usageProblemVocabulary, problems, place);
    return { name: header.toLowerCase(), values, status, render };
  });
  return (header, context) => {
    for (const { name, values, status, render } of rules) {
      const text = header(name)?.trim() ?? "";
      if (text !== "" && (values === undefined || values.includes(text))) continue;
      const fault = text === "" ? "missing" : "invalid";
      const reason = text === "" ? "is missing" : `must be ${values?.join(" or ") ?? "given"}`;
      if (render === undefined) return { code: "request_invalid", reason: `header ${name} ${reason}` };
      const problem = { part: "header", fault, path: name, reason } as const;
      const message = `${name} ${reason}`;
      const headers = [["Content-Type", contentType] as const, NO_STORE];
      return { status, headers, body: render({ problem, message, context }) };
    }
    return undefined;
  };
}
