import { setTimeout as wait } from "node:timers/promises";
import type { z } from "zod";
import { bulkRefundBody } from "../../../api/wire/bulk-refund.ts";
import type { OperatorClient } from "../../operator/operator-client.ts";
import type { Terminal } from "../../terminal/terminal.ts";
import { renderProgress } from "./render-refunds.ts";

const LOOK_EVERY_MS = 500;
/** In a log a line now and then is enough. */
const LINES_EVERY_MS = 5_000;

type BulkRefund = z.infer<typeof bulkRefundBody>;

/** Tells on standard error how far it is, until it is done or cancelled; returns what it is then. */
export async function watchBulkRefund(
  terminal: Terminal,
  client: OperatorClient,
  begun: BulkRefund,
): Promise<BulkRefund> {
  const every = terminal.interactive ? LOOK_EVERY_MS : LINES_EVERY_MS;
  let bulk = begun;
  let told = -Infinity;
  while (bulk.state === "running") {
    if (performance.now() - told >= every) {
      told = performance.now();
      const line = `${bulk.id}: ${renderProgress(bulk)}`;
      // One line that changes, where somebody looks at it.
      terminal.err(terminal.interactive ? `\r\u001B[K${line}` : `${line}\n`);
    }
    await wait(LOOK_EVERY_MS);
    bulk = await client.get(`/v1/bulk-refunds/${bulk.id}`, bulkRefundBody);
  }
  if (terminal.interactive) terminal.err("\r\u001B[K");
  return bulk;
}
