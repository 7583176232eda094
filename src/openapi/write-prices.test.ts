import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { parse } from "yaml";
import { FareboxError } from "../domain/farebox-error.ts";
import { parsePrices } from "../domain/prices/parse-prices.ts";
import type { PriceList } from "../domain/prices/price.ts";
import { priceListText } from "../domain/prices/price-list-json.ts";
import { readPricesOfDocument } from "./read-prices.ts";
import { writePrices } from "./write-prices.ts";

const CREDIT_TYPES = ["credits", "search"];

function listOf(prices: readonly object[], unpriced: PriceList["unpriced"] = "free"): PriceList {
  const written = prices.map((price) => Object.assign({ credit: "credits" }, price));
  const parsed = parsePrices(written, "prices", { creditTypes: CREDIT_TYPES });
  assert.ok(parsed.ok);
  return { version: 1, prices: parsed.value, unpriced };
}

const lookup = (cost: number) => ({ match: "GET /v1/ip-lookup", cost, on: "processed" });
const full = { match: "GET /v1/leads/{id}", when: { query: "mode", equals: "full" }, cost: 5 };
const rest = { match: "GET /v1/leads/{id}", cost: 1 };
const removal = { match: "DELETE /v1/leads/{id}", free: true };
const extra = { match: "POST /v1/extra", cost: 1 };
const PRICES = [lookup(10), full, rest, removal, extra];
const SHOWN = {
  inForce: listOf(PRICES),
  announced: [
    { effectiveAt: new Date("2027-01-01T00:00:00Z"), list: listOf([lookup(20), full, rest, removal, extra]) },
    {
      effectiveAt: new Date("2027-06-01T09:30:00Z"),
      list: listOf([lookup(20), full, rest, removal, { match: "GET /v1/status", cost: 1 }]),
    },
  ],
};

const DOCUMENT = `# Leads, version 1
openapi: 3.1.0
info: { title: Leads, version: "1.10" } # shown
servers:
  - url: https://{host}/v1/
    variables: { host: { default: api.example.com } }
paths:
  # look-ups come first
  /ip-lookup:
    get:
      summary: "Look up"
      description: 'Who owns an address.'
      parameters:
        - { name: ip, in: query, example: 12345678901234567890 }
        - name: ratio
          in: query
          example: 1.10

  /leads/{id}:
    get:
      description: |
        One lead.

        - with everything
    delete: { summary: remove }
    options: { summary: never priced }
  /status:
    get: {}
    head: {}
`;

type Written = Record<string, { "x-credits": unknown; "x-credits-announced": unknown; description: string }>;

function operationsOf(text: string): Written {
  const { paths } = parse(text) as { paths: Record<string, Record<string, Written[string]>> };
  return Object.fromEntries(
    Object.entries(paths).flatMap(([path, item]) =>
      Object.entries(item).map(([method, operation]) => [`${method} ${path}`, operation]),
    ),
  );
}

/** What a reader sees of a description. */
const visible = (text: string | undefined): string => (text ?? "").replaceAll(/<!--.*?-->\n?/g, "").trim();

