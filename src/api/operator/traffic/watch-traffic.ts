import { createRoute, z } from "@hono/zod-openapi";
import { FareboxError } from "../../../domain/farebox-error.ts";
import { problemBody } from "../../problem.ts";
import { trafficQuery } from "../../wire/traffic.ts";
import { OPERATOR_SECURITY } from "../operation.ts";
import type { OperatorApp } from "../operator-env.ts";
import type { OperatorServices } from "../operator-services.ts";
import { renderEvents } from "./render-events.ts";

/** Who may watch an instance at once. */
const MOST_READERS = 20;

/** A stream ends then, and the reader comes again: with a token that was revoked meanwhile it does not. */
const STREAM_MS = 15 * 60_000;

/** What is between reader and instance ends connections on which nothing is sent. */
const HEARTBEAT_MS = 15_000;

const route = createRoute({
  method: "get",
  path: "/v1/traffic",
  operationId: "watchTraffic",
  tags: ["instance"],
  summary: "Watch this instance's requests as they end",
  security: OPERATOR_SECURITY,
  request: { query: trafficQuery },
  responses: {
    200: {
      description: "Server-sent events: `begin`, `request` and `gap`.",
      content: { "text/event-stream": { schema: z.string() } },
    },
    default: {
      description: "Nothing was done. The code says why.",
      content: { "application/problem+json": { schema: problemBody } },
    },
  },
});

/** `GET /v1/traffic`. Errors: `overloaded`. */
export function addWatchTraffic(app: OperatorApp, { traffic, instanceId }: OperatorServices): void {
  app.openapi(route, (context) => {
    if (traffic.readers >= MOST_READERS) {
      const text = `${MOST_READERS} watch this instance already; one must leave first.`;
      throw new FareboxError("overloaded", text, { retryable: true });
    }
    const reader = traffic.watch(context.req.valid("query").account);
    context.req.raw.signal.addEventListener("abort", () => reader.leave());
    const events = renderEvents(reader, {
      instance: instanceId(),
      heartbeatMs: HEARTBEAT_MS,
      untilMs: performance.now() + STREAM_MS,
    });
    const headers = {
      "content-type": "text/event-stream",
      "cache-control": "no-store",
      "x-accel-buffering": "no",
    };
    return context.body(ReadableStream.from(events), 200, headers);
  });
}
