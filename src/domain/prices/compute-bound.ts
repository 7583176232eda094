import { readNumber } from "./field-number.ts";
import type { FieldValue } from "./field-value.ts";
import type { Bound, Count, RequestFacts } from "./price.ts";
import { readField, readRequestField } from "./request-field.ts";

/**
 * How many results the request can return: the number that its field is, or the length of the list that it is (a match answers one
 * result at most for each thing asked), up to `max`; `default` when the field is missing. Of several fields it is the smallest,
 * the first that is there, or their sum.
 * Anything else that is not a positive whole number counts as `max`: what the upstream makes of `-1`, `"all"` or a parameter given
 * twice is not known here. 0 too: many APIs read it as "not given", and a quote of nothing for a full page would be a way not to
 * pay.
 */
export function computeBound(atMost: Bound, facts: RequestFacts): number {
  const { field, max, among } = atMost;
  if (among !== undefined) return computeAmong(atMost, among, facts);
  if (field === undefined) return max;
  const found = readField(field, facts);
  return found === undefined ? atMost.default : Math.min(readBound(found) ?? max, max);
}

function computeAmong(
  atMost: Bound,
  { how, fields }: NonNullable<Bound["among"]>,
  facts: RequestFacts,
): number {
  const { max } = atMost;
  let bound: number | undefined;
  for (const field of fields) {
    const found = readField(field, facts);
    if (found === undefined) continue;
    // Beside others an empty list adds nothing.
    const isEmpty = how === "sum" && found.kind === "list" && found.length === 0;
    const asked = isEmpty ? 0 : Math.min(readBound(found) ?? max, max);
    if (bound === undefined) bound = asked;
    else bound = how === "sum" ? Math.min(bound + asked, max) : Math.min(bound, asked);
    if (how === "first") break;
  }
  return bound === 0 ? max : (bound ?? atMost.default);
}

function readBound(found: FieldValue): number | undefined {
  const asked = found.kind === "list" ? found.length : readWhole(found);
  return asked !== undefined && Number.isSafeInteger(asked) && asked >= 1 ? asked : undefined;
}

/** `007` is 7 to a bound: what it costs is never below what readers make of it. */
function readWhole(found: FieldValue): number | undefined {
  const { value } = found;
  return typeof value === "string" && WHOLE_NUMBER.test(value) ? Number(value) : readNumber(found);
}

const WHOLE_NUMBER = /^\d{1,15}$/;

/**
 * How many results a request asks for, where that is what is counted: 0 for an empty list too. Undefined: it cannot be read, and
 * may be as many as there can be.
 */
export function countRequested(
  { request }: Extract<Count, { readonly request: unknown }>,
  facts: RequestFacts,
): number | undefined {
  const found = readRequestField(request, facts);
  if (found === undefined) return request.default;
  if (found.kind === "list") return found.length;
  const split = readField(request, facts);
  if (split?.kind === "list") return split.length;
  const asked = readWhole(found);
  return asked !== undefined && Number.isSafeInteger(asked) && asked >= 1 ? asked : undefined;
}