describe("prices written into an OpenAPI document", () => {
  const written = writePrices("openapi.yaml", DOCUMENT, SHOWN);
  const operations = operationsOf(written.text);

  it("are data in the form of the configuration, a list where there are conditions", () => {
    assert.deepEqual(operations["get /ip-lookup"]?.["x-credits"], {
      cost: 10,
      credit: "credits",
      on: "processed",
    });
    assert.deepEqual(operations["get /leads/{id}"]?.["x-credits"], [
      { when: [{ query: "mode", equals: "full" }], cost: 5, credit: "credits" },
      { cost: 1, credit: "credits" },
    ]);
    assert.deepEqual(operations["delete /leads/{id}"]?.["x-credits"], { free: true, credit: "credits" });
    assert.equal(operations["get /status"]?.["x-credits"], undefined);
  });

  it("are a notice, with what is announced and from when", () => {
    const notice =
      "Who owns an address.\n\n**Credits:** 10 credits per request, charged when processed. From 1 January 2027: 20 credits per request, charged when processed.";
    assert.equal(visible(operations["get /ip-lookup"]?.description), notice);
    assert.deepEqual(operations["get /ip-lookup"]?.["x-credits-announced"], [
      { effectiveAt: "2027-01-01T00:00:00.000Z", credits: { cost: 20, credit: "credits", on: "processed" } },
    ]);
    assert.match(
      visible(operations["get /leads/{id}"]?.description),
      /^One lead\.\n\n- with everything\n\n\*\*Credits:\*\*\n\n- when query parameter `mode` is `full`: 5 credits per request, charged when successful\n- otherwise: 1 credit per request/,
    );
    assert.equal(visible(operations["delete /leads/{id}"]?.description), "**Credits:** free.");
    assert.match(
      visible(operations["get /status"]?.description),
      /^\*\*Credits:\*\* free\. From 1 June 2027, 09:30 UTC: 1 credit per request, charged when successful\.$/,
    );
  });

  it("leave comments, numbers and other operations as they were", () => {
    for (const kept of [
      "# Leads, version 1\n",
      "  # look-ups come first\n",
      "# shown\n",
      "example: 12345678901234567890 }",
      "example: 1.10\n",
      "options: { summary: never priced }",
      "head: {}",
    ]) {
      assert.ok(written.text.includes(kept), kept);
    }
  });

  it("are written once: another run changes nothing, and changed prices replace the notice where it stands", () => {
    assert.equal(writePrices("openapi.yaml", written.text, SHOWN).text, written.text);
    const moved = written.text.replace("        - with everything\n\n", "");
    const again = operationsOf(
      writePrices("openapi.yaml", moved, { inForce: listOf([lookup(11)]), announced: [] }).text,
    );
    assert.equal(
      visible(again["get /ip-lookup"]?.description),
      "Who owns an address.\n\n**Credits:** 11 credits per request, charged when processed.",
    );
    assert.equal(again["get /ip-lookup"]?.["x-credits-announced"], undefined);
    assert.equal(again["get /leads/{id}"]?.["x-credits"], undefined);
    assert.equal(visible(again["get /leads/{id}"]?.description), "One lead.\n\n**Credits:** free.");
  });

  it("name what has no price, and what no operation has", () => {
    assert.equal(written.operations, 5);
    assert.deepEqual(written.withoutPrice, ["GET /v1/status"]);
    assert.deepEqual(written.withoutOperation, ["POST /v1/extra"]);
    const elsewhere = writePrices("openapi.yaml", DOCUMENT, SHOWN, { basePath: "/v9" });
    assert.equal(elsewhere.withoutPrice.length, 4);
  });

  it("an endpoint that is refused is said to be not available", () => {
    const { text } = writePrices("openapi.yaml", DOCUMENT, { inForce: listOf([], "refuse"), announced: [] });
    assert.equal(visible(operationsOf(text)["get /status"]?.description), "**Credits:** not available.");
  });
});

describe("a JSON document", () => {
  const json = JSON.stringify({ openapi: "3.0.3", paths: operations() }, null, 4).replace(
    '"precise"',
    "12345678901234567890",
  );
  function operations() {
    return {
      "/v1/ip-lookup": { get: { description: "Old", example: "precise", responses: {} } },
      "/v1/status": { get: {} },
    };
  }

  it("stays what it is to the character, but for the members that are set", () => {
    const { text } = writePrices("openapi.json", json, SHOWN);
    const added = text
      .split("\n")
      .filter((line) => !json.includes(line.replace(/,$/, "")) && !/^\s*[\]{}]+,?$/.test(line));
    assert.ok(text.includes("12345678901234567890"));
    assert.ok(
      added.every((line) => /x-credits|cost|credit|on"|effectiveAt|description/.test(line)),
      added.join("\n"),
    );
    assert.deepEqual(
      (JSON.parse(text) as { paths: { "/v1/ip-lookup": { get: Record<string, unknown> } } }).paths[
        "/v1/ip-lookup"
      ].get["x-credits"],
      {
        cost: 10,
        credit: "credits",
        on: "processed",
      },
    );
    assert.equal(writePrices("openapi.json", text, SHOWN).text, text);
  });

  it("loses what was written when there are no prices any more", () => {
    const { text } = writePrices("openapi.json", json, SHOWN);
    const without = JSON.parse(
      writePrices("openapi.json", text, { inForce: listOf([]), announced: [] }).text,
    ) as { paths: object };
    assert.deepEqual(JSON.stringify(without.paths).match(/x-credits/g), null);
  });
});

describe("a document that cannot be priced is refused, with the place", () => {
  const cases: [string, string, RegExp][] = [
    ["no OpenAPI", "title: x", /is no OpenAPI 3 document/],
    ["Swagger 2", "swagger: '2.0'", /is Swagger 2/],
    [
      "a path defined elsewhere",
      "openapi: 3.1.0\npaths:\n  /x: { $ref: other.yaml }",
      /openapi\.yaml:3 paths\["\/x"\]\["\$ref"\]: is defined elsewhere/,
    ],
    ["an alias", "openapi: 3.1.0\npaths:\n  /x: { get: &one {} }\n  /y: { get: *one }", /is an alias/],
    ["bad YAML", "openapi: [", /not valid YAML/],
  ];
  for (const [name, text, message] of cases) {
    it(name, () => {
      assert.throws(
        () => writePrices("openapi.yaml", text, SHOWN),
        (error) =>
          error instanceof FareboxError && error.code === "openapi_invalid" && message.test(error.message),
      );
    });
  }
});

