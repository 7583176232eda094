import { Command } from "commander";
import type { Cli } from "./cli.ts";
import { addAccountExtendHold, addAccountReleaseHold } from "./commands/account/change-hold.ts";
import { addAccountCreate } from "./commands/account/create.ts";
import { addAccountList } from "./commands/account/list.ts";
import { addAccountLongHolds } from "./commands/account/long-holds.ts";
import { addAccountPortalLink } from "./commands/account/portal-link.ts";
import { addAccountShow } from "./commands/account/show.ts";
import { addAccountStates } from "./commands/account/state.ts";
import { addAccountUpdate } from "./commands/account/update.ts";
import { addAdjust } from "./commands/adjust.ts";
import { addAudit } from "./commands/audit.ts";
import { addAuditTrail } from "./commands/audit-trail.ts";
import { addBalance } from "./commands/balance.ts";
import { addCalls } from "./commands/calls.ts";
import { addCheck } from "./commands/check.ts";
import { addConsoleLink } from "./commands/console.ts";
import { addDoctor } from "./commands/doctor/doctor.ts";
import { addEntries } from "./commands/entries.ts";
import { addExports } from "./commands/exports/exports.ts";
import { addGrant } from "./commands/grant.ts";
import { addHealth } from "./commands/health.ts";
import { addInit } from "./commands/init/init.ts";
import { addKeyCreate } from "./commands/key/create.ts";
import { addKeyImport } from "./commands/key/import.ts";
import { addKeyList } from "./commands/key/list.ts";
import { addKeyRevoke } from "./commands/key/revoke.ts";
import { addKeyRotate } from "./commands/key/rotate.ts";
import { addKeySearch } from "./commands/key/search.ts";
import { addKeyShow } from "./commands/key/show.ts";
import { addKeyUpdate } from "./commands/key/update.ts";
import { addMigrate } from "./commands/migrate.ts";
import { addPlanAssign, addPlanCancel, addPlanKeep } from "./commands/plan/change.ts";
import { addPlanList } from "./commands/plan/list.ts";
import { addPricesCancel } from "./commands/prices/cancel.ts";
import { addPricesDiff } from "./commands/prices/diff.ts";
import { addPricesList } from "./commands/prices/list.ts";
import { addPricesOpenapi } from "./commands/prices/openapi.ts";
import { addPricesPublish } from "./commands/prices/publish.ts";
import { addPricesSimulate } from "./commands/prices/simulate.ts";
import { addRefund } from "./commands/refund.ts";
import { addRefunds } from "./commands/refunds/refunds.ts";
import { addReports } from "./commands/reports/reports.ts";
import { addAccountEndSessions, addSession } from "./commands/session/session.ts";
import { addStart } from "./commands/start.ts";
import { addTokenCreate } from "./commands/token/create.ts";
import { addTokenList } from "./commands/token/list.ts";
import { addTokenRevoke } from "./commands/token/revoke.ts";
import { addTokenSelf } from "./commands/token/self.ts";
import { addTraffic } from "./commands/traffic.ts";
import { addTry } from "./commands/try/try.ts";
import { addUsage } from "./commands/usage.ts";
import { refuseRepeats } from "./refuse-repeats.ts";

/**
 * The command line: every command with its arguments, options and help. Building it does nothing. A wrong usage is told to
 * `writeUsage` and then thrown.
 */
export function createProgram(cli: Cli, writeUsage: (text: string) => void): Command {
  const program = new Command("farebox")
    .description(
      "Sell an HTTP API by prepaid credits: every call priced, paid and accounted for, exactly once.",
    )
    .version(cli.version)
    .showHelpAfterError("(add --help for the arguments and options)")
    .exitOverride()
    .configureOutput({
      writeOut: (text) => cli.terminal.out(text),
      writeErr: writeUsage,
    });
  addInit(program, cli);
  addStart(program, cli);
  const account = program.command("account").description("accounts");
  addAccountCreate(account, cli);
  addAccountList(account, cli);
  addAccountShow(account, cli);
  addAccountLongHolds(account, cli);
  addAccountReleaseHold(account, cli);
  addAccountExtendHold(account, cli);
  addAccountUpdate(account, cli);
  addAccountStates(account, cli);
  addAccountPortalLink(account, cli);
  addAccountEndSessions(account, cli);
  addKeys(program, cli);
  addGrant(program, cli);
  addRefund(program, cli);
  addRefunds(program, cli);
  addAdjust(program, cli);
  addBalance(program, cli);
  addUsage(program, cli);
  addEntries(program, cli);
  addCalls(program, cli);
  addReports(program, cli);
  addExports(program, cli);
  const plan = program.command("plan").description("plans, and which one an account has");
  addPlanList(plan, cli);
  addPlanAssign(plan, cli);
  addPlanCancel(plan, cli);
  addPlanKeep(plan, cli);
  const prices = program.command("prices").description("price lists");
  addPricesList(prices, cli);
  addPricesDiff(prices, cli);
  addPricesPublish(prices, cli);
  addPricesCancel(prices, cli);
  addPricesSimulate(prices, cli);
  addPricesOpenapi(prices, cli);
  addAccess(program, cli);
  addCheck(program, cli);
  addTry(program, cli);
  addMigrate(program, cli);
  addAudit(program, cli);
  addAuditTrail(program, cli);
  addTraffic(program, cli);
  addHealth(program, cli);
  addDoctor(program, cli);
  refuseRepeats(program);
  return program;
}

function addKeys(program: Command, cli: Cli): void {
  const key = program.command("key").description("keys of an account");
  addKeyCreate(key, cli);
  addKeyImport(key, cli);
  addKeyList(key, cli);
  addKeyShow(key, cli);
  addKeySearch(key, cli);
  addKeyUpdate(key, cli);
  addKeyRotate(key, cli);
  addKeyRevoke(key, cli);
}

/** Who may ask, and who is signed in. */
function addAccess(program: Command, cli: Cli): void {
  const token = program.command("token").description("named tokens of the operator API");
  addTokenCreate(token, cli);
  addTokenList(token, cli);
  addTokenRevoke(token, cli);
  addTokenSelf(token, cli);
  addConsoleLink(program, cli);
  addSession(program, cli);
}
