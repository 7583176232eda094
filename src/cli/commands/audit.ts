import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Command } from "commander";
import type { z } from "zod";
import { auditBody, renderAudit } from "../../api/wire/audit.ts";
import { FareboxError } from "../../domain/farebox-error.ts";
import {
  type Cli,
  databaseOption,
  databaseTarget,
  dataOption,
  jsonOption,
  printResult,
  type StorageOptions,
} from "../cli.ts";
import { countOf } from "../render/count-of.ts";

interface Options extends StorageOptions {
  readonly atRest?: boolean;
}

/** A ledger of a hundred million entries is read in less. */
const PATIENCE_MS = 3_600_000;

type Audit = z.infer<typeof auditBody>;

/** Nothing that can be asked runs there: the database is opened instead. */
const NOBODY = new Set(["instance_not_found", "instance_unreachable", "operator_token_missing"]);

/** `farebox audit` */
export function addAudit(program: Command, cli: Cli): void {
  program
    .command("audit")
    .description("prove the books: recompute every pool from its lines and compare")
    .option("--at-rest", "nobody uses the ledger: what is still held is a finding too")
    .addOption(databaseOption())
    .addOption(dataOption())
    .addOption(jsonOption())
    .action(async (options: Options) => {
      const audit = await run(cli, options);
      printResult(cli, options, audit, () => renderReport(audit));
      if (!audit.sound) cli.setExitCode(1);
    });
}

async function run(cli: Cli, options: Options): Promise<Audit> {
  if (options.database !== undefined) return await auditDirectly(cli, options);
  try {
    const query = { atRest: options.atRest === true ? "true" : undefined };
    return await cli.operator(options).get("/v1/audit", auditBody, query, PATIENCE_MS);
  } catch (error) {
    if (error instanceof FareboxError && NOBODY.has(error.code)) return await auditDirectly(cli, options);
    throw error;
  }
}

async function auditDirectly(cli: Cli, options: Options): Promise<Audit> {
  const target = databaseTarget(cli, options);
  if ("directory" in target && !existsSync(join(target.directory, "postgres"))) {
    refuse(`There is no database in ${target.directory}.`, "Name the data directory with --data.");
  }
  const { openStorage } = await import("../process/open-storage.ts");
  const { auditLedger } = await import("../../ledger/audit/audit.ts");
  const { readHistory } = await import("../../ledger/migration-history.ts");
  const { readMigrations } = await import("../../ledger/migrations.ts");
  const database = await openStorage(cli, options);
  try {
    const migrations = await readMigrations();
    const version = (await readHistory(database, migrations)) ?? 0;
    if (version < migrations.length) {
      const text = `The schema is at version ${version}; the audit is for version ${migrations.length}.`;
      refuse(text, "Run `farebox migrate` first.");
    }
    return renderAudit(await auditLedger(database, { atRest: options.atRest === true }));
  } finally {
    await database.close();
  }
}

function refuse(message: string, fix: string): never {
  throw new FareboxError("database_not_migrated", message, { detail: { fix } });
}

function renderReport({ sound, pools, entries, findings }: Audit): string {
  const scope = `${countOf(pools, "pool")}, ${countOf(entries, "entry", "entries")}`;
  if (sound) return `The books are sound: ${scope}.\n`;
  const lines = findings.map(
    ({ invariant, check, account, creditType, detail }) =>
      `${invariant}  ${account} ${creditType}: not so: ${check}  ${JSON.stringify(detail)}\n`,
  );
  return `${lines.join("")}${countOf(findings.length, "finding")} in ${scope}. Amounts are in micro-credits.\n`;
}
