import { parseJsonPointer } from "../../domain/json/json-pointer.ts";
import type { Price } from "../../domain/prices/price.ts";
import { countsAnswer, needsAnswerFacts, partsOf, readsAnswerBody } from "../../domain/prices/price-shape.ts";
import type { JsonPath } from "../body/json-path-watch.ts";

/** What a price reads of an answer besides its status. */
export interface AnswerNeeds {
  /** The amount depends on the answer: a part of it would have another price. */
  readonly whole: boolean;
  readonly body: boolean;
  /** The one number that most prices per result read. */
  readonly countPath: JsonPath | undefined;
  /** In lower case. */
  readonly countHeader: string | undefined;
  /** The price reads more than that. */
  readonly facts: boolean;
  /** Headers that it then reads, in lower case. */
  readonly headers: ReadonlySet<string> | undefined;
  readonly bytes: boolean;
}

const NOTHING: AnswerNeeds = {
  whole: false,
  body: false,
  countPath: undefined,
  countHeader: undefined,
  facts: false,
  headers: undefined,
  bytes: false,
};

/** Prices live as long as their list: each is looked at once. */
const known = new WeakMap<Price, AnswerNeeds>();

export function answerNeedsOf(price: Price | undefined): AnswerNeeds {
  if (price === undefined) return NOTHING;
  let needs = known.get(price);
  if (needs === undefined) {
    needs = findNeeds(price);
    known.set(price, needs);
  }
  return needs;
}

function findNeeds(price: Price): AnswerNeeds {
  const facts = needsAnswerFacts(price);
  const { count } = price;
  const headers = facts ? headersOf(price) : undefined;
  return {
    whole: countsAnswer(price),
    body: readsAnswerBody(price),
    countPath: !facts && count !== undefined && "body" in count ? parseJsonPointer(count.body) : undefined,
    countHeader: !facts && count !== undefined && "header" in count ? count.header : undefined,
    facts,
    headers: headers === undefined || headers.size === 0 ? undefined : headers,
    bytes: partsOf(price).some((part) => part.count !== undefined && "bytes" in part.count),
  };
}

function headersOf(price: Price): Set<string> {
  const names = new Set<string>();
  for (const { count, where } of partsOf(price)) {
    if (count !== undefined && "header" in count) names.add(count.header);
    for (const condition of where ?? []) if ("header" in condition) names.add(condition.header);
  }
  return names;
}
