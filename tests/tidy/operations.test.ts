import assert from "node:assert/strict";
import { test } from "node:test";
import type { Command } from "commander";
import { OPERATION_ROLES } from "../../src/api/operator/access/operation-roles.ts";
import { MUTATION_CASES } from "../../src/api/operator/testing/mutation-cases.ts";
import { OperatorUnderTest } from "../../src/api/operator/testing/operator-under-test.ts";
import { readOperations } from "../../src/api/operator/testing/read-operations.ts";
import type { Cli } from "../../src/cli/cli.ts";
import type { OperatorClient } from "../../src/cli/operator/operator-client.ts";
import { createProgram } from "../../src/cli/program.ts";
import { createCli } from "../../src/cli/run-cli.ts";
import type { Database } from "../../src/ledger/database/database.ts";

/** Describing the API touches no database. */
const none = new Proxy({}, { get: () => assert.fail("the database was used") });

const { operations } = await readOperations(new OperatorUnderTest(none as Database));

/** What a command is run with to ask each operation, or why no command asks it. */
const COMMANDS: Readonly<Record<string, string | { readonly reason: string }>> = {
  createAccount: "account create Acme",
  listAccounts: "account list",
  getAccount: "account show acc_1",
  updateAccount: "account update acc_1 --name Acme",
  suspendAccount: "account suspend acc_1",
  resumeAccount: "account resume acc_1",
  closeAccount: "account close acc_1",
  createPortalLink: "account portal-link acc_1",
  listHolds: "account show acc_1 --holds",
  listLongHolds: "account long-holds acc_1",
  releaseLongHold: "account release-hold acc_1 0198f2a0-5a7e-7c1d-9b3f-0a1b2c3d4e5f --yes",
  extendLongHold: "account extend-hold acc_1 0198f2a0-5a7e-7c1d-9b3f-0a1b2c3d4e5f --seconds 60",
  createKey: "key create acc_1",
  importKeys: "key import src/cli/testing/imported-keys.jsonl",
  revokeKey: "key revoke key_1",
  listKeys: "key list acc_1",
  getKey: "key show key_1",
  searchKeys: "key search fbx_...9zKq",
  getKeyPermissions: "key show key_1 --permissions",
  updateKey: "key update key_1 --name production",
  rotateKey: "key rotate key_1 --grace 24h",
  createGrant: "grant acc_1 5",
  createAdjustment: "adjust --reason mistake acc_1 -- -5",
  createRefund: "refund chg_1.credits.1",
  createRequestRefund: "refunds request acc_1 req_1",
  getBalances: "balance acc_1",
  listEntries: "entries acc_1",
  getUsage: "usage acc_1",
  getAllUsage: "usage",
  getMonthReport: "reports months",
  getRefusalReport: "reports refusals",
  listRunningOut: "reports running-out",
  getCall: "calls explain chg_1.credits.1",
  previewBulkRefund: "refunds preview --from 2026-01-01 --to 2026-01-02",
  createBulkRefund: "refunds apply --from 2026-01-01 --to 2026-01-02 --reason outage --yes",
  listBulkRefunds: "refunds list",
  getBulkRefund: "refunds show bulk_1",
  cancelBulkRefund: "refunds cancel bulk_1",
  listExports: "exports list",
  getExport: "exports show exp_1",
  cancelExport: "exports cancel exp_1",
  retryExport: "exports retry exp_1",
  listPlans: "plan list",
  assignPlan: "plan assign acc_1 starter",
  cancelPlan: "plan cancel acc_1",
  keepPlan: "plan keep acc_1",
  listPriceLists: "prices list",
  getPriceListDiff: "prices diff 3",
  getPriceSchedule: "prices openapi examples/leadboxer/farebox.yaml -o -",
  publishPriceList: "prices publish examples/leadboxer/farebox.yaml",
  cancelPriceList: "prices cancel 3",
  publishAccountPrices: "prices publish src/cli/testing/account-prices.yaml --account acc_1",
  listAccountPrices: "prices list --account acc_1",
  cancelAccountPrices: "prices cancel 3 --account acc_1",
  simulatePrices: "prices simulate examples/leadboxer/farebox.yaml",
  getPriceList: { reason: "`prices list --json` has every list whole" },
  listAuditTrail: "audit-trail",
  runAudit: "audit",
  getInstance: "doctor",
  getHealth: "health",
  watchTraffic: "traffic",
  createToken: "token create help-desk --role support --each 100 --day 1000",
  listTokens: "token list",
  revokeToken: "token revoke tok_1",
  getSelf: "token self",
  createConsoleLink: "console",
  listSessions: "session list",
  endSession: "session end ses_1",
  endAccountSessions: "account end-sessions acc_1",
};

