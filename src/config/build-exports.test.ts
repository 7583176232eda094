import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { FareboxError } from "../domain/farebox-error.ts";
import type { ExportsConfig } from "./config.ts";
import { parseConfig } from "./load-config.ts";

const UPSTREAMS = `
upstream:
  other: { url: http://127.0.0.1:9001/base/, pathPrefix: /other, headers: { x-key: "s3cret" } }
  main: { url: http://127.0.0.1:9000 }
`;

function parse(exports: string, rest = ""): ExportsConfig {
  return parseConfig("/etc/farebox/farebox.yaml", `${UPSTREAMS}${rest}\nexports:\n${exports}`, {
    S3_KEY: "id",
    S3_SECRET: "hush",
  }).exports;
}

/** `path: reason` of each problem. */
function problemsOf(exports: string, rest = ""): string[] {
  try {
    parse(exports, rest);
  } catch (error) {
    if (!(error instanceof FareboxError)) throw error;
    const problems = error.detail["problems"] as { path: string; reason: string }[];
    return problems.map(({ path, reason }) => `${path}: ${reason}`);
  }
  return [];
}

const LINES = "source: { kind: lines, request: GET /lines }";

test("a route has every default", () => {
  const { kinds, ...rest } = parse(`  routes: [{ match: POST /exports, cost: 0.5, ${LINES} }]`);
  assert.deepEqual(rest, { storage: undefined, workers: 2, workersPerAccount: 1, linkSeconds: 3600 });
  assert.deepEqual(kinds, [
    {
      name: "POST /exports",
      endpoint: "POST /exports",
      creditType: "credits",
      price: 500_000n,
      charge: "completion",
      formats: ["jsonl"],
      columns: [],
      formulas: "disarm",
      gzip: true,
      partRecords: 10_000,
      maxRecords: 10_000,
      whenMore: "fail",
      refuseDuplicates: false,
      keepSeconds: 30 * 86_400,
      maxOpen: 10,
      maxKept: 1000,
      limits: { recordBytes: 1_048_576, totalBytes: 10_240 * 1_048_576, seconds: 86_400 },
      source: {
        kind: "lines",
        id: undefined,
        call: { url: "http://127.0.0.1:9000/lines", method: "GET", headers: {}, body: undefined },
        throttle: { concurrency: 8, perSecond: 50, retries: 5, timeoutMs: 60_000 },
      },
    },
  ]);
});

test("each makes an endpoint of every combination, and its values stand in the source's requests", () => {
  const { kinds } = parse(`
  routes:
    - match: POST /exports/{dataset}/{kind}/{rest}
      each: { dataset: [company, person], kind: [filter, dsl] }
      cost: 1
      source:
        kind: collect
        request: POST /other/{dataset}/search/{kind}
        query: { size: "100" }
        body: /filters
        next: { header: x-next }
        send: { query: after }
        collect: GET /{dataset}/{rest}/{id}`);
  assert.deepEqual(
    kinds.map(({ endpoint }) => endpoint),
    ["company/filter", "company/dsl", "person/filter", "person/dsl"].map(
      (path) => `POST /exports/${path}/{rest}`,
    ),
  );
  assert.deepEqual(kinds[3]?.source, {
    kind: "collect",
    ids: {
      from: "search",
      call: {
        url: "http://127.0.0.1:9001/base/other/person/search/dsl?size=100",
        method: "POST",
        headers: { "x-key": "s3cret" },
        body: "/filters",
      },
      paging: {
        items: "",
        next: { from: "header", name: "x-next" },
        send: { to: "query", name: "after" },
        total: undefined,
      },
    },
    call: {
      url: "http://127.0.0.1:9001/base/person/{rest}/{id}",
      method: "GET",
      headers: { "x-key": "s3cret" },
      body: undefined,
    },
    throttle: { concurrency: 8, perSecond: 50, retries: 5, timeoutMs: 60_000 },
  });
});

test("files are kept in a folder from the file's place, or in a service whose secrets come from the environment", () => {
  assert.deepEqual(parse("  storage: { folder: ../exports }").storage, {
    kind: "folder",
    path: "/etc/exports",
  });
  const s3 = "{ bucket: b, prefix: a/, accessKeyId: '${env:S3_KEY}', secretAccessKey: '${env:S3_SECRET}' }";
  assert.deepEqual(parse(`  storage: { s3: ${s3} }`).storage, {
    kind: "s3",
    bucket: "b",
    prefix: "a/",
    region: "us-east-1",
    pathStyle: false,
    credentials: { accessKeyId: "id", secretAccessKey: "hush" },
  });
  assert.match(problemsOf("  storage: { s3: { bucket: '${env:NONE}' } }")[0] ?? "", /NONE is not set/);
  assert.match(problemsOf("  storage: { folder: x, s3: { bucket: b } }")[0] ?? "", /does not go with s3/);
});

