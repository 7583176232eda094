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
        for await (const { name, data } of readEvents(stream)) {
          const text = options.json === true ? `${data}\n` : renderEvent(name, data);
          if (name === "gap") cli.terminal.err(renderEvent(name, data));
          else if (name === "request") cli.terminal.out(text);
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

function renderEvent(name: string, data: string): string {
  const parsed: unknown = JSON.parse(data);
  if (name === "gap") return `… some requests came too fast to be shown: ${data}\n`;
  const line = trafficLine.parse(parsed);
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
