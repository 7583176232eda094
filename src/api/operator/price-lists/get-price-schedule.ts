import { createRoute } from "@hono/zod-openapi";
import { readPriceListSchedule } from "../../../ledger/price-lists/price-list-schedule.ts";
import { priceSchedule } from "../../wire/price-list.ts";
import { answers, OPERATOR_SECURITY } from "../operation.ts";
import type { OperatorApp } from "../operator-env.ts";
import type { OperatorServices } from "../operator-services.ts";
import { renderPriceList } from "./render-price-list.ts";

const route = createRoute({
  method: "get",
  path: "/v1/price-lists/schedule",
  operationId: "getPriceSchedule",
  tags: ["price lists"],
  summary: "Read the price list in force and the announced ones",
  security: OPERATOR_SECURITY,
  responses: answers(200, "What applies now, and what will.", priceSchedule),
});

/** `GET /v1/price-lists/schedule`. */
export function addGetPriceSchedule(app: OperatorApp, services: OperatorServices): void {
  app.openapi(route, async (context) => {
    const { inForce, announced } = await readPriceListSchedule(services.database);
    return context.json(
      {
        inForce: inForce === undefined ? null : renderPriceList(inForce, inForce),
        announced: announced.map((list) => renderPriceList(list, inForce)),
      },
      200,
    );
  });
}
