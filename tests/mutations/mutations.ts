import { BATCH } from "./list/batch.ts";
import { CONTRACTS } from "./list/contracts.ts";
import { DOMAIN } from "./list/domain.ts";
import { ENDED_INSTANCES } from "./list/ended-instances.ts";
import { EXPORTS } from "./list/exports.ts";
import { GATEWAY } from "./list/gateway.ts";
import { HOLDS } from "./list/holds.ts";
import { LEDGER } from "./list/ledger.ts";
import { METER } from "./list/meter.ts";
import { PLAIN_BATCH } from "./list/plain-batch.ts";
import { POOLS } from "./list/pools.ts";
import { PRICES } from "./list/prices.ts";
import type { Mutation } from "./mutation.ts";

/** All faults that the tests are known to notice. */
export const MUTATIONS: readonly Mutation[] = [
  ...DOMAIN,
  ...PRICES,
  ...LEDGER,
  ...BATCH,
  ...PLAIN_BATCH,
  ...ENDED_INSTANCES,
  ...POOLS,
  ...EXPORTS,
  ...METER,
  ...GATEWAY,
  ...HOLDS,
  ...CONTRACTS,
];
