import type { ContractFile } from "./contract-schema.ts";

/** The credit types that a contract shows by name, each once: an account that has none of one would see 0 for ever. */
export function shownCreditTypes(file: ContractFile): string[] {
  return [
    ...new Set([
      ...file.settled.flatMap((header) => header.creditTypes ?? []),
      ...file.endpoints.flatMap((endpoint) => endpoint.creditType ?? []),
      ...namedPools([file.settled, file.usage, file.endpoints]),
    ]),
  ];
}

/** Of `${pools.search.balance}` and the like. */
function namedPools(templates: unknown): string[] {
  return [...JSON.stringify(templates).matchAll(/\$\{pools\.([^.}"]+)\.[^}"]*\}/g)].map(
    ([, name = ""]) => name,
  );
}
