import { type FieldValue, UNKNOWN_VALUE } from "./field-value.ts";
import type { ReadField, RequestFacts, RequestField } from "./price.ts";

/**
 * The value of a request field; `undefined` when it is missing. A query parameter that is given several times, and a field of a
 * body that cannot be read, are there and are nothing that is known: which of them the upstream takes nobody can tell.
 */
export function readRequestField(field: RequestField, facts: RequestFacts): FieldValue | undefined {
  if ("body" in field) return readBodyField(field.body, facts);
  if ("header" in field) return toText(facts.header(field.header));
  if ("path" in field) {
    return Object.hasOwn(facts.pathParams, field.path) ? toText(facts.pathParams[field.path]) : undefined;
  }
  const values = facts.query.getAll(field.query);
  return values.length > 1 ? UNKNOWN_VALUE : toText(values[0]);
}

/** The value of a field with its `default` in the place of nothing, and its text divided by `split`. */
export function readField(field: ReadField, facts: RequestFacts): FieldValue | undefined {
  const found = readRequestField(field, facts);
  if (found === undefined)
    return field.default === undefined ? undefined : valueOfDefault(field, field.default);
  if (field.split === undefined || typeof found.value !== "string") return found;
  const items = found.value === "" ? [] : found.value.split(field.split).map((item) => item.trim());
  return { kind: "list", items, length: items.length };
}

/** As it would have been sent: in a body as its JSON value, elsewhere as its text. */
function valueOfDefault(field: RequestField, value: NonNullable<ReadField["default"]>): FieldValue {
  return "body" in field ? { kind: "scalar", value } : { kind: "text", value: String(value) };
}

function readBodyField(pointer: string, { body }: RequestFacts): FieldValue | undefined {
  if (body.state === "absent") return undefined;
  return body.state === "unreadable" ? UNKNOWN_VALUE : body.read(pointer);
}

function toText(value: string | undefined): FieldValue | undefined {
  return value === undefined ? undefined : { kind: "text", value };
}
