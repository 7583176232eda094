import type { Company } from "../data/companies.ts";
import { businesses } from "./entities.ts";
import { selectEntities } from "./fetch.ts";
import { readObject } from "./validation-error.ts";

/** Runs `POST /v1/businesses/stats`: how the businesses that pass the filters are spread. */
export function computeStatistics(body: unknown): object {
  const found = selectEntities(businesses, readObject(body, ["body"])["filters"]);
  return {
    total_results: found.length,
    stats: {
      linkedin_category: count(found, (company) => company.industry),
      company_size: count(found, (company) => company.size),
      country_code: count(found, (company) => company.country ?? "unknown"),
    },
  };
}

/** Values of the filters that begin with a text: for `GET /v1/businesses/autocomplete`, which is free. */
export function listValues(field: string, start: string): readonly string[] | undefined {
  const read = Object.hasOwn(businesses.filters, field) ? businesses.filters[field] : undefined;
  if (read === undefined) return undefined;
  const values = new Set<string>();
  for (const company of businesses.list()) {
    const value = read(company);
    if (value?.toLowerCase().startsWith(start.toLowerCase())) values.add(value);
    if (values.size === 10) break;
  }
  return [...values].sort();
}

function count(companies: readonly Company[], read: (company: Company) => string): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const company of companies) {
    const value = read(company);
    counts[value] = (counts[value] ?? 0) + 1;
  }
  return counts;
}
