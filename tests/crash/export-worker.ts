/**
 * A process that works on exports until it is killed, or that asks for one, or for the files of one, and ends. Its argument is JSON of
 * {@link WorkerArguments}; with `dieAt` it kills itself as `kill -9` would, before or after the statement of that name.
 */
import { type ExportKind, type ExportSettings } from "../../src/domain/export-kind.ts";
import { FareboxError } from "../../src/domain/farebox-error.ts";
import type { AskedExport, ExportAccount } from "../../src/exports/exports.ts";
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
  /** Creates this one, and ends. */
  readonly ask?: AskedExport | undefined;
  /** Asks for the files of this one, and ends. */
  readonly list?: { readonly account: ExportAccount; readonly exportId: string } | undefined;
  readonly dieAt?: { readonly statement: string; readonly moment: "before" | "after"; readonly time: number };
}

const argument = process.argv[2];
if (argument !== undefined) await work(JSON.parse(argument));

async function work(given: WorkerArguments): Promise<void> {
  const { database: target, settings, shards, dieAt, ask, list } = given;
  const database = await openDatabase(target);
  const exports = await openExports({
    database: dieAt === undefined ? database : dyingDatabase(database, dieAt),
    settings: { ...settings, kinds: Array.from(settings.kinds, priced) },
    shards,
    claimSeconds: 1,
    events: {
      partRecorded: () => undefined,
      jobEnded: () => undefined,
      jobPostponed: () => undefined,
      failed: (what, error) => console.error(what, error),
    },
  });
  if (ask !== undefined) await exports.create(ask);
  if (list !== undefined) await exports.files(list.account, list.exportId);
  if (ask !== undefined || list !== undefined) process.exit();
  for (;;) {
    await exports.step().catch(passOverAbsence);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

function priced(kind: WorkerArguments["settings"]["kinds"][number]): ExportKind {
  return { ...kind, price: BigInt(kind.price) };
}

/** As a server does: a database that is away is asked again. */
function passOverAbsence(error: unknown): void {
  if (!(error instanceof FareboxError) || !error.retryable) throw error;
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
