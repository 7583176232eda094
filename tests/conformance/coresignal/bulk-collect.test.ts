import assert from "node:assert/strict";
import { after, before } from "node:test";
import { gunzipSync } from "node:zlib";
import { observe, type TestAccount } from "../account.ts";
import type { Answer } from "../call.ts";
import { startProvider, type TestProvider } from "../harness.ts";
import { rulesOf } from "../rule.ts";
import { apiOf, EVERYTHING } from "./api.ts";

const rule = rulesOf("coresignal");
let provider: TestProvider;
before(async () => {
  provider = await startProvider("coresignal");
});
after(() => provider.close());

type Api = ReturnType<typeof apiOf>;

async function open(collect: number): Promise<{ readonly account: TestAccount; readonly api: Api }> {
  const account = await provider.openAccount({ search: 10, collect });
  return { account, api: apiOf(provider.gateway, account) };
}

/** The id of a data request that was accepted. */
async function create(
  api: Api,
  dataset: string,
  body: unknown,
  kind: "filter" | "es_dsl" | "ids" = "filter",
): Promise<string> {
  const answer = await api.bulk(dataset, kind, body);
  assert.equal(answer.status, 201, answer.text);
  return String(answer.json()["request_id"]);
}

/** The records of all files of a listing. */
async function download(api: Api, id: string, names: readonly string[]): Promise<Record<string, unknown>[]> {
  const records: Record<string, unknown>[] = [];
  for (const name of names) {
    const file = await api.download(id, name);
    assert.equal(file.status, 200, file.text);
    const lines = gunzipSync(file.bytes).toString().split("\n");
    assert.equal(lines.pop(), "");
    records.push(...lines.map((line) => JSON.parse(line) as Record<string, unknown>));
  }
  return records;
}

const filesOf = (answer: Answer): readonly string[] =>
  answer.json<{ data_request_files: string[] }>().data_request_files;

/** The id of no data request. */
const NOBODYS = "00000000-0000-4000-8000-000000000000";
const BANKS = { filters: { industry: "banking" } };

