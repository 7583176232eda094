import { createRoute, type z } from "@hono/zod-openapi";
import type { AccountRequest } from "../../../contract/account-endpoint.ts";
import { type Credits, creditsToJson } from "../../../domain/credits.ts";
import { FareboxError } from "../../../domain/farebox-error.ts";
import { computeKnownQuote, computeQuoteInTier } from "../../../domain/prices/compute-quote.ts";
import { readOnceValue } from "../../../domain/prices/once-value.ts";
import { versionOf } from "../../../domain/prices/own/own-prices.ts";
import type { Price, RequestFacts } from "../../../domain/prices/price.ts";
import { priceListToJson } from "../../../domain/prices/price-list-json.ts";
import { isFreeFor, selectPrice } from "../../../domain/prices/select-price.ts";
import { counterOf } from "../../../domain/prices/tiers.ts";
import type { RefusalCode } from "../../../domain/refusal.ts";
import { isRepeat } from "../../../ledger/batch/repeat.ts";
import type { Database } from "../../../ledger/database/database.ts";
import { type KeyCapState, readKeyCaps } from "../../../ledger/keys/key-caps.ts";
import type { PoolRef } from "../../../ledger/ledger.ts";
import { readBalances } from "../../../ledger/pools/balances.ts";
import { readTierUse } from "../../../ledger/pools/tier-use.ts";
import { readAccountPricing } from "../../../ledger/price-lists/account-pricing.ts";
import { jsonBody } from "../../operation.ts";
import type { CustomerApp } from "../customer-app.ts";
import type { CustomerServices } from "../customer-services.ts";
import { answers, CUSTOMER_SECURITY } from "../operation.ts";
import { quoteBody, quoteRequest } from "../wire/prices.ts";
import { findUnmetered, type OpenRoutes, readOpenRoutes } from "./find-unmetered.ts";
import { readQuotedRequest } from "./read-quoted-request.ts";

type Quote = z.infer<typeof quoteBody>;

/** `POST {prefix}/quote`: what a described request can cost, and whether it would be admitted. Nothing runs, nothing is held. */
export function addQuote(app: CustomerApp, services: CustomerServices): void {
  const route = createRoute({
    method: "post",
    path: `${services.config.customerApi.path}/quote`,
    operationId: "quote",
    tags: ["prices"],
    summary: "Price a request without running it",
    security: CUSTOMER_SECURITY,
    request: { body: jsonBody(quoteRequest) },
    responses: answers(200, "What the request can cost.", quoteBody),
  });
  const open = readOpenRoutes(services.config.open);
  app.openapi(route, async (context) =>
    context.json(await computeAnswer(services, open, context.env.caller, context.req.valid("json")), 200),
  );
}

/** The order is the gateway's: what is refused first there is refused first here. */
async function computeAnswer(
  services: CustomerServices,
  open: OpenRoutes,
  caller: AccountRequest,
  described: z.infer<typeof quoteRequest>,
): Promise<Quote> {
  const pricing = await readAccountPricing(services.database, caller.accountId);
  const table = services.meter.priceTable(pricing);
  if (table === undefined) {
    throw new FareboxError("storage_unavailable", "The prices are not known yet.", { retryable: true });
  }
  const request = readQuotedRequest(described);
  const { method, path } = request;
  const free = (endpoint: string, refusal: RefusalCode | null = null): Quote => ({
    endpoint,
    priceList: table.list.version,
    price: null,
    creditType: null,
    decidedOn: null,
    units: 0,
    most: 0,
    tier: null,
    available: null,
    repeat: false,
    admitted: refusal === null,
    refusal,
  });
  const isPermitted = caller.scopes?.permits(method, path) ?? true;
  const refusal = isPermitted ? null : "key_not_permitted";
  const unmetered = findUnmetered(services, open, method, path);
  if (unmetered !== undefined) return free(unmetered, unmetered === "open" ? null : refusal);
  const match = table.find(method, path);
  const facts = { ...request, pathParams: match?.pathParams ?? {} };
  const price = selectPrice(match?.candidates ?? [], facts);
  if (price === undefined) {
    const isUnknown = table.list.unpriced === "refuse";
    return free(match?.endpoint ?? "unpriced", refusal ?? (isUnknown ? "route_unknown" : null));
  }
  const priceList = versionOf({ list: table.list, own: match?.own }, price);
  const start = { ...free(price.endpoint, refusal), priceList };
  if (isFreeFor(price, method)) return { ...start, price: renderPrice(price) };
  return quotePrice(services, caller, price, facts, start);
}

async function quotePrice(
  { database }: CustomerServices,
  caller: AccountRequest,
  price: Price,
  facts: RequestFacts,
  start: Quote,
): Promise<Quote> {
  const { accountId, shard } = caller;
  const { creditType } = price;
  const known = computeKnownQuote(price, facts);
  const pools = await readBalances(database, accountId, shard);
  const pool = pools.find((candidate) => candidate.creditType === creditType);
  const available = pool === undefined ? 0n : pool.balance - pool.held;
  const once = readOnceValue(price, facts);
  const repeat =
    once !== undefined && (await isRepeat(database, { accountId, creditType, shard }, price.endpoint, once));
  // What was paid for in its window needs neither credits nor room below a cap; what the answer decides may turn out to cost nothing.
  const isAdmitted = repeat || price.decide === "answer" || known === "unbounded";
  const shortage = isAdmitted
    ? null
    : await findShortage(database, caller, creditType, known.amount, available);
  const refusal = start.refusal ?? shortage;
  return {
    ...start,
    price: renderPrice(price),
    creditType,
    decidedOn: price.decide,
    units: known === "unbounded" ? null : known.units,
    most: known === "unbounded" ? null : creditsToJson(known.amount),
    tier:
      known === "unbounded" ? null : await readTier(database, { accountId, creditType, shard }, price, facts),
    available: creditsToJson(available),
    repeat,
    admitted: refusal === null,
    refusal,
  };
}

async function readTier(
  database: Database,
  pool: PoolRef,
  price: Price,
  facts: RequestFacts,
): Promise<Quote["tier"]> {
  const { tiers } = price;
  if (tiers === undefined) return null;
  const used = await readTierUse(database, pool, counterOf(price, tiers), tiers.within);
  const most = computeQuoteInTier(price, facts, used) ?? 0n;
  return { within: tiers.within, used: Number(used) / 1_000_000, most: creditsToJson(most) };
}

async function findShortage(
  database: Database,
  { accountId, shard, keyId }: AccountRequest,
  creditType: string,
  amount: Credits,
  available: Credits,
): Promise<RefusalCode | null> {
  if (amount > available) return "insufficient_credits";
  if (keyId === undefined) return null;
  const caps = await readKeyCaps(database, { accountId, shard }, [keyId]);
  const reached = caps.some((state) => state.cap.creditType === creditType && isAbove(state, amount));
  return reached ? "key_cap_reached" : null;
}

function renderPrice(price: Price): Record<string, unknown> {
  const { prices } = priceListToJson({ prices: [price], unpriced: "free" });
  const [rendered]: readonly Record<string, unknown>[] = Array.isArray(prices) ? prices : [];
  return rendered ?? {};
}

/** Whether an amount more would pass a cap in any window. What is set aside for requests in flight counts too. */
function isAbove({ cap, spent, held }: KeyCapState, amount: Credits): boolean {
  return (["day", "month", "total"] as const).some((window) => {
    const most = cap[window];
    return most !== null && spent[window] + held + amount > most;
  });
}
