import { type Company, listCompanies } from "../data/companies.ts";
import { listPeople, type Person } from "../data/people.ts";
import { renderId } from "./entity-id.ts";
import { readList, readObject, ValidationError } from "./validation-error.ts";

/** The most records of one match. */
const MAX_TO_MATCH = 50;

interface Index {
  readonly companies: ReadonlyMap<string, Company>;
  readonly people: ReadonlyMap<string, Person>;
}

let index: Index | undefined;

/** Runs `POST /v1/businesses/match`: the same length and order as the input, `null` for a miss. */
export function matchBusinesses(body: unknown): object {
  const { companies } = getIndex();
  const matched = readRecords(body, "businesses_to_match", ["name", "domain"]).map((input) => {
    const company = companies.get(key(input["domain"])) ?? companies.get(key(input["name"]));
    return { input, business_id: company === undefined ? null : renderId("business", company.id) };
  });
  return {
    total_results: matched.length,
    total_matches: matched.filter((entry) => entry.business_id !== null).length,
    matched_businesses: matched,
  };
}

/** Runs `POST /v1/prospects/match`: by email, or by full name and company name together. */
export function matchProspects(body: unknown): object {
  const { people } = getIndex();
  const fields = ["email", "full_name", "company_name"];
  const matched = readRecords(body, "prospects_to_match", fields).map((input) => {
    const byName = key(`${String(input["full_name"])} @ ${String(input["company_name"])}`);
    const person = people.get(key(input["email"])) ?? people.get(byName);
    return { input, prospect_id: person === undefined ? null : renderId("prospect", person.id) };
  });
  return {
    total_results: matched.length,
    total_matches: matched.filter((entry) => entry.prospect_id !== null).length,
    matched_prospects: matched,
  };
}

function readRecords(
  body: unknown,
  member: string,
  fields: readonly string[],
): readonly Record<string, unknown>[] {
  const list = readList(readObject(body, ["body"])[member], ["body", member], MAX_TO_MATCH);
  return list.map((entry, place) => {
    const record = readObject(entry, ["body", member, place]);
    const wrong = Object.entries(record).find(
      ([name, value]) => !fields.includes(name) || typeof value !== "string",
    );
    if (wrong !== undefined) {
      throw new ValidationError(["body", member, place, wrong[0]], `expected texts of ${fields.join(", ")}`);
    }
    return record;
  });
}

function key(text: unknown): string {
  return typeof text === "string" ? text.trim().toLowerCase() : "";
}

function getIndex(): Index {
  if (index !== undefined) return index;
  const companies = new Map<string, Company>();
  for (const company of listCompanies()) {
    companies.set(key(company.domain), company);
    companies.set(key(company.name), company);
  }
  const people = new Map<string, Person>();
  for (const person of listPeople()) {
    people.set(key(person.email), person);
    people.set(key(`${person.firstName} ${person.lastName} @ ${person.company.name}`), person);
  }
  index = { companies, people };
  return index;
}
