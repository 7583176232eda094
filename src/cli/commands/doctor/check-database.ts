import { existsSync } from "node:fs";
import { join } from "node:path";
import { listServersAway } from "../../../ledger/database/cluster/list-away.ts";
import { type DatabaseTarget, openDatabase } from "../../../ledger/database/open-database.ts";
import { readServer } from "../../../ledger/database/read-server.ts";
import { readHistory } from "../../../ledger/migration-history.ts";
import { readMigrations } from "../../../ledger/migrations.ts";
import { readStepRecords } from "../../../ledger/sweep/step-records.ts";
import type { Finding } from "./finding.ts";
import { judgeSweep } from "./judge-sweep.ts";

/** Somebody waits for the answer, and a server that comes up later is a finding too. */
const PATIENCE_MS = 3_000;

/** Everything with a date is decided by the database's clock; more than this between the clocks confuses people who read logs. */
const CLOCK_MS = 2_000;

/** What a database, or the instance that has it open, tells of it. */
export interface DatabaseFacts {
  readonly kind: string;
  readonly pooled: boolean;
  readonly version: string;
  readonly migration: number;
  readonly now: Date;
  readonly weakSettings: readonly string[];
  /** Of a cluster. */
  readonly serversAway: readonly string[];
}

/** Opens the database as `farebox start` would, creating nothing. Rejects like openDatabase and readHistory. */
export async function checkDatabase(target: DatabaseTarget): Promise<readonly Finding[]> {
  if ("directory" in target && !existsSync(join(target.directory, "postgres"))) {
    return [
      {
        check: "database",
        state: "warn",
        text: `There is no embedded database in ${target.directory} yet.`,
        fix: "Nothing to do: `farebox start` creates it. For production set DATABASE_URL to a Postgres server.",
      },
    ];
  }
  const database = await openDatabase(target, { retryMs: PATIENCE_MS });
  try {
    const migrations = await readMigrations();
    await readHistory(database, migrations);
    const serversAway = await listServersAway(database);
    const server = await readServer(database);
    const facts = { kind: database.kind, pooled: database.isPooled ?? false, ...server, serversAway };
    const findings = await judgeDatabase(facts);
    if (facts.migration !== migrations.length) return findings;
    return [...findings, ...judgeSweep(await readStepRecords(database), facts.now)];
  } finally {
    await database.close();
  }
}

/** Judges version, durability, migrations and clock. */
export async function judgeDatabase(facts: DatabaseFacts): Promise<readonly Finding[]> {
  const newest = (await readMigrations()).length;
  const name = facts.kind === "pglite" ? "embedded Postgres" : "Postgres";
  return [
    {
      check: "database",
      state: "ok",
      text: `${name} ${facts.version} answers${facts.pooled ? ", through a pooler: a direct connection takes less CPU" : ""}.`,
    },
    ...facts.serversAway.map(judgeAway),
    ...judgeDurability(facts),
    judgeMigrations(facts.migration, newest),
    judgeClock(facts.now.getTime() - Date.now()),
  ];
}

function judgeAway(server: string): Finding {
  return {
    check: "database",
    state: "fail",
    text: `Its server ${server} does not answer: priced calls of the accounts there are refused.`,
    fix: "Bring it back: the instances take its accounts up by themselves within seconds. Until then nothing new is migrated, and accounts, keys, plans and prices cannot be changed.",
  };
}

/** The embedded database makes no promise about the loss of power, which the documents and each start say. */
function judgeDurability({ kind, weakSettings }: DatabaseFacts): readonly Finding[] {
  const check = "durability";
  if (kind === "pglite") return [];
  if (weakSettings.length === 0) return [{ check, state: "ok", text: "Commits wait for the disk." }];
  const settings = weakSettings.join(", ");
  if (weakSettings.every((setting) => setting.startsWith("synchronous_commit"))) {
    return [
      {
        check,
        state: "warn",
        text: `${settings} here; Farebox turns it on for its own sessions.`,
        fix: "Reset it for the role, the database or the server: what others write there may be lost with the power.",
      },
    ];
  }
  const fix = "Turn them on in postgresql.conf and restart the server.";
  return [{ check, state: "fail", text: `${settings}: a crash of the machine loses commits.`, fix }];
}

function judgeMigrations(applied: number, newest: number): Finding {
  const text = `The schema is at version ${applied}; this Farebox has ${newest}.`;
  if (applied === newest) return { check: "migrations", state: "ok", text };
  if (applied < newest) {
    return {
      check: "migrations",
      state: "warn",
      text,
      fix: "Run `farebox migrate`, or start: it migrates first.",
    };
  }
  return { check: "migrations", state: "fail", text, fix: "Run the newer Farebox that migrated it." };
}

function judgeClock(aheadMs: number): Finding {
  const seconds = (Math.abs(aheadMs) / 1000).toFixed(1);
  const text = `The database's clock is ${seconds} s ${aheadMs < 0 ? "behind" : "ahead of"} this machine's.`;
  if (Math.abs(aheadMs) <= CLOCK_MS) return { check: "clock", state: "ok", text };
  return {
    check: "clock",
    state: "warn",
    text,
    fix: "Synchronise both clocks (NTP). Charges, expiry and refresh go by the database's; only logs are off.",
  };
}