describe("prices read from the document that they were written into", () => {
  const folder = mkdtempSync(join(tmpdir(), "farebox-openapi-"));
  after(() => rmSync(folder, { recursive: true }));

  const perResult = {
    match: "POST /v2/search/{kind}",
    cost: "0.03",
    credit: "search",
    per: "result",
    count: { header: "x-n" },
  };
  const lists: [string, object[]][] = [
    ["a cost", [{ match: "GET /v2/a", cost: 10 }]],
    ["a free one", [{ match: "GET /v2/a", free: true, credit: "search" }]],
    [
      "conditions, of every kind",
      [
        { match: "GET /v2/a/{id}", when: { query: "x", equals: "1" }, cost: 1 },
        { match: "GET /v2/a/{id}", when: { query: "y", equals: 1 }, cost: 2 },
        {
          match: "GET /v2/a/{id}",
          when: [
            { path: "id", oneOf: ["a", true, 0.5] },
            { header: "h", exists: false },
          ],
          free: true,
        },
        { match: "GET /v2/a/{id}", cost: 3 },
      ],
    ],
    [
      "results",
      [
        { ...perResult, atMost: { body: "/size", default: 10, max: 500 }, uncounted: 0 },
        { ...perResult, match: "PUT /v2/search/{kind}", atMost: 100, count: { body: "" } },
      ],
    ],
    [
      "once, statuses, detached",
      [
        {
          match: "POST /v2/t",
          cost: 1,
          on: [200, 404],
          once: { key: "/ip", within: "24h" },
          detached: "abandon",
        },
        { match: "HEAD /v2/t", cost: 1, on: "processed" },
      ],
    ],
    [
      "several paths and methods",
      [
        { match: "GET /v2/a", cost: 1 },
        { match: "POST /v2/a", cost: 2 },
        { match: "DELETE /v2/a/{id}/b/{c}", cost: 0.000001 },
      ],
    ],
  ];
  for (const format of ["yaml", "json"]) {
    for (const [name, prices] of lists) {
      it(`${name}, in ${format}: the same list`, () => {
        const list = listOf(prices);
        const paths: Record<string, Record<string, object>> = {};
        for (const { endpoint } of list.prices) {
          const [method = "", path = ""] = endpoint.split(" ");
          const item = (paths[path.slice("/v2".length)] ??= {});
          item[method.toLowerCase()] = { responses: {} };
        }
        const document = JSON.stringify({ openapi: "3.1.0", servers: [{ url: "/v2" }], paths });
        const file = join(folder, `openapi.${format}`);
        const text = format === "json" ? document : `# yaml\n${document}`;
        writeFileSync(file, writePrices(file, text, { inForce: list, announced: [] }).text);
        const read = readPricesOfDocument(file, undefined);
        assert.deepEqual(read.problems, []);
        const parsed = parsePrices(read.prices, "prices", { creditTypes: CREDIT_TYPES });
        assert.ok(parsed.ok);
        assert.equal(priceListText({ prices: parsed.value, unpriced: "free" }), priceListText(list));
      });
    }
  }
});

describe("a document of 13 million characters", () => {
  it("gets the prices of its 1,223 operations in one pass, and every other line stays", () => {
    const paths: Record<string, object> = {};
    const parameter = {
      name: "field",
      in: "query",
      description: "Says a thing or two about the field.".repeat(8),
    };
    for (let number = 0; number < 1_223; number += 1) {
      const parameters = Array.from({ length: 28 }, () => parameter);
      paths[`/things/${number}/{id}`] = { get: { description: "Reads.\nTwice.", parameters, responses: {} } };
    }
    const text = JSON.stringify({ openapi: "3.1.0", paths }, null, 2);
    assert.ok(text.length > 13_000_000);
    const list = listOf([{ match: "GET /things/{a}/{b}", cost: 2 }]);
    const written = writePrices("openapi.json", text, { inForce: list, announced: [] });
    assert.deepEqual([written.operations, written.withPrice], [1_223, 1_223]);
    const lines = new Set(written.text.split("\n"));
    assert.deepEqual(
      text
        .split("\n")
        .filter((line) => !lines.has(line) && !lines.has(`${line},`) && !line.includes("Reads.")),
      [],
    );
    const credits = JSON.stringify({ cost: 2, credit: "credits" });
    const again = JSON.parse(written.text) as { paths: Record<string, { get: { "x-credits": unknown } }> };
    const shown = Object.values(again.paths).map(({ get }) => JSON.stringify(get["x-credits"]));
    assert.deepEqual([...new Set(shown)], [credits]);
  });

  it("is refused at its line when an object has a member twice", () => {
    const text = '{ "openapi": "3.1.0",\n"paths": {\n"/a": {},\n"/a": {} } }';
    assert.throws(() => writePrices("openapi.json", text, { inForce: listOf([]), announced: [] }), {
      code: "openapi_invalid",
      message: /openapi\.json:4/,
    });
  });
});
