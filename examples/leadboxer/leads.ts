import { listPeople, type Person } from "../data/people.ts";
import { computeSeeded, computeTimestamp } from "../data/seeded.ts";

/** A visitor of a web site who was recognised as a person at a company. Wholly generated but for the company's name. */
export interface Lead {
  readonly id: string;
  readonly name: string;
  readonly email: string;
  readonly title: string;
  readonly organization: string;
  readonly domain: string;
  readonly industry: string;
  readonly country: string | null;
  readonly score: number;
  readonly visits: number;
  readonly last_seen: string;
}

export interface LeadFilter {
  readonly country: string | undefined;
  readonly industry: string | undefined;
  readonly organization: string | undefined;
  readonly minScore: number | undefined;
}

export const LEAD_FIELDS: readonly (keyof Lead)[] = [
  "id",
  "name",
  "email",
  "title",
  "organization",
  "domain",
  "industry",
  "country",
  "score",
  "visits",
  "last_seen",
];

/** The leads that pass the filter, in a fixed order. Made one by one: an export never holds them all. */
export function* selectLeads(filter: LeadFilter): Generator<Lead> {
  const part = filter.organization?.toLowerCase();
  for (const person of listPeople()) {
    const { company } = person;
    if (filter.country !== undefined && company.country !== filter.country.toLowerCase()) continue;
    if (filter.industry !== undefined && company.industry.toLowerCase() !== filter.industry.toLowerCase()) {
      continue;
    }
    if (part !== undefined && !company.name.toLowerCase().includes(part)) continue;
    const lead = renderLead(person);
    if (filter.minScore === undefined || lead.score >= filter.minScore) yield lead;
  }
}

function renderLead(person: Person): Lead {
  const { id, company } = person;
  return {
    id: `lead_${id}`,
    name: `${person.firstName} ${person.lastName}`,
    email: person.email,
    title: person.title,
    organization: company.name,
    domain: company.domain,
    industry: company.industry,
    country: company.country,
    score: computeSeeded(id, 31) % 101,
    visits: 1 + (computeSeeded(id, 32) % 40),
    last_seen: computeTimestamp(id, 33),
  };
}
