import { type Company, listCompanies } from "../data/companies.ts";
import { listPeople, type Person } from "../data/people.ts";
import { computeSeeded, pick } from "../data/seeded.ts";
import { buildDataset, type Dataset, type DatasetSource } from "./dataset.ts";

/** Posts and jobs are generated one to a person or company; their ids follow the person's or company's. */
const POST_OFFSET = 200_000_000;
const JOB_BASE_OFFSET = 5_000_000_000;
const JOB_MULTI_OFFSET = 6_000_000_000;

const TITLES = [
  "Network Engineer",
  "Data Analyst",
  "Account Manager",
  "Software Engineer",
  "Support Specialist",
];
const SENIORITIES = ["Entry level", "Mid-Senior level", "Director"];
const TOPICS = [
  "routing security",
  "open positions",
  "our new data center",
  "a conference talk",
  "IPv6 at last",
];

function company(
  name: string,
  salt: number,
  fields: Readonly<Record<string, (row: Company) => string>>,
): DatasetSource<Company> {
  return {
    name,
    list: listCompanies,
    id: (row) => row.id,
    salt,
    preview: ["id", ...Object.keys(fields), "industry", "employees_count", "hq_country"],
    fields: {
      ...fields,
      industry: (row) => row.industry,
      employees_count: (row) => row.employees,
      size_range: (row) => row.size,
      founded_year: (row) => row.founded,
      hq_country: (row) => row.country,
      autonomous_systems: (row) => row.asns,
      announced_addresses: (row) => row.addresses,
    },
  };
}

function employee(
  name: string,
  salt: number,
  fields: Readonly<Record<string, (row: Person) => string | number>>,
): DatasetSource<Person> {
  return {
    name,
    list: listPeople,
    id: (row) => row.id,
    salt,
    preview: ["id", "full_name", "headline", "company_name", "location_country"],
    fields: {
      full_name: (row) => `${row.firstName} ${row.lastName}`,
      headline: (row) => `${row.title} at ${row.company.name}`,
      company_name: (row) => row.company.name,
      company_website: (row) => row.company.domain,
      location_country: (row) => row.company.country,
      ...fields,
    },
  };
}

function job(
  name: string,
  salt: number,
  offset: number,
  fields: Readonly<Record<string, (row: Company) => string | number>>,
): DatasetSource<Company> {
  return {
    name,
    list: listCompanies,
    id: (row) => offset + row.id,
    salt,
    preview: ["id", "title", "seniority", "location", "company_name"],
    fields: {
      title: (row) => pick(TITLES, row.id, salt),
      seniority: (row) => pick(SENIORITIES, row.id, salt + 100),
      location: (row) => row.country,
      company_name: (row) => row.name,
      company_id: (row) => row.id,
      application_active: (row) => computeSeeded(row.id, salt + 200) % 3 !== 0,
      ...fields,
    },
  };
}

const posts: DatasetSource<Person> = {
  name: "post_employee",
  list: listPeople,
  id: (row) => POST_OFFSET + row.id,
  salt: 7,
  preview: ["id", "article_title", "author_name"],
  fields: {
    article_title: (row) => `A note on ${pick(TOPICS, row.id, 71)}`,
    article_body: (row) => `What we learnt at ${row.company.name} about ${pick(TOPICS, row.id, 71)}.`,
    author_id: (row) => row.id,
    author_name: (row) => `${row.firstName} ${row.lastName}`,
    reactions_count: (row) => computeSeeded(row.id, 72) % 500,
  },
};

/** Each provider family names the same facts differently, as the real datasets do. */
const builders: Readonly<Record<string, () => Dataset>> = {
  company_multi_source: () =>
    buildDataset(
      company("company_multi_source", 1, { company_name: (row) => row.name, website: (row) => row.domain }),
    ),
  company_clean: () =>
    buildDataset(
      company("company_clean", 2, { name: (row) => row.name, websites_main: (row) => row.domain }),
    ),
  company_base: () =>
    buildDataset(company("company_base", 3, { name: (row) => row.name, website: (row) => row.domain })),
  employee_multi_source: () =>
    buildDataset(
      employee("employee_multi_source", 4, {
        active_experience_title: (row) => row.title,
        active_experience_department: (row) => row.department,
        active_experience_management_level: (row) => row.level,
        active_experience_company_id: (row) => row.company.id,
        primary_professional_email: (row) => row.email,
      }),
    ),
  employee_clean: () =>
    buildDataset(
      employee("employee_clean", 5, {
        job_title: (row) => row.title,
        department: (row) => row.department,
        company_id: (row) => row.company.id,
      }),
    ),
  employee_base: () =>
    buildDataset(
      employee("employee_base", 6, { title: (row) => row.title, company_id: (row) => row.company.id }),
    ),
  post_employee: () => buildDataset(posts),
  job_base: () => buildDataset(job("job_base", 8, JOB_BASE_OFFSET, { employment_type: () => "Full-time" })),
  job_multi_source: () =>
    buildDataset(
      job("job_multi_source", 9, JOB_MULTI_OFFSET, {
        sources_count: (row) => 1 + (computeSeeded(row.id, 91) % 4),
      }),
    ),
};

export const DATASETS: readonly string[] = Object.keys(builders);

const built = new Map<string, Dataset>();

/** The dataset by its name in the path, or undefined when the API has none of that name. */
export function findDataset(name: string): Dataset | undefined {
  const known = built.get(name);
  if (known !== undefined || !Object.hasOwn(builders, name)) return known;
  const dataset = builders[name]?.();
  if (dataset !== undefined) built.set(name, dataset);
  return dataset;
}
