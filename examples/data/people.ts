import { type Company, listCompanies } from "./companies.ts";
import { computeSeeded, pick } from "./seeded.ts";

/** A person who does not exist, at a company whose name does. Wholly generated. */
export interface Person {
  readonly id: number;
  readonly firstName: string;
  readonly lastName: string;
  readonly title: string;
  readonly department: string;
  readonly level: string;
  readonly email: string;
  readonly company: Company;
}

/** Two people at each company: enough to page through, little enough to make in 50 ms. */
const PER_COMPANY = 2;
const FIRST_ID = 500_000_001;

const DEPARTMENTS = ["Engineering", "Sales", "Marketing", "Operations", "Finance", "Human Resources"];
const LEVELS = ["Specialist", "Senior", "Manager", "Director", "VP"];

const FIRST_NAMES = `Ada Amir Ana Anton Asha Bela Bruno Camila Carlos Chen Chloe Daria David Diego Elena Elif Emma Erik
Fatima Felix Femi Grace Hana Hugo Ines Ivan Jana Jonas Jun Kemal Kofi Lara Leila Liam Lina Luca Maja Malik Marta Mei
Milan Mina Nadia Nils Noor Olga Omar Paula Pavel Priya Rafael Rosa Samir Sara Sofia Tariq Tomas Vera Yara Zoe`;
const LAST_NAMES = `Abbas Adler Almeida Andersen Bakker Banerjee Bauer Becker Bianchi Castro Chandra Cohen Costa Demir
Dubois Eriksen Farah Fischer Fonseca Garcia Haddad Hansen Ito Ivanova Jensen Kaplan Keller Kim Kovacs Kumar Larsen
Lindqvist Lopez Mbeki Meyer Moreau Mwangi Nakamura Novak Nowak Okafor Olsen Osei Park Petrov Rahman Romano Rossi Santos
Sato Schmidt Silva Singh Sokolov Tanaka Torres Varga Visser Weber Yilmaz Zhang`;

const firstNames = FIRST_NAMES.split(/\s+/);
const lastNames = LAST_NAMES.split(/\s+/);

let people: readonly Person[] | undefined;

/** The 40,000 generated people, by ascending id. Made once per process. */
export function listPeople(): readonly Person[] {
  people ??= listCompanies().flatMap((company, index) =>
    Array.from({ length: PER_COMPANY }, (_, place) =>
      computePerson(FIRST_ID + index * PER_COMPANY + place, company),
    ),
  );
  return people;
}

function computePerson(id: number, company: Company): Person {
  const firstName = pick(firstNames, id, 1);
  const lastName = pick(lastNames, id, 2);
  const department = pick(DEPARTMENTS, id, 3);
  // Low levels are frequent, high ones rare: the smaller of two draws.
  const level = Math.min(computeSeeded(id, 4) % LEVELS.length, computeSeeded(id, 5) % LEVELS.length);
  const levelName = LEVELS[level] ?? "Specialist";
  return {
    id,
    firstName,
    lastName,
    title: computeTitle(levelName, department),
    department,
    level: levelName,
    email: `${firstName}.${lastName}.${id % 1000}@${company.domain}`.toLowerCase(),
    company,
  };
}

function computeTitle(level: string, department: string): string {
  if (level === "VP" || level === "Director") return `${level} of ${department}`;
  return level === "Senior" ? `Senior ${department} Specialist` : `${department} ${level}`;
}
