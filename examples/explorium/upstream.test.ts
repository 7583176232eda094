import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Upstream } from "../serve.ts";
import { parseId, renderId } from "./entity-id.ts";
import { startUpstream } from "./upstream.ts";

interface Answer {
  response_context: { correlation_id: string; request_status: string; time_took_in_seconds: number };
  total_results: number;
  page: number;
  data: Record<string, unknown>[];
}

let upstream: Upstream;
before(async () => {
  upstream = await startUpstream();
});
after(() => upstream.close());

function post(path: string, body: unknown): Promise<Response> {
  return fetch(`${upstream.url}/v1${path}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: typeof body === "string" ? body : JSON.stringify(body),
  });
}

async function read<T = Answer>(path: string, body: unknown): Promise<T> {
  const response = await post(path, body);
  assert.equal(response.status, 200);
  return (await response.json()) as T;
}

test("ids are read back, and other texts are none", () => {
  const id = renderId("business", 13335);
  assert.match(id, /^[0-9a-f]{32}$/);
  assert.equal(parseId("business", id), 13335);
  assert.equal(parseId("prospect", id), undefined);
  assert.equal(parseId("business", `0${id.slice(1)}`) ?? "none", id.startsWith("0") ? 13335 : "none");
});

test("both kinds have at least 10,000 records, and answers carry a context of their own", async () => {
  const first = await read("/businesses", { page_size: 3 });
  const second = await read("/prospects", { page_size: 3 });
  assert.ok(first.total_results >= 10_000 && second.total_results >= 10_000);
  assert.equal(first.data.length, 3);
  assert.match(first.response_context.correlation_id, /^[0-9a-f]{32}$/);
  assert.notEqual(first.response_context.correlation_id, second.response_context.correlation_id);
  assert.equal(first.response_context.request_status, "success");
});

test("the documented example request is answered: filters choose by country and size", async () => {
  const answer = await read("/businesses", {
    mode: "full",
    size: 100,
    page_size: 100,
    page: 1,
    filters: { country_code: { values: ["us"] }, company_size: { values: ["11-50", "51-200"] } },
  });
  assert.equal(answer.data.length, 100);
  assert.ok(answer.total_results > 100);
  for (const business of answer.data) {
    assert.equal(business["country_code"], "us");
    assert.ok(["11-50", "51-200"].includes(String(business["number_of_employees_range"])));
  }
});

test("pages give every record once; size bounds them all, and a page behind the last is empty", async () => {
  const filters = { job_department: { values: ["finance"] }, company_country_code: { values: ["nl"] } };
  const all = await read("/prospects", { filters, page_size: 500 });
  assert.ok(all.total_results > 20 && all.total_results <= 500);
  const seen: unknown[] = [];
  for (let page = 1; ; page += 1) {
    const answer = await read("/prospects", { filters, page_size: 7, page });
    if (answer.data.length === 0) break;
    seen.push(...answer.data.map((prospect) => prospect["prospect_id"]));
  }
  assert.equal(seen.length, all.total_results);
  assert.equal(new Set(seen).size, seen.length);
  const sizes: number[] = [];
  for (const page of [1, 2, 3]) {
    sizes.push((await read("/businesses", { size: 25, page_size: 20, page })).data.length);
  }
  assert.deepEqual(sizes, [20, 5, 0]);
});

test("nothing found is a success with an empty list", async () => {
  const answer = await read("/businesses", { filters: { company_name: { values: ["Zzyzx"] } } });
  assert.equal(answer.total_results, 0);
  assert.deepEqual(answer.data, []);
});

test("a preview shows less of a record", async () => {
  const [full] = (await read("/businesses", { page_size: 1 })).data;
  const [preview] = (await read("/businesses", { page_size: 1, mode: "preview" })).data;
  assert.deepEqual(Object.keys(preview ?? {}), ["business_id", "name", "domain"]);
  assert.ok(Object.keys(full ?? {}).length > 3);
});

test("a match keeps length and order, with null for a miss", async () => {
  interface Matched {
    total_results: number;
    total_matches: number;
    matched_businesses: { business_id: string | null }[];
  }
  const answer = await read<Matched>("/businesses/match", {
    businesses_to_match: [{ domain: "nobody.example" }, { name: "cloudflare, inc." }, {}],
  });
  assert.deepEqual(
    answer.matched_businesses.map((match) => match.business_id),
    [null, renderId("business", 13335), null],
  );
  assert.deepEqual([answer.total_results, answer.total_matches], [3, 1]);
});

test("prospects are matched by email, or by name and company together", async () => {
  interface Matched {
    total_matches: number;
    matched_prospects: { prospect_id: string | null }[];
  }
  const [person] = (await read("/prospects", { page_size: 1 })).data;
  const answer = await read<Matched>("/prospects/match", {
    prospects_to_match: [
      { full_name: person?.["full_name"], company_name: person?.["company_name"] },
      { full_name: person?.["full_name"] },
    ],
  });
  assert.deepEqual(
    answer.matched_prospects.map((match) => match.prospect_id),
    [person?.["prospect_id"], null],
  );
});

test("enrichments answer a known id and are a 404 for others", async () => {
  const enriched = await read<{ data: { country_code: string } }>("/businesses/firmographics/enrich", {
    business_id: renderId("business", 13335),
  });
  assert.equal(enriched.data.country_code, "us");
  const [person] = (await read("/prospects", { page_size: 1 })).data;
  const contact = await read<{ data: { professions_email: string } }>(
    "/prospects/contacts_information/enrich",
    { prospect_id: person?.["prospect_id"] },
  );
  assert.match(contact.data.professions_email, /@.+\.example$/);
  const unknown = await post("/businesses/firmographics/enrich", { business_id: "0".repeat(32) });
  assert.equal(unknown.status, 404);
});

test("events differ by record, and unknown records have none", async () => {
  interface Events {
    output_events: { event_name: string }[];
  }
  const { data } = await read("/businesses", { page_size: 10 });
  const ids = data.map((business) => business["business_id"]);
  const { output_events: events } = await read<Events>("/businesses/events", { business_ids: ids });
  assert.ok(events.length > 0 && events.length <= 30);
  assert.ok(new Set(events.map((event) => event.event_name)).size > 1);
  const none = await read<Events>("/prospects/events", { prospect_ids: ["0".repeat(32)] });
  assert.deepEqual(none.output_events, []);
});

test("statistics add up to the number of results, and autocomplete suggests values", async () => {
  interface Statistics {
    total_results: number;
    stats: Record<string, Record<string, number>>;
  }
  const { total_results: total, stats } = await read<Statistics>("/businesses/stats", {
    filters: { country_code: { values: ["de"] } },
  });
  for (const counts of Object.values(stats)) {
    assert.equal(
      Object.values(counts).reduce((sum, count) => sum + count, 0),
      total,
    );
  }
  const response = await fetch(
    `${upstream.url}/v1/businesses/autocomplete?field=linkedin_category&query=tele`,
  );
  assert.deepEqual(await response.json(), [{ query: "tele", value: "Telecommunications" }]);
});

test("a request that cannot be validated is a 422 that names the place", async () => {
  const cases: readonly (readonly [string, unknown, string])[] = [
    ["/businesses", "{", "body"],
    ["/businesses", [], "body"],
    ["/businesses", { page_size: 501 }, "page_size"],
    ["/businesses", { page_size: 0 }, "page_size"],
    ["/businesses", { page: 1.5 }, "page"],
    ["/businesses", { size: 10, page_size: 20 }, "size"],
    ["/businesses", { mode: "secret" }, "mode"],
    ["/businesses", { filters: { planet: { values: ["Mars"] } } }, "planet"],
    ["/businesses", { filters: { country_code: ["us"] } }, "country_code"],
    ["/businesses/match", {}, "businesses_to_match"],
    [
      "/businesses/match",
      { businesses_to_match: Array.from({ length: 51 }, () => ({})) },
      "businesses_to_match",
    ],
    ["/prospects/match", { prospects_to_match: [{ email: 1 }] }, "email"],
    ["/businesses/firmographics/enrich", {}, "business_id"],
  ];
  for (const [path, body, place] of cases) {
    const response = await post(path, body);
    assert.equal(response.status, 422, JSON.stringify(body));
    const { detail } = (await response.json()) as { detail: { loc: string[] }[] };
    assert.equal(detail[0]?.loc.at(-1), place);
  }
});
