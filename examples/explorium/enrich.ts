import { type Company, listCompanies } from "../data/companies.ts";
import { listPeople, type Person } from "../data/people.ts";
import { computeSeeded, computeTimestamp, pick } from "../data/seeded.ts";
import { renderFirmographics } from "./entities.ts";
import { type EntityKind, parseId, renderId } from "./entity-id.ts";
import { readList, readObject, ValidationError } from "./validation-error.ts";

/** The most records whose events one call asks for, and the most events that one record has. */
const MAX_IDS = 10;
const MAX_EVENTS = 3;
const EVENT_NAMES: Readonly<Record<EntityKind, readonly string[]>> = {
  business: ["new_office", "new_product", "hiring_in_engineering_department", "new_partnership"],
  prospect: ["prospect_changed_role", "prospect_changed_company", "prospect_job_start_anniversary"],
};

const companies = new Map<number, Company>();
const people = new Map<number, Person>();

/** Runs `POST /v1/businesses/firmographics/enrich`; undefined when no business has this id. */
export function enrichBusiness(body: unknown): object | undefined {
  const company = findCompany(readId(body, "business"));
  if (company === undefined) return undefined;
  return { entity_id: renderId("business", company.id), data: renderFirmographics(company) };
}

/** Runs `POST /v1/prospects/contacts_information/enrich`; undefined when no prospect has this id. */
export function enrichProspect(body: unknown): object | undefined {
  const person = findPerson(readId(body, "prospect"));
  if (person === undefined) return undefined;
  const data = { professions_email: person.email, professional_email_status: "generated" };
  return { entity_id: renderId("prospect", person.id), data };
}

/** Runs `POST /v1/businesses/events` and `/v1/prospects/events`: up to three events for each id, none for an unknown one. */
export function listEvents(kind: EntityKind, body: unknown): { output_events: readonly object[] } {
  const member = `${kind}_ids`;
  const ids = readList(readObject(body, ["body"])[member], ["body", member], MAX_IDS);
  const known = kind === "business" ? findCompany : findPerson;
  const events = [...new Set(ids)].flatMap((text) => {
    const id = parseId(kind, text);
    if (id === undefined || known(id) === undefined) return [];
    return Array.from({ length: computeSeeded(id, 60) % (MAX_EVENTS + 1) }, (_, place) => ({
      event_id: `${renderId(kind, id)}-${place}`,
      event_name: pick(EVENT_NAMES[kind], id, 61 + place),
      event_time: `${computeTimestamp(id, 70 + place).replace(" ", "T")}Z`,
      [`${kind}_id`]: renderId(kind, id),
    }));
  });
  return { output_events: events };
}

function readId(body: unknown, kind: EntityKind): number | undefined {
  const member = `${kind}_id`;
  const text = readObject(body, ["body"])[member];
  if (typeof text !== "string") throw new ValidationError(["body", member], "field required");
  return parseId(kind, text);
}

function findCompany(id: number | undefined): Company | undefined {
  if (companies.size === 0) for (const company of listCompanies()) companies.set(company.id, company);
  return id === undefined ? undefined : companies.get(id);
}

function findPerson(id: number | undefined): Person | undefined {
  if (people.size === 0) for (const person of listPeople()) people.set(person.id, person);
  return id === undefined ? undefined : people.get(id);
}
