import { createCustomerClient } from "../../../src/client/create-client.ts";
import { BASE, OWN_HEADERS } from "../session/base.ts";
import { keepChangeKeys } from "../session/change-keys.ts";
import { tellReplay } from "../session/replays.ts";

/** The customer API, asked by the session. */
export const ACCOUNT = createCustomerClient({
  url: new URL(`${BASE}api`, location.origin).href,
  headers: OWN_HEADERS,
  fetch: keepChangeKeys({ onReplay: tellReplay }),
});

/** Where a table can be downloaded from: the browser sends the session with it. */
export function csvHref(path: string, query: Readonly<Record<string, string | undefined>>): string {
  const url = new URL(`${BASE}api/${path}`, location.origin);
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== "") url.searchParams.set(name, value);
  }
  url.searchParams.set("format", "csv");
  return url.href;
}

/** Who is signed in to the portal. */
export interface PortalSession {
  readonly id: string;
  readonly account: { readonly id: string; readonly name: string };
  readonly access: "read" | "manage";
  readonly key: { readonly id: string; readonly name: string } | null;
  readonly expiresAt: string;
}
