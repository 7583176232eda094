import { relative } from "node:path";
import type { TestEvent } from "node:test/reporters";

/** How many are named: enough to see which file keeps one worker busy while the other has nothing left. */
const NAMED = 15;

/** A reporter of node's test runner: at the end, which files took longest. A file is a process, and the unit of work of a worker. */
export default async function* slowestFiles(events: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  const files: { readonly name: string; readonly ms: number }[] = [];
  for await (const event of events) {
    if (event.type !== "test:complete" || event.data.file === undefined) continue;
    const name = relative(process.cwd(), event.data.file);
    // Beside its tests each file is one itself, of its process's whole life.
    if (event.data.name === name) files.push({ name, ms: event.data.details.duration_ms });
  }
  files.sort((a, b) => b.ms - a.ms);
  const total = files.reduce((sum, { ms }) => sum + ms, 0);
  yield `\nThe slowest of ${files.length} files, which took ${seconds(total)} s in all:\n`;
  for (const { name, ms } of files.slice(0, NAMED)) yield `${seconds(ms).padStart(6)} s  ${name}\n`;
}

function seconds(ms: number): string {
  return (ms / 1000).toFixed(1);
}
