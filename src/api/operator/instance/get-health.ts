import { createRoute } from "@hono/zod-openapi";
import { readHealth } from "../../../ledger/health/read-health.ts";
import { healthBody } from "../../wire/instance.ts";
import { answers, OPERATOR_SECURITY } from "../operation.ts";
import type { OperatorApp } from "../operator-env.ts";
import type { OperatorServices } from "../operator-services.ts";
import { renderSteps } from "./render-steps.ts";

const route = createRoute({
  method: "get",
  path: "/v1/health",
  operationId: "getHealth",
  tags: ["instance"],
  summary:
    "Read how the work behind the requests goes: sweep, instances, roll-up, partitions, exports, the last audit",
  security: OPERATOR_SECURITY,
  responses: answers(200, "All of it as the database has it.", healthBody),
});

/** `GET /v1/health` */
export function addGetHealth(app: OperatorApp, { database, config, isDatabaseAway }: OperatorServices): void {
  app.openapi(route, async (context) => {
    const health = await readHealth(database);
    const { rollUp, lastAudit } = health;
    return context.json(
      {
        now: health.now.toISOString(),
        clockAheadMs: Date.now() - health.now.getTime(),
        databaseAway: isDatabaseAway(),
        instances: health.instances.map(({ instanceId, state, startedAt, seenAt, shards }) => ({
          id: instanceId,
          state,
          startedAt: startedAt.toISOString(),
          seenAt: seenAt.toISOString(),
          shards,
        })),
        sweep: renderSteps(health.sweep),
        rollUp: { entries: rollUp.entries, firstAt: rollUp.firstAt?.toISOString() ?? null },
        duePools: health.duePools,
        partitions: [...health.partitions],
        defaultPartitionEmpty: health.isDefaultEmpty,
        exports: { workers: config.exports.workers, ...health.exports },
        bulkRefundsRunning: health.bulkRefundsRunning,
        lastAudit:
          lastAudit === undefined ? null : { ...lastAudit, finishedAt: lastAudit.finishedAt.toISOString() },
      },
      200,
    );
  });
}
