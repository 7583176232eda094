import { createHash } from "node:crypto";
import { type Company, listCompanies } from "../data/companies.ts";
import { hasField, readField, renderBasic, renderCompany } from "./company-document.ts";
import { parseFilters } from "./filters.ts";
import { InvalidRequest, readObject, refuseUnknown } from "./invalid-request.ts";

const DEFAULT_LIMIT = 20;
const MAX_LIMIT = 1000;

interface Sort {
  readonly column: string;
  readonly direction: 1 | -1;
}

export interface SearchAnswer {
  readonly companies: readonly Record<string, unknown>[];
  readonly next_cursor: string | null;
  readonly total_count: number;
}

/** Runs `POST /company/search`. Throws {@link InvalidRequest} for a body that cannot be run. */
export function search(body: unknown): SearchAnswer {
  const request = readObject(body, "body");
  refuseUnknown(request, ["filters", "fields", "sorts", "limit", "cursor"]);
  const matches = parseFilters(request["filters"]);
  const limit = parseLimit(request["limit"]);
  const sorts = parseSorts(request["sorts"]);
  const sections = parseFields(request["fields"]);
  const query = JSON.stringify([request["filters"] ?? null, sorts]);
  const offset = parseCursor(request["cursor"], query);
  const found = listCompanies()
    .filter(matches)
    .sort((a, b) => compareCompanies(a, b, sorts));
  const end = Math.min(offset + limit, found.length);
  return {
    companies: found.slice(offset, end).map((company) => renderSections(company, sections)),
    next_cursor: end < found.length ? renderCursor(end, query) : null,
    total_count: found.length,
  };
}

function parseLimit(limit: unknown): number {
  if (limit === undefined) return DEFAULT_LIMIT;
  if (typeof limit === "number" && Number.isInteger(limit) && limit >= 1 && limit <= MAX_LIMIT) return limit;
  throw new InvalidRequest(`limit must be a whole number from 1 to ${MAX_LIMIT}`);
}

function parseSorts(sorts: unknown): readonly Sort[] {
  if (sorts === undefined) return [];
  if (!Array.isArray(sorts) || sorts.length > 3)
    throw new InvalidRequest("sorts must be a list of at most 3");
  return sorts.map((entry: unknown) => {
    const { column, order } = readObject(entry, "sorts");
    if (typeof column !== "string" || !hasField(column)) {
      throw new InvalidRequest(`sorts: unknown column ${String(column)}`);
    }
    if (order !== "asc" && order !== "desc") throw new InvalidRequest("sorts: order must be asc, desc");
    return { column, direction: order === "asc" ? 1 : -1 };
  });
}

/** Top-level sections only (`basic_info`, `headcount`); undefined shows what a search shows by default. */
function parseFields(fields: unknown): readonly string[] | undefined {
  if (fields === undefined) return undefined;
  if (!Array.isArray(fields) || !fields.every((field) => typeof field === "string")) {
    throw new InvalidRequest("fields must be a list of names");
  }
  return fields;
}

function renderSections(company: Company, sections: readonly string[] | undefined): Record<string, unknown> {
  if (sections === undefined) return renderBasic(company);
  const whole = renderCompany(company);
  const shown = Object.entries(whole).filter(
    ([name]) => name === "crustdata_company_id" || sections.includes(name),
  );
  return Object.fromEntries(shown);
}

/** The id comes last, so that the order is total and pages never overlap. */
function compareCompanies(a: Company, b: Company, sorts: readonly Sort[]): number {
  for (const { column, direction } of sorts) {
    const [left, right] = [readField(a, column) ?? "", readField(b, column) ?? ""];
    if (left !== right) return left < right ? -direction : direction;
  }
  return a.id - b.id;
}

/** The cursor carries a hash of the query: under another query its position would mean something else. */
function renderCursor(offset: number, query: string): string {
  return Buffer.from(`${offset}.${hashQuery(query)}`).toString("base64url");
}

function parseCursor(cursor: unknown, query: string): number {
  if (cursor === undefined || cursor === null) return 0;
  const [offset = "", hash] = Buffer.from(typeof cursor === "string" ? cursor : "", "base64url")
    .toString("utf8")
    .split(".");
  if (!/^\d{1,9}$/.test(offset) || hash !== hashQuery(query)) {
    throw new InvalidRequest("cursor must be the next_cursor of a previous page of this search");
  }
  return Number(offset);
}

function hashQuery(query: string): string {
  return createHash("sha256").update(query).digest("hex").slice(0, 16);
}
