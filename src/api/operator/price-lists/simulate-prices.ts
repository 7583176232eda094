import { createRoute, type z } from "@hono/zod-openapi";
import { createPriceParser } from "../../../config/check-prices.ts";
import { creditsToJson } from "../../../domain/credits.ts";
import { SIMULATION_ASSUMPTIONS } from "../../../domain/prices/price-simulation.ts";
import { readAccount } from "../../../ledger/accounts/accounts.ts";
import { idempotencyHeader, jsonBody } from "../../operation.ts";
import { refuseFields } from "../../problem.ts";
import { simulationBody, simulationRequest } from "../../wire/simulation.ts";
import { answers, OPERATOR_SECURITY } from "../operation.ts";
import type { OperatorApp } from "../operator-env.ts";
import type { OperatorServices } from "../operator-services.ts";
import { runSimulation, type SimulationPart } from "./run-simulation.ts";
import { parseSimulationCursor, renderSimulationCursor, type SimulationCursor } from "./simulation-cursor.ts";

/** What a period without a beginning covers. */
const DEFAULT_MS = 30 * 24 * 3_600_000;

const route = createRoute({
  method: "post",
  path: "/v1/price-lists/simulations",
  operationId: "simulatePrices",
  tags: ["price lists"],
  summary: "Price the charges of a period by other prices. Nothing is published or charged",
  security: OPERATOR_SECURITY,
  request: { headers: idempotencyHeader, body: jsonBody(simulationRequest) },
  responses: answers(
    200,
    "What the charges cost, and would have; a part of it when there are many.",
    simulationBody,
  ),
});

/** `POST /v1/price-lists/simulations`. Errors: `account_unknown`; wrong prices are named one by one. It writes nothing. */
export function addSimulatePrices(app: OperatorApp, { config, database }: OperatorServices): void {
  const parseNew = createPriceParser(config);
  app.openapi(route, async (context) => {
    const request = context.req.valid("json");
    const parsed = parseNew(request.prices, { unpriced: request.unpriced });
    if (!parsed.ok) refuseFields(parsed.problems);
    const { from, to, position } = readPeriod(request);
    if (request.account !== undefined) await readAccount(database, request.account);
    const after = { version: 0, prices: parsed.value, unpriced: request.unpriced };
    const part = await runSimulation(database, after, { from, to, accountId: request.account }, position);
    return context.json(renderPart(part, { from, to }), 200);
  });
}

function readPeriod(request: z.infer<typeof simulationRequest>): SimulationCursor {
  if (request.cursor !== undefined) return parseSimulationCursor(request.cursor);
  const { to = new Date(), from = new Date(to.getTime() - DEFAULT_MS) } = request;
  if (from.getTime() >= to.getTime()) refuseFields([{ path: "from", reason: "must be before `to`" }]);
  return { from, to, position: {} };
}

function renderPart(
  part: SimulationPart,
  { from, to }: Pick<SimulationCursor, "from" | "to">,
): z.infer<typeof simulationBody> {
  return {
    from: from.toISOString(),
    to: to.toISOString(),
    totals: part.totals.map(renderAmounts),
    lines: part.lines.map(renderAmounts),
    doubts: [...part.doubts],
    unrecorded: [...part.unrecorded],
    assumptions: [...SIMULATION_ASSUMPTIONS],
    next: part.next === undefined ? null : renderSimulationCursor({ from, to, position: part.next }),
  };
}

type Rendered<T> = { [Member in keyof T]: T[Member] extends bigint ? number : T[Member] };

/** The same members, amounts as the wire has them. */
function renderAmounts<T extends object>(sums: T): Rendered<T> {
  const members = Object.entries(sums).map(([name, value]) => [
    name,
    typeof value === "bigint" ? creditsToJson(value) : value,
  ]);
  // The compiler does not follow members through entries.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return Object.fromEntries(members) as Rendered<T>;
}
