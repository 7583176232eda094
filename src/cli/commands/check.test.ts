import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { runCli } from "../run-cli.ts";

const folder = mkdtempSync(join(tmpdir(), "farebox-check-"));
after(() => rmSync(folder, { recursive: true, force: true }));

async function check(
  text: string,
  ...options: string[]
): Promise<{ code: number; out: string; err: string }> {
  const file = join(folder, "farebox.yaml");
  writeFileSync(file, text);
  let [out, err] = ["", ""];
  const terminal = {
    out: (part: string) => void (out += part),
    err: (part: string) => void (err += part),
    interactive: false,
  };
  const code = await runCli(["check", file, ...options], terminal);
  return { code, out: out.replaceAll(file, "farebox.yaml"), err: err.replaceAll(file, "farebox.yaml") };
}

const RIGHT = `
upstream: http://127.0.0.1:9000
unpriced: refuse
prices:
  - { match: "GET /v1/ip-lookup", cost: 10, on: processed }
  - { match: POST /v1/search, cost: 4, when: [{ body: /deep, equals: true }] }
  - { match: POST /v1/search, cost: 2 per 10 results, count: { body: /data }, atMost: 100 }
`;

test("a configuration that is right is told with its prices in words, without a database", async () => {
  const { code, out, err } = await check(RIGHT.replace("cost: 2 per 10 results", "cost: 2, per: 10 results"));
  assert.deepEqual([code, err], [0, ""]);
  assert.equal(
    out,
    `farebox.yaml is right.
  contract: farebox
  credit types: credits
  upstream: http://127.0.0.1:9000

ENDPOINT           WHAT IT COSTS
GET /v1/ip-lookup  10 credits per request, charged when processed
POST /v1/search    when \`/deep\` of the body is \`true\`: 4 credits per request, charged when successful
                   otherwise: 2 credits per 10 results, at most 100 results a request, charged when successful
everything else    refused with 404
`,
  );
});

test("programs get the same as JSON", async () => {
  const { code, out } = await check(
    "upstream: http://127.0.0.1:9000\nprices: [{ match: GET /a, free: true }]\n",
    "--json",
  );
  assert.equal(code, 0);
  assert.deepEqual(JSON.parse(out), {
    file: "farebox.yaml",
    contract: "farebox",
    creditTypes: ["credits"],
    upstreams: ["http://127.0.0.1:9000"],
    prices: [{ match: "GET /a", costs: ["free"] }],
    unpriced: "free",
  });
});

test("what is wrong is named, all of it at once, with exit code 2", async () => {
  const { code, out, err } = await check("upstream: nowhere\nprices: [{ match: GET /a, cost: -1 }]\n");
  assert.deepEqual([code, out], [2, ""]);
  assert.match(err, /upstream/);
  assert.match(err, /prices\[0\]\.cost/);
});
