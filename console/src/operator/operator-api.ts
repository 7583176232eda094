import { createClient } from "../../../src/client/create-client.ts";
import { OWN_HEADERS } from "../session/base.ts";
import { keepChangeKeys } from "../session/change-keys.ts";
import { tellReplay } from "../session/replays.ts";

/** The operator API on the same listener, asked by the session. */
export const OPERATOR = createClient({
  url: location.origin,
  headers: OWN_HEADERS,
  fetch: keepChangeKeys({ onReplay: tellReplay }),
});

/** Who is signed in to the console. */
export interface OperatorSession {
  readonly id: string;
  readonly actor: string;
  readonly role: Role;
}

export type Role = "read" | "support" | "admin";

const RANKS = { read: 0, support: 1, admin: 2 } as const;

/** Whether a role may do what another one may. The API decides; this only hides what it would refuse. */
export const mayAs = (role: Role, needed: Role): boolean => RANKS[role] >= RANKS[needed];

/** Where a table of the operator API can be downloaded from. */
export function operatorCsvHref(path: string, query: Readonly<Record<string, string | undefined>>): string {
  const url = new URL(path, location.origin);
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== "") url.searchParams.set(name, value);
  }
  url.searchParams.set("format", "csv");
  return url.href;
}
