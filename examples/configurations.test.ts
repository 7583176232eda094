import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { loadConfig } from "../src/config/load-config.ts";
import { loadContract } from "../src/contract/load-contract.ts";
import { readTour } from "./tour.ts";

/** Folders that are no provider's. */
const OTHERS: ReadonlySet<string> = new Set(["data", "middleware", "proxies"]);

const PROVIDERS = readdirSync(import.meta.dirname, { withFileTypes: true })
  .filter((entry) => entry.isDirectory() && !OTHERS.has(entry.name))
  .map((entry) => entry.name);

test("there are the four providers", () => {
  assert.deepEqual(PROVIDERS, ["coresignal", "crustdata", "explorium", "leadboxer"]);
});

for (const provider of PROVIDERS) {
  const folder = join(import.meta.dirname, provider);
  const config = loadConfig(join(folder, "farebox.yaml"), {});

  test(`${provider}: the configuration is valid and speaks the provider's contract`, () => {
    assert.equal(config.contract, provider);
    assert.equal(loadContract(config.contract).name, provider);
    assert.equal(config.upstreams[0]?.url, "http://127.0.0.1:9000");
    assert.ok(config.prices.some((price) => !price.free) && config.limits.length > 0);
  });

  test(`${provider}: the tour grants known credit types, names a known plan, shows a refusal and asks for the account's own books`, () => {
    const tour = readTour(provider);
    for (const type of Object.keys(tour.grants)) assert.ok(config.creditTypes.includes(type), type);
    if (tour.plan !== undefined) assert.ok(config.plans.some((plan) => plan.name === tour.plan));
    assert.ok(tour.calls.length >= 4 && tour.calls.length <= 12);
    assert.ok(tour.calls.some(({ expect }) => expect >= 400));
    assert.ok(tour.calls.at(-1)?.path.startsWith(`${config.customerApi.path}/`));
  });

  test(`${provider}: the README is short and names the licences of the data`, () => {
    const readme = readFileSync(join(folder, "README.md"), "utf8");
    assert.ok(readme.trimEnd().split("\n").length <= 60);
    for (const name of ["CC BY 4.0", "DB-IP", "Route Views", "NRO", "tour.yaml"])
      assert.ok(readme.includes(name));
  });
}
