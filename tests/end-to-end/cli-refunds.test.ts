import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import {
  migratedFolder,
  runFarebox,
  startFarebox,
  startUpstream,
  temporaryFolder,
  writeConfig,
} from "./farebox-process.ts";

/** A running Farebox, an account with 100 credits that was charged three times 2, and the ids of those requests. */
async function startCharged(context: TestContext) {
  const data = await migratedFolder(context);
  const upstream = await startUpstream(context, (_request, response) => response.end("{}"));
  const file = writeConfig(
    temporaryFolder(context),
    `upstream: ${upstream}\nprices:\n  - { match: "GET /paid", cost: 2 }\n`,
  );
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
  const requests: string[] = [];
  for (let count = 0; count < 3; count += 1) {
    const paid = await fetch(`${gateway}/paid`, { headers: { authorization: `Bearer ${key}` } });
    assert.equal(paid.status, 200);
    requests.push(paid.headers.get("x-request-id") ?? "");
  }
  const balance = async (): Promise<number> => (await run("balance", account)).pools[0].balance;
  return { farebox, run, account, requests, balance };
}

test("an operator refunds a request, then all charges of an endpoint, with a preview", async (context) => {
  const { farebox, run, account, requests, balance } = await startCharged(context);
  const refund = await run("refunds", "request", account, requests[0] ?? "", "--amount", "0.5");
  assert.deepEqual([refund.refunded, refund.balance], [0.5, 94.5]);
  const other = await farebox("refunds", "request", account, "no-such-request", "--json");
  assert.deepEqual([other.code, JSON.parse(other.stderr).error.code], [1, "charge_unknown"]);

  const filter = ["--endpoint", "GET /paid", "--from", "2020-01-01", "--to", new Date().toISOString()];
  const preview = await run("refunds", "preview", ...filter);
  assert.partialDeepStrictEqual(preview, { charges: 3, credits: { credits: 5.5 }, accounts: 1 });
  const shown = await farebox("refunds", "preview", ...filter);
  assert.match(shown.stdout, /^3 charges of 1 account, 5\.5 credits;/);
  assert.match(shown.stdout, /GET \/paid/);

  const because = [...filter, "--reason", "outage", "--reference", "incident 7"];
  for (const json of [[], ["--json"]]) {
    const unasked = await farebox("refunds", "apply", ...because, ...json);
    assert.deepEqual([unasked.code, unasked.stdout], [1, ""]);
    assert.match(unasked.stderr, /Nobody can be asked here/);
  }
  assert.equal(await balance(), 94.5);
  assert.deepEqual((await run("refunds", "list")).bulkRefunds, []);

  const applied = await farebox("refunds", "apply", ...because, "--yes");
  assert.equal(applied.code, 0, applied.stderr);
  assert.match(applied.stderr, /^3 charges of 1 account[^]*bulk_\w+: \d of 3 charges, /);
  const [, id = ""] = /^(bulk_\w+) {2}done {2}3 of 3 charges, 1 of 1 account, 5\.5 credits\n/.exec(
    applied.stdout,
  ) ?? [applied.stdout];
  assert.match(id, /^bulk_/);
  assert.equal(await balance(), 100);

  const again = await run("refunds", "apply", ...because, "--yes");
  assert.deepEqual([again.id, again.state, again.charges.done], [id, "done", 3]);
  assert.equal((await run("refunds", "show", id)).reference, "incident 7");
  assert.match(
    (await farebox("refunds", "list")).stdout,
    new RegExp(`^${id} +done .* 3/3 +5\\.5 credits +outage$`, "m"),
  );
  const late = await farebox("refunds", "cancel", id, "--json");
  assert.deepEqual([late.code, JSON.parse(late.stderr).error.code], [1, "bulk_refund_finished"]);
  const nothing = await farebox("refunds", "apply", ...filter, "--reason", "again");
  assert.deepEqual([nothing.code, nothing.stdout], [0, ""]);
  assert.match(nothing.stderr, /^No charge that matches has anything left/);

  const unwatched = await run("refunds", "apply", ...filter, "--reason", "again", "--yes", "--no-wait");
  assert.equal(unwatched.charges.total, 0);
  assert.equal((await run("audit")).sound, true);
});

test("an operator adjusts a pool up and down, and a reference does it once", async (context) => {
  const { farebox, run, account, balance } = await startCharged(context);
  const taken = await run("adjust", account, "-1.5", "--reason", "typing error", "--reference", "a-1");
  assert.deepEqual([taken.amount, taken.balance], [-1.5, 92.5]);
  await run("adjust", account, "-1.5", "--reason", "typing error", "--reference", "a-1");
  const added = await farebox("adjust", account, "2", "--reason", "goodwill", "--credit", "credits");
  assert.equal(added.stdout, "Added 2 credits; the balance was 94.5 after it.\n");
  assert.equal(await balance(), 94.5);
  const { entries } = await run("entries", account, "--kind", "adjustment");
  assert.deepEqual(
    entries.map(({ reason }: { reason: string }) => reason),
    ["goodwill", "typing error"],
  );
  const tooMuch = await farebox("adjust", account, "-95", "--reason", "x", "--json");
  assert.deepEqual(
    [tooMuch.code, JSON.parse(tooMuch.stderr).error.code],
    [1, "adjustment_exceeds_available"],
  );
  const silent = await farebox("adjust", account, "1", "--json");
  assert.deepEqual([silent.code, JSON.parse(silent.stderr).error.code], [1, "usage"]);
  assert.equal(await balance(), 94.5);
});
