import { type Organisation, readNetworks } from "./networks.ts";
import { computeSeeded, pick } from "./seeded.ts";

/** What the examples say about an organisation beyond its networks. All of it is guessed or generated, none is real. */
export interface Company extends Organisation {
  /** Guessed from words of the name where there are any, generated otherwise. */
  readonly industry: string;
  /** Guessed from the legal form or a country in the name (`GmbH`, `Pty Ltd`); null where nothing hints at one. */
  readonly country: string | null;
  readonly employees: number;
  readonly size: string;
  readonly founded: number;
}

/** Size bands and their largest number of employees, smallest first. */
export const SIZES: readonly (readonly [string, number])[] = [
  ["1-10", 10],
  ["11-50", 50],
  ["51-200", 200],
  ["201-500", 500],
  ["501-1000", 1000],
  ["1001-5000", 5000],
  ["5001-10000", 10_000],
  ["10001+", Number.POSITIVE_INFINITY],
];

const INDUSTRY_HINTS: readonly (readonly [RegExp, string])[] = [
  [/telec|mobile|wireless|broadband|internet|fib(er|re|ra)|\bnet/i, "Telecommunications"],
  [/host|cloud|server|data ?cent/i, "Data Infrastructure"],
  [/bank|banc|financ|credit union|capital/i, "Banking"],
  [/univers|college|school|academ/i, "Higher Education"],
  [/hospital|health|medic|clinic/i, "Hospitals and Health Care"],
  [/government|ministry|county|city of|municip/i, "Government Administration"],
  [/energy|electric|power|oil|gas\b/i, "Utilities"],
  [/software|technolog|systems|digital/i, "Software Development"],
];

const OTHER_INDUSTRIES = [
  "Retail",
  "Manufacturing",
  "Media Production",
  "Insurance",
  "Logistics",
  "Consulting",
];

const COUNTRY_HINTS: readonly (readonly [RegExp, string])[] = [
  [/\bInc\b|\bLLC\b|\bCorporation\b/, "us"],
  [/\bltda\b|\beireli\b|telecomunica[cç]/i, "br"],
  [/\bgmbh\b|deutsch/i, "de"],
  [/\bpty\b|australia/i, "au"],
  [/\bprivate limited\b|\bpvt\b|\bindia\b/i, "in"],
  [/^PT |indonesia/, "id"],
  [/\bOOO\b|\bPJSC\b/, "ru"],
  [/\bs\.?r\.?l\b|\bs\.p\.a\b/i, "it"],
  [/sp\. ?z ?o\. ?o|polska/i, "pl"],
  [/\bb\.v\.?$|nederland/i, "nl"],
  [/\bSAS\b|france/, "fr"],
  [/\blimited\b|\bplc\b/i, "gb"],
  [/ AB$|sverige/, "se"],
  [/ Oy$/, "fi"],
];

/** Of some 75,000 organisations, so many become companies: a search over all of them stays within milliseconds. */
const COMPANIES = 20_000;

let companies: readonly Company[] | undefined;

/** The first 20,000 organisations that announce addresses, as companies. Made once per process. */
export function listCompanies(): readonly Company[] {
  companies ??= readNetworks()
    .organisations.filter((organisation) => organisation.networks > 0)
    .slice(0, COMPANIES)
    .map(computeCompany);
  return companies;
}

/** Adds the guessed and generated attributes. The same organisation always gets the same ones. */
export function computeCompany(organisation: Organisation): Company {
  const { id, name } = organisation;
  const employees = computeEmployees(id);
  const hint = INDUSTRY_HINTS.find(([pattern]) => pattern.test(name));
  return {
    ...organisation,
    industry: hint?.[1] ?? pick(OTHER_INDUSTRIES, id, 1),
    country: COUNTRY_HINTS.find(([pattern]) => pattern.test(name))?.[1] ?? null,
    employees,
    size: SIZES.find(([, most]) => employees <= most)?.[0] ?? "10001+",
    founded: 1950 + (computeSeeded(id, 2) % 74),
  };
}

/** Spread evenly over the powers of two from 2 to 32,768: many small companies, few large ones. */
function computeEmployees(id: number): number {
  const exponent = 1 + (computeSeeded(id, 3) % 1400) / 100;
  return Math.round(2 ** exponent);
}
