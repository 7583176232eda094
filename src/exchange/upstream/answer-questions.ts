import { parseJsonPointer } from "../../domain/json/json-pointer.ts";
import { allHold, itemConditions, judge } from "../../domain/prices/condition.ts";
import type { FieldValue } from "../../domain/prices/field-value.ts";
import type { AnswerFacts, Condition, Price } from "../../domain/prices/price.ts";
import { partsOf } from "../../domain/prices/price-shape.ts";
import { AnswerWatch, type ItemTest } from "../body/answer-watch.ts";
import type { UpstreamHead } from "../headers/upstream-head.ts";

/** What the scan of a body tells besides what the watch has found. */
export interface ScannedAnswer {
  /** It is one JSON text, and was read to its end. */
  readonly isJson: boolean;
  readonly bytes: number | undefined;
}

const UNREAD: ScannedAnswer = { isJson: false, bytes: undefined };

/** Asks one response what a price reads of it, while its body passes by. */
export class AnswerQuestions {
  readonly watch = new AnswerWatch();
  /** The lists whose items are counted, by where they are and what is asked. */
  readonly #items = new Map<string, number>();

  constructor(price: Price) {
    for (const { count, where } of partsOf(price)) {
      if (count !== undefined && "body" in count) {
        if (count.where === undefined) this.#want(count.body);
        else this.#wantItems(count.body, count.where);
      }
      for (const condition of where ?? []) {
        if (!("body" in condition)) continue;
        if ("contains" in condition) this.#wantItems(condition.body, itemConditions(condition.contains));
        else this.#want(condition.body);
      }
    }
  }

  /** What was found. */
  facts(head: UpstreamHead, { isJson, bytes }: ScannedAnswer = UNREAD): AnswerFacts {
    const { watch } = this;
    return {
      read: (pointer) => watch.read(pointer),
      countItems: (pointer, where) => watch.counted(this.#items.get(nameOf(pointer, where)) ?? -1),
      header: (name) => head.readHeaders?.get(name),
      isRead: isJson,
      bytes: head.bodiless ? 0 : bytes,
    };
  }

  #want(pointer: string): void {
    this.watch.want(pointer, parseJsonPointer(pointer) ?? []);
  }

  #wantItems(pointer: string, conditions: readonly Condition[]): void {
    const name = nameOf(pointer, conditions);
    if (this.#items.has(name)) return;
    const pointers = new Map<string, readonly string[]>();
    for (const condition of conditions) {
      if ("body" in condition) pointers.set(condition.body, parseJsonPointer(condition.body) ?? []);
    }
    this.#items.set(
      name,
      this.watch.wantItems(parseJsonPointer(pointer) ?? [], testOf(conditions), pointers),
    );
  }
}

/** An item of which nobody knows whether it counts does. */
function testOf(conditions: readonly Condition[]): ItemTest {
  return (read) => allHold(conditions, (condition) => judge(condition, readItem(condition, read))) !== false;
}

function readItem(
  condition: Condition,
  read: (pointer: string) => FieldValue | undefined,
): FieldValue | undefined {
  const found = "body" in condition ? read(condition.body) : undefined;
  return (
    found ?? (condition.default === undefined ? undefined : { kind: "scalar", value: condition.default })
  );
}

function nameOf(pointer: string, conditions: readonly Condition[]): string {
  return JSON.stringify([pointer, conditions]);
}
