import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { loadConfig } from "../../../config/load-config.ts";
import { runCli } from "../../run-cli.ts";

const folder = mkdtempSync(join(tmpdir(), "farebox-init-"));
after(() => rmSync(folder, { recursive: true, force: true }));

async function run(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  let [out, err] = ["", ""];
  const terminal = {
    out: (part: string) => void (out += part),
    err: (part: string) => void (err += part),
    interactive: false,
  };
  const code = await runCli(["init", ...args], terminal);
  return { code, out: out.replaceAll(`${folder}/`, ""), err: err.replaceAll(`${folder}/`, "") };
}

/** All that are shipped. */
const CONTRACTS = readdirSync(new URL("../../../../contracts/", import.meta.url)).flatMap(
  (name) => /^(.+)\.yaml$/.exec(name)?.[1] ?? [],
);

const DOCUMENT = join(folder, "api.yaml");
writeFileSync(
  DOCUMENT,
  `
openapi: 3.1.0
info: { title: Leads, version: "1" }
servers: [{ url: https://api.acme.com/v2 }]
paths:
  /leads:
    get: { summary: "List leads: # all" }
    post: { description: "Make one\\nor more" }
  /leads/{lead.id}: { get: { operationId: getLead }, head: {} }
  /leads/{other}: { get: {} }
  /files/{id}.json/{id}: { get: {} }
  /leads?beta=true: { get: {} }
  /search?version=2: { post: {} }
  /report#daily: { get: {} }
`,
);

describe("farebox init", () => {
  for (const contract of CONTRACTS) {
    it(`writes what is right with the contract ${contract}: from nothing, and from a document`, async () => {
      for (const [index, more] of [
        [],
        ["--openapi", DOCUMENT],
        ["--openapi", DOCUMENT, "--operations", "unpriced"],
      ].entries()) {
        const { code, err } = await run(
          join(folder, `${contract}-${index}.yaml`),
          "--contract",
          contract,
          ...more,
        );
        assert.equal(code, 0, err);
      }
    });
  }

  it("writes a configuration that is right, and says what comes next", async () => {
    const file = join(folder, "plain.yaml");
    const { code, out } = await run(file, "--upstream", "http://10.0.0.7:3000", "--contract", "firecrawl");
    assert.equal(code, 0);
    assert.match(
      out,
      /^Wrote plain\.yaml\.\n[^]*farebox check plain\.yaml:[^]*farebox start --config plain\.yaml:/,
    );
    const { upstreams, contract, prices, unpriced, plans } = loadConfig(file, {});
    assert.deepEqual(
      upstreams.map(({ url }) => url),
      ["http://10.0.0.7:3000"],
    );
    assert.deepEqual([contract, unpriced, prices.length, plans.length], ["firecrawl", "free", 3, 1]);
  });

  it("never overwrites a file", async () => {
    const file = join(folder, "mine.yaml");
    writeFileSync(file, "mine");
    const { code, err } = await run(file);
    assert.equal(code, 1);
    assert.match(err, /mine\.yaml is there already[^]*fix: name another file/);
    assert.equal(readFileSync(file, "utf8"), "mine");
  });

  it("writes nothing when an option is wrong", async () => {
    const file = join(folder, "wrong.yaml");
    const { code, err } = await run(file, "--upstream", "nowhere");
    assert.equal(code, 2);
    assert.match(err, /wrong\.yaml:\d+ upstream: is not an address/);
    assert.throws(() => readFileSync(file), /ENOENT/);
    assert.equal((await run(file, "--operations", "dear")).code, 1);
    assert.match((await run(file, "--openapi", join(folder, "none.yaml"))).err, /cannot be read/);
  });

  it("makes each operation of an OpenAPI document free, and nothing else is let through", async () => {
    const file = join(folder, "free.yaml");
    const { out } = await run(file, "--openapi", DOCUMENT);
    const { prices, unpriced } = loadConfig(file, {});
    assert.deepEqual(
      prices.map(({ endpoint, free }) => [endpoint, free]),
      [
        ["GET /v2/leads", true],
        ["POST /v2/leads", true],
        ["GET /v2/leads/{lead_id}", true],
        ["GET /v2/files/{id_json}/{id}", true],
        ["POST /v2/search", true],
        ["GET /v2/report", true],
      ],
    );
    assert.equal(unpriced, "refuse");
    const text = readFileSync(file, "utf8");
    assert.match(text, /match: "GET \/v2\/leads", free: true \} # List leads: # all$/m);
    assert.match(text, /match: "POST \/v2\/leads", free: true \} # Make one$/m);
    assert.match(
      out,
      /^Wrote free\.yaml with 6 operations\.\nLeft out[^]*GET \/v2\/leads\/\{other\}: GET \/v2\/leads\/\{lead_id\} has the same requests$/m,
    );
  });

  it("tells operations that only a query tells apart, and a document without any", async () => {
    const { out } = await run(join(folder, "query.yaml"), "--openapi", DOCUMENT);
    assert.match(
      out,
      /GET \/v2\/leads\?beta=true: GET \/v2\/leads has the same requests; a condition on the query/,
    );
    const webhooks = join(folder, "webhooks.yaml");
    writeFileSync(
      webhooks,
      "openapi: 3.1.0\ninfo: { title: a, version: '1' }\nwebhooks: { new: { post: {} } }\n",
    );
    const file = join(folder, "none-of-them.yaml");
    const { code, err } = await run(file, "--openapi", webhooks);
    assert.equal(code, 2);
    assert.match(err, /webhooks\.yaml paths: has no operation; .*leave --openapi out/);
    assert.throws(() => readFileSync(file), /ENOENT/);
  });

  it("or leaves them without a price, each with a line to uncomment", async () => {
    const file = join(folder, "unpriced.yaml");
    const { out } = await run(
      file,
      "--openapi",
      DOCUMENT,
      "--operations",
      "unpriced",
      "--base-path",
      "/",
      "--json",
    );
    assert.equal((JSON.parse(out) as { operations: number }).operations, 8);
    const { prices, unpriced } = loadConfig(file, {});
    assert.deepEqual([prices.length, unpriced], [0, "free"]);
    const sold = readFileSync(file, "utf8")
      .replace("prices: []", "prices:")
      .replaceAll(/^ {2}# - \{/gm, "  - {");
    writeFileSync(file, sold);
    assert.deepEqual(
      loadConfig(file, {}).prices.map(({ endpoint, cost }) => [endpoint, cost]),
      [
        "GET /leads",
        "POST /leads",
        "GET /leads/{lead_id}",
        "GET /files/{id_json}/{id}",
        "POST /search",
        "GET /report",
      ].map((match) => [match, 1_000_000n]),
    );
  });
});
