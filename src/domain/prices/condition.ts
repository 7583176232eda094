import { parseJsonPointer } from "../json/json-pointer.ts";
import { isJsonObject } from "../json/json-value.ts";
import { foldName } from "../look-alike.ts";
import { readNumber } from "./field-number.ts";
import { type FieldValue, OTHER_VALUE, toFieldValue, UNKNOWN_VALUE } from "./field-value.ts";
import type { Condition, ReadField, RequestFacts, Scalar } from "./price.ts";
import { readField } from "./request-field.ts";

/** Whether something holds; undefined when what was read may mean either. */
export type Verdict = boolean | undefined;

/** Whether a condition on the request holds. */
export function conditionHolds(condition: Condition, facts: RequestFacts): Verdict {
  return judge(condition, readField(condition, facts));
}

/** Whether all hold. One that surely does not decides, also beside others of which it is not known. */
export function allHold(conditions: readonly Condition[], holds: (condition: Condition) => Verdict): Verdict {
  let verdict: Verdict = true;
  for (const condition of conditions) {
    const one = holds(condition);
    if (one === false) return false;
    if (one === undefined) verdict = undefined;
  }
  return verdict;
}

/**
 * Judges a value that was found. A value of a JSON body must be the very JSON value (`1` is not `"1"`); query, header, path and form
 * are text, and are compared with the text of the condition's value. A missing field satisfies `exists: false`, `empty: true` and
 * `noneOf`. What is no number is not known to be in a range, and what is no list not known to contain anything: readers differ on
 * whether `"50"` is 50 and `"json"` is `["json"]`.
 */
export function judge(condition: Condition, found: FieldValue | undefined): Verdict {
  if ("exists" in condition) {
    // Of a field that is there nobody knows more than that; of one in a body that cannot be read not even that.
    if (found === undefined) return !condition.exists;
    return found.kind === "unknown" ? undefined : condition.exists;
  }
  if ("empty" in condition) {
    const isEmpty = emptiness(found);
    return isEmpty === undefined ? undefined : isEmpty === condition.empty;
  }
  if (found?.kind === "unknown") return undefined;
  if ("noneOf" in condition)
    return found === undefined || !condition.noneOf.some((value) => isSame(value, found));
  if (found === undefined) return false;
  if ("equals" in condition) return isSame(condition.equals, found);
  if ("oneOf" in condition) return condition.oneOf.some((value) => isSame(value, found));
  return "contains" in condition ? containsItem(condition.contains, found) : isBetween(condition, found);
}

function isSame(wanted: Scalar | null, { kind, value }: FieldValue): boolean {
  if (kind === "text") return String(wanted) === value;
  return kind === "scalar" && wanted === value;
}

function emptiness(found: FieldValue | undefined): Verdict {
  if (found === undefined) return true;
  if (found.kind === "unknown") return undefined;
  if (found.kind === "list") return found.length === undefined ? undefined : found.length === 0;
  return found.value === null || found.value === "" || found.canonical === "{}";
}

function isBetween(range: { readonly from?: number; readonly to?: number }, found: FieldValue): Verdict {
  const number = readNumber(found);
  if (number === undefined) return undefined;
  return (range.from === undefined || number >= range.from) && (range.to === undefined || number <= range.to);
}

/** What `contains` asks of an item, as conditions on it. */
export function itemConditions(contains: Scalar | readonly Scalar[] | Condition): readonly Condition[] {
  if (isList(contains)) return [{ body: "", oneOf: contains }];
  return isCondition(contains) ? [contains] : [{ body: "", equals: contains }];
}

function isCondition(contains: Scalar | Condition): contains is Condition {
  return isJsonObject(contains);
}

function isList(contains: Scalar | readonly Scalar[] | Condition): contains is readonly Scalar[] {
  return Array.isArray(contains);
}

function containsItem(contains: Scalar | readonly Scalar[] | Condition, found: FieldValue): Verdict {
  const conditions = itemConditions(contains);
  const items = itemsOf(found);
  if (items === undefined) return undefined;
  let verdict: Verdict = false;
  for (const item of items) {
    // A piece of a text is a text, and is compared as one.
    const one = found.items === undefined ? itemHolds(conditions, item) : pieceHolds(conditions, item);
    if (one === true) return true;
    if (one === undefined) verdict = undefined;
  }
  return verdict;
}

/** Undefined: it is no list, or one that is too long to look through. */
function itemsOf({ kind, items, canonical }: FieldValue): readonly unknown[] | undefined {
  if (kind !== "list") return undefined;
  if (items !== undefined) return items;
  const list: unknown = canonical === undefined ? undefined : JSON.parse(canonical);
  return Array.isArray(list) ? list : undefined;
}

/** Whether conditions hold of an item of a list; their pointers begin at it. */
export function itemHolds(conditions: readonly Condition[], item: unknown): Verdict {
  return allHold(conditions, (condition) => judge(condition, readItem(condition, item)));
}

function pieceHolds(conditions: readonly Condition[], piece: unknown): Verdict {
  const value = String(piece);
  return allHold(conditions, (condition) =>
    judge(condition, "body" in condition && condition.body === "" ? { kind: "text", value } : undefined),
  );
}

function readItem(field: ReadField, item: unknown): FieldValue | undefined {
  if (!("body" in field)) return OTHER_VALUE;
  const found = readPlain(item, field.body);
  return found === undefined && field.default !== undefined
    ? { kind: "scalar", value: field.default }
    : found;
}

/** The value at a pointer. A member whose name differs only in what some readers ignore may be meant: nothing is known then. */
function readPlain(document: unknown, pointer: string): FieldValue | undefined {
  let value = document;
  for (const token of parseJsonPointer(pointer) ?? []) {
    if (Array.isArray(value)) {
      value = /^(?:0|[1-9]\d*)$/.test(token) ? value[Number(token)] : undefined;
    } else if (isJsonObject(value)) {
      const folded = foldName(token);
      if (Object.keys(value).some((name) => name !== token && foldName(name) === folded))
        return UNKNOWN_VALUE;
      value = Object.hasOwn(value, token) ? value[token] : undefined;
    } else {
      return undefined;
    }
  }
  return toFieldValue(value);
}
