import { type Command, Option } from "commander";
import type { LogLevel } from "../../telemetry/logger.ts";
import {
  type Cli,
  databaseOption,
  dataOption,
  jsonOption,
  printResult,
  type StorageOptions,
} from "../cli.ts";
import { type ListenAddress, parseListenAddress } from "../process/listen-address.ts";

interface Options extends StorageOptions {
  readonly config: string;
  readonly listen: ListenAddress;
  readonly operatorListen: ListenAddress;
  readonly logLevel: LogLevel;
  readonly upstream: boolean;
}

/** `farebox start` */
export function addStart(program: Command, cli: Cli): void {
  program
    .command("start")
    .description(
      "start the gateway and the operator API; migrates the database and publishes the file's prices",
    )
    .option("--config <file>", "the configuration", "farebox.yaml")
    .addOption(listenOption("--listen <host:port>", "where the gateway listens", "127.0.0.1:8080"))
    .addOption(
      listenOption("--operator-listen <host:port>", "where the operator API listens", "127.0.0.1:8401"),
    )
    .option(
      "--no-upstream",
      "start without an upstream, beside an application that has Farebox in its own process",
    )
    .addOption(databaseOption())
    .addOption(dataOption())
    .addOption(
      new Option("--log-level <level>", "how much is logged on standard error")
        .choices(["debug", "info", "warn", "error", "silent"])
        .default("info"),
    )
    .addOption(jsonOption())
    .action(async (options: Options) => {
      // Loaded when needed: the other commands answer faster without gateway and database.
      const { serve } = await import("../process/serve.ts");
      const { gateway, operator, portal, console, sidecar, ended } = await serve(
        cli,
        options.config,
        options,
      );
      const more = { portal: portal ?? null, console: console ?? null, sidecar: sidecar ?? null };
      const ready = { event: "ready", gateway, operator, ...more };
      printResult(cli, options, ready, () => {
        const pages = [
          portal && `Portal ${portal}\n`,
          console && `Console ${console}\n`,
          sidecar && `Sidecar ${sidecar}\n`,
        ];
        return `Gateway ${gateway}\nOperator API ${operator}\n${pages.filter(Boolean).join("")}`;
      });
      await ended;
    });
}

function listenOption(flags: string, description: string, address: string): Option {
  return new Option(flags, description)
    .argParser((text: string) => parseListenAddress(text))
    .default(parseListenAddress(address), address);
}
