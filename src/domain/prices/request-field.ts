import { type FieldValue, UNKNOWN_VALUE } from "./field-value.ts";
import type { RequestFacts, RequestField } from "./price.ts";

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

function readBodyField(pointer: string, { body }: RequestFacts): FieldValue | undefined {
  if (body.state === "absent") return undefined;
  return body.state === "unreadable" ? UNKNOWN_VALUE : body.read(pointer);
}

function toText(value: string | undefined): FieldValue | undefined {
  return value === undefined ? undefined : { kind: "text", value };
}
