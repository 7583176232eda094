import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import type { IncomingHttpHeaders } from "node:http";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { openScene, type Scene } from "../customer-api/scene.ts";

const EXAMPLES = join(import.meta.dirname, "..", "..", "examples", "proxies");

/** Where Debian has nginx's module of njs. */
const JS_MODULE = "/usr/lib/nginx/modules/ngx_http_js_module.so";

const PRICES = `
sidecar: { listen: 127.0.0.1:0 }
open: [GET /health]
prices:
  - { match: GET /paid/*, cost: 2 }
  - { match: GET /counted, cost: 1, per: result, count: { header: x-results }, atMost: 10 }
  - { match: GET /tier, when: { header: x-tier, equals: gold }, cost: 5 }
  - { match: GET /tier, cost: 1 }
  - { match: POST /read, when: { body: /mode, equals: full }, cost: 3 }
  - { match: POST /read, cost: 1 }
`;

/** A proxy that asks the sidecar, in front of an API that sees what it passes on. */
export interface ProxyScene extends Scene {
  readonly url: string;
  /** What reached the API. */
  readonly seen: { readonly url: string; readonly headers: IncomingHttpHeaders }[];
  ask(path: string, headers?: Record<string, string>, method?: string): Promise<Response>;
  balance(account: string): Promise<number>;
}

/** Runs a program with its example, in which ports and token are those of the test. `away`: nobody is where it asks, or where the API was. */
export async function openProxyScene(
  name: string,
  program: string,
  args: (folder: string) => readonly string[],
  away?: "farebox" | "api",
): Promise<ProxyScene> {
  assert.ok(existsSync(program), `${program} is missing: see CONTRIBUTING.md`);
  const jsModule = process.env["NGINX_JS_MODULE"] ?? JS_MODULE;
  assert.ok(name !== "nginx-njs" || existsSync(jsModule), `${jsModule} is missing: see CONTRIBUTING.md`);
  const seen: { url: string; headers: IncomingHttpHeaders }[] = [];
  const scene = await openScene(PRICES, "/v1/credits", (request, response) => {
    seen.push({ url: request.url ?? "", headers: request.headers });
    const isBroken = request.url?.startsWith("/paid/broken") === true;
    request.resume().on("end", () => {
      const body = request.url === "/paid/large" ? "x".repeat(9_000_000) : '{"data":true}';
      const results = /^\/counted\?n=(\d+)/.exec(request.url ?? "")?.[1];
      const headers = { "content-type": "application/json", ...(results && { "x-results": results }) };
      response.writeHead(isBroken ? 500 : 200, headers).end(body);
    });
  });
  const folder = await mkdtemp(join(tmpdir(), `farebox-${name}-`));
  const port = await freePort();
  const { token } = await scene.operate<{ token: string }>("POST", "/v1/tokens", { name, role: "meter" });
  const replaced: readonly (readonly [string, string])[] = [
    ["127.0.0.1:8080", `127.0.0.1:${port}`],
    [
      "127.0.0.1:8402",
      away === "farebox" ? `127.0.0.1:${await freePort()}` : (scene.sidecar ?? "").replace("http://", ""),
    ],
    [
      "127.0.0.1:9000",
      away === "api" ? `127.0.0.1:${await freePort()}` : scene.upstream.replace("http://", ""),
    ],
    ["PUT-A-TOKEN-HERE", token],
    [JS_MODULE, jsModule],
  ];
  for (const file of await readdir(join(EXAMPLES, name))) {
    let text = await readFile(join(EXAMPLES, name, file), "utf8");
    for (const [from, to] of replaced) text = text.replaceAll(from, to);
    await writeFile(join(folder, file), text);
  }
  const child = spawn(program, args(folder), {
    cwd: folder,
    env: { PATH: process.env["PATH"], HOME: folder },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => (output += text));
  }
  const url = `http://127.0.0.1:${port}`;
  await untilItAnswers(child, url, away !== undefined, () => output);
  return {
    ...scene,
    url,
    seen,
    ask: (path, headers = {}, method = "GET") => fetch(url + path, { method, headers }),
    balance: async (account) => {
      const { pools } = await scene.operate<{ pools: { balance: number }[] }>(
        "GET",
        `/v1/accounts/${account}/balances`,
      );
      return pools[0]?.balance ?? 0;
    },
    close: async () => {
      // Killed outright, nginx would leave its workers behind.
      const closed = once(child, "close");
      child.kill("SIGTERM");
      await closed;
      await rm(folder, { recursive: true, force: true });
      await scene.close();
    },
  };
}

async function untilItAnswers(
  child: ChildProcess,
  url: string,
  isAway: boolean,
  output: () => string,
): Promise<void> {
  for (;;) {
    if (child.exitCode !== null) throw new Error(`the proxy ended with ${child.exitCode}: ${output()}`);
    try {
      const { status } = await fetch(`${url}/health`);
      if (status === 200 || isAway) return;
    } catch {
      // It does not listen yet.
    }
    await wait(50);
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  assert.ok(address !== null && typeof address !== "string");
  await new Promise((resolve) => server.close(resolve));
  return address.port;
}
