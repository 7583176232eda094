import assert from "node:assert/strict";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Answer } from "../conformance/call.ts";
import { eventually } from "../crash/eventually.ts";
import { type Customer, openScene, type Scene } from "./scene.ts";

const CONFIG = `
customerApi: { requests: 100000 }
exports:
  partRecords: 4
  perAccount: { worked: 3, open: 3 }
  routes:
    - match: POST /v2/exports/{dataset}
      each: { dataset: [company] }
      cost: 0.5
      formats: [jsonl, csv]
      columns: { id: /id, name: /name }
      maxRecords: 20
      source: &pages
        kind: pages
        request: POST /search
        body: /query
        items: /data
        next: { body: /next }
        send: { body: cursor }
        retries: 0
    - match: POST /v2/exports/plain
      cost: 0.5
      charge: listing
      gzip: false
      source: *pages
`;

/** A page is sent when this has resolved. */
let gate = Promise.resolve();

/** From now on pages wait, until the function that is returned is called. */
export function holdPages(): () => void {
  const { promise, resolve } = Promise.withResolvers<void>();
  gate = promise;
  return resolve;
}

/** Pages of three records, of as many as the query says. */
async function answerPage(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  const {
    count = 0,
    cursor = 0,
    fails = false,
  } = JSON.parse(Buffer.concat(parts).toString()) as {
    count?: number;
    cursor?: number | string;
    fails?: boolean;
  };
  await gate;
  const first = Number(cursor);
  const data = Array.from({ length: Math.min(3, count - first) }, (_, index) => ({
    id: first + index,
    name: `Name "${first + index}", ä`,
  }));
  const next = first + 3 < count ? first + 3 : null;
  response.writeHead(fails ? 422 : 200, { "content-type": "application/json" });
  response.end(JSON.stringify(fails ? { detail: "no such field" } : { data, next }));
}

/** A Farebox with exports of that upstream. */
export function openExportScene(): Promise<Scene> {
  return openScene(CONFIG, "/v1/credits", (request, response) => void answerPage(request, response));
}

export interface File {
  readonly name: string;
  readonly records: number;
  readonly bytes: number;
  readonly sha256: string;
  readonly path: string;
  readonly link: string;
}

export async function create(customer: Customer, body: object, route = "company"): Promise<string> {
  const answer = await customer.call("POST", `/v2/exports/${route}`, body);
  assert.equal(answer.status, 201, answer.text);
  return String(answer.json()["id"]);
}

export function filesOnceDone(customer: Customer, id: string): Promise<Answer> {
  return eventually(`export ${id}`, async () => {
    const answer = await customer.get(`/exports/${id}/files`);
    return answer.status === 202 ? undefined : answer;
  });
}

export async function filesOf(customer: Customer, id: string): Promise<readonly File[]> {
  const answer = await filesOnceDone(customer, id);
  assert.equal(answer.status, 200, answer.text);
  return answer.json<{ files: File[] }>().files;
}

export async function balanceOf(customer: Customer): Promise<{ balance: number; held: number }> {
  const [pool] = (await customer.get("/balances")).json<{ pools: { balance: number; held: number }[] }>()
    .pools;
  assert.ok(pool);
  return { balance: pool.balance, held: pool.held };
}
