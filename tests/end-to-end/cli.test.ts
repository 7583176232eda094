import assert from "node:assert/strict";
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { openDatabase } from "../../src/ledger/database/open-database.ts";
import {
  FareboxProcess,
  migratedFolder,
  runFarebox,
  startFarebox,
  startUpstream,
  temporaryFolder,
  writeConfig,
} from "./farebox-process.ts";

const config = (upstream: string, cost = 2): string => `
upstream: ${upstream}
prices:
  - { match: "GET /paid", cost: ${cost} }
plans:
  starter: { recurring: { credits: 100, every: month, rollover: true } }
`;

/** A running Farebox with its folder and a way to run commands on it. */
async function startRunning(context: TestContext) {
  const folder = temporaryFolder(context);
  const data = await migratedFolder(context);
  const upstream = await startUpstream(context, (_request, response) => response.end('{"ok":true}'));
  const file = writeConfig(folder, config(upstream));
  const server = startFarebox(context, ["--config", file, "--data", data]);
  const ready = await server.ready();
  // Commands print JSON of every shape.
  // oxlint-disable-next-line typescript/no-explicit-any
  const run = async (...args: string[]): Promise<any> => {
    const { code, stdout, stderr } = await runFarebox([...args, "--data", data, "--json"]);
    assert.equal(code, 0, `${args.join(" ")}: ${stderr}`);
    return JSON.parse(stdout);
  };
  return { folder, data, file, server, ready, run };
}

test("an operator creates an account, a key and credits, and sees what the customer spent", async (context) => {
  const { data, file, folder, ready, run, server } = await startRunning(context);
  const account = await run("account", "create", "Acme", "--plan", "starter");
  const key = await run("key", "create", account.id, "--name", "production");
  const grant = await run(
    "grant",
    account.id,
    "9406.5",
    "--expires",
    "2100-01-01",
    "--priority",
    "5",
    "--reference",
    "i7",
  );
  assert.deepEqual([grant.balance, grant.created], [9506.5, true]);
  assert.equal(
    (
      await run(
        "grant",
        account.id,
        "9406.5",
        "--expires",
        "2100-01-01",
        "--priority",
        "5",
        "--reference",
        "i7",
      )
    ).created,
    false,
  );

  const paid = await fetch(`${ready.gateway}/paid`, { headers: { authorization: `Bearer ${key.key}` } });
  assert.deepEqual([paid.status, await paid.text()], [200, '{"ok":true}']);
  assert.equal(paid.headers.get("credits-remaining"), "9504.5");

  const { pools } = await run("balance", account.id);
  assert.deepEqual([pools[0].creditType, pools[0].balance], ["credits", 9504.5]);
  assert.equal(pools[0].recurring.amount, 100);
  const { entries } = await run("entries", account.id, "--kind", "charge");
  assert.partialDeepStrictEqual(entries, [
    { amount: -2, balance: 9504.5, endpoint: "GET /paid", key: key.id },
  ]);
  const usage = await run("usage", account.id);
  assert.partialDeepStrictEqual(usage.endpoints, [{ endpoint: "GET /paid", requests: 1, credits: 2 }]);
  const refund = await run("refund", entries[0].charge, "--amount", "0.5", "--reason", "slow");
  assert.deepEqual([refund.refunded, refund.balance], [0.5, 9505]);

  assert.equal((await run("key", "revoke", key.id)).state, "revoked");
  assert.equal((await run("prices", "list")).priceLists[0].state, "in_force");
  const upstream = /http:\S+/.exec(readFileSync(file, "utf8"))?.[0] ?? "";
  const dearer = writeConfig(folder, config(upstream, 3));
  const announced = await run("prices", "publish", dearer, "--effective", "2100-01-01T00:00:00Z");
  assert.deepEqual([announced.version, announced.published], [2, true]);
  const simulated = await run("prices", "simulate", dearer);
  assert.partialDeepStrictEqual(simulated.totals, [
    { creditType: "credits", charges: 1, before: 2, least: 3, most: 3, refundedInPart: 0.5 },
  ]);
  assert.partialDeepStrictEqual(simulated.lines, [{ account: account.id, endpoint: "GET /paid", least: 3 }]);

  const { findings } = await run("doctor", "--config", file);
  assert.deepEqual([...new Set(findings.map((finding: { state: string }) => finding.state))], ["ok"]);

  server.kill("SIGINT");
  assert.equal((await server.finish()).code, 0);
  assert.ok(!existsSync(join(data, "instance.json")));
  const after = await runFarebox(["balance", account.id, "--data", data, "--json"]);
  assert.equal(after.code, 1);
  assert.equal(JSON.parse(after.stderr).error.code, "instance_not_found");
});

