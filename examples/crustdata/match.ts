import { type Company, listCompanies } from "../data/companies.ts";
import { renderBasic, renderCompany } from "./company-document.ts";
import { InvalidRequest, readObject, refuseUnknown } from "./invalid-request.ts";

/** The most identifiers of one call. */
const MAX_IDENTIFIERS = 25;
/** The most candidates that identify shows for one identifier. */
const MAX_CANDIDATES = 5;

const IDENTIFIERS = {
  domains: "domain",
  names: "name",
  crustdata_company_ids: "crustdata_company_id",
} as const;

type Parameter = keyof typeof IDENTIFIERS;

interface Index {
  readonly byId: ReadonlyMap<number, Company>;
  readonly byDomain: ReadonlyMap<string, Company>;
  readonly byName: ReadonlyMap<string, Company>;
}

export interface Matched {
  readonly matched_on: unknown;
  readonly match_type: string;
  readonly matches: readonly { readonly confidence_score: number; readonly company_data: object }[];
}

let index: Index | undefined;

/** Runs `POST /company/enrich`: for each identifier the one company that it names exactly, or none. */
export function enrich(body: unknown): readonly Matched[] {
  const { parameter, values } = parseIdentifiers(body);
  return values.map((value) => {
    const company = findExactly(parameter, value);
    const matches =
      company === undefined ? [] : [{ confidence_score: 1, company_data: renderCompany(company) }];
    return { matched_on: value, match_type: IDENTIFIERS[parameter], matches };
  });
}

/** Runs `POST /company/identify`: candidates, best first; for names also companies whose names begin with the text. */
export function identify(body: unknown): readonly Matched[] {
  const { parameter, values } = parseIdentifiers(body);
  return values.map((value) => {
    const candidates = listCandidates(parameter, value).map((company, place) => ({
      confidence_score: place === 0 && findExactly(parameter, value) === company ? 1 : 0.5 / (place + 1),
      company_data: renderBasic(company),
    }));
    return { matched_on: value, match_type: IDENTIFIERS[parameter], matches: candidates };
  });
}

function parseIdentifiers(body: unknown): { parameter: Parameter; values: readonly unknown[] } {
  const request = readObject(body, "body");
  const names = Object.keys(IDENTIFIERS) as Parameter[];
  refuseUnknown(request, [...names, "fields", "exact_match"]);
  const given = names.filter((name) => name in request);
  const [parameter] = given;
  if (parameter === undefined || given.length > 1) {
    throw new InvalidRequest(`Exactly one identifier must be provided: ${names.join(", ")}`);
  }
  const values = request[parameter];
  const expected = parameter === "crustdata_company_ids" ? "number" : "string";
  if (!Array.isArray(values) || values.length < 1 || values.length > MAX_IDENTIFIERS) {
    throw new InvalidRequest(`${parameter} must be a list of 1 to ${MAX_IDENTIFIERS}`);
  }
  if (!values.every((value) => typeof value === expected)) {
    throw new InvalidRequest(`${parameter}: each must be a ${expected}`);
  }
  return { parameter, values };
}

function findExactly(parameter: Parameter, value: unknown): Company | undefined {
  const { byId, byDomain, byName } = getIndex();
  if (parameter === "crustdata_company_ids") return byId.get(Number(value));
  const text = String(value).trim().toLowerCase();
  return parameter === "domains" ? byDomain.get(text) : byName.get(text);
}

function listCandidates(parameter: Parameter, value: unknown): readonly Company[] {
  const exact = findExactly(parameter, value);
  const first = exact === undefined ? [] : [exact];
  const start = String(value).trim().toLowerCase();
  if (parameter !== "names" || start === "") return first;
  const others = listCompanies().filter(
    (company) => company !== exact && company.name.toLowerCase().startsWith(start),
  );
  return [...first, ...others].slice(0, MAX_CANDIDATES);
}

function getIndex(): Index {
  if (index !== undefined) return index;
  const companies = listCompanies();
  index = {
    byId: new Map(companies.map((company) => [company.id, company])),
    byDomain: new Map(companies.map((company) => [company.domain, company])),
    byName: new Map(companies.map((company) => [company.name.toLowerCase(), company])),
  };
  return index;
}
