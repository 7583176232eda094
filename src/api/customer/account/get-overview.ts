import { createRoute } from "@hono/zod-openapi";
import type { LimitRule } from "../../../domain/limit-rule.ts";
import { readAccount } from "../../../ledger/accounts/accounts.ts";
import { type KeyName, readKeyNames } from "../../../ledger/keys/key-names.ts";
import { readPlan } from "../../../ledger/plans/plans.ts";
import { readBalances } from "../../../ledger/pools/balances.ts";
import { readPriceListSchedule } from "../../../ledger/price-lists/price-list-schedule.ts";
import type { UsageRow } from "../../../ledger/reports/usage-query.ts";
import { readAskedUsage, renderUsageRow, renderUsageSums } from "../../pools/usage-answer.ts";
import type { CustomerApp } from "../customer-app.ts";
import type { CustomerServices } from "../customer-services.ts";
import { answers, CUSTOMER_SECURITY } from "../operation.ts";
import { overviewBody, overviewQuery } from "../wire/overview.ts";
import { renderOwnPool } from "./render-own-pool.ts";

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
    const usage = await readUsage(services, { accountId, shard }, timeZone);
    const { announced } = await readPriceListSchedule(database);
    const body = {
      account: accountId,
      name: account.name,
      plan: account.plan,
      at: usage.to,
      pools: pools.map(renderOwnPool),
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

/** The same period three times: together, by endpoint and by key. Each is made of roll-ups, so its cost follows its rows. */
async function readUsage(services: CustomerServices, caller: Caller, timeZone: string) {
  const days = await readAskedUsage(services, caller, { timeZone, resolution: "day", groupBy: [] });
  const { from, to, totals } = days.report;
  const period = { timeZone, from, to };
  const endpoints = await readAskedUsage(services, caller, { ...period, groupBy: ["endpoint"] });
  const keys = await readAskedUsage(services, caller, { ...period, groupBy: ["key"] });
  const keyIds = [...new Set(keys.report.rows.flatMap(({ keyId }) => keyId ?? []))];
  const names = new Map(
    (await readKeyNames(services.database, caller.accountId, keyIds)).map((key) => [key.keyId, key]),
  );
  return {
    from: from.toISOString(),
    to: to.toISOString(),
    timeZone,
    days: days.report.rows.map(renderDay),
    endpoints: endpoints.report.rows.map(renderEndpoint),
    keys: keys.report.rows.map((row) => renderKey(row, names)),
    totals: totals.map(renderUsageSums),
  };
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
