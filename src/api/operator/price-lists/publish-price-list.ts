import { hash } from "node:crypto";
import { createRoute } from "@hono/zod-openapi";
import { createPriceParser } from "../../../config/check-prices.ts";
import { priceListText } from "../../../domain/prices/price-list-json.ts";
import { listPlans } from "../../../ledger/plans/plans.ts";
import { readPriceListSchedule } from "../../../ledger/price-lists/price-list-schedule.ts";
import { publishPriceList } from "../../../ledger/price-lists/price-lists.ts";
import { idempotencyHeader, jsonBody } from "../../operation.ts";
import { refuseFields } from "../../problem.ts";
import { newPriceList, publicationBody } from "../../wire/price-list.ts";
import { mutate } from "../mutate.ts";
import { answers, OPERATOR_SECURITY } from "../operation.ts";
import type { OperatorApp } from "../operator-env.ts";
import type { OperatorServices } from "../operator-services.ts";

const route = createRoute({
  method: "post",
  path: "/v1/price-lists",
  operationId: "publishPriceList",
  tags: ["price lists"],
  summary: "Publish a price list, from now on or from a later time",
  security: OPERATOR_SECURITY,
  request: { headers: idempotencyHeader, body: jsonBody(newPriceList) },
  responses: answers(201, "Which list applies from that time.", publicationBody),
});

/** `POST /v1/price-lists`. Errors: `price_list_effective_past`; wrong prices are named one by one. */
export function addPublishPriceList(app: OperatorApp, services: OperatorServices): void {
  const parseNew = createPriceParser(services.config);
  app.openapi(route, async (context) => {
    const { prices, unpriced, effectiveAt = null } = context.req.valid("json");
    const plans = (await listPlans(services.database)).map(({ name }) => name);
    const parsed = parseNew(prices, { plans, unpriced });
    if (!parsed.ok) refuseFields(parsed.problems);
    const text = priceListText({ prices: parsed.value, unpriced });
    const list = { body: text, hash: hash("sha256", text, "hex"), effectiveAt };
    const body = await mutate(context, services, 201, async (tx) => {
      const { version, effectiveAt: from, isNew } = await publishPriceList(tx, list);
      const effective = from.toISOString();
      const { announced } = await readPriceListSchedule(tx);
      const next = announced.find((other) => other.effectiveAt > from && other.version !== version);
      return {
        body: {
          version,
          effectiveAt: effective,
          published: isNew,
          replacedBy:
            next === undefined
              ? null
              : { version: next.version, effectiveAt: next.effectiveAt.toISOString() },
        },
        audit: {
          action: "price_list.publish",
          target: String(version),
          detail: { effectiveAt: effective, published: isNew },
        },
      };
    });
    return context.json(body, 201);
  });
}
