import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text as readText } from "node:stream/consumers";
import { test } from "node:test";
import { openScene } from "../customer-api/scene.ts";

const ROOT = join(import.meta.dirname, "..", "..");

/** The default contract, and a usage object for who asks for it. */
const USAGE = `
usage:
  header: credit-usage
  value: "true"
  member: credit_usage
  body: { total_results: "\${units}", total_credits: "\${charged}" }
`;

test("the Python client and its middleware pass their own tests against a running Farebox", async (context) => {
  const folder = await mkdtemp(join(tmpdir(), "farebox-python-"));
  context.after(() => rm(folder, { recursive: true }));
  const contract = join(folder, "contract.yaml");
  const plain = await readFile(join(ROOT, "contracts", "farebox.yaml"), "utf8");
  await writeFile(contract, plain.replace("name: farebox\n", "name: python\n") + USAGE);
  const scene = await openScene(`
contract: ${contract}
sidecar: { listen: 127.0.0.1:0 }
prices:
  - { match: GET /paid, cost: 2 }
  - { match: "GET /caf%C3%A9/{name}", cost: 4 }
  - match: POST /search
    cost: 1
    per: result
    count: { body: /data }
    atMost: { body: /size, default: 10, max: 100 }
`);
  context.after(() => scene.close());
  assert.ok(scene.sidecar);
  const { token } = await scene.operate<{ token: string }>("POST", "/v1/tokens", {
    name: "python",
    role: "meter",
  });
  const python = spawn("python3", ["-m", "unittest", "discover", "-v", "-s", "tests", "-t", "."], {
    cwd: join(ROOT, "clients", "python"),
    env: {
      PATH: process.env["PATH"],
      PYTHONDONTWRITEBYTECODE: "1",
      PYTHONWARNINGS: "error",
      FAREBOX_TEST_SIDECAR: scene.sidecar,
      FAREBOX_TEST_METER_TOKEN: token,
      FAREBOX_TEST_OPERATOR: scene.operator,
      FAREBOX_TEST_OPERATOR_TOKEN: scene.operatorToken,
    },
    stdio: ["ignore", "ignore", "pipe"],
  });
  const [report] = await Promise.all([readText(python.stderr), once(python, "close")]);
  assert.equal(python.exitCode, 0, report);
  const ran = Number(/^Ran (\d+) tests/m.exec(report)?.[1] ?? 0);
  assert.ok(ran > 20, `only ${ran} tests ran`);
  assert.doesNotMatch(report, /skipped/);
});