/** Commands that ask no operation. */
const ALONE = new Set(["init", "start", "check", "try", "migrate"]);

/** The requests that a command sends, until the one that is looked for. */
async function requestsOf(args: readonly string[]): Promise<string[]> {
  const sent: string[] = [];
  // An answer of any shape: a command goes on to its next request, or fails for want of a member, which ends it.
  const answer = (method: string) => (path: string) => {
    sent.push(`${method} ${path}`);
    return Promise.resolve({
      id: "acc_1",
      next: null,
      charges: 1,
      credits: {},
      accounts: 1,
      skipped: 0,
      examples: [],
    });
  };
  const operator: OperatorClient = {
    url: "http://127.0.0.1:8401",
    get: answer("GET") as OperatorClient["get"],
    post: answer("POST") as OperatorClient["post"],
    patch: answer("PATCH") as OperatorClient["patch"],
    delete: answer("DELETE") as OperatorClient["delete"],
    stream: answer("GET") as unknown as OperatorClient["stream"],
  };
  const silent = { out: () => undefined, err: () => undefined, interactive: false };
  const cli: Cli = { ...createCli(silent), operator: () => operator };
  await createProgram(cli, () => undefined)
    .parseAsync(args, { from: "user" })
    .catch(() => undefined);
  return sent;
}

test("every operation is asked by a command, or it is said why not", async () => {
  assert.deepEqual(Object.keys(COMMANDS).toSorted(), operations.map(({ id }) => id).toSorted());
  for (const { id, title } of operations) {
    const command = COMMANDS[id];
    if (typeof command !== "string") continue;
    const sent = await requestsOf(command.split(" "));
    const expected = new RegExp(`^${title.replaceAll(/\{\w+\}/g, "[^/]+")}$`);
    assert.ok(
      sent.some((request) => expected.test(request)),
      `farebox ${command} asks ${title}: it sent ${sent.join(", ") || "nothing"}`,
    );
  }
});

test("every command is named above with the operation that it asks, or works without a running Farebox", () => {
  const silent = { out: () => undefined, err: () => undefined, interactive: false };
  const leaves = (command: Command, path: string): string[] =>
    command.commands.length === 0
      ? [path]
      : command.commands.flatMap((sub) => leaves(sub, `${path} ${sub.name()}`.trim()));
  const named = Object.values(COMMANDS).filter((command) => typeof command === "string");
  const missing = leaves(
    createProgram(createCli(silent), () => undefined),
    "",
  ).filter((path) => !ALONE.has(path) && !named.some((command) => `${command} `.startsWith(`${path} `)));
  assert.deepEqual(missing, []);
});

test("every operation has a role in the one table of roles, and nothing else has", () => {
  assert.deepEqual(Object.keys(OPERATION_ROLES).toSorted(), operations.map(({ id }) => id).toSorted());
});

test("every operation that is not a GET is tried by the tests of all mutations", () => {
  const ids = operations.filter(({ method }) => method !== "GET").map(({ id }) => id);
  assert.deepEqual(Object.keys(MUTATION_CASES).toSorted(), ids.toSorted());
});
