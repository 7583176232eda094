import type { Company } from "../data/companies.ts";
import { computeTimestamp } from "../data/seeded.ts";

export type FieldValue = string | number | null;

/** The fields that a search can filter and sort by, as dot paths into the document. */
const FIELDS: Readonly<Record<string, (company: Company) => FieldValue>> = {
  crustdata_company_id: (company) => company.id,
  "basic_info.name": (company) => company.name,
  "basic_info.primary_domain": (company) => company.domain,
  "basic_info.employee_count_range": (company) => company.size,
  "basic_info.year_founded": (company) => company.founded,
  "headcount.total": (company) => company.employees,
  "locations.country": (company) => company.country,
  "taxonomy.professional_network_industry": (company) => company.industry,
  "network.addresses": (company) => company.addresses,
};

/** Reads one field; `undefined` when companies have no such field. */
export function readField(company: Company, field: string): FieldValue | undefined {
  return Object.hasOwn(FIELDS, field) ? FIELDS[field]?.(company) : undefined;
}

export function hasField(field: string): boolean {
  return Object.hasOwn(FIELDS, field);
}

/** What search and identify show of a company. */
export function renderBasic(company: Company): Record<string, unknown> {
  return {
    crustdata_company_id: company.id,
    basic_info: {
      name: company.name,
      primary_domain: company.domain,
      website: `https://${company.domain}`,
      employee_count_range: company.size,
      year_founded: company.founded,
    },
  };
}

/** The whole document, as enrich gives it. */
export function renderCompany(company: Company): Record<string, unknown> {
  return {
    ...renderBasic(company),
    updated_at: `${computeTimestamp(company.id, 20).replace(" ", "T")}+00:00`,
    headcount: { total: company.employees },
    locations: { country: company.country },
    taxonomy: { professional_network_industry: company.industry },
    network: {
      autonomous_systems: company.asns,
      address_ranges: company.networks,
      addresses: company.addresses,
    },
  };
}