test("a plan is given, its change planned, withdrawn and cancelled; people see the same as programs", async (context) => {
  const { data, run } = await startRunning(context);
  const { id } = await run("account", "create", "Acme");
  assert.deepEqual(
    (await run("plan", "list")).plans.map(({ name }: { name: string }) => name),
    ["starter"],
  );
  const yesterday = new Date(Date.now() - 86_400_000).toISOString();
  assert.equal((await run("plan", "assign", id, "starter", "--anchor", yesterday)).plan, "starter");
  const [pool] = (await run("balance", id)).pools;
  assert.deepEqual([pool.balance, pool.recurring.nextAt.slice(11)], [100, yesterday.slice(11)]);
  const ending = await run("plan", "cancel", id, "--when", "refresh");
  assert.deepEqual(
    [ending.plan, ending.nextPlan, ending.nextPlanAt],
    ["starter", null, pool.recurring.nextAt],
  );
  const shown = await runFarebox(["account", "show", id, "--data", data]);
  assert.match(shown.stdout, /^plan +starter\n +none from \d{4}-\S+ on$/m);
  const table = await runFarebox(["balance", id, "--data", data]);
  assert.match(table.stdout, /none: the plan ends/);
  assert.equal((await run("plan", "keep", id)).nextPlanAt, null);
  const again = await runFarebox(["plan", "keep", id, "--data", data, "--json"]);
  assert.deepEqual([again.code, JSON.parse(again.stderr).error.code], [1, "plan_change_unknown"]);
  assert.equal((await run("plan", "cancel", id)).plan, null);
  const list = await runFarebox(["plan", "list", "--data", data]);
  assert.match(list.stdout, /starter +1 +0 +100 credits a month, rolls over/);
  const made = await run("account", "create", "Other", "--plan", "starter", "--anchor", yesterday);
  assert.equal((await run("balance", made.id)).pools[0].recurring.nextAt, pool.recurring.nextAt);
});

test("a price change is looked at, announced, looked at again, and taken back", async (context) => {
  const { data, file, run } = await startRunning(context);
  const upstream = /http:\S+/.exec(readFileSync(file, "utf8"))?.[0] ?? "";
  const next = writeConfig(temporaryFolder(context), config(upstream, 3));
  const changed = [
    { endpoint: "GET /paid", plans: [], when: [], members: [{ member: "cost", from: 2, to: 3 }] },
  ];
  const planned = await run("prices", "diff", "--config", next);
  assert.deepEqual([planned.against, planned.changed, planned.added], [1, changed, []]);
  const published = await run("prices", "publish", next, "--effective", "2100-01-01");
  assert.deepEqual([published.difference.changed, published.replacedBy], [changed, null]);
  const diff = await run("prices", "diff", "2");
  assert.deepEqual([diff.against, diff.changed], [1, changed]);
  const text = await runFarebox(["prices", "diff", "1", "--against", "2", "--data", data]);
  assert.equal(text.code, 0, text.stderr);
  assert.match(text.stdout, /^~ GET \/paid\n {4}cost: 3 → 2$/m);
  assert.equal((await run("prices", "cancel", "2")).state, "cancelled");
  for (const wrong of [
    ["prices", "diff"],
    ["prices", "diff", "1", "--config", next],
  ]) {
    const { code, stderr } = await runFarebox([...wrong, "--data", data]);
    assert.deepEqual([code, /name a version, or a file/.test(stderr)], [1, true]);
  }
});

