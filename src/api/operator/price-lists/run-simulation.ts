import type { AccountPricing, PriceList } from "../../../domain/prices/price.ts";
import { PriceSimulation, type Simulation } from "../../../domain/prices/price-simulation.ts";
import { findUnrecordedCalls, type UnrecordedCalls } from "../../../domain/prices/unrecorded-calls.ts";
import type { Database } from "../../../ledger/database/database.ts";
import { readAccountPricing } from "../../../ledger/price-lists/account-pricing.ts";
import {
  parsePublishedList,
  readPriceList,
  readPriceListsInForce,
} from "../../../ledger/price-lists/price-lists.ts";
import {
  type ChargeGroupRow,
  type ChargePosition,
  type ChargeQuery,
  readChargeChunks,
} from "../../../ledger/reports/charge-groups.ts";

/** How long one part may take: far below what clients and proxies wait for. */
const PART_MS = 5_000;

/** About 1 MB of JSON. */
const PART_LINES = 5_000;

/** A list, and whose it is; null: everybody's. */
type ReadList = PriceList & { readonly accountId: string | null };

export interface SimulationPart extends Simulation {
  readonly unrecorded: readonly UnrecordedCalls[];
  /** Where the next part begins; undefined: this is the last. */
  readonly next: ChargePosition | undefined;
}

/** Prices the charges of a period by another list, as many as can be done in some seconds. */
export async function runSimulation(
  database: Database,
  after: PriceList,
  query: ChargeQuery,
  start: ChargePosition | undefined,
  limits: { readonly partMs?: number; readonly partLines?: number } = {},
): Promise<SimulationPart> {
  const { partMs = PART_MS, partLines = PART_LINES } = limits;
  const deadline = performance.now() + partMs;
  const simulation = new PriceSimulation(after);
  const lists = new Map<number, ReadList>();
  const { priceList } = await readPriceListsInForce(database);
  if (priceList !== null) lists.set(priceList, await readList(database, priceList));
  let pricing: AccountPricing & { readonly account?: string } = {};
  let next: ChargePosition | undefined;
  for await (const chunk of readChargeChunks(database, query, start)) {
    for (const row of chunk.groups) {
      const account = chunk.pool?.accountId ?? "";
      const creditType = chunk.pool?.creditType ?? "";
      const before = await listOf(database, lists, row);
      pricing =
        pricing.account === account ? pricing : { account, ...(await readAccountPricing(database, account)) };
      simulation.add(Object.assign(row, { account, creditType, status: row.status ?? 0 }), before, pricing);
    }
    next = chunk.next;
    if (performance.now() > deadline || simulation.lineCount >= partLines) break;
  }
  return { ...simulation.result(), unrecorded: findUnrecorded(lists, after), next };
}

/** The list that priced a charge. A charge without one, which no door makes, was priced by nothing that is known. */
async function listOf(
  database: Database,
  lists: Map<number, ReadList>,
  { priceList }: ChargeGroupRow,
): Promise<ReadList> {
  if (priceList === null) return { version: 0, prices: [], unpriced: "free", accountId: null };
  const known = lists.get(priceList);
  if (known !== undefined) return known;
  const list = await readList(database, priceList);
  lists.set(priceList, list);
  return list;
}

async function readList(database: Database, version: number): Promise<ReadList> {
  const published = await readPriceList(database, version);
  return { ...parsePublishedList(published), accountId: published.accountId };
}

/** Of everybody's lists that priced the charges, and of the one in force: an account's own says nothing of other endpoints. */
function findUnrecorded(lists: ReadonlyMap<number, ReadList>, after: PriceList): readonly UnrecordedCalls[] {
  const found = new Map<string, UnrecordedCalls>();
  for (const list of lists.values()) {
    if (list.accountId !== null) continue;
    for (const calls of findUnrecordedCalls(list, after)) {
      found.set(`${calls.reason} ${calls.endpoint}`, calls);
    }
  }
  return [...found.values()];
}
