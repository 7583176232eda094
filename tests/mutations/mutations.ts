import { CONTRACTS } from "./list/contracts.ts";
import { DOMAIN } from "./list/domain.ts";
import { EXPORTS } from "./list/exports.ts";
import { GATEWAY } from "./list/gateway.ts";
import { HOLDS } from "./list/holds.ts";
import { LEDGER } from "./list/ledger.ts";
import { METER } from "./list/meter.ts";
import { POOLS } from "./list/pools.ts";
import { PRICES } from "./list/prices.ts";
import type { Mutation } from "./mutation.ts";

/** All faults that the tests are known to notice. */
export const MUTATIONS: readonly Mutation[] = [
  ...DOMAIN,
  ...PRICES,
  ...LEDGER,
  ...POOLS,
  ...EXPORTS,
  ...METER,
  ...GATEWAY,
  ...HOLDS,
  ...CONTRACTS,
];