test("people get tables and sentences; the key alone is on standard output", async (context) => {
  const { data, run } = await startRunning(context);
  const { id } = await run("account", "create", "Acme");
  const created = await runFarebox(["key", "create", id, "--data", data]);
  assert.match(created.stdout, /^fbx_[0-9A-Za-z]{36}\n$/);
  assert.match(created.stderr, /not shown again/);
  const granted = await runFarebox(["grant", id, "1.5", "--data", data]);
  assert.match(granted.stdout, /^Granted 1\.5 credits \(grt_\w+\); balance 1\.5\.\n$/);
  const balance = await runFarebox(["balance", id, "--data", data]);
  assert.match(balance.stdout, /^CREDIT TYPE +BALANCE/);
  assert.match(balance.stdout, /^credits +1\.5 +0 +1\.5$/m);
  const entries = await runFarebox(["entries", id, "--data", data]);
  assert.match(entries.stdout, /grant +1\.5 +1\.5/);
  const statement = await runFarebox(["entries", id, "--csv", "--data", data]);
  assert.match(
    statement.stdout,
    /^creditType,seq,at,kind,amount,balance.*\r\ncredits,1,[^,]+,grant,1\.5,1\.5,0,.*\r\n$/,
  );
  assert.equal(statement.stderr, "");
  const period = [
    "--from",
    "2026-10-24T22:00:00Z",
    "--to",
    "2026-10-25T23:00:00Z",
    "--time-zone",
    "Europe/Berlin",
  ];
  const days = await runFarebox(["usage", id, "--resolution", "day", ...period, "--data", data]);
  assert.match(
    days.stdout,
    /^TIME +CREDIT TYPE +REQUESTS +UNITS +CREDITS +REFUNDED\n2026-10-25 +credits +0 +0 +0 +0$/m,
  );
  const hours = await runFarebox(["usage", "--resolution", "hour", "--by", "", ...period, "--data", data]);
  assert.match(
    hours.stdout,
    /^2026-10-25 02:00 GMT\+02:00 +credits .*\n2026-10-25 02:00 GMT\+01:00 +credits /m,
  );
});

test("what the operator API refuses is told with the field, on standard error", async (context) => {
  const { data, run, folder } = await startRunning(context);
  const { id } = await run("account", "create", "Acme");
  const own = join(folder, "acme.yaml");
  writeFileSync(
    own,
    "prices:\n  - { match: GET /paid, cost: -1 }\n  - { match: GET /other, plan: strater, cost: 1 }\n",
  );
  const prices = await runFarebox(["prices", "publish", own, "--account", id, "--data", data]);
  assert.equal(prices.code, 2);
  assert.match(prices.stderr, /acme\.yaml:2 prices\[0\]\.cost: -1 is not an amount; write a plain number/);
  assert.match(prices.stderr, /acme\.yaml:3 prices\[1\]\.plan: .*did you mean starter\?/);
  const people = await runFarebox(["grant", id, "-1", "--data", data]);
  assert.notEqual(people.code, 0);
  const wrong = await runFarebox(["grant", id, "0.0000001", "--data", data]);
  assert.equal(wrong.code, 1);
  assert.match(wrong.stderr, /amount: .*at most 6 decimals/);
  const unknown = await runFarebox(["balance", "acc_0000000000000000", "--data", data, "--json"]);
  assert.deepEqual([unknown.code, unknown.stdout], [1, ""]);
  assert.equal(JSON.parse(unknown.stderr).error.code, "account_unknown");
});

test("the token is made once, kept for its owner, and never printed: the first start says where it is", async (context) => {
  const { data, server, file } = await startRunning(context);
  const token = readFileSync(join(data, "operator-token"), "utf8").trim();
  const kept = join(data, "operator-token");
  assert.ok(server.stderr.includes(JSON.stringify({ event: "operator_token_created", file: kept })));
  assert.ok(!server.stderr.includes(token) && !server.stdout.includes(token));
  for (const name of ["operator-token", "instance.json"]) {
    assert.equal(statSync(join(data, name)).mode & 0o777, 0o600, name);
  }
  server.kill("SIGINT");
  assert.equal((await server.finish()).code, 0);
  const again = startFarebox(context, ["--config", file, "--data", data]);
  await again.ready();
  assert.ok(!again.stderr.includes(token) && !again.stdout.includes(token));
});

