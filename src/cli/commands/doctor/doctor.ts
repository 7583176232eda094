import type { Command } from "commander";
import {
  type Cli,
  databaseOption,
  dataOption,
  jsonOption,
  printResult,
  type StorageOptions,
} from "../../cli.ts";
import { countOf } from "../../render/count-of.ts";
import type { Finding } from "./finding.ts";

interface Options extends StorageOptions {
  readonly config: string;
}

/** `farebox doctor` */
export function addDoctor(program: Command, cli: Cli): void {
  program
    .command("doctor")
    .description("check node, configuration, upstreams, the running instance, the database and the clocks")
    .option("--config <file>", "the configuration", "farebox.yaml")
    .addOption(databaseOption())
    .addOption(dataOption())
    .addOption(jsonOption())
    .action(async (options: Options) => {
      const findings = await examine(cli, options);
      printResult(cli, options, { findings }, () =>
        findings.map((finding) => renderFinding(finding)).join(""),
      );
      if (findings.some(({ state }) => state === "fail")) cli.setExitCode(1);
    });
}

async function examine(cli: Cli, options: Options): Promise<readonly Finding[]> {
  const { find } = await import("./finding.ts");
  const { checkUpstreams } = await import("./check-upstreams.ts");
  const { checkInstance } = await import("./check-instance.ts");
  const node: Finding = { check: "node", state: "ok", text: `Node.js ${process.versions.node}.` };
  const config = await find("configuration", "Correct the places that are named.", async () => {
    const { loadConfig } = await import("../../../config/load-config.ts");
    const { prices, upstreams } = loadConfig(options.config);
    const text = `${options.config} is right: ${countOf(prices.length, "price")}, ${countOf(upstreams.length, "upstream")}.`;
    return [{ check: "configuration", state: "ok", text }, ...(await checkUpstreams(upstreams))];
  });
  const rest = await find("database", "Correct what is named.", () => checkInstance(cli, options));
  return [node, ...config, ...rest];
}

function renderFinding({ state, check, text, fix }: Finding): string {
  const line = `${state.padEnd(4)}  ${check}: ${text}\n`;
  return fix === undefined ? line : `${line}      fix: ${fix}\n`;
}
