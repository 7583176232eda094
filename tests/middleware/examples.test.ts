import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { type TestContext, test } from "node:test";
import { promisify } from "node:util";
import { findOperator } from "../../src/cli/operator/find-operator.ts";
import { createClient } from "../../src/client/index.ts";
import { auditLedger } from "../../src/ledger/audit/audit.ts";
import { openDatabase } from "../../src/ledger/database/open-database.ts";
import { migratedFolder, temporaryFolder } from "../end-to-end/farebox-process.ts";
import { readTracked } from "../tidy/tracked-files.ts";

const execute = promisify(execFile);
const ROOT = join(import.meta.dirname, "..", "..");
const HOOKS = join(import.meta.dirname, "resolve-package.mjs");

const PAGE = readTracked("docs/guide/middleware.md");
const CONFIG = readTracked("examples/middleware/farebox.yaml");

/** The page's block that has such a line. */
function block(kind: string, line: string): string {
  const found = [...PAGE.matchAll(/^```(\w+)\n(.*?)^```$/gms)].find(
    ([, of, text = ""]) => of === kind && text.includes(line),
  );
  assert.ok(found?.[2], line);
  return found[2];
}

/** An application in a folder of its own, as its author starts it, but on ports that are free. */
async function start(context: TestContext, script: string, config: string) {
  const folder = temporaryFolder(context);
  renameSync(await migratedFolder(context), join(folder, ".farebox"));
  const ports = script
    .replace(/\b3000\b/, "0")
    .replace('("farebox.yaml")', '("farebox.yaml", { operator: { host: "127.0.0.1", port: 0 } })');
  writeFileSync(join(folder, "server.mjs"), ports);
  writeFileSync(join(folder, "farebox.yaml"), config);
  const child = spawn(process.execPath, ["--import", HOOKS, "server.mjs"], {
    cwd: folder,
    stdio: ["ignore", "pipe", "inherit"],
  });
  context.after(() => child.kill("SIGKILL"));
  const exited = once(child, "exit");
  const [line]: string[] = await once(createInterface(child.stdout), "line");
  const [, port] = /^Listening on (\d+)$/.exec(line ?? "") ?? [];
  /** What a line of a shell prints there. */
  const shell = async (text: string): Promise<string> => {
    const command = text
      .replaceAll("npx farebox", `"${process.execPath}" "${join(ROOT, "bin", "farebox.js")}"`)
      .replaceAll("localhost:3000", `127.0.0.1:${port}`);
    const environment = { PATH: process.env["PATH"], NODE_COMPILE_CACHE: process.env["NODE_COMPILE_CACHE"] };
    return (await execute("bash", ["-c", command], { cwd: folder, env: environment })).stdout;
  };
  const end = async (): Promise<void> => {
    child.kill("SIGTERM");
    assert.deepEqual((await exited)[0], 0);
    const database = await openDatabase({ directory: join(folder, ".farebox") });
    assert.deepEqual((await auditLedger(database, { atRest: true })).findings, []);
    await database.close();
  };
  return { url: `http://127.0.0.1:${port}`, data: join(folder, ".farebox"), shell, end };
}

/** The page's commands, one after the other; what the last one, curl, prints. */
async function followCommands(shell: (text: string) => Promise<string>): Promise<string> {
  const lines = block("sh", "account create").trim().split("\n");
  let account = "";
  let key = "";
  let printed = "";
  for (const line of lines) {
    printed = await shell(line.replace("acc_…", account).replace("<key>", key));
    account = /acc_\w+/.exec(printed)?.[0] ?? account;
    key = /^fbx_\w+/m.exec(printed)?.[0] ?? key;
  }
  return printed;
}

test("who follows the page comes from an empty folder to a charged call", async (context) => {
  const { shell, end } = await start(context, block("js", "server.mjs"), block("yaml", "GET /hello"));
  const printed = await followCommands(shell);
  assert.match(printed, /^HTTP\/1\.1 200 OK\r$/m);
  assert.match(printed, /^credits-charged: 5\r$/im);
  assert.match(printed, /^credits-remaining: 95\r$/im);
  assert.match(printed, /\r\n\r\nHello$/);
  await end();
});

const SCRIPTS = readdirSync(join(ROOT, "examples", "middleware")).filter((name) => name.endsWith(".mjs"));

for (const name of SCRIPTS) {
  test(`examples/middleware/${name} sells its handlers, and leaves the books in order`, async (context) => {
    const script = readTracked(`examples/middleware/${name}`);
    const { url, data, end } = await start(context, script, CONFIG);
    const operator = createClient(findOperator({ url: undefined, token: undefined, directory: data }));
    const { id } = await operator.createAccount({ name: "Acme" });
    const { key } = await operator.createKey({ account: id, name: "production" });
    await operator.createGrant({ account: id, amount: 100 });
    const ask = (path: string): Promise<Response> =>
      fetch(url + path, { headers: { authorization: `Bearer ${key}`, connection: "close" } });
    const hello = await ask("/hello");
    assert.deepEqual([await hello.text(), hello.headers.get("credits-remaining")], ["Hello", "95"]);
    const search = await ask("/search");
    assert.deepEqual([await search.json(), search.headers.get("credits-charged")], [["a", "b", "c"], "3"]);
    assert.equal((await fetch(`${url}/hello`, { headers: { connection: "close" } })).status, 401);
    await end();
  });
}