test("FAREBOX_OPERATOR_URL and FAREBOX_OPERATOR_TOKEN reach a Farebox from anywhere", async (context) => {
  const folder = temporaryFolder(context);
  const file = writeConfig(folder, config("http://127.0.0.1:9"));
  const token = "a-token-of-some-length";
  const server = startFarebox(context, ["--config", file, "--data", join(folder, "data")], {
    FAREBOX_OPERATOR_TOKEN: token,
  });
  const { operator } = await server.ready();
  assert.ok(!existsSync(join(folder, "data", "operator-token")));
  const environment = { FAREBOX_OPERATOR_URL: operator, FAREBOX_OPERATOR_TOKEN: token };
  const args = ["account", "create", "Acme", "--json", "--data", join(folder, "elsewhere")];
  assert.equal((await runFarebox(args, environment)).code, 0);
  const wrong = await runFarebox(args, {
    ...environment,
    FAREBOX_OPERATOR_TOKEN: "another-token-of-some-length",
  });
  assert.deepEqual([wrong.code, JSON.parse(wrong.stderr).error.code], [1, "operator_unauthorized"]);
});

test("a wrong configuration is told whole, with exit code 2, and nothing is started", async (context) => {
  const folder = temporaryFolder(context);
  const file = writeConfig(
    folder,
    'upstream: ftp://nowhere\nprices:\n  - { match: "GET /x", cost: -1 }\n  - { match: "GET /y", costs: 1 }\n',
  );
  const data = join(folder, "data");
  const people = await runFarebox(["start", "--config", file, "--data", data]);
  assert.deepEqual([people.code, people.stdout], [2, ""]);
  for (const path of ["upstream", "prices[0].cost", "prices[1]"])
    assert.ok(people.stderr.includes(path), path);
  const json = await runFarebox(["start", "--config", file, "--data", data, "--json"]);
  const { error } = JSON.parse(json.stderr);
  assert.deepEqual([json.code, error.code], [2, "config_invalid"]);
  assert.ok(error.problems.length >= 3);
  for (const problem of error.problems) assert.ok(problem.path && problem.reason && problem.fix);
  assert.ok(!existsSync(data));
  const missing = await runFarebox(["start", "--config", join(folder, "none.yaml"), "--data", data]);
  assert.equal(missing.code, 2);
  const variable = await runFarebox(["balance", "x"], { FAREBOX_OPERATOR_URL: "nonsense" });
  assert.equal(variable.code, 2);
});

test("a second process on the directory is refused with the first one's pid and exit code 3", async (context) => {
  const { data, file, server } = await startRunning(context);
  const second = await startFarebox(context, ["--config", file, "--data", data]).finish();
  assert.equal(second.code, 3);
  const { error } = JSON.parse(second.stderr.trim().split("\n").at(-1) ?? "");
  assert.deepEqual([error.code, error.pid], ["data_directory_locked", server.child.pid]);
  const people = await runFarebox(["migrate", "--data", data]);
  assert.equal(people.code, 3);
  assert.match(people.stderr, new RegExp(`in use by the process ${server.child.pid}`));
});

test("a port that is taken is told with the address, and nothing is left running", async (context) => {
  const { ready, folder, file } = await startRunning(context);
  const taken = new URL(ready.gateway).host;
  const args = [
    "start",
    "--json",
    "--config",
    file,
    "--data",
    join(folder, "other"),
    "--operator-listen",
    "127.0.0.1:0",
  ];
  const { code, stderr, stdout } = await runFarebox([...args, "--listen", taken]);
  assert.deepEqual([code, stdout], [1, ""]);
  assert.match(stderr, new RegExp(`Cannot listen on ${taken}`));
});

test("after kill -9 the next start works, and until then commands say that nothing answers", async (context) => {
  const { data, file, run, server } = await startRunning(context);
  const { id } = await run("account", "create", "Acme");
  await run("grant", id, "5");
  server.kill("SIGKILL");
  await server.finish();
  const dead = await runFarebox(["balance", id, "--data", data, "--json"]);
  assert.deepEqual([dead.code, JSON.parse(dead.stderr).error.code], [1, "instance_unreachable"]);
  await startFarebox(context, ["--config", file, "--data", data]).ready();
  assert.equal((await run("balance", id)).pools[0].balance, 5);
});

