import { readJsonPointer } from "../json-pointer.ts";
import type { RequestFacts, RequestField } from "./price.ts";

/**
 * The value of a request field: a JSON value of the body, or the text of a query parameter, header or path parameter.
 * `undefined` when it is missing. A query parameter that is given several times is a list of its texts: which of them
 * the upstream takes is not known here, so nobody may pick one.
 */
export function readRequestField(field: RequestField, facts: RequestFacts): unknown {
  if ("body" in field) return readJsonPointer(facts.body, field.body);
  if ("header" in field) return facts.header(field.header);
  if ("path" in field) {
    return Object.hasOwn(facts.pathParams, field.path) ? facts.pathParams[field.path] : undefined;
  }
  const values = facts.query.getAll(field.query);
  return values.length > 1 ? values : values[0];
}
