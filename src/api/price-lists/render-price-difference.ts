import type { z } from "@hono/zod-openapi";
import type { PriceDifference } from "../../domain/prices/price-difference.ts";
import type { priceDifference } from "../wire/price-list.ts";

/** A difference as the API shows it. */
export function renderPriceDifference(difference: PriceDifference): z.infer<typeof priceDifference> {
  const { added, removed, changed, reordered, unpriced } = difference;
  return {
    added: added.map(renderListed),
    removed: removed.map(renderListed),
    changed: changed.map(({ endpoint, plans, when, members }) => ({
      endpoint,
      plans: [...plans],
      when: [...when],
      members: [...members],
    })),
    reordered: [...reordered],
    unpriced: unpriced ?? null,
  };
}

function renderListed({ endpoint, plans, when, price }: PriceDifference["added"][number]) {
  return { endpoint, plans: [...plans], when: [...when], price };
}
