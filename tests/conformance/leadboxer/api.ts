import type { TestAccount } from "../account.ts";
import { type Answer, type Call, send } from "../call.ts";

/** An address whose network is known, and one that nobody announces. */
export const KNOWN_IP = "1.1.1.1";
export const UNKNOWN_IP = "10.0.0.1";
export const KNOWN_DOMAIN = "cloudflare-inc.example";

/** Calls as an API's customer makes them. */
export function apiOf(gateway: string, account: Pick<TestAccount, "key">) {
  const headers = { "x-api-key": account.key };
  const get = (path: string, more: Call["headers"] = {}): Promise<Answer> =>
    send(gateway, path, { headers: { ...headers, ...more } });
  return {
    get,
    ipLookup: (ip: string) => get(`/v1/ip-lookup?ip=${ip}`),
    domainLookup: (domain: string) => get(`/v1/domain-lookup?domain=${domain}`),
    track: (body: unknown) => send(gateway, "/v1/track", { method: "POST", headers, body }),
    leads: (query: string) => get(`/v1/leads?${query}`),
    exportLeads: (query: string) => get(`/v1/leads/export?${query}`),
    status: () => get("/v1/status"),
  };
}

export const EVENT = { event: "page_view", lead_id: "lead_500000001" };
