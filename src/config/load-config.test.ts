import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { FareboxError } from "../domain/farebox-error.ts";
import { KeyForms } from "../domain/keys/key-form.ts";
import { loadConfig } from "./load-config.ts";
import { parse } from "./testing/config-problems.ts";

const folder = mkdtempSync(join(tmpdir(), "farebox-config-"));
after(() => rmSync(folder, { recursive: true }));

const NAMED_POOLS =
  'endpoints: [{ match: GET /left, answers: balances, body: { a: ["${pools.collect.used}", "${pools.real-time.balance} of ${pools.search.balance}"] } }]';

describe("a configuration with its upstream alone", () => {
  it("has every default", () => {
    assert.deepEqual(parse("upstream: http://127.0.0.1:9000/"), {
      upstreams: [
        {
          name: "default",
          url: "http://127.0.0.1:9000",
          host: undefined,
          pathPrefix: undefined,
          headers: {},
          tls: undefined,
          http2: false,
          connectTimeoutMs: 5000,
          headersTimeoutMs: 60_000,
          bodyTimeoutMs: 60_000,
          maxConnections: 256,
        },
      ],
      contract: "farebox",
      creditTypes: ["credits"],
      prices: [],
      unpriced: "free",
      open: [],
      limits: [],
      plans: [],
      workers: 1,
      keys: { prefix: "fbx", form: undefined, forms: new KeyForms() },
      customerApi: {
        enabled: true,
        path: "/v1/credits",
        requests: 300,
        windowSeconds: 60,
        selfService: { keys: false, maxKeys: 20 },
      },
      portal: {
        enabled: true,
        path: "/portal",
        frameAncestors: [],
        brand: { name: "Farebox", logo: undefined, accent: undefined },
      },
      console: { enabled: true, path: "/console" },
      sessions: { hosts: [], idleSeconds: 1800, longestSeconds: 43_200 },
      gateway: {
        tls: undefined,
        cors: undefined,
        drainDelayMs: 5_000,
        trustedProxies: [],
        proxyHeader: undefined,
        maxHeaderBytes: 16_384,
        maxHeaderCount: 100,
        maxRequestBodyBytes: 10_485_760,
        maxBufferedResponseBytes: 8_388_608,
        maxBufferedBytes: 536_870_912,
        maxConcurrentPerAccount: 256,
        maxSocketsPerIp: 1024,
        maxDetachedCalls: 1000,
        headersTimeoutMs: 10_000,
        requestTimeoutMs: 60_000,
        idleSocketMs: 65_000,
        writeStallMs: 30_000,
        drainMs: 20_000,
      },
      exports: {
        kinds: [],
        storage: undefined,
        workers: 2,
        workersPerAccount: 1,
        linkSeconds: 3600,
      },
      sidecar: { listen: undefined, holdMs: 60_000, counted: "refuse" },
      idempotency: { keepHours: 24, maxBodyBytes: 1_048_576 },
      leases: { idleMs: 1000, deadAfterMs: 10_000 },
      shards: 1,
    });
  });
});

