import type { Command } from "commander";
import { trafficLine } from "../../api/wire/traffic.ts";
import { type Cli, dataOption, jsonOption, type OperatorOptions } from "../cli.ts";

interface Options extends OperatorOptions {
  readonly account?: string;
}

/** `farebox traffic` */
export function addTraffic(program: Command, cli: Cli): void {
  program
    .command("traffic")
    .description("watch the requests of the running instance as they end")
    .option("--account <account>", "only this account's requests")
    .addOption(dataOption())
    .addOption(jsonOption())
    .action(async ({ account, ...options }: Options) => {
      // A stream ends every quarter of an hour: whoever may still watch asks again.
      for (;;) {
        const stream = await cli.operator(options).stream("/v1/traffic", "text/event-stream", { account });
        for await (const event of readEvents(stream)) {
          const { out, err } = renderEvent(event, options.json === true);
          cli.terminal.err(err);
          cli.terminal.out(out);
        }
      }
    });
}

interface ServerEvent {
  readonly name: string;
  readonly data: string;
}

/** The events of a stream; comments are passed over. */
export async function* readEvents(stream: AsyncIterable<Uint8Array>): AsyncGenerator<ServerEvent> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of stream) {
    text += decoder.decode(chunk, { stream: true });
    const events = text.split("\n\n");
    text = events.pop() ?? "";
    for (const event of events) {
      const match = /^event: (\w+)\ndata: (.*)$/.exec(event);
      if (match !== null) yield { name: match[1] ?? "", data: match[2] ?? "" };
    }
  }
}

/** What is printed of an event: requests as results, gaps beside them. */
export function renderEvent(
  { name, data }: ServerEvent,
  json: boolean,
): { readonly out: string; readonly err: string } {
  if (name === "gap") return { out: "", err: `… some requests came too fast to be shown: ${data}\n` };
  if (name !== "request") return { out: "", err: "" };
  return { out: json ? `${data}\n` : renderRequest(data), err: "" };
}

function renderRequest(data: string): string {
  const line = trafficLine.parse(JSON.parse(data));
  const paid = line.charged === 0 ? "" : `${line.charged} ${line.creditType ?? ""}`;
  const parts = [
    line.at,
    String(line.status),
    `${Math.round(line.ms)} ms`,
    line.account ?? "-",
    line.endpoint ?? line.method,
    line.refusal ?? paid,
  ];
  return `${parts.join("  ")}\n`;
}
