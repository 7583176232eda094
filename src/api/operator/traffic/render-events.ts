import type { z } from "@hono/zod-openapi";
import { creditsToJson } from "../../../domain/credits.ts";
import type { TrafficLine, TrafficReader } from "../../../telemetry/traffic-feed.ts";
import type { trafficLine } from "../../wire/traffic.ts";

interface StreamOptions {
  readonly instance: string;
  readonly heartbeatMs: number;
  /** When the stream ends, by `performance.now()`. */
  readonly untilMs: number;
}

/**
 * What a reader is sent, in parts: each is made when the one before was taken, so a slow reader holds nothing but the lines that wait
 * for it. Ends with the reader, which leaves when this ends.
 */
export async function* renderEvents(
  reader: TrafficReader,
  { instance, heartbeatMs, untilMs }: StreamOptions,
): AsyncGenerator<Uint8Array> {
  const encoder = new TextEncoder();
  try {
    yield encoder.encode(renderEvent("begin", { instance }));
    while (!reader.isOver && performance.now() < untilMs) {
      const { missed, lines } = reader.take();
      const gap = missed === 0 ? "" : renderEvent("gap", { missed });
      const text = gap + lines.map((line) => renderEvent("request", renderLine(line))).join("");
      if (text !== "") yield encoder.encode(text);
      else if (!(await within(reader.waiting(), heartbeatMs))) yield encoder.encode(": alive\n\n");
    }
  } finally {
    reader.leave();
  }
}

function renderEvent(name: string, data: object): string {
  return `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`;
}

function renderLine(line: TrafficLine): z.infer<typeof trafficLine> {
  const { atMs, accountId, charged, ...same } = line;
  return {
    at: new Date(atMs).toISOString(),
    account: accountId,
    ...same,
    charged: creditsToJson(charged),
  };
}

/** Whether something came in time. */
async function within(promise: Promise<void>, ms: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), ms);
  });
  const came = promise.then(() => true);
  const result = await Promise.race([came, late]);
  clearTimeout(timer);
  return result;
}