test("audit proves the books of a running Farebox and of a stopped one, and exits with 1 when they are wrong", async (context) => {
  const { data, run, server } = await startRunning(context);
  const { id } = await run("account", "create", "Acme");
  await run("grant", id, "5");
  assert.deepEqual(await run("audit"), { sound: true, pools: 1, entries: 1, findings: [] });
  server.kill("SIGINT");
  await server.finish();
  assert.equal(
    (await runFarebox(["audit", "--at-rest", "--data", data])).stdout,
    "The books are sound: 1 pool, 1 entry.\n",
  );

  const database = await openDatabase({ directory: data });
  await database.query("UPDATE farebox.pools SET balance = balance + 1");
  await database.close();
  const json = await runFarebox(["audit", "--data", data, "--json"]);
  const { sound, findings } = JSON.parse(json.stdout);
  assert.deepEqual([json.code, sound], [1, false]);
  assert.ok(
    findings.every(
      (finding: { account: string; creditType: string }) =>
        finding.account === id && finding.creditType === "credits",
    ),
  );
  const people = await runFarebox(["audit", "--data", data]);
  assert.equal(people.code, 1);
  assert.match(people.stdout, new RegExp(`^I1 {2}${id} credits: .*5000001`, "m"));
  const nothing = await runFarebox(["audit", "--data", join(data, "nothing")]);
  assert.deepEqual([nothing.code, existsSync(join(data, "nothing"))], [1, false]);
});

test("migrate says what it applied, and nothing the second time; what a newer Farebox migrated this one's audit does not judge", async (context) => {
  const data = join(temporaryFolder(context), "data");
  const first = JSON.parse((await runFarebox(["migrate", "--data", data, "--json"])).stdout);
  assert.equal(first.applied.length, first.version);
  const second = await runFarebox(["migrate", "--data", data]);
  assert.equal(second.stdout, `Nothing to apply: the schema is at version ${first.version}.\n`);

  const database = await openDatabase({ directory: data });
  await database.query(
    "INSERT INTO farebox.migrations (number, name, checksum) VALUES (9000, '9000_new', '')",
  );
  await database.close();
  const text = "The database has migration 9000_new, which this Farebox does not know.";
  const fix = "Run the newer Farebox that migrated it.";
  const audit = await runFarebox(["audit", "--data", data]);
  assert.deepEqual([audit.code, audit.stderr], [1, `farebox: ${text}\n  fix: ${fix}\n`]);
  const doctor = JSON.parse((await runFarebox(["doctor", "--data", data, "--json"])).stdout);
  assert.deepEqual(doctor.findings.at(-1), { check: "database", state: "fail", text, fix });
});

test("an unknown command or option is a usage error", async () => {
  for (const args of [["fly"], ["balance"], ["balance", "x", "--fast"], ["start", "--listen", "8080"]]) {
    const { code, stdout, stderr } = await runFarebox(args);
    assert.deepEqual([code, stdout], [1, ""], args.join(" "));
    assert.match(stderr, /error: /);
    const json = await runFarebox([...args, "--json"]);
    assert.equal(JSON.parse(json.stderr).error.code, "usage");
  }
});

test("every command has --help with exit code 0", async () => {
  const { code, stdout } = await runFarebox(["grant", "--help"]);
  assert.equal(code, 0);
  assert.match(stdout, /--expires <time>/);
});

test("on a node that is too old the launcher runs the repository's own, with its exit code", async () => {
  const pretend = "Object.defineProperty(process.versions, 'node', { value: '20.20.2' })";
  const old = ["--import", `data:text/javascript,${encodeURIComponent(pretend)}`];
  const version = await new FareboxProcess(["--version"], {}, old).finish();
  assert.deepEqual([version.code, version.stdout], [0, "0.1.0\n"]);
  assert.equal((await new FareboxProcess(["balance", "x", "--data", "/nowhere"], {}, old).finish()).code, 1);
});
