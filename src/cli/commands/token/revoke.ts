import type { Command } from "commander";
import { tokenBody } from "../../../api/wire/token.ts";
import { type Cli, dataOption, jsonOption, type OperatorOptions, printResult } from "../../cli.ts";

/** `farebox token revoke <token>` */
export function addTokenRevoke(token: Command, cli: Cli): void {
  token
    .command("revoke")
    .description("revoke a token for good; the next request with it is refused")
    .argument("<token>", "the token's id (tok_…)")
    .addOption(dataOption())
    .addOption(jsonOption())
    .action(async (id: string, options: OperatorOptions) => {
      const path = `/v1/tokens/${encodeURIComponent(id)}/revoke`;
      const revoked = await cli.operator(options).post(path, tokenBody, {});
      printResult(cli, options, revoked, () => `Revoked token ${revoked.id} (${revoked.name}).\n`);
    });
}
