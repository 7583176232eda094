import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { openPage } from "./browser.ts";
import {
  migratedFolder,
  startFarebox,
  startUpstream,
  temporaryFolder,
  writeConfig,
} from "./farebox-process.ts";

/** What a page can read of an answer; the name of its error when the browser lets it read nothing. */
type Read =
  | { status: number; charged: string | null; own: string | null; id: string | null; body: unknown }
  | string;

test("a page of another origin: preflights, refusals and credit headers are readable; of one not named: nothing", async (context) => {
  const seen: string[] = [];
  const upstream = await startUpstream(context, (request, response) => {
    seen.push(`${request.method} ${request.url}`);
    // It answers browsers itself, and for everybody.
    response
      .setHeader("access-control-allow-origin", "*")
      .setHeader("access-control-expose-headers", "x-own");
    response.setHeader("content-type", "application/json").setHeader("x-own", "1").end('{"data":[1]}');
  });
  const pages = await startUpstream(context, (_request, response) => {
    response.setHeader("content-type", "text/html").end("<!doctype html><title>page</title>");
  });
  // The same server under two names: two origins.
  const stranger = pages.replace("127.0.0.1", "localhost");
  const data = await migratedFolder(context);
  const config = writeConfig(
    temporaryFolder(context),
    `upstream: ${upstream}
prices: [{ match: "POST /leads", cost: 2 }, { match: "GET /dear", cost: 900 }]
gateway: { cors: { origins: ["${pages}"] } }
`,
  );
  const started = await startFarebox(context, ["--config", config, "--data", data]).ready();
  const { gateway, operator } = started;
  const token = readFileSync(join(data, "operator-token"), "utf8").trim();
  const operate = async (path: string, body: unknown): Promise<{ id: string; key: string }> => {
    const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
    const answer = await fetch(operator + path, { method: "POST", headers, body: JSON.stringify(body) });
    return (await answer.json()) as { id: string; key: string };
  };
  const { id } = await operate("/v1/accounts", { name: "Acme" });
  await operate(`/v1/accounts/${id}/grants`, { amount: 10 });
  const { key } = await operate(`/v1/accounts/${id}/keys`, {});

  const { page } = await openPage(context);
  const call = (method: string, path: string, presented: string): Promise<Read> =>
    page.evaluate(
      async ([url, verb, bearer]): Promise<Read> => {
        try {
          const response = await fetch(url, {
            method: verb,
            headers: { authorization: `Bearer ${bearer}`, "content-type": "application/json" },
            ...(verb === "GET" ? {} : { body: "{}" }),
          });
          const header = (name: string): string | null => response.headers.get(name);
          const body: unknown = await response.json();
          return {
            status: response.status,
            charged: header("credits-charged"),
            own: header("x-own"),
            id: header("x-request-id"),
            body,
          };
        } catch (error) {
          return String(error);
        }
      },
      [gateway + path, method, presented] as const,
    );

  await page.goto(pages);
  const charged = await call("POST", "/leads", key);
  assert.partialDeepStrictEqual(charged, { status: 200, charged: "2", own: "1", body: { data: [1] } });
  assert.ok(typeof charged === "object" && charged.id !== null);
  assert.partialDeepStrictEqual(await call("GET", "/dear", key), {
    status: 402,
    body: { code: "insufficient_credits" },
  });
  assert.partialDeepStrictEqual(await call("GET", "/dear", "nonsense"), {
    status: 401,
    body: { code: "key_invalid" },
  });
  assert.partialDeepStrictEqual(await call("GET", "/v1/credits/balances", key), {
    status: 200,
    body: { pools: [{ balance: 8 }] },
  });
  assert.deepEqual(seen, ["POST /leads"], "preflights are answered by the gateway");

  await page.goto(stranger);
  assert.equal(await call("POST", "/leads", key), "TypeError: Failed to fetch");
  assert.equal(await call("GET", "/v1/credits/balances", key), "TypeError: Failed to fetch");
  assert.deepEqual(seen, ["POST /leads"], "what the browser refused was not sent");
});
