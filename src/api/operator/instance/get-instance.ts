import { createRoute } from "@hono/zod-openapi";
import { listServersAway } from "../../../ledger/database/cluster/list-away.ts";
import { readServer } from "../../../ledger/database/read-server.ts";
import { readStepRecords } from "../../../ledger/sweep/step-records.ts";
import { instanceBody } from "../../wire/instance.ts";
import { answers, OPERATOR_SECURITY } from "../operation.ts";
import type { OperatorApp } from "../operator-env.ts";
import type { OperatorServices } from "../operator-services.ts";
import { renderSteps } from "./render-steps.ts";

const route = createRoute({
  method: "get",
  path: "/v1/instance",
  operationId: "getInstance",
  tags: ["instance"],
  summary: "Read what runs here: versions, the database, the clocks",
  security: OPERATOR_SECURITY,
  responses: answers(200, "This instance.", instanceBody),
});

/** `GET /v1/instance` */
export function addGetInstance(app: OperatorApp, services: OperatorServices): void {
  app.openapi(route, async (context) => {
    const { database, instanceId, workers, version } = services;
    // First: it may take seconds, and the clocks are compared when all is read.
    const serversAway = await listServersAway(database);
    const server = await readServer(database);
    const steps = await readStepRecords(database);
    return context.json(
      {
        id: instanceId(),
        version,
        node: process.versions.node,
        database: {
          kind: database.kind,
          version: server.version,
          pooled: database.isPooled ?? false,
          migration: server.migration,
          now: server.now.toISOString(),
          weakSettings: [...server.weakSettings],
          serversAway,
        },
        workers: workers().map(({ pid, instanceId: id }) => ({ id, pid })),
        sweep: renderSteps(steps),
        now: new Date().toISOString(),
      },
      200,
    );
  });
}
