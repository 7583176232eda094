import type { RequestFacts, RequestField } from "../../domain/prices/price.ts";
import { readRequestField } from "../../domain/prices/request-field.ts";
import type { FieldFault } from "../../domain/refusal.ts";
import type { ExportsTemplate } from "./export-schema.ts";
import type { ExportChoices } from "./export-wire.ts";

type Request = Pick<RequestFacts, "query" | "body">;
type Template = ExportsTemplate["request"];

/** What a request that creates an export chooses, or everything that is wrong with it. */
export function readExportChoices(
  template: Template,
  request: Request,
  { formats, maxRecords }: { readonly formats: readonly ("jsonl" | "csv")[]; readonly maxRecords: number },
): ExportChoices | readonly FieldFault[] {
  const faults: FieldFault[] = [];
  const limit =
    template.limit === undefined ? undefined : readLimit(template.limit, request, maxRecords, faults);
  const format = readWord(template.format, request, formats, faults);
  const policy = readWord(template.policy, request, ["all", "covered"] as const, faults) ?? "all";
  return faults.length > 0 ? faults : { limit, format, policy };
}

function readLimit(
  field: FieldOfRequest,
  request: Request,
  max: number,
  faults: FieldFault[],
): number | undefined {
  const value = readValue(field, request);
  if (value === undefined) return undefined;
  // A query has texts only.
  const number = typeof value === "string" && /^\d{1,10}$/.test(value) ? Number(value) : value;
  if (typeof number === "number" && Number.isInteger(number) && number >= 1 && number <= max) {
    return number;
  }
  faults.push({ path: nameOf(field), reason: `must be a whole number from 1 to ${max}` });
  return undefined;
}

function readWord<Meaning extends string>(
  field:
    | {
        readonly in: FieldOfRequest;
        readonly words: Readonly<Record<string, Meaning>>;
        readonly default?: string | undefined;
      }
    | undefined,
  request: Request,
  allowed: readonly Meaning[],
  faults: FieldFault[],
): Meaning | undefined {
  if (field === undefined) return undefined;
  const word = readValue(field.in, request) ?? field.default;
  if (word === undefined) return undefined;
  const meaning =
    typeof word === "string" && Object.hasOwn(field.words, word) ? field.words[word] : undefined;
  if (meaning !== undefined && allowed.includes(meaning)) return meaning;
  const words = Object.entries(field.words).filter(([, means]) => allowed.includes(means));
  faults.push({ path: nameOf(field.in), reason: `must be one of ${words.map(([name]) => name).join(", ")}` });
  return undefined;
}

type FieldOfRequest = Extract<RequestField, { readonly body: string } | { readonly query: string }>;

/** Undefined, too, for null: many clients write null for what they leave out. */
function readValue(field: FieldOfRequest, request: Request): unknown {
  const facts = { ...request, method: "", path: "", pathParams: {}, header: () => undefined };
  return readRequestField(field, facts) ?? undefined;
}

function nameOf(field: FieldOfRequest): string {
  return "body" in field ? field.body.slice(1) : field.query;
}
