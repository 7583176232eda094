import { eventually } from "../../crash/eventually.ts";
import type { TestAccount } from "../account.ts";
import { type Answer, send } from "../call.ts";

const BASE = "/cdapi/v2";

/** The datasets of each API that the document names. */
export const DATASET_OF: Readonly<Record<string, string>> = {
  "Multi-source Company API": "company_multi_source",
  "Multi-source Employee API": "employee_multi_source",
  "Clean Company API": "company_clean",
  "Base Company API": "company_base",
  "Clean Employee API": "employee_clean",
  "Base Employee API": "employee_base",
  "Employee Posts API": "post_employee",
  "Base Jobs API": "job_base",
  "Multi-source Jobs API": "job_multi_source",
};

/** Every record. */
export const EVERYTHING = { query: { match_all: {} } };
/** No record. */
export const NOTHING = { query: { ids: { values: [] } } };

/** Calls as an API's customer makes them. */
export function apiOf(gateway: string, account: Pick<TestAccount, "key">) {
  const headers = { apikey: account.key };
  const post = (path: string, body: unknown): Promise<Answer> =>
    send(gateway, `${BASE}/${path}`, { method: "POST", headers, body });
  const get = (path: string): Promise<Answer> => send(gateway, `${BASE}/${path}`, { headers });
  return {
    get,
    search: (dataset: string, body: unknown = EVERYTHING, parameters = "") =>
      post(`${dataset}/search/es_dsl${parameters}`, body),
    filter: (dataset: string, body: unknown) => post(`${dataset}/search/filter`, body),
    preview: (dataset: string, body: unknown = EVERYTHING) => post(`${dataset}/search/es_dsl/preview`, body),
    collect: (dataset: string, id: number | string) => get(`${dataset}/collect/${id}`),
    bulk: (dataset: string, kind: "filter" | "es_dsl" | "ids", body: unknown) =>
      post(`data_requests/${dataset}/${kind}`, body),
    files: (id: string) => get(`data_requests/${id}/files`),
    /** The first listing of the files that finds the data request done. */
    filesOnceDone: (id: string) =>
      eventually(`data request ${id}`, async () => {
        const answer = await get(`data_requests/${id}/files`);
        return answer.status === 202 ? undefined : answer;
      }),
    download: (id: string, name: string) => get(`data_requests/${id}/files/${name}`),
    /** An id that the dataset has. */
    async anyId(dataset: string): Promise<number> {
      const [id] = (await post(`${dataset}/search/es_dsl?items_per_page=1`, EVERYTHING)).json<number[]>();
      return id ?? 0;
    },
  };
}
