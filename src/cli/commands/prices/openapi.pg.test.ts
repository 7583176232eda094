import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { eachDatabase } from "../../../ledger/testing/test-databases.ts";
import { CliUnderTest } from "../../testing/cli-under-test.ts";

const EXAMPLE = join(import.meta.dirname, "..", "..", "..", "..", "examples", "leadboxer");

eachDatabase("prices written into a document", (openFresh) => {
  let cli: CliUnderTest;
  const directory = mkdtempSync(join(tmpdir(), "farebox-prices-openapi-"));
  before(async () => {
    cli = new CliUnderTest(await openFresh());
  });
  after(() => rmSync(directory, { recursive: true }));

  const write = (output: string): ReturnType<CliUnderTest["run"]> => {
    const config = join(EXAMPLE, "farebox.yaml");
    return cli.run("prices", "openapi", join(EXAMPLE, "openapi.yaml"), "--config", config, "-o", output);
  };

  test("the report counts the operations that have a price", async () => {
    const output = join(directory, "openapi.yaml");
    const { code, out } = await write(output);
    assert.equal(code, 0);
    assert.equal(
      out,
      `Wrote the prices of 5 of 6 operations to ${output}.\nOperations without a price:\n  GET /v1/status\n`,
    );
    assert.match(readFileSync(output, "utf8"), /x-credits: \{ cost: 10,/);
  });

  test("a file that cannot be written is named with the fix", async () => {
    const { code, err } = await write(join(directory, "none", "openapi.yaml"));
    assert.equal(code, 2);
    assert.match(
      err,
      /^farebox: The OpenAPI document cannot be written: ENOENT[^\n]+\n {2}fix: Name another file/,
    );
  });
});
