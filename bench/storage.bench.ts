import assert from "node:assert/strict";
import type { Database } from "../src/ledger/database/database.ts";
import { type BatchShape, countBatches, LeasedPools, readTime } from "./leased-pools.ts";
import { withQuietPostgres } from "./with-database.ts";

const SHAPE: BatchShape = { charges: 32, pools: 8 };
const CHARGES = 320_000;
/** Batches made ahead. */
const CHUNK = 500;

/** Bytes of the lines, of their indexes, of everything else in the schema, and of the write-ahead log that a charge leaves behind. */
export async function benchStorage(print: (line: string) => void): Promise<void> {
  await withQuietPostgres(async (database) => {
    const pools = await LeasedPools.open(database, SHAPE.pools);
    await database.exec("CREATE EXTENSION pg_walinspect");
    print(`\nStorage on postgres, ${CHARGES.toLocaleString("en")} charges, ${describe(SHAPE)}`);
    await database.query("CHECKPOINT");
    const before = await readSizes(database);
    await charge(database, pools);
    const after = await readSizes(database);
    const wal = await readWal(database, before.lsn, after.lsn);
    if (before.checkpoint !== after.checkpoint) throw new Error("a checkpoint came in between");
    const perCharge = (bytes: bigint): string => (Number(bytes) / CHARGES).toFixed(1);
    const heap = after.heap - before.heap;
    const indexes = after.indexes - before.indexes;
    print(
      `  entries: ${perCharge(heap + indexes)} bytes a charge, heap ${perCharge(heap)}, indexes ${perCharge(indexes)}`,
    );
    print(`  all other tables and their indexes: ${perCharge(after.rest - before.rest)} bytes a charge`);
    print(
      `  write-ahead log: ${perCharge(after.position - before.position)} bytes a charge, of which images of whole pages after the checkpoint ${perCharge(sum(wal, "images"))}`,
    );
    const kinds = wal.map(({ kind, records, images }) => `${kind} ${perCharge(records + images)}`);
    print(`  of which ${kinds.join(", ")}, the rest ends of pages`);
    await pools.ledger.close();
  });
}

async function charge(database: Database, pools: LeasedPools): Promise<void> {
  const since = await readTime(database);
  const batches = CHARGES / SHAPE.charges;
  for (let done = 0; done < batches; done += CHUNK) {
    await pools.ledger.heartbeat();
    await pools.charge(pools.prepare(Math.min(CHUNK, batches - done), SHAPE));
  }
  assert.deepEqual(await countBatches(database, since), new Map([[SHAPE.charges, batches]]));
}

interface Sizes {
  readonly heap: bigint;
  readonly indexes: bigint;
  readonly rest: bigint;
  /** Where the log ends, and the same as a number of bytes. */
  readonly lsn: string;
  readonly position: bigint;
  /** Where the last checkpoint is. */
  readonly checkpoint: string;
}

async function readSizes(database: Database): Promise<Sizes> {
  const [row] = await database.query<Sizes>(`
    WITH lines AS (SELECT relid FROM pg_partition_tree('farebox.entries') WHERE isleaf)
    SELECT
      (SELECT sum(pg_relation_size(relid))::bigint FROM lines) AS heap,
      (SELECT sum(pg_indexes_size(relid))::bigint FROM lines) AS indexes,
      (SELECT sum(pg_total_relation_size(c.oid))::bigint FROM pg_class c
       WHERE c.relnamespace = 'farebox'::regnamespace AND c.relkind = 'r' AND c.oid NOT IN (SELECT relid FROM lines)) AS rest,
      pg_current_wal_lsn()::text AS lsn, (pg_current_wal_lsn() - '0/0')::bigint AS position,
      (SELECT checkpoint_lsn::text FROM pg_control_checkpoint()) AS checkpoint`);
  if (row === undefined) throw new Error("the database told no sizes");
  return row;
}

/** Bytes of the log by what they belong to. */
interface WalBytes {
  readonly kind: string;
  readonly records: bigint;
  /** Images of whole pages: the first change of a page after a checkpoint writes one, so busy pages cost one a checkpoint. */
  readonly images: bigint;
}

function readWal(database: Database, from: string, to: string): Promise<WalBytes[]> {
  return database.query<WalBytes>(
    `SELECT "resource_manager/record_type" AS kind, record_size::bigint AS records, fpi_size::bigint AS images
     FROM pg_get_wal_stats($1::pg_lsn, $2::pg_lsn) WHERE count > 0 ORDER BY combined_size DESC`,
    [from, to],
  );
}

function sum(wal: readonly WalBytes[], column: "records" | "images"): bigint {
  return wal.reduce((total, row) => total + row[column], 0n);
}

const describe = ({ charges, pools }: BatchShape): string => `in batches of ${charges} on ${pools} pools`;
