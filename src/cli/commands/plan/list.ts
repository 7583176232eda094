import type { Command } from "commander";
import type { z } from "zod";
import { planList } from "../../../api/wire/plan.ts";
import { type Cli, dataOption, jsonOption, type OperatorOptions, printResult } from "../../cli.ts";
import { renderTable } from "../../render/table.ts";

type Plan = z.infer<typeof planList>["plans"][number];

/** `farebox plan list` */
export function addPlanList(plan: Command, cli: Cli): void {
  plan
    .command("list")
    .description("list the plans that the configuration has, or had, and how many accounts have each")
    .addOption(dataOption())
    .addOption(jsonOption())
    .action(async (options: OperatorOptions) => {
      const list = await cli.operator(options).get("/v1/plans", planList);
      printResult(cli, options, list, () => {
        if (list.plans.length === 0) return "The configuration has no plans.\n";
        const rows = list.plans.map((row) => [
          row.name,
          String(row.version),
          String(row.accounts),
          row.recurring.map(renderGrant).join("\n"),
          row.limits
            .map(({ match, requests, windowSeconds }) => `${requests} in ${windowSeconds} s: ${match}`)
            .join("\n"),
          row.caps.map(renderCap).join("\n"),
        ]);
        return renderTable(["PLAN", "VERSION", "ACCOUNTS", "GRANTS", "LIMITS", "CAPS OF A KEY"], rows);
      });
    });
}

function renderGrant({ creditType, amount, every, rollover, anchor }: Plan["recurring"][number]): string {
  const kept = rollover === "none" ? "" : rollover === "all" ? ", rolls over" : `, ${rollover} roll over`;
  return `${amount} ${creditType} a ${every}${anchor === "calendar" ? " of the calendar" : ""}${kept}`;
}

function renderCap({ creditType, ...caps }: Plan["caps"][number]): string {
  const windows = [
    [caps.day, "a day"],
    [caps.month, "a month"],
    [caps.total, "in all"],
  ] as const;
  const given = windows.flatMap(([cap, window]) => (cap === null ? [] : [`${cap} ${window}`]));
  return `${creditType}: ${given.join(", ")}`;
}
