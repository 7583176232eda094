import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { migratedFolder, startFarebox, writeConfig } from "./farebox-process.ts";

const run = promisify(execFile);
const OPERATOR_TOKEN = "operator-token-of-the-guide";
const PAGE = readFileSync(join(import.meta.dirname, "..", "..", "docs", "guide", "sidecar.md"), "utf8");
const LISTEN = "127.0.0.1:8402";

/** What stands between ``` and ``` of a kind, in order. */
function blocks(...kinds: readonly string[]): { readonly kind: string; readonly text: string }[] {
  return [...PAGE.matchAll(/^```(\w+)\n(.*?)^```$/gms)]
    .map(([, kind = "", text = ""]) => ({ kind, text }))
    .filter(({ kind }) => kinds.includes(kind));
}

/** Every member that the page shows is there; `…` stands for anything. */
function assertShown(actual: unknown, shown: unknown, where: string): void {
  if (shown === "…") assert.ok(actual, where);
  else if (typeof shown !== "object" || shown === null) assert.deepEqual(actual, shown, where);
  else
    for (const [name, value] of Object.entries(shown))
      assertShown(Object(actual)[name], value, `${where}.${name}`);
}

test("the page on the sidecar: its configuration starts, and its calls are answered as it says", async (context) => {
  const [config] = blocks("yaml");
  assert.ok(config);
  const data = await migratedFolder(context);
  const path = writeConfig(data, config.text.replace(LISTEN, "127.0.0.1:0"));
  const farebox = startFarebox(context, ["--config", path, "--data", data], {
    FAREBOX_OPERATOR_TOKEN: OPERATOR_TOKEN,
  });
  const { operator, sidecar } = await farebox.ready();
  assert.ok(sidecar);
  const post = async (at: string, body: object): Promise<Record<string, string>> => {
    const headers = { authorization: `Bearer ${OPERATOR_TOKEN}`, "content-type": "application/json" };
    const response = await fetch(operator + at, { method: "POST", headers, body: JSON.stringify(body) });
    assert.equal(response.status, 201, at);
    return (await response.json()) as Record<string, string>;
  };
  const { id } = await post("/v1/accounts", { name: "Acme" });
  await post(`/v1/accounts/${id}/grants`, { amount: 20 });
  const { key } = await post(`/v1/accounts/${id}/keys`, { name: "production" });
  const { token } = await post("/v1/tokens", { name: "my-api", role: "meter" });
  const environment: NodeJS.ProcessEnv = { PATH: process.env["PATH"], KEY: key, TOKEN: token };
  let answer: Record<string, string> = {};
  let calls = 0;
  for (const { kind, text } of blocks("sh", "json")) {
    if (kind === "sh") {
      const script = text.replace(`http://${LISTEN}`, sidecar);
      const { stdout } = await run("bash", ["-ec", script], { env: environment });
      answer = JSON.parse(stdout) as Record<string, string>;
      environment["HOLD"] = answer["hold"] ?? environment["HOLD"];
      calls += 1;
    } else assertShown(answer, JSON.parse(text), text);
  }
  assert.equal(calls, 6);
});
