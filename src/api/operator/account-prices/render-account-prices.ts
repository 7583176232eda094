import type { z } from "@hono/zod-openapi";
import { priceToJson } from "../../../domain/prices/price-list-json.ts";
import type { AccountPriceList } from "../../../ledger/price-lists/account-price-lists.ts";
import { parsePublishedList } from "../../../ledger/price-lists/price-lists.ts";
import type { accountPricesBody } from "../../wire/price-list.ts";

/** An account's list as the API shows it, with every default written out. */
export function renderAccountPrices(list: AccountPriceList): z.infer<typeof accountPricesBody> {
  const { version, accountId, state, effectiveAt, until, publishedAt, cancelledAt } = list;
  return {
    version,
    account: accountId,
    state,
    effectiveAt: effectiveAt.toISOString(),
    until: until?.toISOString() ?? null,
    publishedAt: publishedAt.toISOString(),
    cancelledAt: cancelledAt?.toISOString() ?? null,
    prices: parsePublishedList(list).prices.map(priceToJson),
  };
}
