import type { Command } from "commander";
import { selfBody } from "../../../api/wire/token.ts";
import { type Cli, dataOption, jsonOption, type OperatorOptions, printResult } from "../../cli.ts";
import { renderLimits } from "./render-limits.ts";

/** `farebox token self` */
export function addTokenSelf(token: Command, cli: Cli): void {
  token
    .command("self")
    .description("say who you are to the running Farebox: your name in the audit trail, role and limits")
    .addOption(dataOption())
    .addOption(jsonOption())
    .action(async (options: OperatorOptions) => {
      const self = await cli.operator(options).get("/v1/self", selfBody);
      const limits = self.limits === null ? "" : `, gives ${renderLimits(self.limits)}`;
      printResult(cli, options, self, () => `${self.actor}, role ${self.role}${limits}\n`);
    });
}