describe("each contract has a configuration of its own kind", () => {
  it("coresignal: two pools, charged on a 200", () => {
    const config = parse(`
upstream: http://127.0.0.1:9000
contract: coresignal
creditTypes: [search, collect]
prices:
  - { match: "POST /v2/company_multi_source/search/{kind}", cost: 2, credit: search, on: 200 }
  - { match: "GET /v2/company_clean/collect/{id}", cost: 1, credit: collect, on: 200 }
limits:
  - { match: "POST /v2/{dataset}/search/{kind}", requests: 18, per: second }
`);
    assert.deepEqual(
      config.prices.map(({ endpoint, cost, creditType, on }) => ({ endpoint, cost, creditType, on })),
      [
        {
          endpoint: "POST /v2/company_multi_source/search/{kind}",
          cost: 2_000_000n,
          creditType: "search",
          on: [200],
        },
        {
          endpoint: "GET /v2/company_clean/collect/{id}",
          cost: 1_000_000n,
          creditType: "collect",
          on: [200],
        },
      ],
    );
    assert.equal(config.limits[0]?.windowSeconds, 1);
  });

  it("crustdata: per result, a plan with rollover, 300 requests a minute on its balance endpoints", () => {
    const config = parse(`
upstream: http://127.0.0.1:9000
contract: crustdata
prices:
  - match: POST /company/search
    cost: 0.03
    per: result
    count: { body: /companies }
    atMost: { body: /limit, default: 20, max: 1000 }
  - { match: GET /user/credits, free: true }
limits:
  - { match: GET /user/credits, requests: 300, per: minute }
  - { match: GET /account/credits, requests: 300, per: 1m, by: key }
plans: { growth: { recurring: { credits: 10000, every: month, rollover: true } } }
`);
    assert.equal(config.prices[0]?.cost, 30_000n);
    assert.deepEqual(config.limits, [
      { match: "GET /user/credits", requests: 300, windowSeconds: 60, by: "account" },
      { match: "GET /account/credits", requests: 300, windowSeconds: 60, by: "key" },
    ]);
    assert.deepEqual(config.plans, [
      {
        name: "growth",
        recurring: [
          {
            creditType: "credits",
            amount: 10_000_000_000n,
            every: "month",
            rollover: "all",
            anchor: "assignment",
          },
        ],
        limits: [],
        caps: [],
      },
    ]);
  });

  it("leadboxer: a fixed cost per processed request, once per value in a window", () => {
    const config = parse(`
upstream: http://127.0.0.1:9000
contract: leadboxer
prices:
  - { match: GET /v1/ip-lookup, cost: 10, on: processed, once: { key: { query: ip }, within: 24h } }
  - { match: GET /v1/leads, cost: 10, on: processed }
`);
    assert.equal(config.contract, "leadboxer");
    assert.deepEqual(config.prices[0]?.once, { field: { query: "ip" }, withinSeconds: 86_400 });
  });

  it("explorium: per entity, 200 requests a minute over all endpoints", () => {
    const config = parse(`
upstream: http://127.0.0.1:9000
contract: explorium
prices:
  - { match: POST /v1/businesses, cost: 1, per: result, count: { body: /data }, atMost: { body: /page_size, max: 500 } }
limits: [{ match: "*", requests: 200, per: minute }]
unpriced: refuse
`);
    assert.equal(config.unpriced, "refuse");
    assert.equal(config.limits[0]?.match, "*");
  });

  it("farebox: several upstreams, open endpoints, plans per credit type", () => {
    const config = parse(
      `
upstream:
  search:
    url: https://search.internal:8443/api/
    host: search.example.com
    headers: { Authorization: "Bearer \${env:SEARCH_KEY}" }
    connectTimeout: 250ms
  files: { url: "http://\${env:FILES_HOST}:81", pathPrefix: /files, maxConnections: 8 }
  rest: { url: http://127.0.0.1:9000 }
creditTypes: [credits, promo]
open: [GET /health, "GET /docs/*"]
plans:
  starter:
    recurring:
      - { credits: 100, credit: credits, every: week, rollover: { cap: "250.5" } }
      - { credits: 5, credit: promo, every: year }
  empty: {}
keys: { prefix: acme_live }
gateway: { maxRequestBody: 1MiB, drain: 5s }
idempotency: { keep: 2d, maxBody: 64KiB }
leases: { idle: 500ms, deadAfter: 1m }
shards: 16
`,
      { SEARCH_KEY: "s3cret", FILES_HOST: "files.internal" },
    );
    assert.deepEqual(
      config.upstreams.map(({ name, url, host, pathPrefix, headers, connectTimeoutMs, maxConnections }) =>
        [name, url, host, pathPrefix, headers["Authorization"], connectTimeoutMs, maxConnections].join(" "),
      ),
      [
        "search https://search.internal:8443/api search.example.com  Bearer s3cret 250 256",
        "files http://files.internal:81  /files  5000 8",
        "rest http://127.0.0.1:9000    5000 256",
      ],
    );
    assert.deepEqual(config.open, ["GET /health", "GET /docs/*"]);
    assert.deepEqual(config.plans, [
      {
        name: "starter",
        recurring: [
          {
            creditType: "credits",
            amount: 100_000_000n,
            every: "week",
            rollover: 250_500_000n,
            anchor: "assignment",
          },
          {
            creditType: "promo",
            amount: 5_000_000n,
            every: "year",
            rollover: "none",
            anchor: "assignment",
          },
        ],
        limits: [],
        caps: [],
      },
      { name: "empty", recurring: [], limits: [], caps: [] },
    ]);
    assert.equal(config.gateway.maxRequestBodyBytes, 1_048_576);
    assert.equal(config.gateway.drainMs, 5000);
    assert.deepEqual(config.idempotency, { keepHours: 48, maxBodyBytes: 65_536 });
    assert.deepEqual(config.leases, { idleMs: 500, deadAfterMs: 60_000 });
    assert.equal(config.shards, 16);
  });
});

describe("a contract of one's own", () => {
  it("is found beside the configuration, wherever Farebox was started", () => {
    mkdirSync(join(folder, "wire"));
    const contract = "name: acme\nkey: [{ header: k }]\nerrorShape: { body: 1 }\n";
    writeFileSync(join(folder, "wire", "acme.yaml"), contract);
    writeFileSync(
      join(folder, "farebox.yaml"),
      "upstream: http://127.0.0.1:9000\ncontract: wire/acme.yaml\n",
    );
    assert.equal(loadConfig(join(folder, "farebox.yaml"), {}).contract, join(folder, "wire", "acme.yaml"));
  });

  it("is checked with the configuration: its problems name its file and line", () => {
    writeFileSync(
      join(folder, "bad.yaml"),
      "name: acme\nkey: [{ header: k }]\nerrorShape: { body: '${no}' }\n",
    );
    const path = join(folder, "uses-bad.yaml");
    writeFileSync(path, "upstream: http://127.0.0.1:9000\ncontract: ./bad.yaml\nshards: 0\n");
    assert.throws(
      () => loadConfig(path, {}),
      (error) =>
        error instanceof FareboxError &&
        error.message.includes(`${path}:3 shards: 0 is below 1`) &&
        error.message.includes(`${join(folder, "bad.yaml")}:3 errorShape.body: unknown placeholder \${no}`),
    );
  });

  it("must not speak of credit types that the configuration does not have", () => {
    const text = `name: acme
key: [{ header: k }]
errorShape: { body: 1 }
settled: [{ header: x-left, value: "\${balance}", creditTypes: [search] }]
endpoints: [{ match: GET /left, answers: balances, creditType: collect, body: 1 }]
`;
    writeFileSync(join(folder, "typed.yaml"), text);
    const path = join(folder, "uses-typed.yaml");
    writeFileSync(path, "upstream: http://127.0.0.1:9000\ncontract: typed.yaml\ncreditTypes: [search]\n");
    assert.throws(
      () => loadConfig(path, {}),
      /creditTypes: the contract acme shows the credit type "collect"/,
    );
    writeFileSync(join(folder, "typed.yaml"), text.replace(/endpoints: .*/, NAMED_POOLS));
    assert.throws(
      () => loadConfig(path, {}),
      ({ message }: Error) => ["collect", "real-time"].every((name) => message.includes(`type "${name}"`)),
    );
  });
});
