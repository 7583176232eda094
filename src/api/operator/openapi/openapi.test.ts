import assert from "node:assert/strict";
import { before, test } from "node:test";
import { Validator } from "@seriousme/openapi-schema-validator";
import type { Database } from "../../../ledger/database/database.ts";
import { OperatorUnderTest } from "../testing/operator-under-test.ts";

interface Schema {
  readonly $ref?: string;
  readonly example?: unknown;
  readonly enum?: unknown;
  readonly type?: string;
  readonly items?: Schema;
  readonly properties?: Record<string, Schema>;
  readonly required?: string[];
}
interface Operation {
  readonly operationId?: string;
  readonly summary?: string;
  readonly tags?: string[];
  readonly security?: object[];
  readonly parameters?: { readonly name: string; readonly in: string; readonly schema: Schema }[];
  readonly requestBody?: { readonly content: { "application/json": { schema: Schema } } };
  readonly responses: Record<string, { readonly description?: string; readonly $ref?: string }>;
}
interface Document {
  readonly paths: Record<string, Record<string, Operation>>;
  readonly tags: { readonly name: string; readonly description: string }[];
  readonly components: {
    readonly schemas: Record<string, Schema>;
    readonly responses: Record<string, { readonly description: string }>;
    readonly securitySchemes: object;
  };
}

/** Describing the API touches no database. */
const none = new Proxy({}, { get: () => assert.fail("the database was used") });

let document: Document;
let operations: (Operation & { readonly title: string; readonly method: string; readonly path: string })[];
before(async () => {
  document = (await new OperatorUnderTest(none as Database).get("/v1/openapi.json")).body;
  operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) =>
      Object.assign({}, operation, { method, path, title: `${method.toUpperCase()} ${path}` }),
    ),
  );
});

test("the document is valid OpenAPI 3.1", async () => {
  const validator = new Validator();
  const { valid, errors } = await validator.validate(structuredClone({ ...document }));
  assert.ok(valid, JSON.stringify(errors, null, 1));
  assert.equal(validator.version, "3.1");
});

test("a document with a mistake is not: the check above can fail", async () => {
  const broken = { ...document, paths: { "/v1/x": { get: { responses: { "200": {} } } } } };
  assert.equal((await new Validator().validate(structuredClone(broken))).valid, false);
});

test("every operation has an id of its own, a summary, one described tag, and asks for the token", () => {
  const ids = operations.map(({ operationId }) => operationId);
  assert.equal(new Set(ids).size, operations.length);
  const described = new Set(document.tags.map(({ name }) => name));
  for (const { title, operationId, summary, tags, security } of operations) {
    assert.match(operationId ?? "", /^[a-z][A-Za-z]+$/, title);
    assert.ok((summary ?? "").length > 10 && !summary?.endsWith("."), title);
    assert.ok(
      tags?.length === 1 && described.has(tags[0] ?? ""),
      `${title}: ${tags?.join()} has no description`,
    );
    assert.deepEqual(security, [{ operatorToken: [] }], title);
  }
  const used = new Set(operations.flatMap(({ tags }) => tags));
  assert.deepEqual(
    [...described].filter((name) => !used.has(name)),
    [],
    "tags that nothing has",
  );
});

test("every operation names each status that it can answer with", () => {
  for (const { title, path, parameters = [], requestBody, responses } of operations) {
    const statuses = Object.keys(responses);
    const expected = ["401", "500", "503", "default"];
    if (path.includes("{")) expected.push("404", "422");
    if (parameters.some(({ name }) => name === "idempotency-key")) expected.push("409", "422");
    if (requestBody !== undefined) expected.push("400", "413", "415");
    for (const status of expected) assert.ok(statuses.includes(status), `${title}: ${status}`);
    assert.equal(statuses.filter((status) => status.startsWith("2")).length, 1, title);
    for (const [status, { $ref, description = "" }] of Object.entries(responses)) {
      const name = $ref?.split("/").at(-1) ?? "";
      const text =
        $ref === undefined ? description : (document.components.responses[name]?.description ?? "");
      assert.ok(text.length > 5, `${title}: ${status} has a description`);
    }
  }
});

test("every field that a body must have, and every parameter of a path, has an example or its values", () => {
  const missing: string[] = [];
  const look = (schema: Schema, where: string): void => {
    const shown =
      schema.$ref === undefined ? schema : document.components.schemas[schema.$ref.split("/").at(-1) ?? ""];
    if (shown?.items !== undefined) return look(shown.items, where);
    if (shown?.properties !== undefined) {
      for (const name of shown.required ?? []) look(shown.properties[name] ?? {}, `${where}.${name}`);
      return;
    }
    if (shown?.example !== undefined || shown?.enum !== undefined || shown?.type === "boolean") return;
    missing.push(where);
  };
  for (const { title, parameters = [], requestBody } of operations) {
    for (const parameter of parameters.filter(({ in: place }) => place === "path")) {
      look(parameter.schema, `${title}: ${parameter.name}`);
    }
    const name = requestBody?.content["application/json"].schema.$ref?.split("/").at(-1);
    if (requestBody === undefined) continue;
    assert.ok(name, `${title}: its body is a schema with a name`);
    const body = document.components.schemas[name];
    for (const field of body?.required ?? []) look(body?.properties?.[field] ?? {}, `${title}: ${field}`);
  }
  assert.deepEqual(missing, []);
});

test("patterns are expressions that JSON Schema knows", () => {
  const patterns: string[] = [];
  JSON.stringify(document, (name, value: unknown) => {
    if (name === "pattern" && typeof value === "string") patterns.push(value);
    return value;
  });
  assert.ok(patterns.length > 3);
  for (const pattern of patterns) {
    assert.doesNotThrow(() => new RegExp(pattern, "u"), pattern);
    assert.doesNotMatch(pattern, /\/[a-z]$/);
  }
});
