import { type OwnField, type OwnRequest, ownFieldName, readOwnField } from "../../domain/own-request.ts";
import type { FieldFault } from "../../domain/refusal.ts";
import type { ExportsTemplate } from "./export-schema.ts";
import type { ExportChoices } from "./export-wire.ts";

type Template = ExportsTemplate["request"];

/** What a request that creates an export chooses, or everything that is wrong with it. */
export function readExportChoices(
  template: Template,
  request: OwnRequest,
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
  field: OwnField,
  request: OwnRequest,
  max: number,
  faults: FieldFault[],
): number | undefined {
  const value = readOwnField(field, request);
  if (value === undefined) return undefined;
  // A query has texts only.
  const number = typeof value === "string" && /^\d{1,10}$/.test(value) ? Number(value) : value;
  if (typeof number === "number" && Number.isInteger(number) && number >= 1 && number <= max) {
    return number;
  }
  faults.push({ path: ownFieldName(field), reason: `must be a whole number from 1 to ${max}` });
  return undefined;
}

function readWord<Meaning extends string>(
  field:
    | {
        readonly in: OwnField;
        readonly words: Readonly<Record<string, Meaning>>;
        readonly default?: string | undefined;
      }
    | undefined,
  request: OwnRequest,
  allowed: readonly Meaning[],
  faults: FieldFault[],
): Meaning | undefined {
  if (field === undefined) return undefined;
  const word = readOwnField(field.in, request) ?? field.default;
  if (word === undefined) return undefined;
  const meaning =
    typeof word === "string" && Object.hasOwn(field.words, word) ? field.words[word] : undefined;
  if (meaning !== undefined && allowed.includes(meaning)) return meaning;
  const words = Object.entries(field.words).filter(([, means]) => allowed.includes(means));
  faults.push({
    path: ownFieldName(field.in),
    reason: `must be one of ${words.map(([name]) => name).join(", ")}`,
  });
  return undefined;
}
