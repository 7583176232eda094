import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import type { FileProblem } from "../contract/file-problem.ts";
import { formatCredits } from "../domain/credits.ts";
import { FareboxError } from "../domain/farebox-error.ts";
import { parseConfig } from "./load-config.ts";

const folder = mkdtempSync(join(tmpdir(), "farebox-price-source-"));
after(() => rmSync(folder, { recursive: true }));

const DOCUMENT = `openapi: 3.1.0
servers: [{ url: https://api.example.com/v2 }]
paths:
  /ip-lookup:
    get:
      x-credits: 10
  /leads/{id}:
    get:
      x-credits:
        - { when: { query: mode, equals: full }, cost: 5 }
        - { cost: "0.5", on: processed }
    delete:
      summary: not priced
`;

/** The configuration beside this document. */
function parse(prices: string, document = DOCUMENT, more = "") {
  writeFileSync(join(folder, "openapi.yaml"), document);
  const text = `upstream: http://127.0.0.1:9000\nprices: ${prices}\n${more}`;
  return parseConfig(join(folder, "farebox.yaml"), text, {});
}

function problemsOf(prices: string, document?: string, more?: string): string[] {
  try {
    parse(prices, document, more);
  } catch (error) {
    assert.ok(error instanceof FareboxError && error.code === "config_invalid");
    const problems = error.detail["problems"] as readonly FileProblem[];
    return problems.map(({ file, line, path, reason, fix }) => {
      assert.notEqual(fix, "");
      return `${file?.slice(folder.length + 1)}:${line} ${path}: ${reason}`;
    });
  }
  return [];
}

const costsOf = (prices: string, document?: string): string[] =>
  parse(prices, document).prices.map(({ endpoint, cost }) => `${endpoint} ${formatCredits(cost)}`);

describe("prices of an OpenAPI document", () => {
  it("have the operations as matches, in the document's order", () => {
    assert.deepEqual(costsOf("{ openapi: ./openapi.yaml }"), [
      "GET /v2/ip-lookup 10",
      "GET /v2/leads/{id} 5",
      "GET /v2/leads/{id} 0.5",
    ]);
  });

  it("stand below another path where the configuration says so", () => {
    assert.deepEqual(costsOf("{ openapi: openapi.yaml, basePath: /api }")[0], "GET /api/ip-lookup 10");
    assert.deepEqual(costsOf(`{ openapi: openapi.yaml, basePath: "" }`)[0], "GET /ip-lookup 10");
  });

  it("are replaced by overrides with the same match, however its parameters are called", () => {
    const overrides = `[{ match: "GET /V2/leads/{lead}", cost: 7 }, { match: "* /v2/*", cost: 1 }]`;
    assert.deepEqual(costsOf(`{ openapi: openapi.yaml, overrides: ${overrides} }`), [
      "GET /v2/ip-lookup 10",
      "GET /V2/leads/{lead} 7",
      "* /v2/* 1",
    ]);
  });
});

it("the reference's example of a document and its configuration is one that loads", () => {
  const page = readFileSync(new URL("../../docs/reference/prices.md", import.meta.url), "utf8");
  const section = /^## Prices from an OpenAPI document$(.*?)^## /ms.exec(page)?.[1] ?? "";
  const [config = "", document = ""] = [...section.matchAll(/^```yaml\n(.*?)^```$/gms)].map(
    ([, text = ""]) => text,
  );
  writeFileSync(join(folder, "openapi.yaml"), `openapi: 3.1.0\n${document}`);
  const { prices } = parseConfig(join(folder, "farebox.yaml"), `upstream: http://127.0.0.1:9\n${config}`, {});
  assert.deepEqual(
    prices.map(({ endpoint, per }) => `${endpoint} per ${per}`),
    ["GET /v2/ip-lookup per request", "POST /v2/businesses per result", "GET /v2/leads per request"],
  );
});

describe("a problem with a document's prices names its file, line and path", () => {
  const OPENAPI = "{ openapi: openapi.yaml }";
  const wrong = (credits: string): string => DOCUMENT.replace("x-credits: 10", `x-credits: ${credits}`);
  const place = `openapi.yaml:6 paths["/ip-lookup"].get.x-credits`;
  const cases: [string, string, string | undefined, string[]][] = [
    ["a cost", OPENAPI, wrong("-1"), [`${place}.cost: -1 is not an amount`]],
    [
      "a member",
      OPENAPI,
      wrong("{ costs: 1 }"),
      [`${place}.costs: unknown field "costs"`, `${place}.cost: is missing`],
    ],
    ["a match", OPENAPI, wrong("{ match: GET /x, cost: 1 }"), [`${place}.match: the operation is the match`]],
    ["no price", OPENAPI, wrong("true"), [`${place}: true is no price`]],
    ["an empty list", OPENAPI, wrong("[]"), [`${place}: says nothing`]],
    ["nothing", OPENAPI, wrong(""), [`${place}: says nothing`]],
    [
      "several kinds of mistakes, told in one round",
      OPENAPI,
      wrong("-1").replace("    delete:", "    x-credits: 3\n    delete:"),
      [
        `${place}.cost: -1 is not an amount`,
        `openapi.yaml:12 paths["/leads/{id}"].x-credits: x-credits prices an operation, and here is none`,
      ],
    ],
    [
      "an order",
      OPENAPI,
      wrong("[1, { when: { query: a, equals: 1 }, cost: 2 }]"),
      [
        `${place}[1]: never applies: ${place.slice("openapi.yaml:6 ".length)}[0] has no conditions and comes first`,
      ],
    ],
    [
      "a price that is on no operation",
      OPENAPI,
      DOCUMENT.replace("    delete:", "    x-credits: 3\n    delete:"),
      [`openapi.yaml:12 paths["/leads/{id}"].x-credits: x-credits prices an operation, and here is none`],
    ],
    [
      "an override",
      "{ openapi: openapi.yaml, overrides: [{ match: GET /x, cost: x }] }",
      undefined,
      [`farebox.yaml:2 prices.overrides[0].cost: "x" is not an amount`],
    ],
    ["no document", OPENAPI, "title: x", ["openapi.yaml:1 : is no OpenAPI 3 document"]],
    [
      "an unknown option",
      "{ openapi: openapi.yaml, base: /x }",
      undefined,
      [`farebox.yaml:2 prices.base: unknown field "base"`],
    ],
    [
      "a base path",
      "{ openapi: openapi.yaml, basePath: v2/ }",
      undefined,
      [`farebox.yaml:2 prices.basePath: "v2/" is no path that begins with / and does not end with it`],
    ],
  ];
  for (const [name, prices, document, expected] of cases) {
    it(name, () => assert.deepEqual(problemsOf(prices, document), expected));
  }

  it("one price in the place of a list", () => {
    assert.deepEqual(problemsOf("{ match: GET /a, cost: 1 }", ""), [
      "farebox.yaml:2 prices: is one price, and not a list of them",
    ]);
  });

  it("a file that is not there", () => {
    const [problem] = problemsOf("{ openapi: missing.yaml }");
    assert.match(problem ?? "", /^farebox\.yaml:2 prices\.openapi: cannot be read: ENOENT.*missing\.yaml/);
  });

  it("an open endpoint that is priced there", () => {
    assert.deepEqual(problemsOf(OPENAPI, DOCUMENT, "open: [GET /v2/ip-lookup]"), [
      `${place}.match: "GET /v2/ip-lookup" is priced, and open without a key`,
    ]);
  });
});
