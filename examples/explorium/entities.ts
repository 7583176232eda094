import { type Company, listCompanies } from "../data/companies.ts";
import { listPeople, type Person } from "../data/people.ts";
import { renderId } from "./entity-id.ts";

/** One kind of record: what a fetch can filter by, and what it shows. */
export interface Entity<T> {
  readonly list: () => readonly T[];
  /** Fields that `filters.<name>.values` may name; text is compared without regard to case. */
  readonly filters: Readonly<Record<string, (row: T) => string | null>>;
  readonly render: (row: T, mode: "full" | "preview") => Record<string, unknown>;
}

export const businesses: Entity<Company> = {
  list: listCompanies,
  filters: {
    business_id: (company) => renderId("business", company.id),
    country_code: (company) => company.country,
    company_size: (company) => company.size,
    linkedin_category: (company) => company.industry,
    company_name: (company) => company.name,
  },
  render: (company, mode) => ({
    business_id: renderId("business", company.id),
    name: company.name,
    domain: company.domain,
    ...(mode === "full" ? renderFirmographics(company) : {}),
  }),
};

export const prospects: Entity<Person> = {
  list: listPeople,
  filters: {
    business_id: (person) => renderId("business", person.company.id),
    job_department: (person) => person.department,
    job_level: (person) => person.level,
    job_title: (person) => person.title,
    company_country_code: (person) => person.company.country,
    company_size: (person) => person.company.size,
  },
  render: (person, mode) => ({
    prospect_id: renderId("prospect", person.id),
    full_name: `${person.firstName} ${person.lastName}`,
    company_name: person.company.name,
    ...(mode === "full"
      ? {
          business_id: renderId("business", person.company.id),
          job_title: person.title,
          job_department_main: person.department,
          job_level_main: person.level,
          country_name: person.company.country,
        }
      : {}),
  }),
};

export function renderFirmographics(company: Company): Record<string, unknown> {
  return {
    country_code: company.country,
    number_of_employees_range: company.size,
    linkedin_category: company.industry,
    year_founded: company.founded,
    autonomous_systems: company.asns,
    announced_addresses: company.addresses,
  };
}
