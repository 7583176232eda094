/**
 * A process that works on exports until it is killed. `{"database", "settings", "shards", "dieAt"}` as its argument; with `dieAt` it
 * kills itself as `kill -9` would, before or after the first statement of that name.
 */
import { type ExportKind, type ExportSettings } from "../../src/domain/export-kind.ts";
import { openExports } from "../../src/exports/open-exports.ts";
import type { Database, Statement } from "../../src/ledger/database/database.ts";
import { type DatabaseTarget, openDatabase } from "../../src/ledger/database/open-database.ts";

export interface WorkerArguments {
  readonly database: DatabaseTarget;
  /** Prices as text: JSON has no bigint. */
  readonly settings: Omit<ExportSettings, "kinds"> & {
    readonly kinds: readonly (Omit<ExportKind, "price"> & { readonly price: string })[];
  };
  readonly shards: number;
  readonly dieAt?: { readonly statement: string; readonly moment: "before" | "after"; readonly time: number };
}

const argument = process.argv[2];
if (argument !== undefined) await work(JSON.parse(argument));

async function work({ database: target, settings, shards, dieAt }: WorkerArguments): Promise<void> {
  const database = await openDatabase(target);
  const exports = await openExports({
    database: dieAt === undefined ? database : dyingDatabase(database, dieAt),
    settings: { ...settings, kinds: settings.kinds.map((kind) => ({ ...kind, price: BigInt(kind.price) })) },
    shards,
    claimSeconds: 1,
    events: {
      partRecorded: () => undefined,
      jobEnded: () => undefined,
      jobPostponed: () => undefined,
      failed: (what, error) => console.error(what, error),
    },
  });
  console.log("working");
  for (;;) {
    await exports.step();
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

function dyingDatabase(inner: Database, dieAt: NonNullable<WorkerArguments["dieAt"]>): Database {
  let times = 0;
  return {
    kind: inner.kind,
    exec: (sql) => inner.exec(sql),
    transaction: (run) => inner.transaction(run),
    close: () => inner.close(),
    query: async <Row>(statement: string | Statement, params?: Parameters<Database["query"]>[1]) => {
      const isIt = typeof statement !== "string" && statement.name === dieAt.statement;
      if (isIt) times += 1;
      const isNow = isIt && times === dieAt.time;
      if (isNow && dieAt.moment === "before") process.kill(process.pid, "SIGKILL");
      const rows = await inner.query<Row>(statement, params);
      if (isNow) process.kill(process.pid, "SIGKILL");
      return rows;
    },
  };
}
