import type { Command } from "commander";
import { createdKey } from "../../../api/wire/key.ts";
import { type Cli, dataOption, jsonOption, type OperatorOptions, printResult } from "../../cli.ts";
import { readGrace } from "./key-options.ts";

interface Options extends OperatorOptions {
  readonly grace: number;
}

/** `farebox key rotate <key>` */
export function addKeyRotate(key: Command, cli: Cli): void {
  key
    .command("rotate")
    .description("give a key a new text; it is printed once, and the former one works until its grace ends")
    .argument("<key>", "the key's id (key_…)")
    .requiredOption(
      "--grace <duration>",
      "how long former texts still work: 24h, 7d, at most 30d; 0 ends all of them at once",
      readGrace,
    )
    .addOption(dataOption())
    .addOption(jsonOption())
    .action(async (id: string, options: Options) => {
      const rotated = await cli
        .operator(options)
        .post(`/v1/keys/${encodeURIComponent(id)}/rotate`, createdKey, { graceSeconds: options.grace });
      // The key alone on standard output, as when it was created.
      printResult(cli, options, rotated, () => `${rotated.key}\n`);
      if (options.json === true) return;
      const ends = rotated.secretsInGrace.map(({ hint, expiresAt }) => ` ${hint} works until ${expiresAt}.`);
      const former = ends.length === 0 ? " Former texts are refused within 5 seconds." : ends.join("");
      cli.terminal.err(`Rotated key ${rotated.id}. Keep the key: it is not shown again.${former}\n`);
    });
}
