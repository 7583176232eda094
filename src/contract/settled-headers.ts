import type { StateNeeds } from "./account/account-state.ts";
import { needsOf } from "./account/pool-vocabulary.ts";
import type { Contract, SettledFacts } from "./contract.ts";
import type { ContractFile } from "./contract-schema.ts";
import { checkHeaderName, checkReadHeader, compileHeaders, compileHeaderText } from "./header-template.ts";
import { compileJson } from "./json-template.ts";
import { type RateLimitFacts, rateLimitVocabulary } from "./rate-limit-vocabulary.ts";
import { isSettledState, settledVocabulary } from "./settled-vocabulary.ts";
import type { Render } from "./template.ts";
import { type TemplateProblem } from "./template.ts";

type SettledPart = Pick<Contract, "renderSettled" | "renderAnswered" | "tellsAnswered">;

/** Compiles the headers of responses whose charge is committed, and of those that were not charged. */
export function compileSettled(templates: ContractFile["settled"], problems: TemplateProblem[]): SettledPart {
  const headers = templates.map((template, index) => {
    const path = ["settled", index];
    checkHeaderName(template.header, problems, [...path, "header"]);
    const earlier = templates.slice(0, index).findIndex((other) => canMeet(other, template));
    if (earlier >= 0) {
      const reason = `the header ${template.header} is settled[${earlier}]'s too, on the same answers`;
      const fix = "remove one of the two, or name other creditTypes";
      problems.push({ path: [...path, "header"], reason, fix });
    }
    const render = compileHeaderText<SettledFacts>(template.value, settledVocabulary, problems, [
      ...path,
      "value",
    ]);
    return { ...template, render, readsState: hasNeeds(needsOf(template.value, isSettledState)) };
  });
  const answered = headers.filter(({ when }) => when === "answered");
  const renderThose = (those: typeof headers, facts: SettledFacts): (readonly [string, string])[] => {
    const rendered: (readonly [string, string])[] = [];
    for (const { header, when, creditTypes, readsState, render } of those) {
      if (when === "charged" && facts.charged === 0n) continue;
      if (creditTypes !== undefined && !creditTypes.includes(facts.creditType)) continue;
      // Zeros in the place of what could not be read would be believed.
      if (readsState && facts.state === undefined) continue;
      rendered.push([header, render(facts)]);
    }
    return rendered;
  };
  return {
    renderSettled: (facts) => renderThose(headers, facts),
    renderAnswered: (facts) => renderThose(answered, facts),
    tellsAnswered: answered.length > 0,
  };
}

type SettledTemplate = ContractFile["settled"][number];

/** Whether both can be on one answer, under one name. */
function canMeet(one: SettledTemplate, other: SettledTemplate): boolean {
  if (one.header.toLowerCase() !== other.header.toLowerCase()) return false;
  const { creditTypes } = other;
  return one.creditTypes?.every((name) => creditTypes?.includes(name) === false) !== true;
}

/** What the settled headers and the usage object read of the account. */
export function settledNeeds({ settled, usage }: Pick<ContractFile, "settled" | "usage">): StateNeeds {
  return needsOf([settled.map(({ value }) => value), usage?.body, usage?.members], isSettledState);
}

function hasNeeds({ pools, account }: StateNeeds): boolean {
  return pools || account;
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
): Pick<Contract, "renderUsage" | "usageMembers" | "usageHeaders"> {
  if (template === undefined)
    return { renderUsage: () => undefined, usageMembers: () => undefined, usageHeaders: undefined };
  const { header, member, body, members = member === undefined ? {} : { [member]: body } } = template;
  const names = Object.keys(members);
  const wants = compileWish(template, problems);
  const render = compileMembers(template, members, problems);
  const readsState = hasNeeds(needsOf(members, isSettledState));
  return {
    usageMembers: (read) => (wants(read) ? names : undefined),
    usageHeaders:
      header === undefined ? undefined : { asks: header.toLowerCase(), omitted: omittedHeader(header) },
    renderUsage: (read, facts) =>
      wants(read) && (!readsState || facts.state !== undefined) ? render(facts) : undefined,
  };
}

type UsageTemplate = NonNullable<ContractFile["usage"]>;

/** Whether a request asks for it. */
function compileWish(
  { header, value }: UsageTemplate,
  problems: TemplateProblem[],
): (read: (name: string) => string | undefined) => boolean {
  if (header === undefined) return () => true;
  checkReadHeader(header, problems, ["usage", "header"]);
  const name = header.toLowerCase();
  const asked = value.toLowerCase();
  return (read) => read(name)?.trim().toLowerCase() === asked;
}

function compileMembers(
  { member }: UsageTemplate,
  members: Readonly<Record<string, unknown>>,
  problems: TemplateProblem[],
): Render<SettledFacts> {
  const renders = Object.entries(members).map(([name, value], index) => {
    const path = member === undefined ? ["usage", "members", name] : ["usage", "body"];
    const render = compileJson<SettledFacts>(value, settledVocabulary, problems, path);
    return { render, start: index === 0 ? "" : `,${JSON.stringify(name)}:` };
  });
  return (facts) => renders.map(({ render, start }) => start + render(facts)).join("");
}
