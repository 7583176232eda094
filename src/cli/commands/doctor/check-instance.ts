import { statSync } from "node:fs";
import { join } from "node:path";
import type { z } from "zod";
import { instanceBody } from "../../../api/wire/instance.ts";
import { FareboxError } from "../../../domain/farebox-error.ts";
import type { StepRecord } from "../../../ledger/sweep/step-records.ts";
import { type Cli, databaseTarget, dataDirectory, type StorageOptions } from "../../cli.ts";
import { checkDatabase, judgeDatabase } from "./check-database.ts";
import type { Finding } from "./finding.ts";
import { judgeSweep } from "./judge-sweep.ts";

type SweepStep = z.infer<typeof instanceBody>["sweep"][number];

/**
 * The running instance, its token and its database. The embedded database cannot be opened beside the instance that has
 * it, so the instance is asked; without one the database is opened.
 */
export async function checkInstance(cli: Cli, options: StorageOptions): Promise<readonly Finding[]> {
  const token = checkTokenFile(join(dataDirectory(options), "operator-token"));
  try {
    const { id, version, database, sweep } = await cli.operator(options).get("/v1/instance", instanceBody);
    return [
      {
        check: "instance",
        state: "ok",
        text: `${id} runs Farebox ${version}; the operator token is accepted.`,
      },
      ...token,
      ...(await judgeDatabase({ ...database, now: new Date(database.now) })),
      ...judgeSweep(sweep.map(readStep), new Date(database.now)),
    ];
  } catch (error) {
    if (!(error instanceof FareboxError)) throw error;
    return [explain(error), ...token, ...(await openAlone(cli, options))];
  }
}

function readStep({ step, succeededAt, failedAt, failure }: SweepStep): StepRecord {
  const timeOf = (text: string | null): Date | null => (text === null ? null : new Date(text));
  return { step, succeededAt: timeOf(succeededAt), failedAt: timeOf(failedAt), failure };
}

function explain(error: FareboxError): Finding {
  const { message: text, code } = error;
  // Without a token of ours the file of a running instance was found all the same: it runs, and cannot be asked.
  if (code === "operator_unauthorized" || code === "operator_token_missing") {
    const fix =
      "Set FAREBOX_OPERATOR_TOKEN to the running instance's token, or name its data directory with --data.";
    return { check: "instance", state: "fail", text, fix };
  }
  if (code === "storage_unavailable") {
    return {
      check: "instance",
      state: "fail",
      text: `It runs, and sells nothing, because its database is away: ${text}`,
      fix: "Bring the database back: the instance goes on by itself within seconds. The next finding is of the database.",
    };
  }
  return {
    check: "instance",
    state: "warn",
    text,
    fix: "Nothing to do if none should run; else `farebox start`.",
  };
}

async function openAlone(cli: Cli, options: StorageOptions): Promise<readonly Finding[]> {
  try {
    return await checkDatabase(databaseTarget(cli, options));
  } catch (error) {
    if (!(error instanceof FareboxError)) throw error;
    return [{ check: "database", state: "fail", text: error.message, fix: fixOf(error) }];
  }
}

function fixOf({ code, detail: { fix } }: FareboxError): string {
  if (code === "data_directory_locked") {
    return "Ask that process: its operator API is where FAREBOX_OPERATOR_URL or its data directory says.";
  }
  if (typeof fix === "string") return fix;
  return "Check that the server runs, and the URL, user and password in DATABASE_URL.";
}

/** Whoever reads the file can grant credits. */
function checkTokenFile(file: string): readonly Finding[] {
  let mode: number;
  try {
    ({ mode } = statSync(file));
  } catch {
    return [];
  }
  // oxlint-disable-next-line no-bitwise -- permissions are bits
  if ((mode & 0o077) === 0) return [];
  return [
    {
      check: "operator token",
      state: "warn",
      text: `${file} can be read by others than its owner.`,
      fix: `chmod 600 ${file}`,
    },
  ];
}