rule(
  "For Bulk Collect requests, the number of credits deducted from your account depends on the data records you download.",
  "one line in the ledger with the records found, at the first listing of the files; listed and downloaded again free",
  async () => {
    const { account, api } = await open(10_000);
    const created = await observe(account, "collect", () => api.bulk("company_base", "filter", BANKS));
    assert.deepEqual([created.answer.status, created.cost], [201, 0]);
    const id = String(created.answer.json()["request_id"]);
    assert.match(id, /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
    assert.deepEqual(created.answer.json(), { request_id: id });
    assert.equal(created.answer.headers.location, `/cdapi/v2/data_requests/${id}/files`);
    const { answer, cost, charges } = await observe(account, "collect", () => api.filesOnceDone(id));
    assert.equal(answer.status, 200, answer.text);
    const names = filesOf(answer);
    for (const name of names) assert.match(name, /^json\/part-\d{5}-[0-9a-f-]{36}\.json\.gz$/);
    const records = await download(api, id, names);
    assert.ok(records.length > 10);
    for (const record of records) assert.match(String(record["industry"]), /banking/i);
    assert.equal(new Set(records.map((record) => record["id"])).size, records.length);
    assert.equal(cost, records.length);
    assert.equal(charges.length, 1);
    assert.equal(charges[0]?.units, records.length);
    assert.equal(charges[0]?.endpoint, "POST /cdapi/v2/data_requests/company_base/filter");
    assert.equal(charges[0]?.requestId, id);
    assert.equal(answer.headers["x-credits-remaining"], String(10_000 - records.length));
    const again = await observe(account, "collect", async () => {
      await download(api, id, names);
      return await api.files(id);
    });
    assert.deepEqual([again.cost, filesOf(again.answer)], [0, names]);
    assert.equal(await account.balance("search"), 10);
  },
);

rule("For instance, collecting 100 profiles will consume 100 credits.", "to the credit", async () => {
  const { account, api } = await open(150);
  const id = await create(api, "employee_base", { es_dsl_query: EVERYTHING, limit: 100 }, "es_dsl");
  const { answer, cost } = await observe(account, "collect", () => api.filesOnceDone(id));
  assert.deepEqual([answer.status, cost], [200, 100]);
  assert.equal((await download(api, id, filesOf(answer))).length, 100);
});

rule(
  "For instance, collecting 100 profiles will consume 100 credits.",
  "and 200 of a multi-source dataset, whose records cost 2; by ids too",
  async () => {
    const { account, api } = await open(300);
    const query = { es_dsl_query: EVERYTHING, limit: 100 };
    const id = await create(api, "company_multi_source", query, "es_dsl");
    assert.equal((await observe(account, "collect", () => api.filesOnceDone(id))).cost, 200);
    const ids = [13335, 38803, 999_999_999];
    const byIds = await create(api, "company_multi_source", { ids }, "ids");
    const { answer, cost } = await observe(account, "collect", () => api.filesOnceDone(byIds));
    const records = await download(api, byIds, filesOf(answer));
    // The last one is none: it is left out, and free.
    assert.deepEqual([records.map((record) => record["id"]), cost], [[13335, 38803], 4]);
  },
);

rule(
  "If you don't have enough credits, the request in the `/v2/data_requests/{data_request_id}/files` endpoint will return the error `402` and the following response:",
  `{ "detail": "Insufficient credits" }; the data request is kept: a top-up and a retry work`,
  async () => {
    const { account, api } = await open(9);
    const id = await create(api, "company_clean", { es_dsl_query: EVERYTHING, limit: 10 }, "es_dsl");
    const refused = await observe(account, "collect", () => api.filesOnceDone(id));
    assert.deepEqual([refused.answer.status, refused.cost], [402, 0]);
    assert.deepEqual(refused.answer.json(), { detail: "Insufficient credits" });
    assert.equal(refused.answer.headers["x-credits-remaining"], "9");
    assert.equal((await api.files(id)).status, 402);
    // Without having paid nobody gets a file whose name can be guessed.
    assert.equal((await api.download(id, `json/part-00000-${id}.json.gz`)).status, 404);
    await account.grant(1, "collect");
    const paid = await observe(account, "collect", () => api.files(id));
    assert.deepEqual([paid.answer.status, paid.cost], [200, 10]);
    assert.equal((await download(api, id, filesOf(paid.answer))).length, 10);
  },
);

rule("What happens if I submit duplicate requests?", "nothing is made, and the first goes on", async () => {
  const { api } = await open(10);
  const release = provider.recorder.hold();
  const body = { filters: { industry: "banking" }, limit: 3 };
  const id = await create(api, "job_base", { filters: { title: "Data Analyst" }, limit: 3 });
  try {
    assert.equal((await api.files(id)).status, 202);
    assert.deepEqual((await api.files(id)).json(), { message: "Data request is still being processed" });
    const again = await api.bulk("job_base", "filter", { filters: { title: "Data Analyst" }, limit: 3 });
    assert.equal(again.status, 409);
    // Another dataset is another request.
    assert.equal((await api.bulk("company_clean", "filter", body)).status, 201);
  } finally {
    release();
  }
  assert.equal((await api.filesOnceDone(id)).status, 200);
  // Nothing of it is in progress any more.
  await create(api, "job_base", { filters: { title: "Data Analyst" }, limit: 3 });
});

rule(
  "We validate your search and Elasticsearch POST requests in Bulk Collect to prevent the submission of duplicate requests.",
  "in their canonical form, for each account; ids are not compared",
  async () => {
    const { api } = await open(10);
    const other = await open(10);
    const release = provider.recorder.hold();
    try {
      const id = await create(
        api,
        "company_base",
        `{"filters":{"industry":"banking","size_range":"x"},"limit":2}`,
      );
      const reordered = `{ "limit": 2, "filters": { "size_range": "x", "industry": "banking" } }`;
      assert.equal((await api.bulk("company_base", "filter", reordered)).status, 409);
      const query = { es_dsl_query: EVERYTHING, limit: 2 };
      await create(api, "company_base", query, "es_dsl");
      assert.equal((await api.bulk("company_base", "es_dsl", query)).status, 409);
      await create(other.api, "company_base", query, "es_dsl");
      for (const _ of [1, 2]) await create(api, "company_base", { ids: [13335] }, "ids");
      assert.equal((await other.api.files(id)).status, 404);
    } finally {
      release();
    }
  },
);

rule(
  "If you happen to submit duplicate POST requests using search or Elasticsearch filters, you will see the following error message:",
  "409, to the character; of 25 at once one is accepted",
  async () => {
    const { api } = await open(10);
    // Who was answered once knows that no other instance shares the 27 a second: then all of them pass, however slow the database is.
    assert.equal((await api.files(NOBODYS)).status, 404);
    const release = provider.recorder.hold();
    try {
      const body = { filters: { industry: "education" }, limit: 2 };
      const answers = await Promise.all(
        Array.from({ length: 25 }, () => api.bulk("company_base", "filter", body)),
      );
      const refused = answers.filter((answer) => answer.status === 409);
      assert.deepEqual([answers.filter(({ status }) => status === 201).length, refused.length], [1, 24]);
      for (const answer of refused) {
        assert.equal(answer.text, `{"detail":"Identical data request is already in progress."}`);
      }
    } finally {
      release();
    }
  },
);
