import { type Command, InvalidArgumentError } from "commander";
import { type Credits, parseCredits } from "../../../domain/credits.ts";
import { FareboxError } from "../../../domain/farebox-error.ts";
import type { Problem } from "../../../domain/problem.ts";
import { parseMatchPattern } from "../../../domain/routes/match-pattern.ts";
import type { DescribedCall } from "../../../trial/described-call.ts";
import { type Cli, collecting, jsonOption, type OutputOptions, printResult } from "../../cli.ts";
import { type CallOptions, parseHeader, parseRequestLine, parseStatus, readCall } from "./read-call.ts";
import { renderTrial } from "./render-trial.ts";
import { trialToJson } from "./trial-to-json.ts";

interface Options extends OutputOptions, CallOptions {
  readonly plan?: string;
  readonly accountPrices?: string;
  readonly scope?: readonly string[];
  readonly used?: number;
  readonly charged?: number;
  readonly repeated?: true;
  readonly balance?: Credits;
  readonly cap?: DescribedCall["caps"];
  readonly spent?: Credits;
}

/** Enough for most, and few enough that a price which sets too much aside shows. */
const USUAL_BALANCE = "1000";

/** `farebox try` */
export function addTry(program: Command, cli: Cli): void {
  program
    .command("try")
    .description("price a described request and answer without running or charging anything, step by step")
    .argument("[file]", "the configuration", "farebox.yaml")
    .requiredOption(
      "--request <line>",
      'the request\'s method and path: "POST /v1/search?size=5"',
      parseRequestLine,
    )
    .option("--header <header>", 'one of its headers: "x-tier: gold"; may be repeated', parseHeader, [])
    .option(
      "--body <body>",
      "its body: a text, @ and a file, or - for standard input; JSON unless a header says otherwise",
    )
    .option("--response <status>", "the status that the upstream answers", parseStatus, 200)
    .option("--response-header <header>", "one of its answer's headers; may be repeated", parseHeader, [])
    .option("--response-body <body>", "its answer's body, as --body")
    .option("--plan <name>", "the account's plan (default: none)")
    .option(
      "--account-prices <file>",
      "a file with the account's own prices, as `prices publish --account` takes it",
    )
    .option("--scope <match>", "what the key may call; may be repeated (default: everything)", parseScope)
    .option(
      "--used <units>",
      "of a price with tiers: what was used in the period before (default: 0)",
      parseUnits,
    )
    .option(
      "--charged <number>",
      "of a number that grows: the highest that was charged before (default: 0)",
      parseUnits,
    )
    .option(
      "--repeated",
      "of a price with `once`: a call with the same value was charged within the window (default: none was)",
    )
    // No default of commander's own: its help cannot write an amount.
    .option(
      "--balance <credits>",
      `the account's credits in the pool that pays (default: ${USUAL_BALANCE})`,
      parseBalance,
    )
    .option(
      "--cap <window=credits>",
      "what the key may spend of it: day=50, month=500 or total=5000; may be repeated (default: the plan's caps)",
      parseCap,
    )
    .option(
      "--spent <credits>",
      "what the key has spent of it before, in each of these windows (default: 0)",
      parseBalance,
    )
    .addOption(jsonOption())
    .action(async (file: string, options: Options) => await tryDescribed(cli, file, options));
}

async function tryDescribed(cli: Cli, file: string, options: Options): Promise<void> {
  const { loadConfig } = await import("../../../config/load-config.ts");
  const { parseAccountPrices } = await import("../../../config/load-account-prices.ts");
  const { tryCall } = await import("../../../trial/try-call.ts");
  const config = loadConfig(file);
  const { plan, accountPrices, scope: scopes, used = 0, charged = 0, repeated = false } = options;
  const { balance = parseBalance(USUAL_BALANCE), cap: caps, spent = 0n } = options;
  const plans = config.plans.map(({ name }) => name);
  if (plan !== undefined && !plans.includes(plan)) refusePlan(plan, plans);
  const ownPrices = accountPrices === undefined ? undefined : parseAccountPrices(accountPrices, config);
  const described = await readCall(options);
  const call = { ...described, plan, balance, ownPrices, scopes, caps, spent, used, charged, repeated };
  const trial = await tryCall(config, call, Date.now());
  printResult(cli, options, trialToJson(trial), () => renderTrial(trial, { file, call }));
}

function refusePlan(plan: string, plans: readonly string[]): never {
  const fix = plans.length === 0 ? "leave --plan out" : `name one of ${plans.join(", ")}`;
  throw new FareboxError("plan_unknown", `The configuration has no plan "${plan}".`, {
    detail: { plan, fix },
  });
}

const parseScope = collecting((text: string, before: readonly string[] | undefined): string[] => {
  const problems: Problem[] = [];
  parseMatchPattern(text, "", problems);
  const [problem] = problems;
  if (problem !== undefined) throw new InvalidArgumentError(`${problem.reason}; ${problem.fix}.`);
  return [...(before ?? []), text];
});

const parseCap = collecting(
  (text: string, before: DescribedCall["caps"]): NonNullable<DescribedCall["caps"]> => {
    const [, window, amount] = /^(day|month|total)=(.+)$/.exec(text) ?? [];
    const credits = parseCredits(amount);
    if (window === undefined || credits === undefined || credits === 0n)
      throw new InvalidArgumentError("Write day, month or total, and an amount above 0: day=50.");
    return { day: null, month: null, total: null, ...before, [window]: credits };
  },
);

function parseUnits(text: string): number {
  const units = Number(text);
  if (!/^\d+(?:\.\d{1,6})?$/.test(text) || units > 1e9)
    throw new InvalidArgumentError("Write a number from 0 to a billion.");
  return units;
}

function parseBalance(text: string): Credits {
  const balance = parseCredits(text);
  if (balance === undefined) throw new InvalidArgumentError("Write an amount of credits, like 20 or 0.5.");
  return balance;
}
