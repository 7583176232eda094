import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Upstream } from "../serve.ts";
import { startUpstream } from "./upstream.ts";

interface Found {
  companies: {
    crustdata_company_id: number;
    basic_info: { name: string; primary_domain: string; year_founded: number };
    headcount?: { total: number };
  }[];
  next_cursor: string | null;
  total_count: number;
}

interface Matched {
  matched_on: unknown;
  match_type: string;
  matches: { confidence_score: number; company_data: Record<string, unknown> }[];
}

let upstream: Upstream;
before(async () => {
  upstream = await startUpstream();
});
after(() => upstream.close());

function post(path: string, body: unknown, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(`${upstream.url}${path}`, {
    method: "POST",
    headers: { "content-type": "application/json", "x-api-version": "2025-11-01", ...headers },
    body: typeof body === "string" ? body : JSON.stringify(body),
  });
}

async function search(body: unknown): Promise<Found> {
  const response = await post("/company/search", body);
  assert.equal(response.status, 200);
  return (await response.json()) as Found;
}

test("a search without filters finds at least 10,000 companies and shows 20", async () => {
  const found = await search({});
  assert.ok(found.total_count >= 10_000);
  assert.equal(found.companies.length, 20);
});

test("filters choose: by equality, words, range, and nested groups", async () => {
  const one = await search({
    filters: { field: "basic_info.primary_domain", type: "=", value: "cloudflare-inc.example" },
  });
  assert.deepEqual(
    one.companies.map((company) => company.crustdata_company_id),
    [13335],
  );
  const some = await search({
    filters: {
      op: "and",
      conditions: [
        { field: "basic_info.name", type: "(.)", value: "university" },
        {
          op: "or",
          conditions: [
            { field: "headcount.total", type: ">", value: 5000 },
            { field: "basic_info.year_founded", type: "in", value: [1950, 1951] },
          ],
        },
      ],
    },
    fields: ["basic_info", "headcount"],
    limit: 1000,
  });
  assert.ok(some.total_count > 0 && some.total_count === some.companies.length);
  for (const { basic_info: info, headcount } of some.companies) {
    assert.match(info.name, /university/i);
    assert.ok((headcount?.total ?? 0) > 5000 || [1950, 1951].includes(info.year_founded));
  }
});

test("nothing found is a 200 with an empty list", async () => {
  const found = await search({ filters: { field: "basic_info.name", type: "=", value: "Nobody" } });
  assert.deepEqual(found, { companies: [], next_cursor: null, total_count: 0 });
});

test("the pages behind the cursors give every company once, in the order asked for", async () => {
  const filters = { field: "taxonomy.professional_network_industry", type: "=", value: "Higher Education" };
  const sorts = [{ column: "headcount.total", order: "desc" }];
  const seen: number[] = [];
  const sizes: number[] = [];
  let cursor: string | null | undefined;
  let total = 0;
  while (cursor !== null) {
    const page: Found = await search({ filters, sorts, cursor, limit: 97, fields: ["headcount"] });
    seen.push(...page.companies.map((company) => company.crustdata_company_id));
    sizes.push(...page.companies.map((company) => company.headcount?.total ?? 0));
    total = page.total_count;
    cursor = page.next_cursor;
  }
  assert.ok(total > 200);
  assert.equal(seen.length, total);
  assert.equal(new Set(seen).size, total);
  assert.deepEqual(
    sizes,
    sizes.toSorted((a, b) => b - a),
  );
});

test("a cursor of another search is refused", async () => {
  const { next_cursor: cursor } = await search({});
  const filters = { field: "headcount.total", type: ">", value: 10 };
  assert.equal((await post("/company/search", { filters, cursor })).status, 400);
});

test("enrich answers each identifier in order, and lists what matched nothing", async () => {
  const response = await post("/company/enrich", { domains: ["cloudflare-inc.example", "nobody.example"] });
  assert.equal(response.status, 200);
  const [hit, miss] = (await response.json()) as Matched[];
  assert.equal(hit?.match_type, "domain");
  assert.equal(hit?.matches[0]?.company_data["crustdata_company_id"], 13335);
  assert.ok("headcount" in (hit?.matches[0]?.company_data ?? {}));
  assert.deepEqual(miss, { matched_on: "nobody.example", match_type: "domain", matches: [] });
});

test("identify ranks candidates and shows only what identifies them", async () => {
  const response = await post("/company/identify", { names: ["Cloudflare, Inc.", "Level 3", "Zzyzx"] });
  const [exact, several, none] = (await response.json()) as Matched[];
  assert.equal(exact?.matches[0]?.confidence_score, 1);
  assert.ok(!("headcount" in (exact?.matches[0]?.company_data ?? {})));
  assert.ok((several?.matches.length ?? 0) > 0);
  assert.deepEqual(none?.matches, []);
});

test("a request that cannot be answered is a 400 that names the place", async () => {
  const cases: readonly (readonly [string, unknown, RegExp])[] = [
    ["/company/search", "{", /JSON/],
    ["/company/search", [], /object/],
    ["/company/search", { limit: 1001 }, /limit/],
    ["/company/search", { limit: "many" }, /limit/],
    ["/company/search", { planet: "Mars" }, /planet/],
    ["/company/search", { cursor: "yesterday" }, /cursor/],
    ["/company/search", { filters: { field: "planet", type: "=", value: 1 } }, /planet/],
    ["/company/search", { filters: { field: "headcount.total", type: "~", value: 1 } }, /type/],
    ["/company/search", { filters: { op: "and", conditions: [] } }, /conditions/],
    ["/company/search", { sorts: [{ column: "planet", order: "asc" }] }, /planet/],
    ["/company/enrich", {}, /Exactly one identifier/],
    ["/company/enrich", { domains: ["a.example"], names: ["A"] }, /Exactly one identifier/],
    ["/company/enrich", { domains: Array.from({ length: 26 }, () => "a.example") }, /25/],
    ["/company/enrich", { crustdata_company_ids: ["1"] }, /number/],
  ];
  for (const [path, body, message] of cases) {
    const response = await post(path, body);
    assert.equal(response.status, 400, JSON.stringify(body));
    const { error } = (await response.json()) as { error: { type: string; message: string } };
    assert.equal(error.type, "invalid_request");
    assert.match(error.message, message);
  }
  assert.equal((await post("/company/search", {}, { "x-api-version": "1999-01-01" })).status, 400);
  assert.equal((await post("/company/buy", {})).status, 404);
});
