import type { Command } from "commander";
import type { z } from "zod";
import { callBody } from "../../api/wire/call.ts";
import { type Cli, dataOption, jsonOption, type OperatorOptions, printResult } from "../cli.ts";
import { renderTable } from "../render/table.ts";

interface Options extends OperatorOptions {
  readonly account?: string;
}

type Call = z.infer<typeof callBody>;

/** `farebox calls …` */
export function addCalls(program: Command, cli: Cli): void {
  program
    .command("calls")
    .description("calls, one by one")
    .command("explain")
    .description("explain what a call cost: its price, what was held, charged and refunded")
    .argument(
      "<call>",
      "the request's id, as its answer's x-request-id showed it, or the id of its charge (chg_…)",
    )
    .option("--account <account>", "whose call it is; without it, it is looked for in all accounts")
    .addOption(dataOption())
    .addOption(jsonOption())
    .action(async (call: string, options: Options) => {
      const { account } = options;
      const path = `/v1/calls/${encodeURIComponent(call)}`;
      const explained = await cli.operator(options).get(path, callBody, { account });
      printResult(cli, options, explained, () => renderCall(explained));
    });
}

function renderCall(call: Call): string {
  const { creditType, priceList, key } = call;
  const facts: (readonly [string, string | undefined])[] = [
    ["account", call.account],
    ["time", call.at],
    ["endpoint", call.endpoint ?? undefined],
    ["key", key === null ? undefined : `${key.id}  ${key.name}  ${key.hint}`],
    ["status", call.status?.toString()],
    ["price list", priceList === null ? undefined : `${priceList.version}, from ${priceList.effectiveAt}`],
    ["price", call.price === null ? describeCandidates(call) : JSON.stringify(call.price)],
    ["units", call.units?.toString()],
    ...describeTiers(call),
    ["held", call.held === null ? "not known" : `${call.held} ${creditType}`],
    ["list price", `${call.list} ${creditType}`],
    ["charged", `${call.charged} ${creditType}`],
    ["uncollected", call.uncollected === 0 ? undefined : `${call.uncollected} ${creditType}`],
    ...call.refunds.map(
      ({ at, amount, reason }) => ["refund", `${amount} ${creditType} at ${at}: ${reason ?? ""}`] as const,
    ),
    ["net", `${call.net} ${creditType}`],
    ["balance", `${call.balance} ${creditType} right after it`],
  ];
  const lines = facts.flatMap(([name, value]) => (value === undefined ? [] : `  ${name}: ${value}`));
  const rest = call.parts === null ? "" : `\n${renderParts(call.parts)}`;
  return `${call.charge ?? `${call.parts?.total} charges`}  request ${call.requestId ?? "unknown"}\n${lines.join("\n")}\n${rest}`;
}

function renderParts({ total, charges }: NonNullable<Call["parts"]>): string {
  const rows = charges.map(({ charge, part, at, units, charged, refunded }) => [
    charge,
    part ?? "(the last)",
    at,
    String(units),
    String(charged),
    String(refunded),
  ]);
  const more = total > charges.length ? `The first ${charges.length} of ${total}.\n` : "";
  return `${renderTable(["CHARGE", "PART", "TIME", "UNITS", "CHARGED", "REFUNDED"], rows)}${more}`;
}

function describeTiers({ tiers, growth, creditType }: Call): [string, string | undefined][] {
  const applied = tiers?.applied.map(({ over, cost, units }) => {
    const from = over === 0 ? "the first tier" : `beyond ${over}`;
    return `${units} at ${cost} ${creditType} (${from})`;
  });
  return [
    [
      "used before",
      tiers === null
        ? undefined
        : `${tiers.usedBefore}, and ${tiers.usedAfter} with it (${tiers.counter}, this ${tiers.within}, from ${tiers.since})`,
    ],
    ["tiers", applied === undefined || applied.length === 0 ? undefined : applied.join(" and ")],
    ["grown", growth === null ? undefined : `to ${growth.reported}; ${growth.before} was charged before`],
  ];
}

function describeCandidates({ candidates }: Call): string {
  if (candidates.length === 0) return "not known";
  return `one of ${candidates.map((price) => JSON.stringify(price)).join(" or ")}`;
}
