import type { TestAccount } from "../account.ts";
import { type Answer, type Call, send } from "../call.ts";

export const OPTED_IN = { "credit-usage": "true" };

/** The filters of the document's example. */
export const EXAMPLE = {
  mode: "full",
  size: 100,
  page_size: 100,
  page: 1,
  filters: {
    country_code: { values: ["us"] },
    company_size: { values: ["11-50", "51-200"] },
  },
};

/** Matches nothing. */
export const NOBODY = { page_size: 10, filters: { company_name: { values: ["Nobody"] } } };

export interface CreditUsage {
  readonly total_results: number;
  readonly total_credits: number;
}

/** Calls as an API's customer makes them. */
export function apiOf(gateway: string, account: Pick<TestAccount, "key">) {
  const headers = { api_key: account.key };
  return {
    post: (path: string, body: unknown, more: Call["headers"] = {}): Promise<Answer> =>
      send(gateway, `/v1${path}`, { method: "POST", headers: { ...headers, ...more }, body }),
    get: (path: string, more: Call["headers"] = {}): Promise<Answer> =>
      send(gateway, `/v1${path}`, { headers: { ...headers, ...more } }),
  };
}

/** What `credit-usage: true` adds: the body without its last member, and that member. */
export function splitUsage(answer: Answer): { readonly rest: string; readonly usage: CreditUsage } {
  const match = /,"credit_usage":(\{[^{}]*\})\}$/.exec(answer.text);
  if (match === null) throw new Error(`no credit_usage at the end of ${answer.text.slice(-200)}`);
  return {
    rest: `${answer.text.slice(0, match.index)}}`,
    usage: JSON.parse(match[1] ?? "") as CreditUsage,
  };
}
