import assert from "node:assert/strict";
import { test } from "node:test";
import { listCompanies, SIZES } from "./companies.ts";
import { findNetwork, parseNetworks, readNetworks } from "./networks.ts";
import { listPeople } from "./people.ts";
import { computeSeeded, computeTimestamp } from "./seeded.ts";

const SAMPLE = [
  `16777216,16777471,13335,"Cloudflare, Inc."`,
  "16778240,16779263,38803,Gtelecom Pty Ltd",
  `16781312,16781567,4,"JSC ""ER"""`,
  "16781568,16781823,23456,-Reserved AS-",
  `16785408,16785663,209242,"Cloudflare, Inc."`,
].join("\n");

test("ranges are read with quoted names, and one organisation's AS numbers are joined", () => {
  const networks = parseNetworks(Buffer.from(SAMPLE));
  assert.equal(networks.starts.length, 4);
  const found = findNetwork(networks, 16785408);
  assert.deepEqual(found?.organisation, {
    id: 13335,
    name: "Cloudflare, Inc.",
    asns: [13335, 209242],
    networks: 2,
    addresses: 512,
    domain: "cloudflare-inc.example",
  });
  assert.equal(findNetwork(networks, 16781567)?.organisation.name, 'JSC "ER"');
});

test("both ends of a range belong to it; gaps and reserved ranges belong to nobody", () => {
  const networks = parseNetworks(Buffer.from(SAMPLE));
  assert.equal(findNetwork(networks, 16778240)?.organisation.id, 38803);
  assert.equal(findNetwork(networks, 16779263)?.organisation.id, 38803);
  for (const nobody of [0, 16778239, 16779264, 16781600, 2 ** 32 - 1]) {
    assert.equal(findNetwork(networks, nobody), undefined, String(nobody));
  }
});

test("of two overlapping ranges the earlier line keeps the addresses", () => {
  const networks = parseNetworks(Buffer.from("10,20,1,First\n15,30,2,Second\n18,25,3,Third\n"));
  assert.deepEqual([...networks.starts], [10, 21]);
  assert.deepEqual([...networks.ends], [20, 30]);
  assert.equal(findNetwork(networks, 18)?.organisation.name, "First");
  assert.equal(findNetwork(networks, 21)?.organisation.name, "Second");
});

test("the package's ranges are in order and do not overlap", () => {
  const { starts, ends } = readNetworks();
  assert.ok(starts.length > 400_000);
  for (let index = 1; index < starts.length; index += 1) {
    assert.ok((starts[index] ?? 0) > (ends[index - 1] ?? 0), `range ${index}`);
  }
});

test("a real address is found: 1.1.1.1 is Cloudflare's", () => {
  assert.equal(findNetwork(readNetworks(), 0x01010101)?.organisation.name, "Cloudflare, Inc.");
});

test("there are at least 10,000 companies and people, each with its own id, domain and address", () => {
  const companies = listCompanies();
  const people = listPeople();
  assert.ok(companies.length >= 10_000);
  assert.ok(people.length >= 10_000);
  assert.equal(new Set(companies.map((company) => company.id)).size, companies.length);
  assert.equal(new Set(companies.map((company) => company.domain)).size, companies.length);
  assert.equal(new Set(people.map((person) => person.email)).size, people.length);
});

test("every generated company fits its size band and every domain is under the reserved example", () => {
  for (const company of listCompanies()) {
    const most = SIZES.find(([name]) => name === company.size)?.[1] ?? 0;
    assert.ok(company.employees >= 2 && company.employees <= most, company.name);
    assert.match(company.domain, /^[a-z0-9]+(-[a-z0-9]+)*\.example$/);
  }
});

test("generated values depend on seed and salt only", () => {
  assert.equal(computeSeeded(1, 2), computeSeeded(1, 2));
  assert.notEqual(computeSeeded(1, 2), computeSeeded(1, 3));
  assert.notEqual(computeSeeded(1, 2), computeSeeded(2, 2));
  assert.match(computeTimestamp(7, 1), /^2026-0[1-6]-\d\d \d\d:\d\d:\d\d$/);
});
