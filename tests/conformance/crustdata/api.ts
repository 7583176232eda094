import type { TestAccount } from "../account.ts";
import { type Answer, type Call, send } from "../call.ts";

const VERSION = { "x-api-version": "2025-11-01" };

/** A company that exists, and a domain that does not. */
export const KNOWN_DOMAIN = "cloudflare-inc.example";
export const UNKNOWN_DOMAIN = "nobody.example";

/** Finds nothing. */
export const NOBODY = { field: "basic_info.name", type: "=", value: "Nobody" };

/** The example's configuration with a plan by the week, and one that grants nothing. */
export const withMorePlans = (config: string): string =>
  config.replace(
    /plans:\n/,
    "plans:\n  weekly: { recurring: { credits: 50.5, every: week, rollover: false } }\n  topup: {}\n",
  );

/** Calls as an API's customer makes them. */
export function apiOf(gateway: string, account: Pick<TestAccount, "key">) {
  const headers = { ...VERSION, authorization: `Bearer ${account.key}` };
  const post = (path: string, body: unknown, more: Call["headers"] = {}): Promise<Answer> =>
    send(gateway, path, { method: "POST", headers: { ...headers, ...more }, body });
  return {
    search: (body: unknown, more?: Call["headers"]) => post("/company/search", body, more),
    enrich: (body: unknown) => post("/company/enrich", body),
    identify: (body: unknown) => post("/company/identify", body),
    userCredits: () => send(gateway, "/user/credits", { headers }),
    accountCredits: () => send(gateway, "/account/credits", { headers }),
  };
}

/** `GET /account/credits`. */
export interface AccountCredits {
  readonly account: {
    readonly credits: number;
    readonly recurring_credits: number;
    readonly recurring_credits_frequency: string | null;
    readonly recurring_credits_refresh_date: string | null;
    readonly credit_rollover: boolean;
  };
}
