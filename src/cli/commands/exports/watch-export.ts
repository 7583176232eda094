import { setTimeout as wait } from "node:timers/promises";
import type { z } from "zod";
import { accountExportBody } from "../../../api/wire/export.ts";
import type { OperatorClient } from "../../operator/operator-client.ts";
import type { Terminal } from "../../terminal/terminal.ts";
import { renderProgress } from "./render-export.ts";

const LOOK_EVERY_MS = 500;
/** In a log a line now and then is enough. */
const LINES_EVERY_MS = 5_000;

type Export = z.infer<typeof accountExportBody>;

/**
 * Tells how far it is until no worker is needed any more; returns what it is then. A bar on a terminal and lines in a log, on
 * standard error; as JSON a line for each change, on standard output.
 */
export async function watchExport(
  terminal: Terminal,
  client: OperatorClient,
  begun: Export,
  asJson: boolean,
): Promise<Export> {
  const every = terminal.interactive ? LOOK_EVERY_MS : LINES_EVERY_MS;
  let job = begun;
  let told = -Infinity;
  let written = "";
  while (job.state === "queued" || job.state === "running") {
    if (asJson) {
      const line = `${JSON.stringify(job)}\n`;
      if (line !== written) terminal.out(line);
      written = line;
    } else if (performance.now() - told >= every) {
      told = performance.now();
      const line = `${job.id}: ${renderProgress(job, terminal.interactive)}`;
      terminal.err(terminal.interactive ? `\r\u001B[K${line}` : `${line}\n`);
    }
    await wait(LOOK_EVERY_MS);
    job = await client.get(`/v1/exports/${job.id}`, accountExportBody);
  }
  if (terminal.interactive && !asJson) terminal.err("\r\u001B[K");
  return job;
}
