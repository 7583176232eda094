import type { Command } from "commander";
import type { Cli } from "../../cli.ts";
import { addReportsMonths } from "./months.ts";
import { addReportsRefusals } from "./refusals.ts";
import { addReportsRunningOut } from "./running-out.ts";

/** `farebox reports …`: over all accounts. What one spent is `farebox usage`. */
export function addReports(program: Command, cli: Cli): void {
  const reports = program.command("reports").description("reports over all accounts");
  addReportsMonths(reports, cli);
  addReportsRefusals(reports, cli);
  addReportsRunningOut(reports, cli);
}
