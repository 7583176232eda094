import assert from "node:assert/strict";
import type { Database, Statement } from "../src/ledger/database/database.ts";
import { measureCpuTime } from "./cpu-time.ts";
import { type BatchShape, countBatches, LeasedPools, readTime } from "./leased-pools.ts";
import { alternate, formatSummary } from "./measure.ts";
import { withQuietPostgres } from "./with-database.ts";

const SHAPES: readonly BatchShape[] = [
  { charges: 1, pools: 1 },
  { charges: 8, pools: 8 },
  { charges: 32, pools: 8 },
  { charges: 128, pools: 32 },
  { charges: 128, pools: 128 },
];
const POOLS = 128;
/** Many short rounds: what other processes of the machine do for a moment spoils a few of them, and neither median nor lowest. */
const BATCHES = 50;
const ROUNDS = 36;
const WARM_UP_ROUNDS = 4;

/** In milliseconds of CPU time a batch. */
interface Cost {
  readonly database: number;
  readonly node: number;
}

/**
 * What one batch of plain charges that leases cover costs the database's server and this process. The floor is a call that
 * changes one row durably: no batch can cost less.
 */
export async function benchBatch(print: (line: string) => void): Promise<void> {
  await withQuietPostgres(async (database, serverPid) => {
    const pools = await LeasedPools.open(database, POOLS);
    await createEmptyCall(database);
    const measure = async (work: () => Promise<unknown>): Promise<Cost> => {
      const used = await measureCpuTime({ database: serverPid, node: process.pid }, work);
      return { database: used.database / BATCHES / 1000, node: used.node / BATCHES / 1000 };
    };
    print(`\nOne batch on postgres, in ms of CPU time, ${BATCHES} batches a round, one after the other`);
    const contenders = Object.fromEntries(
      SHAPES.flatMap((shape) => [
        [nameOf(shape), () => measureBatches(pools, shape, measure)],
        [floorOf(shape), () => measure(() => callEmpty(database))],
      ]),
    );
    const since = await readTime(database);
    // Unmeasured, so that what is measured is compiled code and finished plans.
    await alternate(WARM_UP_ROUNDS, contenders);
    await database.query("VACUUM (ANALYZE)");
    const samples = await alternate(ROUNDS, contenders);
    await checkBatches(database, since);
    for (const shape of SHAPES) {
      const [costs, floor] = [samples[nameOf(shape)], samples[floorOf(shape)]];
      print(`  ${nameOf(shape)}: ${format(costs)}; the floor: ${format(floor)}`);
    }
    await pools.ledger.close();
  });
}

async function measureBatches(
  pools: LeasedPools,
  shape: BatchShape,
  measure: (work: () => Promise<unknown>) => Promise<Cost>,
): Promise<Cost> {
  const batches = pools.prepare(BATCHES, shape);
  await pools.ledger.heartbeat();
  return measure(() => pools.charge(batches));
}

/** What was measured were batches of these shapes. */
async function checkBatches(database: Database, since: Date): Promise<void> {
  const expected = new Map<number, number>();
  for (const { charges } of SHAPES) {
    expected.set(charges, (expected.get(charges) ?? 0) + BATCHES * (ROUNDS + WARM_UP_ROUNDS));
  }
  assert.deepEqual(await countBatches(database, since), expected);
}

async function createEmptyCall(database: Database): Promise<void> {
  await database.exec(`
    CREATE SCHEMA bench;
    CREATE TABLE bench.row (id integer PRIMARY KEY, calls bigint NOT NULL) WITH (fillfactor = 50);
    INSERT INTO bench.row VALUES (1, 0);
    CREATE FUNCTION bench.call(p_id integer) RETURNS bigint LANGUAGE plpgsql AS $$
    DECLARE
      v_calls bigint;
    BEGIN
      UPDATE bench.row SET calls = calls + 1 WHERE id = p_id RETURNING calls INTO v_calls;
      RETURN v_calls;
    END $$`);
}

const CALL: Statement = { name: "bench-call", text: "SELECT bench.call($1)" };

async function callEmpty(database: Database): Promise<void> {
  for (let n = 0; n < BATCHES; n += 1) await database.query(CALL, [1]);
}

const nameOf = ({ charges, pools }: BatchShape): string =>
  charges === 1 ? "1 charge" : `${charges} charges on ${pools} pools`;

const floorOf = (shape: BatchShape): string => `empty call beside ${nameOf(shape)}`;

function format(costs: readonly Cost[] = []): string {
  const database = formatSummary(costs.map((cost) => cost.database));
  return `database ${database}, node ${formatSummary(costs.map((cost) => cost.node))}`;
}
