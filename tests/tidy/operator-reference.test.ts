import assert from "node:assert/strict";
import { test } from "node:test";
import { OperatorUnderTest } from "../../src/api/operator/testing/operator-under-test.ts";
import type { Database } from "../../src/ledger/database/database.ts";
import { readTracked } from "./tracked-files.ts";

const DOCUMENT = readTracked("docs/reference/operator-api.md");

/** Building the API touches no database. */
const none = new Proxy({}, { get: () => assert.fail("the database was used") });

// oxlint-disable-next-line typescript/no-unsafe-type-assertion
const { app } = new OperatorUnderTest(none as Database);

test("the operator API's reference has a section for every route, and for nothing else", () => {
  const served = app.routes
    .filter(({ method }) => method !== "ALL")
    .map(({ method, path }) => `${method} ${path.replaceAll(/:(\w+)/g, "{$1}")}`);
  const documented = [...DOCUMENT.matchAll(/^### `((?:GET|POST|PUT|PATCH|DELETE) [^`]+)`\n\n\S/gm)].map(
    (match) => match[1] ?? "",
  );
  assert.deepEqual(documented.toSorted(), [...new Set(served)].toSorted());
});

test("every field of a request body is named in its section", async () => {
  const document = (await (await app.request("/v1/openapi.json")).json()) as OpenApi;
  const bodies = Object.entries(document.paths).flatMap(([path, operations]) =>
    Object.entries(operations).flatMap(([method, { requestBody }]) => {
      const name = requestBody?.content["application/json"].schema.$ref.split("/").at(-1);
      if (name === undefined) return [];
      const fields = Object.keys(document.components.schemas[name]?.properties ?? {});
      return [{ title: `${method.toUpperCase()} ${path}`, fields }];
    }),
  );
  assert.ok(bodies.length >= 10);
  for (const { title, fields } of bodies) {
    const section = DOCUMENT.split("\n### ").find((text) => text.startsWith(`\`${title}\``)) ?? "";
    const missing = fields.filter((field) => !section.includes(`\`${field}\``));
    assert.deepEqual(missing, [], title);
  }
});

interface OpenApi {
  readonly paths: Record<
    string,
    Record<
      string,
      { readonly requestBody?: { readonly content: { "application/json": { schema: { $ref: string } } } } }
    >
  >;
  readonly components: { readonly schemas: Record<string, { readonly properties: object }> };
}
