import { readJsonPointer } from "../../json/json-pointer.ts";
import { itemHolds } from "../condition.ts";
import { toFieldValue } from "../field-value.ts";
import type { AnswerFacts } from "../price.ts";

/** A described answer, whole and in memory, as prices look at it. */
export interface DescribedAnswer {
  /** The body as a JSON value; undefined when it is none. */
  readonly body: unknown;
  /** By names in lower case. */
  readonly headers: ReadonlyMap<string, string>;
  readonly bytes: number | undefined;
}

/** What prices find in an answer that is described. */
export function answerFactsOf({ body, headers, bytes }: DescribedAnswer): AnswerFacts {
  return {
    read: (pointer) => toFieldValue(readJsonPointer(body, pointer)),
    countItems(pointer, where) {
      const list = readJsonPointer(body, pointer);
      // An item of which nobody knows whether it counts does.
      return Array.isArray(list) ? list.filter((item) => itemHolds(where, item) !== false).length : undefined;
    },
    header: (name) => headers.get(name),
    isRead: body !== undefined,
    bytes,
  };
}
