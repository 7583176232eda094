import type { Command } from "commander";
import { keyBody } from "../../../api/wire/key.ts";
import { type Cli, dataOption, jsonOption, type OperatorOptions, printResult } from "../../cli.ts";

/** `farebox key revoke <key>` */
export function addKeyRevoke(key: Command, cli: Cli): void {
  key
    .command("revoke")
    .description("revoke a key with all its texts; every instance refuses it within 5 seconds")
    .argument("<key>", "the key's id (key_…)")
    .addOption(dataOption())
    .addOption(jsonOption())
    .action(async (id: string, options: OperatorOptions) => {
      const revoked = await cli
        .operator(options)
        .post(`/v1/keys/${encodeURIComponent(id)}/revoke`, keyBody, {});
      printResult(cli, options, revoked, () => `Revoked key ${revoked.id} (${revoked.hint}).\n`);
    });
}
