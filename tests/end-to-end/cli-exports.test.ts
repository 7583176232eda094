import assert from "node:assert/strict";
import type { IncomingMessage, ServerResponse } from "node:http";
import { type TestContext, test } from "node:test";
import {
  migratedFolder,
  runFarebox,
  startFarebox,
  startUpstream,
  temporaryFolder,
  writeConfig,
} from "./farebox-process.ts";

const CONFIG = `
exports:
  partRecords: 4
  routes:
    - match: POST /exports/people
      cost: 0.5
      maxRecords: 20
      source:
        kind: pages
        request: GET /people
        items: /items
        next: { body: /next }
        send: { query: page }
        retries: 0
`;

/** Two pages of five people; the upstream refuses while it is told to. */
function answerPeople(upstream: { refuses: boolean }) {
  return ({ url }: IncomingMessage, response: ServerResponse): void => {
    const isLast = url?.includes("page=2") === true;
    const items = Array.from({ length: 5 }, (_, index) => ({ id: index + (isLast ? 5 : 0) }));
    response.statusCode = upstream.refuses ? 403 : 200;
    response.end(JSON.stringify({ items, next: isLast ? null : 2 }));
  };
}

async function startWithExports(context: TestContext) {
  const data = await migratedFolder(context);
  const upstream = { refuses: false };
  const url = await startUpstream(context, answerPeople(upstream));
  const file = writeConfig(temporaryFolder(context), `upstream: ${url}\n${CONFIG}`);
  const { gateway } = await startFarebox(context, ["--config", file, "--data", data]).ready();
  const farebox = (...args: string[]) => runFarebox([...args, "--data", data]);
  // Commands print JSON of every shape.
  // oxlint-disable-next-line typescript/no-explicit-any
  const run = async (...args: string[]): Promise<any> => {
    const { code, stdout, stderr } = await farebox(...args, "--json");
    assert.equal(code, 0, `${args.join(" ")}: ${stderr}`);
    return JSON.parse(stdout);
  };
  const { id: account } = await run("account", "create", "Acme");
  await run("grant", account, "100");
  const { key } = await run("key", "create", account);
  const headers = { authorization: `Bearer ${key}`, "content-type": "application/json" };
  const create = async (): Promise<string> => {
    const created = await fetch(`${gateway}/exports/people`, { method: "POST", headers, body: "{}" });
    assert.equal(created.status, 201);
    return ((await created.json()) as { id: string }).id;
  };
  return { farebox, run, account, upstream, create };
}

test("an operator watches, lists, retries and cancels exports of a running Farebox", async (context) => {
  const { farebox, run, account, upstream, create } = await startWithExports(context);
  const done = await create();
  const watched = await farebox("exports", "show", done, "--watch", "--json");
  assert.equal(watched.code, 0, watched.stderr);
  const last = JSON.parse(watched.stdout.trimEnd().split("\n").at(-1) ?? "");
  assert.partialDeepStrictEqual(last, { id: done, state: "charged", charged: 5, account });
  const shown = await farebox("exports", "show", done);
  assert.match(shown.stdout, new RegExp(`^${done} {2}charged, 10 records in 3 files\n`));
  assert.match(shown.stdout, /charged: 5 credits/);

  upstream.refuses = true;
  const refused = await create();
  const failed = await farebox("exports", "show", refused, "--watch");
  assert.match(failed.stdout, /failure: export_source_refused/);
  assert.deepEqual(
    (await run("exports", "list", "--state", "failed")).exports.map(({ id }: { id: string }) => id),
    [refused],
  );

  upstream.refuses = false;
  assert.equal((await run("exports", "retry", refused)).state, "queued");
  const again = await farebox("exports", "show", refused, "--watch", "--json");
  assert.equal(JSON.parse(again.stdout.trimEnd().split("\n").at(-1) ?? "").state, "charged");
  const late = await farebox("exports", "cancel", done, "--json");
  assert.deepEqual([late.code, JSON.parse(late.stderr).error.code], [1, "export_finished"]);
  assert.equal((await run("balance", account)).pools[0].balance, 90);
});
