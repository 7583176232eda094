import type { Command } from "commander";
import type { z } from "zod";
import { healthBody } from "../../api/wire/instance.ts";
import { type Cli, dataOption, jsonOption, type OperatorOptions, printResult } from "../cli.ts";
import { countOf } from "../render/count-of.ts";
import { renderTable } from "../render/table.ts";

type Health = z.infer<typeof healthBody>;

/** `farebox health` */
export function addHealth(program: Command, cli: Cli): void {
  program
    .command("health")
    .description(
      "show how the work behind the requests goes: instances, sweep, roll-up, partitions, exports, the last audit",
    )
    .addOption(dataOption())
    .addOption(jsonOption())
    .action(async (options: OperatorOptions) => {
      const health = await cli.operator(options).get("/v1/health", healthBody);
      printResult(cli, options, health, () => renderHealth(health));
    });
}

function renderHealth(health: Health): string {
  const { rollUp, exports, lastAudit: audit } = health;
  const since = rollUp.firstAt === null ? "" : `, the first of ${rollUp.firstAt}`;
  const facts = [
    [
      "database",
      health.databaseAway ? "away" : `answers; this instance's clock is ${health.clockAheadMs} ms ahead`,
    ],
    ["not rolled up", `${countOf(rollUp.entries, "entry", "entries")}${since}`],
    ["due pools", String(health.duePools)],
    [
      "exports",
      `${exports.running} running, ${exports.queued} queued, ${exports.overdue} overdue; ${countOf(exports.workers, "worker")} of each instance`,
    ],
    ["bulk refunds", `${health.bulkRefundsRunning} running`],
    ["last audit", audit === null ? "none was run" : describeAudit(audit)],
    [
      "default partition",
      health.defaultPartitionEmpty ? "empty" : "has entries: see docs/operating/storage.md",
    ],
  ];
  const instances = health.instances.map((one) => [one.id, one.state, one.seenAt, String(one.shards)]);
  const steps = health.sweep.map((step) => [
    step.step,
    step.succeededAt ?? "never",
    step.failedAt === null ? "" : `${step.failedAt}: ${step.failure ?? ""}`,
  ]);
  const partitions = health.partitions.map((one) => [
    one.name,
    one.entries?.toString() ?? "not known",
    one.bounds,
  ]);
  return [
    facts.map(([name, value]) => `${name}: ${value}\n`).join(""),
    renderTable(["INSTANCE", "STATE", "SEEN", "SHARDS"], instances),
    renderTable(["SWEEP", "SUCCEEDED", "FAILED"], steps),
    renderTable(["PARTITION", "ENTRIES", "BOUNDS"], partitions),
  ].join("\n");
}

function describeAudit({ findings, pools, entries, finishedAt }: NonNullable<Health["lastAudit"]>): string {
  const found = findings === 0 ? "sound" : countOf(findings, "finding");
  return `${found}, ${countOf(pools, "pool")}, ${countOf(entries, "entry", "entries")}, at ${finishedAt}`;
}
