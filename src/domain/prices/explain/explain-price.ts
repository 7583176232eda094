import { judgeAnswer } from "../compute-sums.ts";
import { allHold, conditionHolds, type Verdict } from "../condition.ts";
import type { FieldValue } from "../field-value.ts";
import type { AnswerFacts, Condition, Price, RequestFacts } from "../price.ts";
import { describeCondition } from "../price-text.ts";
import { readField } from "../request-field.ts";
import { selectPrice } from "../select-price.ts";

/** A condition, and what was found where it looks. */
export interface ExplainedCondition {
  /** `` `/mode` of the body is `full` `` */
  readonly condition: string;
  /** The value in words: `"fast"`, `nothing`. */
  readonly found: string;
  /** Undefined: it is not known, because readers of the request may take it for different things. */
  readonly holds: Verdict;
}

/** What became of one of an endpoint's prices. */
export interface ExplainedPrice {
  readonly price: Price;
  /**
   * `applies`; `fails`: one of its conditions does not hold; `may`: it is not known whether it applies, and the dearest of those that
   * may does; `later`: one that stands before it applies.
   */
  readonly outcome: "applies" | "fails" | "may" | "later";
  readonly conditions: readonly ExplainedCondition[];
}

/** Why {@link selectPrice} takes the price that it takes, in the order in which prices are tried. */
export function explainSelection(
  candidates: readonly Price[],
  facts: RequestFacts,
): readonly ExplainedPrice[] {
  const selected = selectPrice(candidates, facts);
  let isDecided = false;
  return candidates.map((price) => {
    const verdict = allHold(price.when, (condition) => conditionHolds(condition, facts));
    const outcome =
      price === selected ? "applies" : isDecided ? "later" : verdict === false ? "fails" : "may";
    isDecided ||= verdict === true;
    return { price, outcome, conditions: price.when.map((condition) => explainCondition(condition, facts)) };
  });
}

function explainCondition(condition: Condition, facts: RequestFacts): ExplainedCondition {
  return {
    condition: describeCondition(condition),
    found: describeFound(readField(condition, facts)),
    holds: conditionHolds(condition, facts),
  };
}

/** The conditions on an answer, with what was found of each. */
export function explainAnswer(
  conditions: readonly Condition[],
  answer: AnswerFacts,
): readonly ExplainedCondition[] {
  return conditions.map((condition) => ({
    condition: describeCondition(condition, "of the answer"),
    found: describeFound(readAnswer(condition, answer)),
    holds: judgeAnswer(condition, answer),
  }));
}

function readAnswer(condition: Condition, answer: AnswerFacts): FieldValue | undefined {
  if ("header" in condition) {
    const value = answer.header(condition.header);
    return value === undefined ? undefined : { kind: "text", value };
  }
  return "body" in condition ? answer.read(condition.body) : undefined;
}

/** What is shown of a value. */
const SHOWN_LENGTH = 60;

function describeFound(found: FieldValue | undefined): string {
  if (found === undefined) return "nothing";
  if (found.kind === "unknown") return "something that readers may take for different things";
  const text = found.kind === "text" ? JSON.stringify(found.value) : found.canonical;
  if (text === undefined) {
    return found.kind === "list" && found.length !== undefined ? `a list of ${found.length}` : "a long value";
  }
  return text.length > SHOWN_LENGTH ? `${text.slice(0, SHOWN_LENGTH)}…` : text;
}
