/** `npm run bench`: everything, or the named parts: `npm run bench -- ledger gateway`. */
import { benchBatch } from "./batch.bench.ts";
import { benchExports } from "./exports.bench.ts";
import { benchGateway } from "./gateway.bench.ts";
import { benchGrowth } from "./growth.bench.ts";
import { benchIdle } from "./idle.bench.ts";
import { benchLedger } from "./ledger.bench.ts";
import { benchMemory } from "./memory.bench.ts";
import { benchConsole } from "./pages/console.bench.ts";
import { benchPages } from "./pages/pages.bench.ts";
import { benchReports } from "./reports.bench.ts";
import { benchSidecar } from "./sidecar.bench.ts";
import { benchStorage } from "./storage.bench.ts";
import { benchWorkers } from "./workers.bench.ts";

const BENCHES: Readonly<Record<string, (print: (line: string) => void) => Promise<void>>> = {
  batch: benchBatch,
  storage: benchStorage,
  ledger: benchLedger,
  gateway: benchGateway,
  growth: benchGrowth,
  memory: benchMemory,
  idle: benchIdle,
  reports: benchReports,
  pages: benchPages,
  console: benchConsole,
  exports: benchExports,
  workers: benchWorkers,
  sidecar: benchSidecar,
};

const print = (line: string): void => console.log(line);
const wanted = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(BENCHES);
for (const name of wanted) {
  const bench = BENCHES[name];
  if (bench === undefined) {
    console.error(`There is no bench "${name}": choose of ${Object.keys(BENCHES).join(", ")}.`);
    process.exit(2);
  }
  await bench(print);
}
