import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { runCli } from "../../src/cli/run-cli.ts";
import {
  migratedFolder,
  startFarebox,
  startUpstream,
  temporaryFolder,
  writeConfig,
} from "./farebox-process.ts";

const GUIDE = readFileSync(join(import.meta.dirname, "..", "..", "docs", "guide", "keys.md"), "utf8");

const config = (upstream: string): string => `
upstream: ${upstream}
prices:
  - { match: "GET /v1/leads/{id}", cost: 2 }
  - { match: "GET /v1/ip", free: true }
`;

interface Output {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

type Running = Awaited<ReturnType<typeof startRunning>>;

/** A running Farebox with an account, and a way to run commands on it. */
async function startRunning(context: TestContext) {
  const data = await migratedFolder(context);
  const upstream = await startUpstream(context, (_request, response) => response.end("{}"));
  const folder = temporaryFolder(context);
  const file = writeConfig(folder, config(upstream));
  const ready = await startFarebox(context, ["--config", file, "--data", data]).ready();
  // In this process: what a command does is asked here, and tests/end-to-end/cli.test.ts starts them as people do.
  const run = async (...args: readonly string[]): Promise<Output> => {
    let stdout = "";
    let stderr = "";
    const out = (text: string): void => void (stdout += text);
    const err = (text: string): void => void (stderr += text);
    const code = await runCli([...args, "--data", data], { out, err, interactive: false });
    return { code, stdout, stderr };
  };
  // Commands print JSON of every shape.
  // oxlint-disable-next-line typescript/no-explicit-any
  const json = async (...args: readonly string[]): Promise<any> => {
    const { code, stdout, stderr } = await run(...args, "--json");
    assert.equal(code, 0, `${args.join(" ")}: ${stderr}`);
    return JSON.parse(stdout);
  };
  const { id: account } = await json("account", "create", "Acme");
  await json("grant", account, "100");
  const call = async (key: string, path: string): Promise<number> =>
    (await fetch(`${ready.gateway}${path}`, { headers: { authorization: `Bearer ${key}` } })).status;
  return { account, folder, run, json, call };
}

/** One Farebox for all of them: to start it costs more than all commands together. */
test("keys from the command line", async (context) => {
  const running = await startRunning(context);
  await context.test("wrong options are told, and nothing is done", () => tryWrongOptions(running));
  await context.test("a key is created, shown, changed, rotated and listed", () => tryCommands(running));
  await context.test("every command of the guide does what it is there for", () => followGuide(running));
});

async function tryCommands({ account, run, json, call }: Running): Promise<void> {
  const scopes = ["--scope", "GET /v1/leads/7", "--scope", "* /v1/exports/*"];
  const caps = ["--cap", "credits:day=10", "--cap", "credits:total=50.5"];
  const made = await json(
    "key",
    "create",
    account,
    "--name",
    "reports",
    ...scopes,
    "--address",
    "127.0.0.0/8",
    "--address",
    "::1",
    ...caps,
    "--expires",
    "2100-01-01",
  );
  assert.deepEqual(made.scopes, ["GET /v1/leads/7", "* /v1/exports/*"]);
  assert.deepEqual(made.addresses, ["127.0.0.0/8", "::1"]);
  assert.deepEqual([made.caps[0].day, made.caps[0].month, made.caps[0].total], [10, null, 50.5]);
  assert.deepEqual([await call(made.key, "/v1/leads/7"), await call(made.key, "/v1/leads/8")], [200, 403]);

  const shown = await run("key", "show", made.id, "--permissions");
  assert.match(shown.stdout, /^key +key_\w+ \(fbx_\.\.\.\w{4}\)\n/);
  assert.match(shown.stdout, /\nscopes +GET \/v1\/leads\/7\n +\* \/v1\/exports\/\*\n/);
  assert.match(shown.stdout, /\ncaps +2 of 10 credits, day until .+\n +2 of 50\.5 credits, total\n/);
  assert.match(shown.stdout, /\nGET \/v1\/leads\/\{id\} +some +2 credits\nGET \/v1\/ip +none +free\n/);
  assert.ok(!shown.stdout.includes(made.key));

  const rotated = await run("key", "rotate", made.id, "--grace", "1h");
  assert.match(rotated.stdout, /^fbx_[0-9A-Za-z]{36}\n$/);
  assert.match(rotated.stderr, /Rotated key key_\w+\. Keep the key.+fbx_\.\.\.\w{4} works until /);
  assert.deepEqual(
    [await call(made.key, "/v1/leads/7"), await call(rotated.stdout.trim(), "/v1/leads/7")],
    [200, 200],
  );
  const updated = await json("key", "update", made.id, "--every-endpoint", "--plan-caps", "--never-expires");
  assert.deepEqual([updated.scopes, updated.caps, updated.expiresAt], [null, [], null]);
  assert.equal(updated.secretsInGrace.length, 1);

  const list = await run("key", "list", account, "--search", "REP", "--state", "active");
  assert.match(
    list.stdout,
    /^KEY +NAME +HINT +STATE +LAST USED +EXPIRES +SCOPES\nkey_\w+ +reports +fbx_\.\.\./,
  );
  assert.equal((await run("key", "list", account, "--state", "revoked")).stdout, "No keys.\n");
}

async function tryWrongOptions({ account, run }: Running): Promise<void> {
  const wrong: [string[], RegExp][] = [
    [["key", "create", account, "--cap", "day=1"], /Write the credit type and its caps/],
    [["key", "create", account, "--scope", "leads"], /scopes\[0\]/],
    [["key", "rotate", "key_x"], /--grace/],
    [["key", "rotate", "key_x", "--grace", "5"], /a duration like/],
    [["key", "rotate", "key_x", "--grace", "31d"], /graceSeconds/],
    [["key", "update", "key_x", "--scope", "GET /a", "--every-endpoint"], /cannot be used with/],
    [["key", "update", "key_x", "--name", "y"], /There is no key key_x/],
  ];
  for (const [args, told] of wrong) {
    const { code, stderr } = await run(...args);
    assert.notEqual(code, 0, args.join(" "));
    assert.match(stderr, told, args.join(" "));
  }
  assert.equal((await run("key", "list", account)).stdout, "No keys.\n");
}

async function followGuide({ account, folder, json, run }: Running): Promise<void> {
  const commands = [...GUIDE.matchAll(/^npx (farebox .+)$/gm)].map(([, line = ""]) => line);
  assert.ok(commands.length >= 10);
  const { id } = await json("key", "create", account);
  const imported = join(folder, "keys.jsonl");
  writeFileSync(imported, `${JSON.stringify({ account, sha256: "a".repeat(64) })}\n`);
  for (const command of commands) {
    const words = command.replaceAll(/\bacc_\w+/g, account).replaceAll(/\bkey_\w+/g, id);
    const args = [...words.matchAll(/"([^"]*)"|(\S+)/g)]
      .map(([, quoted, plain]) => quoted ?? plain ?? "")
      .map((word) => (word === "keys.jsonl" ? imported : word));
    const { code, stderr } = await run(...args.slice(1));
    assert.equal(code, 0, `${command}: ${stderr}`);
  }
}
