import type { Contract, SettledFacts } from "./contract.ts";
import type { ContractFile } from "./contract-schema.ts";
import { checkHeaderName, checkReadHeader, compileHeaders, compileHeaderText } from "./header-template.ts";
import { type RateLimitFacts, rateLimitVocabulary } from "./rate-limit-vocabulary.ts";
import { settledVocabulary } from "./settled-vocabulary.ts";
import { compileJson, type TemplateProblem } from "./template.ts";

/** Compiles the headers of responses whose charge is committed. */
export function compileSettled(
  templates: ContractFile["settled"],
  problems: TemplateProblem[],
): Contract["renderSettled"] {
  const headers = templates.map((template, index) => {
    const path = ["settled", index];
    checkHeaderName(template.header, problems, [...path, "header"]);
    const render = compileHeaderText<SettledFacts>(template.value, settledVocabulary, problems, [
      ...path,
      "value",
    ]);
    return { ...template, render };
  });
  return (facts) => {
    const rendered: (readonly [string, string])[] = [];
    for (const { header, when, creditTypes, render } of headers) {
      if (when === "charged" && facts.charged === 0n) continue;
      if (creditTypes !== undefined && !creditTypes.includes(facts.creditType)) continue;
      rendered.push([header, render(facts)]);
    }
    return rendered;
  };
}

/** Compiles the headers that tell a rate limit's state. Undefined when the contract has none. */
export function compileRateLimit(
  template: ContractFile["rateLimit"],
  problems: TemplateProblem[],
): Contract["renderRateLimit"] | undefined {
  if (template === undefined) return undefined;
  const render = compileHeaders<RateLimitFacts>(template.headers, rateLimitVocabulary, problems, [
    "rateLimit",
    "headers",
  ]);
  return (state, context) => render({ state, context });
}

/** The header that tells why the usage object is not in the body, by the name of the one that asks for it. */
export function omittedHeader(asks: string): string {
  return `${asks.toLowerCase()}-omitted`;
}

/** Compiles the usage object. */
export function compileUsage(
  template: ContractFile["usage"],
  problems: TemplateProblem[],
): Pick<Contract, "renderUsage" | "wantsUsage" | "usageHeaders"> {
  if (template === undefined)
    return { renderUsage: () => undefined, wantsUsage: () => false, usageHeaders: undefined };
  const { header, member } = template;
  checkReadHeader(header, problems, ["usage", "header"]);
  const name = header.toLowerCase();
  const asked = template.value.toLowerCase();
  const render = compileJson<SettledFacts>(template.body, settledVocabulary, problems, ["usage", "body"]);
  const wantsUsage: Contract["wantsUsage"] = (read) => read(name)?.trim().toLowerCase() === asked;
  return {
    wantsUsage,
    usageHeaders: { asks: name, omitted: omittedHeader(name) },
    renderUsage: (read, facts) => (wantsUsage(read) ? { member, json: render(facts) } : undefined),
  };
}
