import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { DatabaseTarget } from "../src/ledger/database/open-database.ts";
import { measureCpuTime } from "./cpu-time.ts";
import { type FareboxProcess, startFareboxProcess } from "./processes/farebox.ts";
import { pidOf, startChild } from "./processes/spawn.ts";
import { readResidentMegabytes } from "./resident-memory.ts";
import { withTarget } from "./with-database.ts";

const EXAMPLE = join(import.meta.dirname, "..", "examples", "crustdata", "farebox.yaml");
const SETTLE_SECONDS = 30;
const SECONDS = 60;

/** What an instance costs on the embedded store while nobody calls: with a store that it has just made, and started again on it. */
export async function benchIdle(print: (line: string) => void): Promise<void> {
  await withTarget("pglite", async (target) => {
    const upstream = await startChild("upstream");
    print(`\nAn idle instance on pglite, with the prices, limits and plan of the example crustdata`);
    try {
      await measureIdle("on a new store", upstream.url, target, print);
      await measureIdle("started again", upstream.url, target, print);
    } finally {
      await upstream.stop();
    }
  });
}

async function measureIdle(
  name: string,
  upstream: string,
  target: DatabaseTarget,
  print: (line: string) => void,
): Promise<void> {
  const config = (await readFile(EXAMPLE, "utf8")).replace(/^upstream: .*$/m, `upstream: ${upstream}`);
  const farebox = await startFareboxProcess(upstream, target, config);
  try {
    await callOnce(farebox);
    const instance = pidOf(farebox.process);
    await sleep(SETTLE_SECONDS * 1000);
    const megabytes = readResidentMegabytes(instance);
    const { used } = await measureCpuTime({ used: instance }, () => sleep(SECONDS * 1000));
    const share = used / (SECONDS * 1_000_000);
    print(
      `  ${name}: ${(100 * share).toFixed(2)} % of a core over ${SECONDS} s, ${megabytes} MB resident after ${SETTLE_SECONDS} s`,
    );
  } finally {
    await farebox.stop();
  }
}

/** A customer with the example's plan and one call, so that everything that a call needs is loaded. */
async function callOnce(farebox: FareboxProcess): Promise<void> {
  const account = await farebox.operate<{ id: string }>("POST", "/v1/accounts", {
    name: "Bench",
    plan: "growth",
  });
  const { key } = await farebox.operate<{ key: string }>("POST", `/v1/accounts/${account.id}/keys`, {
    name: "bench",
  });
  const answer = await fetch(`${farebox.gateway}/company/search`, {
    method: "POST",
    headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
    body: JSON.stringify({ limit: 1 }),
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`the call was answered ${answer.status} ${text}`);
}
