import type { World } from "../world.ts";
import { describeAnswers } from "./answer-edges.ts";
import { describeBodies } from "./body-edges.ts";
import { describeBroken } from "./broken-edges.ts";
import { describeCharging } from "./charging-edges.ts";
import { describeClients } from "./client-edges.ts";
import { describeCodings } from "./coding-edges.ts";
import { describeEarlyAnswers } from "./early-edges.ts";
import { describeFields } from "./field-edges.ts";
import { describeIdempotency } from "./idempotency-edges.ts";
import { describeStreams } from "./stream-edges.ts";

/** The whole decisions table, in front of whatever the world has between its client and its upstream. */
export function describeTable(open: () => World): void {
  describeCharging(open);
  describeBodies(open);
  describeFields(open);
  describeBroken(open);
  describeStreams(open);
  describeClients(open);
  describeIdempotency(open);
  describeAnswers(open);
  describeCodings(open);
  describeEarlyAnswers(open);
}
