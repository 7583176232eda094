import { createRoute } from "@hono/zod-openapi";
import type { LimitRule } from "../../../domain/limit-rule.ts";
import { readAccount } from "../../../ledger/accounts/accounts.ts";
import { type KeyName, readKeyNames } from "../../../ledger/keys/key-names.ts";
import { readPlan } from "../../../ledger/plans/plans.ts";
import { readBalances } from "../../../ledger/pools/balances.ts";
import { readPriceListSchedule } from "../../../ledger/price-lists/price-list-schedule.ts";
import { readUsageBreakdown } from "../../../ledger/reports/usage-breakdown.ts";
import type { UsageRow } from "../../../ledger/reports/usage-query.ts";
import { renderPool } from "../../pools/render-pool.ts";
import { renderUsageRow, renderUsageSums } from "../../pools/usage-answer.ts";
import type { CustomerApp } from "../customer-app.ts";
import type { CustomerServices } from "../customer-services.ts";
import { answers, CUSTOMER_SECURITY } from "../operation.ts";
import { overviewBody, overviewQuery } from "../wire/overview.ts";

type Caller = { readonly accountId: string; readonly shard: number };

/** `GET {prefix}/overview`: all that a first page about the account shows, in one answer. */
export function addGetOverview(app: CustomerApp, services: CustomerServices): void {
  const { config, database } = services;
  const route = createRoute({
    method: "get",
    path: `${config.customerApi.path}/overview`,
    operationId: "getOverview",
    tags: ["account"],
    summary: "Read balances, the last 30 days of usage, limits and announced prices at once",
    security: CUSTOMER_SECURITY,
    request: { query: overviewQuery },
    responses: answers(200, "The overview.", overviewBody),
  });
  app.openapi(route, async (context) => {
    const { accountId, shard } = context.env.caller;
    const { timeZone } = context.req.valid("query");
    const account = await readAccount(database, accountId);
    const pools = await readBalances(database, accountId, shard);
    const { at, usage } = await readUsage(services, { accountId, shard }, timeZone);
    const { announced } = await readPriceListSchedule(database);
    const body = {
      account: accountId,
      name: account.name,
      plan: account.plan,
      at: at.toISOString(),
      pools: pools.map(renderPool),
      usage,
      limits: await readLimits(services, account.plan),
      announced: announced.map(({ version, effectiveAt }) => ({
        version,
        effectiveAt: effectiveAt.toISOString(),
      })),
    };
    return context.json(body, 200);
  });
}

/** The last 30 days together, by endpoint and by key. */
async function readUsage({ config, database }: CustomerServices, caller: Caller, timeZone: string) {
  const asked = { account: caller, timeZone };
  const used = await readUsageBreakdown(database, asked, config.creditTypes);
  const keyIds = [...new Set(used.keys.flatMap(({ keyId }) => keyId ?? []))];
  const names = new Map(
    (await readKeyNames(database, caller.accountId, keyIds)).map((key) => [key.keyId, key]),
  );
  const usage = {
    from: used.from.toISOString(),
    to: used.to.toISOString(),
    timeZone,
    completeUntil: used.completeUntil?.toISOString() ?? null,
    days: used.days.map(renderDay),
    endpoints: used.endpoints.map(renderEndpoint),
    keys: used.keys.map((row) => renderKey(row, names)),
    totals: used.totals.map(renderUsageSums),
  };
  return { at: used.at, usage };
}

function renderDay(row: UsageRow) {
  const { time, timeEnd } = renderUsageRow(row);
  return { time: time ?? "", timeEnd: timeEnd ?? "", ...renderUsageSums(row) };
}

function renderEndpoint(row: UsageRow) {
  return { endpoint: row.endpoint ?? "", ...renderUsageSums(row) };
}

function renderKey(row: UsageRow, names: ReadonlyMap<string, KeyName>) {
  const key = row.keyId ?? "";
  const { name = null, hint = null } = names.get(key) ?? {};
  return { key, name, hint, ...renderUsageSums(row) };
}

/** Both kinds apply together. */
async function readLimits({ config, database }: CustomerServices, plan: string | null) {
  const ofPlan = plan === null ? [] : (await readPlan(database, plan)).limits;
  const render = (source: "everyone" | "plan") => (rule: LimitRule) => ({
    match: rule.match,
    requests: rule.requests,
    counts: rule.counts ?? ("requests" as const),
    windowSeconds: rule.windowSeconds,
    by: rule.by,
    source,
  });
  return [...config.limits.map(render("everyone")), ...ofPlan.map(render("plan"))];
}
