import type { Command } from "commander";
import type { z } from "zod";
import { longHoldBody, releasedLongHoldBody } from "../../../api/wire/hold.ts";
import { FareboxError } from "../../../domain/farebox-error.ts";
import { type Cli, dataOption, jsonOption, type OperatorOptions, printResult } from "../../cli.ts";
import { confirm } from "../../terminal/confirm.ts";

interface ReleaseOptions extends OperatorOptions {
  readonly reason?: string;
  readonly yes?: boolean;
}

interface ExtendOptions extends OperatorOptions {
  readonly seconds: string;
}

const HOLD = "the request's id, as `account long-holds` lists it";

/** `farebox account release-hold <account> <hold>` */
export function addAccountReleaseHold(account: Command, cli: Cli): void {
  account
    .command("release-hold")
    .description("end a hold for a job of hours: asks, then what it holds is free")
    .argument("<account>", "the account's id")
    .argument("<hold>", HOLD)
    .option("--reason <text>", "kept in the audit trail")
    .option("--yes", "do not ask; required where nobody can be asked")
    .addOption(dataOption())
    .addOption(jsonOption())
    .action(async (id: string, hold: string, { reason, yes = false, ...options }: ReleaseOptions) => {
      if (!yes && !(await isConfirmed(cli, id, hold, options))) return;
      const path = `${pathOf(id, hold)}/release`;
      const released = await cli.operator(options).post(path, releasedLongHoldBody, { reason });
      printResult(cli, options, released, () => {
        const { freed, creditType, requestId, charged, parts } = released;
        return `Released ${requestId}: ${freed} ${creditType} free; ${charged} in ${parts} parts stay charged.\n`;
      });
    });
}

/** `farebox account extend-hold <account> <hold>` */
export function addAccountExtendHold(account: Command, cli: Cli): void {
  account
    .command("extend-hold")
    .description("let a hold for a job of hours live for so long from now on")
    .argument("<account>", "the account's id")
    .argument("<hold>", HOLD)
    .requiredOption("--seconds <n>", "from now on, 1 to 86400")
    .addOption(dataOption())
    .addOption(jsonOption())
    .action(async (id: string, hold: string, { seconds, ...options }: ExtendOptions) => {
      const path = `${pathOf(id, hold)}/extend`;
      const extended = await cli.operator(options).post(path, longHoldBody, {
        seconds: Number(seconds),
      });
      printResult(cli, options, extended, () => `${renderHeld(extended)} until ${extended.expiresAt}.\n`);
    });
}

/** False: somebody was asked and said no. Throws FareboxError `confirmation_required` where nobody can be asked. */
async function isConfirmed(
  cli: Cli,
  account: string,
  hold: string,
  options: OperatorOptions,
): Promise<boolean> {
  const question = `Release ${hold} of ${account}? Its caller cannot settle it any more: a job that was done is not charged.`;
  const answer = options.json === true ? undefined : await confirm(cli.terminal, question);
  if (answer === undefined) {
    throw new FareboxError("confirmation_required", "Nobody can be asked here, and nothing was released.", {
      detail: { fix: "Look at `farebox account long-holds`, then add --yes." },
    });
  }
  if (answer) return true;
  cli.terminal.err("Nothing was released.\n");
  cli.setExitCode(1);
  return false;
}

function renderHeld({ requestId, held, creditType }: z.infer<typeof longHoldBody>): string {
  return `${requestId} holds ${held} ${creditType}`;
}

function pathOf(account: string, hold: string): string {
  return `/v1/accounts/${encodeURIComponent(account)}/long-holds/${encodeURIComponent(hold)}`;
}
