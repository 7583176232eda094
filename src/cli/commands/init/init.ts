import { readFileSync, writeFileSync } from "node:fs";
import { type Command, Option } from "commander";
import type { DraftedOperation } from "../../../config/draft/draft-operations.ts";
import { FareboxError } from "../../../domain/farebox-error.ts";
import { type Cli, jsonOption, type OutputOptions, printResult } from "../../cli.ts";
import { countOf } from "../../render/count-of.ts";

interface Options extends OutputOptions {
  readonly openapi?: string;
  readonly operations: "free" | "unpriced";
  readonly basePath?: string;
  readonly upstream: string;
  readonly contract: string;
}

/** `farebox init` */
export function addInit(program: Command, cli: Cli): void {
  program
    .command("init")
    .description("write a commented configuration to begin with; a file that is there is never overwritten")
    .argument("[file]", "where to write it", "farebox.yaml")
    .option("--openapi <document>", "an OpenAPI 3 document, YAML or JSON: a line for each of its operations")
    .addOption(
      new Option(
        "--operations <what>",
        "free: each is free until you write a cost, and nothing else is forwarded; unpriced: all are forwarded as before until you take a line's # away",
      )
        .choices(["free", "unpriced"])
        .default("free"),
    )
    .option(
      "--base-path <path>",
      "what stands before the document's paths (default: the path of its servers)",
    )
    .option("--upstream <url>", "where the API runs", "http://127.0.0.1:9000")
    .option("--contract <name>", "how it looks to customers: a shipped contract, or a path", "farebox")
    .addOption(jsonOption())
    .action(async (file: string, options: Options) => {
      const { draftConfig } = await import("../../../config/draft/draft-config.ts");
      const { parseConfig } = await import("../../../config/load-config.ts");
      const operations = await readOperations(options);
      const text = draftConfig({
        upstream: options.upstream,
        contract: options.contract,
        operations,
        as: options.operations,
      });
      // A wrong option is told before anything is written.
      parseConfig(file, text);
      write(file, text);
      const left = operations?.filter(({ reason }) => reason !== undefined) ?? [];
      const result = {
        file,
        operations: operations?.length ?? null,
        leftOut: left.map(({ match, reason }) => ({ match, reason })),
      };
      printResult(cli, options, result, () => render(file, operations, left));
    });
}

async function readOperations({
  openapi,
  basePath,
}: Options): Promise<readonly DraftedOperation[] | undefined> {
  if (openapi === undefined) return undefined;
  let text: string;
  try {
    text = readFileSync(openapi, "utf8");
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new FareboxError("openapi_invalid", `The OpenAPI document cannot be read: ${reason}`, { cause });
  }
  const { draftOperations } = await import("../../../config/draft/draft-operations.ts");
  return draftOperations(openapi, text, basePath?.replace(/\/+$/, ""));
}

function write(file: string, text: string): void {
  try {
    writeFileSync(file, text, { flag: "wx" });
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    const isThere = cause instanceof Error && "code" in cause && cause.code === "EEXIST";
    const message = isThere
      ? `${file} is there already, and was left as it is.`
      : `${file} cannot be written: ${reason}`;
    const fix = isThere
      ? "name another file: farebox init other.yaml"
      : "name a file in a folder that is there";
    throw new FareboxError("config_not_written", message, { cause, detail: { path: file, fix } });
  }
}

function render(
  file: string,
  operations: readonly DraftedOperation[] | undefined,
  left: readonly DraftedOperation[],
): string {
  const drafted =
    operations === undefined ? "" : ` with ${countOf(operations.length - left.length, "operation")}`;
  const leftOut = left.map(({ match, reason }) => `  ${match}: ${reason}\n`).join("");
  const named = file === "farebox.yaml" ? "" : ` ${file}`;
  const option = file === "farebox.yaml" ? "" : ` --config ${file}`;
  return `Wrote ${file}${drafted}.
${leftOut === "" ? "" : `Left out, because no price can name them:\n${leftOut}`}
Next:
  1. Write your upstream and what calls cost into it.
  2. farebox check${named}: names what is wrong, and prints what each endpoint costs.
  3. farebox try${named} --request "GET /v1/…": prices one call step by step.
  4. farebox start${option}: runs it. Then, in another terminal:
     farebox account create Acme --plan starter
     farebox key create acc_…
`;
}
