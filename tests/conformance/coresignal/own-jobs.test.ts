import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { gunzipSync } from "node:zlib";
import { observe, type TestAccount } from "../account.ts";
import { type Answer, type Call, send } from "../call.ts";
import { startProvider, type TestProvider } from "../harness.ts";
import { createOwnJobsProvider } from "./own-jobs-provider.ts";

/**
 * A provider that has bulk jobs of its own: the gateway charges them where their files are listed. What its customers see is what
 * the document beside this file says of Bulk Collect.
 */

const CONFIG = `
upstream: http://127.0.0.1:9000
contract: coresignal
creditTypes: [search, collect]
prices:
  - { match: "POST /cdapi/v2/data_requests/{dataset}/{kind}", free: true, credit: collect }
  - match: "GET /cdapi/v2/data_requests/{id}/files"
    cost: 1
    credit: collect
    per: result
    count: { header: x-total-records }
    on: 200
    once: { key: { path: id }, within: 30d }
    decide: answer
  - { match: "GET /cdapi/v2/data_requests/{id}/files/*", free: true, credit: collect }
unpriced: refuse
`;

const jobs = createOwnJobsProvider();
let provider: TestProvider;
before(async () => {
  provider = await startProvider(
    "coresignal",
    () => CONFIG,
    () => jobs.start(),
  );
});
after(() => provider.close());

const call = (account: TestAccount, path: string, more: Call = {}): Promise<Answer> =>
  send(provider.gateway, path, { ...more, headers: { apikey: account.key, ...more.headers } });

/** A job for so many records, done; the path of its list of files. */
async function makeJob(account: TestAccount, records: number): Promise<string> {
  const ids = Array.from({ length: records }, (_, index) => index + 1);
  const path = "/cdapi/v2/data_requests/company_multi_source/ids";
  const created = await call(account, path, { method: "POST", body: { ids } });
  assert.equal(created.status, 201);
  const list = String(created.headers["location"]);
  assert.equal((await call(account, list)).status, 202);
  jobs.finishJobs();
  return list;
}

function assertInsufficient(answer: Answer): void {
  assert.equal(answer.status, 402);
  assert.deepEqual(answer.json(), { detail: "Insufficient credits" });
  assert.ok(!answer.text.includes("part-"), "not a byte of the list");
  assert.equal(answer.headers["x-total-records"], undefined);
}

test("collecting 100 profiles consumes 100 credits, when their files are listed and not before", async () => {
  const account = await provider.openAccount({ collect: 150 });
  const path = "/cdapi/v2/data_requests/company_multi_source/ids";
  const ids = Array.from({ length: 100 }, (_, index) => index);
  const create = () => call(account, path, { method: "POST", body: { ids } });
  const created = await observe(account, "collect", create);
  assert.deepEqual([created.answer.status, created.cost], [201, 0]);
  const list = String(created.answer.headers["location"]);
  const waiting = await observe(account, "collect", () => call(account, list));
  assert.deepEqual([waiting.answer.status, waiting.cost], [202, 0]);
  jobs.finishJobs();
  const { answer, cost, charges } = await observe(account, "collect", () => call(account, list));
  assert.deepEqual([answer.status, cost], [200, 100]);
  assert.equal(answer.headers["x-credits-remaining"], "50");
  const [charge] = charges;
  assert.deepEqual(
    [charge?.endpoint, charge?.units, charge?.status],
    ["GET /cdapi/v2/data_requests/{id}/files", 100, 200],
  );
});

test("too few credits: 402 with no byte of the list; a top-up and a retry work, and the second list is free", async () => {
  const account = await provider.openAccount({ collect: 99 });
  const list = await makeJob(account, 100);
  for (let times = 0; times < 2; times += 1) {
    const { answer, cost } = await observe(account, "collect", () => call(account, list));
    assertInsufficient(answer);
    assert.equal(cost, 0);
  }
  await account.grant(1, "collect");
  const first = await observe(account, "collect", () => call(account, list));
  assert.deepEqual([first.answer.status, first.cost], [200, 100]);
  assert.deepEqual(first.answer.bytes, provider.recorder.last().body);
  const second = await observe(account, "collect", () => call(account, list));
  assert.deepEqual([second.answer.status, second.cost], [200, 0]);
  assert.deepEqual(second.answer.bytes, first.answer.bytes);
});

test("the files of a list that was paid are downloaded without further credits", async () => {
  const account = await provider.openAccount({ collect: 3 });
  const list = await makeJob(account, 3);
  const { data_request_files: files } = (await call(account, list)).json<{ data_request_files: string[] }>();
  const download = await observe(account, "collect", () => call(account, `${list}/${files[0]}`));
  assert.deepEqual([download.answer.status, download.cost], [200, 0]);
  assert.equal(gunzipSync(download.answer.bytes).toString(), '{"id":1}\n{"id":2}\n{"id":3}\n');
});

test("an account with no credits lists a job that found nothing, and one of another account is unknown to it", async () => {
  const rich = await provider.openAccount({ collect: 10 });
  const poor = await provider.openAccount({});
  const empty = await makeJob(poor, 0);
  assert.equal((await call(poor, empty)).status, 200);
  const list = await makeJob(rich, 5);
  assert.equal((await call(poor, list)).status, 404);
  assertInsufficient(await call(poor, await makeJob(poor, 1)));
});

test("of 20 lists of as many jobs at once exactly those pass that are covered", async () => {
  const account = await provider.openAccount({ collect: 100 });
  const lists: string[] = [];
  for (let index = 0; index < 20; index += 1) lists.push(await makeJob(account, 13));
  const answers = await Promise.all(lists.map((list) => call(account, list)));
  for (const answer of answers) if (answer.status !== 200) assertInsufficient(answer);
  assert.equal(answers.filter(({ status }) => status === 200).length, 7);
  assert.equal(await account.balance("collect"), 9);
});

test("of 20 first lists of one job at once one is charged, and all are answered", async () => {
  const account = await provider.openAccount({ collect: 40 });
  const list = await makeJob(account, 40);
  const answers = await Promise.all(Array.from({ length: 20 }, () => call(account, list)));
  assert.ok(answers.every(({ status }) => status === 200));
  const charges = (await account.entries("collect")).filter(({ kind }) => kind === "charge");
  assert.deepEqual(
    charges.map(({ amount }) => amount),
    [-40],
  );
});
