import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Upstream } from "../serve.ts";
import { DATASETS } from "./datasets.ts";
import { startUpstream } from "./upstream.ts";

let upstream: Upstream;
before(async () => {
  upstream = await startUpstream();
});
after(() => upstream.close());

function post(path: string, body: unknown): Promise<Response> {
  return fetch(`${upstream.url}/cdapi/v2${path}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: typeof body === "string" ? body : JSON.stringify(body),
  });
}

function searchDsl(dataset: string, query: unknown, parameters = ""): Promise<Response> {
  return post(`/${dataset}/search/es_dsl${parameters}`, { query });
}

async function readIds(response: Response): Promise<number[]> {
  assert.equal(response.status, 200);
  return (await response.json()) as number[];
}

async function collect(dataset: string, id: number | string): Promise<Record<string, unknown>> {
  const response = await fetch(`${upstream.url}/cdapi/v2/${dataset}/collect/${id}`);
  assert.equal(response.status, 200);
  return (await response.json()) as Record<string, unknown>;
}

test("every dataset has at least 10,000 records and answers a page of 1,000 ids", async () => {
  assert.equal(DATASETS.length, 9);
  for (const dataset of DATASETS) {
    const response = await searchDsl(dataset, { match_all: {} });
    const ids = await readIds(response);
    assert.equal(ids.length, 1000, dataset);
    assert.ok(Number(response.headers.get("x-total-results")) >= 10_000, dataset);
    const record = await collect(dataset, ids[0] ?? 0);
    assert.equal(record["id"], ids[0], dataset);
  }
});

test("pages behind one another give every id exactly once, and the last names no next page", async () => {
  const seen: number[] = [];
  let next: string | null = "";
  let pages = 0;
  let totals = "";
  while (next !== null) {
    const parameters = `?items_per_page=40${next === "" ? "" : `&after=${encodeURIComponent(next)}`}`;
    const response = await searchDsl("company_base", { match: { name: "telecom" } }, parameters);
    const ids = await readIds(response);
    assert.ok(ids.length > 0 && ids.length <= 40);
    seen.push(...ids);
    pages += 1;
    totals = `${response.headers.get("x-total-pages")} pages, ${response.headers.get("x-total-results")} ids`;
    next = response.headers.get("x-next-page-after");
    if (next !== null) assert.match(next, /^"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d",\d+$/);
  }
  assert.ok(pages > 3);
  assert.equal(totals, `${pages} pages, ${seen.length} ids`);
  assert.equal(new Set(seen).size, seen.length);
});

test("a search answers what matches, by word, value, range and id", async () => {
  const cloudflare = await readIds(await searchDsl("company_clean", { match: { name: "cloudflare" } }));
  assert.ok(cloudflare.includes(13335));
  const exact = await readIds(await searchDsl("company_clean", { term: { autonomous_systems: 395747 } }));
  assert.deepEqual(exact, [13335]);
  const byIds = await readIds(
    await searchDsl("company_clean", { ids: { values: [13335, 38803, 999_999_999] } }),
  );
  assert.deepEqual(new Set(byIds), new Set([13335, 38803]));
  assert.equal(byIds.length, 2);
  const query = {
    bool: {
      must: [{ match: { industry: { query: "higher education", operator: "and" } } }],
      filter: [{ range: { employees_count: { gte: 100, lt: 200 } } }],
      must_not: [{ term: { hq_country: "us" } }],
    },
  };
  const ids = await readIds(await searchDsl("company_clean", query, "?items_per_page=5"));
  assert.equal(ids.length, 5);
  for (const id of ids) {
    const record = await collect("company_clean", id);
    assert.equal(record["industry"], "Higher Education");
    assert.notEqual(record["hq_country"], "us");
    assert.ok(Number(record["employees_count"]) >= 100 && Number(record["employees_count"]) < 200);
  }
});

test("filters must all hold, and _gte and _lte bound a field", async () => {
  const filters = { department: "Engineering", last_updated_gte: "2026-03-01 00:00:00" };
  const response = await post("/employee_clean/search/filter", filters);
  const ids = await readIds(response);
  assert.equal(ids.length, 1000);
  const record = await collect("employee_clean", ids[0] ?? 0);
  assert.equal(record["department"], "Engineering");
  assert.ok(String(record["last_updated"]) >= "2026-03-01 00:00:00");
});

test("nothing that matches is an empty array, not an error", async () => {
  const dsl = await searchDsl("employee_multi_source", { match: { full_name: "Zzyzx" } });
  assert.equal(await dsl.clone().text(), "[]");
  assert.equal(dsl.headers.get("x-total-results"), "0");
  assert.equal(dsl.headers.get("x-next-page-after"), null);
  assert.deepEqual(await readIds(await post("/job_base/search/filter", { title: "Beekeeper" })), []);
});

test("a preview shows at most 20 records in part", async () => {
  const response = await post("/company_multi_source/search/es_dsl/preview", { query: { match_all: {} } });
  const records = (await response.json()) as Record<string, unknown>[];
  assert.equal(records.length, 20);
  const whole = await collect("company_multi_source", Number(records[0]?.["id"]));
  assert.ok(Object.keys(records[0] ?? {}).length < Object.keys(whole).length);
});

test("an unknown id, dataset or kind of search is a 404 with a flat detail", async () => {
  const paths = [
    "/company_base/collect/999999999",
    "/company_base/collect/abc",
    "/nobody/collect/1",
    "/nothing",
  ];
  for (const path of paths) {
    const response = await fetch(`${upstream.url}/cdapi/v2${path}`);
    assert.equal(response.status, 404, path);
    assert.equal(typeof ((await response.json()) as { detail: unknown }).detail, "string", path);
  }
  assert.equal((await post("/company_base/search/sql", {})).status, 404);
});

test("a body that is not JSON is a 400, a query that cannot be run a 422 that names the place", async () => {
  const broken = await post("/company_base/search/es_dsl", "{");
  assert.equal(broken.status, 400);
  assert.deepEqual(await broken.json(), { detail: "There was an error parsing the body" });
  const cases: readonly (readonly [unknown, RegExp])[] = [
    [{}, /query/],
    [{ query: { wildcard: {} } }, /wildcard/],
    [{ query: { match: { planet: "Mars" } } }, /planet/],
    [{ query: { range: { employees_count: { near: 3 } } } }, /near/],
    [{ query: { bool: { maybe: [] } } }, /maybe/],
    [{ query: { match_all: {} }, sort: ["_score"] }, /sort/],
    [{ query: { ids: { values: "all" } } }, /ids/],
  ];
  for (const [body, detail] of cases) {
    const response = await post("/company_base/search/es_dsl", body);
    assert.equal(response.status, 422, JSON.stringify(body));
    assert.match(((await response.json()) as { detail: string }).detail, detail);
  }
  assert.equal((await post("/company_base/search/filter", {})).status, 422);
  assert.equal((await post("/company_base/search/filter", { planet: "Mars" })).status, 422);
  for (const parameters of ["?items_per_page=0", "?items_per_page=1001", "?after=yesterday"]) {
    assert.equal((await searchDsl("company_base", { match_all: {} }, parameters)).status, 422, parameters);
  }
});

test("a query nested too deeply is refused", async () => {
  let query: unknown = { match_all: {} };
  for (let level = 0; level < 12; level += 1) query = { bool: { must: [query] } };
  assert.equal((await searchDsl("company_base", query)).status, 422);
});
