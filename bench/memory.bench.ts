import { createHash, randomBytes } from "node:crypto";
import { Pool } from "undici";
import { API_KEY_RANDOM_BYTES, formatApiKey } from "../src/domain/keys/api-key.ts";
import type { Database } from "../src/ledger/database/database.ts";
import { openDatabase } from "../src/ledger/database/open-database.ts";
import { benchAccountId, populate } from "./populate.ts";
import { type FareboxProcess, startFareboxProcess } from "./processes/farebox.ts";
import { pidOf, startChild } from "./processes/spawn.ts";
import { readResidentMegabytes } from "./resident-memory.ts";
import { withTarget } from "./with-database.ts";

const ACCOUNTS = 100_000;
const OUTSTANDING = 64;
const SHARDS = 4;

/** Resident memory of an instance that serves 100,000 accounts, each with a key and a pool of its own. */
export async function benchMemory(print: (line: string) => void): Promise<void> {
  await withTarget("postgres", async (target) => {
    const upstream = await startChild("upstream");
    const farebox = await startFareboxProcess(upstream.url, target);
    const database = await openDatabase(target);
    print(`\nMemory of an instance on postgres`);
    try {
      const idle = residentMegabytes(farebox);
      await populate(database, ACCOUNTS, SHARDS);
      const keys = await createKeys(database);
      const peak = await callEach(farebox, keys, print);
      print(
        `  resident: ${idle} MB idle, ${peak} MB at most while ${ACCOUNTS.toLocaleString("en")} accounts called twice`,
      );
    } finally {
      await database.close();
      await farebox.stop();
      await upstream.stop();
    }
  });
}

/** A key per account, written as `createKey` writes it, in sets; old, so that they are no news to the instance. */
async function createKeys(database: Database): Promise<string[]> {
  const keys = Array.from({ length: ACCOUNTS }, () => formatApiKey("fbx", randomBytes(API_KEY_RANDOM_BYTES)));
  const columns = {
    hash: keys.map((key) => createHash("sha256").update(key).digest("hex")),
    account: keys.map((_, n) => benchAccountId(n)),
    shard: keys.map((_, n) => n % SHARDS),
    id: keys.map((_, n) => `key_m${String(n).padStart(15, "0")}`),
    hint: keys.map((key) => `fbx_…${key.slice(-4)}`),
  };
  for (let from = 0; from < ACCOUNTS; from += 10_000) {
    const part = (column: readonly (string | number)[]) => column.slice(from, from + 10_000);
    await database.query(
      `INSERT INTO farebox.keys (key_id, account_id, shard, hash, prefix, hint, name, changed_at)
       SELECT id, account, shard, decode(hash, 'hex'), 'fbx', hint, 'bench', now() - interval '1 day'
       FROM unnest($1::text[], $2::text[], $3::int[], $4::text[], $5::text[]) u(id, account, shard, hash, hint)`,
      [part(columns.id), part(columns.account), part(columns.shard), part(columns.hash), part(columns.hint)],
    );
  }
  return keys;
}

async function callEach(
  farebox: FareboxProcess,
  keys: readonly string[],
  print: (line: string) => void,
): Promise<number> {
  const pool = new Pool(farebox.gateway, { connections: OUTSTANDING });
  let next = 0;
  let peak = 0;
  const caller = async (): Promise<void> => {
    while (next < 2 * keys.length) {
      const n = next++;
      const key = keys[n % keys.length] ?? "";
      const answer = await pool.request({
        path: "/metered",
        method: "GET",
        headers: { authorization: `Bearer ${key}` },
      });
      await answer.body.dump();
      if (answer.statusCode !== 200) throw new Error(`account ${n} got ${answer.statusCode}`);
      if (n % 2000 === 0) peak = Math.max(peak, residentMegabytes(farebox));
      if (n % 50_000 === 0) print(`  ${n.toLocaleString("en")} calls: ${residentMegabytes(farebox)} MB`);
    }
  };
  await Promise.all(Array.from({ length: OUTSTANDING }, caller));
  await pool.close();
  return Math.max(peak, residentMegabytes(farebox));
}

function residentMegabytes({ process }: FareboxProcess): number {
  return readResidentMegabytes(pidOf(process));
}
