import { parseArgs } from "node:util";
import Table from "cli-table3";
import { globalSetup, globalTeardown } from "../../src/ledger/testing/global-setup.ts";
import { WorkingCopy } from "./copied-repository.ts";
import { MUTATIONS } from "./mutations.ts";
import { findUnusable, type MutationResult, tryMutation } from "./run-mutations.ts";

/**
 * `npm run mutations`: puts each fault of the list into a copy of the repository and expects its tests to turn red. Ends
 * with 1 when a fault survives, or is none any more.
 */
const { values } = parseArgs({
  options: { only: { type: "string", multiple: true }, json: { type: "boolean", default: false } },
});
const chosen = MUTATIONS.filter(({ name }) => values.only?.includes(name) ?? true);
const unknown = values.only?.filter((name) => !MUTATIONS.some((mutation) => mutation.name === name)) ?? [];
if (unknown.length > 0) {
  console.error(`No such mutation: ${unknown.join(", ")}. There are:`);
  for (const { name } of MUTATIONS) console.error(`  ${name}`);
  process.exit(2);
}

const copy = new WorkingCopy();
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.on(signal, () => {
    copy.remove();
    process.exit(130);
  });
}
try {
  copy.fill();
  // One server of each Postgres for all tests, as in a run of the whole suite.
  await globalSetup();
  process.exitCode = await run();
} finally {
  await globalTeardown();
  copy.remove();
}

async function run(): Promise<number> {
  console.error(`${chosen.length} mutations; first their tests without any`);
  const unusable = await findUnusable(copy, chosen);
  for (const reason of unusable) console.error(`  ${reason}`);
  if (unusable.length > 0) return 1;
  const results: MutationResult[] = [];
  for (const [index, mutation] of chosen.entries()) {
    const result = await tryMutation(copy, mutation);
    results.push(result);
    console.error(
      `${index + 1}/${chosen.length} ${result.outcome} after ${result.seconds.toFixed(1)} s: ${result.name}`,
    );
  }
  console.log(values.json ? JSON.stringify(results, undefined, 2) : renderTable(results));
  const missed = results.filter(({ outcome }) => outcome !== "caught").length;
  console.error(missed === 0 ? "All are caught." : `${missed} of ${results.length} are not caught.`);
  return missed === 0 ? 0 : 1;
}

function renderTable(results: readonly MutationResult[]): string {
  const table = new Table({
    head: ["mutation", "outcome", "s", "first failure, or what is wrong"],
    style: { head: [], border: [] },
    colWidths: [44, 10, 7, 60],
    wordWrap: true,
  });
  for (const { name, outcome, seconds, reason } of results) {
    table.push([name, outcome, seconds.toFixed(1), reason.slice(0, 110)]);
  }
  return table.toString();
}