test("what cannot be meant is told with its place", () => {
  const route = (text: string): string => `  routes: [{ cost: 1, ${text} }]`;
  const cases: readonly (readonly [string, RegExp, string?])[] = [
    [route(`match: GET /e, ${LINES}`), /^exports\.routes\[0\]\.match: an export is created by POST/],
    [route(`match: POST /e/*, ${LINES}`), /\.match: an export is created by POST, at one path/],
    [route(`match: POST /e, each: { a: [b] }, ${LINES}`), /\.each\.a: the match has no \{a\}/],
    [route(`match: POST /e, each: { a: [../b] }, ${LINES}`), /\.each\.a\[0\]: .*is not a path segment/],
    [route("match: POST /e, source: { kind: lines, request: 'GET /l/{x}' }"), /\{x\} is no parameter/],
    [route("match: POST /e, source: { kind: lines }"), /\.source\.request: is missing/],
    [route("match: POST /e, source: { kind: pages, request: GET /p }"), /\.source\.next: is missing/],
    [route("match: POST /e, source: { kind: collect, ids: /ids }"), /\.source\.collect: is missing/],
    [route("match: POST /e, source: { kind: collect, ids: /ids, collect: GET /r }"), /has no \{id\}/],
    [
      route("match: POST /e, source: { kind: lines, request: GET /l, ids: /ids }"),
      /does not go with kind: lines/,
    ],
    [
      route("match: POST /e, source: { kind: lines, request: GET /l, upstream: no }"),
      /no upstream answers it/,
    ],
    [route(`match: POST /e, formats: [csv], ${LINES}`), /\.columns: csv has no columns/],
    [
      route(`match: POST /e, cost: 1000000, maxRecords: 10000, ${LINES}`).replace("cost: 1, ", ""),
      /more than a billion/,
    ],
    [route(`match: POST /e, credit: gold, ${LINES}`), /\.credit: unknown credit type/],
    [route(`match: POST /v1/credits/e, ${LINES}`), /is below \/v1\/credits/],
    [
      route(`match: POST /e, ${LINES}`),
      /^prices\[0\]\.match: "POST \/E" creates exports/,
      "prices: [{ match: POST /E, cost: 1 }]",
    ],
    [route(`match: POST /e, ${LINES}`), /is open without a key/, "open: [POST /e]"],
    [route(`match: POST /e, ${LINES}`), /nobody could list or download/, "customerApi: { enabled: false }"],
    [
      route(`match: POST /e, credit: credits, ${LINES}`),
      /^prices\[0\]\.match: .*is answered by the contract for the exports/,
      'contract: coresignal\nprices: [{ match: "GET /cdapi/v2/data_requests/{job}/files", cost: 1 }]',
    ],
    [
      `  routes: [{ match: 'POST /e/{a}', cost: 1, ${LINES} }, { match: 'POST /e/{b}', cost: 1, ${LINES} }]`,
      /routes\[1\]\.match: .*is the same as one of exports\.routes\[0\]/,
    ],
  ];
  for (const [text, expected, rest] of cases) {
    const problems = problemsOf(text, rest);
    assert.ok(
      problems.some((problem) => expected.test(problem)),
      `${text}: ${problems.join(" | ")}`,
    );
  }
});

test("exports have the format that the contract gives a request which names none", () => {
  const folder = mkdtempSync(join(tmpdir(), "farebox-exports-"));
  after(() => rmSync(folder, { recursive: true }));
  const contract = join(folder, "csv.yaml");
  const format = "format: { in: { query: f }, words: { c: csv, j: jsonl }, default: c }";
  const answers = "created: { status: 201, body: 1 }, running: { status: 202, body: 1 }";
  writeFileSync(
    contract,
    `name: own\nkey: [{ header: x-api-key }]\nerrorShape: { body: 1 }\nexports: { request: { ${format} }, ${answers} }\n`,
  );
  const route = (more: string): string => `  routes: [{ match: POST /e, cost: 1, ${LINES}${more} }]`;
  const [problem, ...others] = problemsOf(route(""), `contract: ${contract}`);
  assert.match(problem ?? "", /^exports\.routes\[0\]\.formats: lacks csv, .* each would be refused/);
  assert.deepEqual(others, []);
  assert.deepEqual(
    problemsOf(route(", formats: [jsonl, csv], columns: { a: /a }"), `contract: ${contract}`),
    [],
  );
});
