import assert from "node:assert/strict";
import { test } from "node:test";
import { Validator } from "@seriousme/openapi-schema-validator";
import { describeSidecar } from "./describe-sidecar.ts";
import { OPERATIONS } from "./operations.ts";

interface Document {
  readonly paths: Record<
    string,
    Record<string, { readonly operationId: string; readonly responses: object }>
  >;
  readonly components: {
    readonly schemas: Record<string, { readonly properties?: object; readonly oneOf?: readonly object[] }>;
  };
}

test("the document is valid OpenAPI 3.1 and has every operation", async () => {
  const document = structuredClone(describeSidecar("1.2.3"));
  const { valid, errors } = await new Validator().validate({ ...document });
  assert.ok(valid, JSON.stringify(errors, null, 1));
  const { paths } = document as Document;
  const described = Object.entries(paths).map(([path, { post }]) => [path, post?.operationId]);
  assert.deepEqual(
    described,
    OPERATIONS.map(({ path, name }) => [path, name]),
  );
});

test("everything that is asked and answered is a schema with a name, and what may be one of several is told apart by a field", () => {
  const { components } = describeSidecar("1.2.3") as Document;
  for (const name of ["AuthorizeRequest", "Admitted", "SettleRequest", "ReleaseAnswer", "Problem"])
    assert.ok(components.schemas[name]?.properties, name);
  for (const [name, field] of [
    ["AuthorizeAnswer", "decision"],
    ["SettleAnswer", "outcome"],
  ] as const) {
    const schema = components.schemas[name];
    assert.ok((schema?.oneOf?.length ?? 0) >= 3, name);
    assert.partialDeepStrictEqual(schema, { discriminator: { propertyName: field } });
  }
});
