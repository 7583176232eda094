/** Works on exports: its argument is `{"database", "folder", "source", "maxRecords"}`; tells its parent `{"port": 0}` when it does. */
import { setTimeout as pause } from "node:timers/promises";
import { openExports } from "../../src/exports/open-exports.ts";
import { type DatabaseTarget, openDatabase } from "../../src/ledger/database/open-database.ts";
import { exportKindOf } from "../export-kind.ts";

interface Arguments {
  readonly database: DatabaseTarget;
  readonly folder: string;
  readonly source: string;
}

const { database: target, folder, source }: Arguments = JSON.parse(process.argv[2] ?? "{}");
const exports = await openExports({
  database: await openDatabase(target),
  settings: {
    kinds: [exportKindOf(source)],
    storage: { kind: "folder", path: folder },
    workers: 1,
    workersPerAccount: 1,
  },
  shards: 4,
  events: {
    partRecorded: () => undefined,
    jobEnded: () => undefined,
    jobPostponed: (_, error) => console.error(error),
    failed: (what, error) => console.error(what, error),
  },
});
process.send?.({ port: 0 });
for (;;) {
  if (!(await exports.step())) await pause(20);
}
