import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Upstream } from "../serve.ts";
import { startUpstream } from "./upstream.ts";

interface Leads {
  total: number;
  limit: number;
  offset: number;
  leads: { id: string; country: string | null; score: number; organization: string }[];
}

let upstream: Upstream;
before(async () => {
  upstream = await startUpstream();
});
after(() => upstream.close());

function get(path: string): Promise<Response> {
  return fetch(`${upstream.url}${path}`);
}

function track(body: unknown): Promise<Response> {
  return fetch(`${upstream.url}/v1/track`, { method: "POST", body: JSON.stringify(body) });
}

async function listLeads(query: string): Promise<Leads> {
  const response = await get(`/v1/leads?${query}`);
  assert.equal(response.status, 200);
  return (await response.json()) as Leads;
}

/** RFC 4180: cells in quotes may hold commas, quotes and line ends. */
function parseCsv(text: string): string[][] {
  const rows: string[][] = [[]];
  for (const match of text.matchAll(/(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n|$)/g)) {
    if (match[0] === "" && match.index === text.length) break;
    rows.at(-1)?.push(match[1]?.replaceAll('""', '"') ?? match[2] ?? "");
    if (match[3] === "\r\n") rows.push([]);
  }
  return rows.filter((row) => row.length > 0);
}

test("an address is looked up in its real range; the answer varies with it", async () => {
  const response = await get("/v1/ip-lookup?ip=1.1.1.1");
  assert.equal(response.status, 200);
  const found = (await response.json()) as {
    network: object;
    organization: { name: string; asns: number[] };
  };
  assert.deepEqual(found.network, { from: "1.1.1.0", to: "1.1.1.255" });
  assert.equal(found.organization.name, "Cloudflare, Inc.");
  const other = (await (await get("/v1/ip-lookup?ip=8.8.8.8")).json()) as { organization: { name: string } };
  assert.match(other.organization.name, /google/i);
});

test("no data for a valid address or domain is a 404", async () => {
  for (const path of [
    "/v1/ip-lookup?ip=10.0.0.1",
    "/v1/ip-lookup?ip=2001:db8::1",
    "/v1/domain-lookup?domain=nobody.example",
  ]) {
    const response = await get(path);
    assert.equal(response.status, 404, path);
    assert.match(((await response.json()) as { message: string }).message, /^No data/);
  }
});

test("the domain that an address leads to is found too", async () => {
  const byIp = (await (await get("/v1/ip-lookup?ip=1.0.4.1")).json()) as { organization: { domain: string } };
  const response = await get(`/v1/domain-lookup?domain=${byIp.organization.domain.toUpperCase()}`);
  assert.deepEqual(((await response.json()) as { organization: object }).organization, byIp.organization);
});

test("what cannot be validated is a 400", async () => {
  for (const path of [
    "/v1/ip-lookup",
    "/v1/ip-lookup?ip=",
    "/v1/ip-lookup?ip=1.1.1.256",
    "/v1/ip-lookup?ip=01.1.1.1",
    "/v1/domain-lookup?domain=no_domain",
    "/v1/leads?limit=0",
    "/v1/leads?limit=501",
    "/v1/leads?min_score=high",
  ]) {
    assert.equal((await get(path)).status, 400, path);
  }
  assert.equal((await track({ event: "page_view" })).status, 400);
  assert.equal((await track({ event: "sneeze", lead_id: "lead_1" })).status, 400);
});

test("an event is tracked, and the status says how many were", async () => {
  const earlier = (await (await get("/v1/status")).json()) as { tracked: number; organizations: number };
  assert.ok(earlier.organizations >= 10_000);
  assert.equal((await track({ event: "page_view", lead_id: "lead_1" })).status, 200);
  const later = (await (await get("/v1/status")).json()) as { tracked: number };
  assert.equal(later.tracked, earlier.tracked + 1);
});

test("leads are at least 10,000, chosen by filters, and paged without gaps or doubles", async () => {
  assert.ok((await listLeads("limit=1")).total >= 10_000);
  const filter = "country=nl&min_score=80";
  const { total } = await listLeads(filter);
  const seen: string[] = [];
  for (let offset = 0; offset < total; offset += 17) {
    const page = await listLeads(`${filter}&limit=17&offset=${offset}`);
    for (const lead of page.leads) assert.ok(lead.country === "nl" && lead.score >= 80);
    seen.push(...page.leads.map((lead) => lead.id));
  }
  assert.ok(total > 17);
  assert.equal(seen.length, total);
  assert.equal(new Set(seen).size, total);
  assert.deepEqual((await listLeads("organization=zzyzx")).leads, []);
});

test("the export is CSV, streamed, with the same leads as the list, and parses", async () => {
  const response = await get("/v1/leads/export");
  assert.equal(response.headers.get("content-type"), "text/csv; charset=utf-8");
  assert.equal(response.headers.get("content-length"), null);
  const rows = parseCsv(await response.text());
  const [header, ...leads] = rows;
  assert.equal(header?.[0], "id");
  assert.equal(leads.length, (await listLeads("limit=1")).total);
  assert.ok(leads.every((row) => row.length === header?.length));
  assert.ok(leads.some((row) => row[4] === "Cloudflare, Inc."));
  assert.equal(new Set(leads.map((row) => row[0])).size, leads.length);
});

test("an export of nothing is the header line alone", async () => {
  const text = await (await get("/v1/leads/export?organization=zzyzx")).text();
  assert.match(text, /^id,[a-z_,]+\r\n$/);
});
