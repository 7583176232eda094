import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { parse } from "yaml";
import { runCli } from "../../../src/cli/run-cli.ts";
import { type Entry, toMicro } from "../account.ts";
import { startProvider, type TestProvider } from "../harness.ts";
import { rulesOf } from "../rule.ts";
import { apiOf, KNOWN_IP, UNKNOWN_IP } from "./api.ts";

const rule = rulesOf("leadboxer");
const DOCUMENT = join(import.meta.dirname, "..", "..", "..", "examples", "leadboxer", "openapi.yaml");

let provider: TestProvider;
before(async () => {
  provider = await startProvider("leadboxer", (config) =>
    config.replace("requests: 600", "requests: 100000"),
  );
  process.env["FAREBOX_OPERATOR_URL"] = provider.operator.url;
  process.env["FAREBOX_OPERATOR_TOKEN"] = provider.operator.token;
});
after(() => provider.close());

const dearer = (cost: number) => (config: string) =>
  config.replace("GET /v1/ip-lookup, cost: 10", `GET /v1/ip-lookup, cost: ${cost}`);

interface Operation {
  readonly description: string;
  readonly "x-credits"?: { readonly cost: number };
  readonly "x-credits-announced"?: readonly { effectiveAt: string; credits: { cost: number } }[];
}

/** The API reference, as `farebox prices openapi` writes it from the running Farebox. */
async function readReference(): Promise<(method: string, path: string) => Operation> {
  let text = "";
  let problems = "";
  const code = await runCli(["prices", "openapi", DOCUMENT, "-o", "-"], {
    out: (part) => (text += part),
    err: (part) => (problems += part),
    interactive: false,
  });
  assert.equal(code, 0, problems);
  const { paths } = parse(text) as { paths: Record<string, Record<string, Operation>> };
  return (method, path) => paths[path]?.[method] ?? assert.fail(`${method} ${path}`);
}

const ANNOUNCED = new Date("2100-01-01T00:00:00Z");

rule(
  "Endpoints that consume credits are clearly marked in the API reference with a Credits notice.",
  "each of the five with its cost, and the others as free",
  async () => {
    const operation = await readReference();
    for (const [method, path, cost] of [
      ["get", "/ip-lookup", 10],
      ["get", "/domain-lookup", 10],
      ["post", "/track", 1],
      ["get", "/leads", 10],
      ["get", "/leads/export", 10],
    ] as const) {
      const { description, "x-credits": credits } = operation(method, path);
      assert.match(
        description,
        new RegExp(`\\*\\*Credits:\\*\\* ${cost} credits? per request, charged when processed\\.`),
      );
      assert.equal(credits?.cost, cost);
    }
    const free = operation("get", "/status");
    assert.match(free.description, /\*\*Credits:\*\* free\./);
    assert.equal(free["x-credits"], undefined);
    assert.match(readFileSync(DOCUMENT, "utf8"), /At most 500 in one response/);
    assert.match(operation("get", "/leads").description, /^At most 500 in one response\.\n/);
  },
);

rule(
  "Any changes will be reflected in:",
  "an announced one, before it applies, with the moment",
  async () => {
    const version = await provider.publishPrices(dearer(20), ANNOUNCED);
    const operation = await readReference();
    const { description, ...lookup } = operation("get", "/ip-lookup");
    assert.match(
      description,
      /\*\*Credits:\*\* 10 credits per request, charged when processed\. From 1 January 2100: 20 credits/,
    );
    assert.equal(lookup["x-credits"]?.cost, 10);
    assert.partialDeepStrictEqual(lookup["x-credits-announced"], [
      { effectiveAt: ANNOUNCED.toISOString(), credits: { cost: 20 } },
    ]);
    assert.equal(operation("get", "/leads")["x-credits-announced"], undefined);
    const cancelled = await runCli(["prices", "cancel", String(version), "--json"], {
      out: () => undefined,
      err: () => undefined,
      interactive: false,
    });
    assert.equal(cancelled, 0);
    assert.doesNotMatch((await readReference())("get", "/ip-lookup").description, /2100/);
  },
);

rule("• The API reference", "a change that applies now, once it is published", async () => {
  await provider.publishPrices(dearer(11));
  const operation = await readReference();
  assert.match(operation("get", "/ip-lookup").description, /\*\*Credits:\*\* 11 credits per request/);
  await provider.publishPrices((config) => config.replace("unpriced: free", "unpriced: free # as at first"));
});

rule("• This documentation", "what customers read with their own key: in force, and announced", async () => {
  const version = await provider.publishPrices(dearer(30), ANNOUNCED);
  const account = await provider.openAccount({ credits: 1 });
  const answer = await apiOf(provider.gateway, account).get("/v1/credits/prices");
  assert.equal(answer.status, 200, answer.text);
  const { inForce, announced } = answer.json<{
    inForce: { prices: { match: string; cost: number }[] };
    announced: { version: number; effectiveAt: string; changes: { changed: unknown } }[];
  }>();
  assert.equal(inForce.prices.find(({ match }) => match === "GET /v1/ip-lookup")?.cost, 10);
  assert.partialDeepStrictEqual(announced, [
    {
      version,
      effectiveAt: ANNOUNCED.toISOString(),
      changes: {
        changed: [
          {
            endpoint: "GET /v1/ip-lookup",
            plans: [],
            when: [],
            members: [{ member: "cost", from: 10, to: 30 }],
          },
        ],
      },
    },
  ]);
});

test("under load every charge is its list's price, and the new price is never paid before its moment", async () => {
  const account = await provider.openAccount({ credits: 1_000_000_000 });
  const api = apiOf(provider.gateway, account);
  const charges = async (): Promise<readonly Entry[]> =>
    (await account.entries("credits")).filter(({ kind }) => kind === "charge");
  // Calls go on, many at a time, from before the announcement until some dozens were charged by the new list.
  const switched = new AbortController();
  const callers = Array.from({ length: 12 }, async () => {
    while (!switched.signal.aborted) {
      const answer = await api.ipLookup(Math.random() < 0.5 ? KNOWN_IP : UNKNOWN_IP);
      assert.ok(answer.status === 200 || answer.status === 404, String(answer.status));
    }
  });
  let effectiveAt = new Date();
  let version = 0;
  const enough = (async () => {
    while ((await account.latest("credits", 1))[0]?.kind !== "charge");
    effectiveAt = new Date(Date.now() + 1500);
    version = await provider.publishPrices(dearer(20), effectiveAt);
    let last: readonly Entry[] = [];
    while (last.length < 50 || last.some(({ priceList }) => priceList !== version)) {
      last = await account.latest("credits", 50);
    }
  })();
  try {
    await Promise.race([enough, Promise.all(callers)]);
  } finally {
    switched.abort();
    await Promise.all(callers);
  }
  const all = await charges();
  const costs = new Map<number | null, Set<number>>();
  for (const { priceList, amount } of all) {
    costs.set(priceList, (costs.get(priceList) ?? new Set()).add(toMicro(-amount) / 1_000_000));
  }
  assert.ok(costs.size > 1, "charges of this list and of those before it");
  assert.deepEqual(costs.get(version), new Set([20]));
  for (const [list, amounts] of costs) if (list !== version) assert.deepEqual(amounts, new Set([10]));
  const early = all.filter(({ priceList, at }) => priceList === version && new Date(at) < effectiveAt);
  assert.deepEqual(early, []);
});
