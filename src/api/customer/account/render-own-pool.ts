import { creditsToJson } from "../../../domain/credits.ts";
import type { PoolBalance } from "../../../ledger/ledger.ts";
import { renderPool, renderPoolGrant } from "../../pools/render-pool.ts";

/** A pool as its account sees it: of each grant also what was granted. */
export function renderOwnPool(pool: PoolBalance) {
  return renderPool(pool, renderGrant);
}

function renderGrant(grant: PoolBalance["grants"][number]) {
  const { id, ...rest } = renderPoolGrant(grant);
  return { id, amount: creditsToJson(grant.amount), ...rest };
}
