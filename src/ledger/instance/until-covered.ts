import { setTimeout as pause } from "node:timers/promises";

/** Instances give back what they lease with their next heartbeat: then it is looked at again. 3.2 seconds in all. */
const PAUSES_MS = [50, 150, 500, 1_000, 1_500];

/** Asks again as long as credits are short that instances may give back: the answer then says `recalled`. */
export async function untilCovered<R extends object>(call: (isLast: boolean) => Promise<R>): Promise<R> {
  for (const pauseMs of PAUSES_MS) {
    const reply = await call(false);
    if (!("recalled" in reply) || reply.recalled !== true) return reply;
    await pause(pauseMs);
  }
  return await call(true);
}
