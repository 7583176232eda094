import type { Refusal } from "../../domain/refusal.ts";
import { refuseEnded } from "../../exports/refuse-ended.ts";
import type { Identity } from "../../meter/meter.ts";
import type { Exchange } from "../parts/exchange.ts";
import type { ExportDoor, ExportJob } from "../parts/export-door.ts";
import { completeFacts, tellAnswered } from "../response/account-state.ts";
import { answer } from "../response/respond.ts";
import { readMax } from "./create-export.ts";
import { toExportFacts, toFileFacts } from "./export-facts.ts";

/** Lists an export's files in the contract's words. What was not charged before is charged first, once. */
export async function listExportFiles(
  exchange: Exchange,
  door: ExportDoor,
  exportId: string,
  identity: Identity,
): Promise<Refusal | undefined> {
  const { contract } = exchange.parts;
  const max = readMax(exchange);
  if (typeof max === "object") return max;
  const before = await door.service.read(identity, exportId);
  if (before === undefined) return { code: "resource_unknown", what: "export", id: exportId };
  const { creditType, price, records } = before;
  exchange.spends = creditType;
  const quote = price * BigInt(records);
  // What a ready export costs does not change any more.
  if (before.state === "ready" && max !== undefined && quote > max) {
    return { code: "quote_above_max", creditType, quote, max };
  }
  const listed = await door.service.files(identity, exportId);
  if (listed === undefined) return { code: "resource_unknown", what: "export", id: exportId };
  if (listed.kind === "short") {
    const { needed: required, available } = listed;
    return { code: "insufficient_credits", creditType, required, available };
  }
  const { job } = listed;
  const facts = toExportFacts(door, job);
  if (listed.kind === "files") {
    const files = toFileFacts(exchange, door, job, listed.parts);
    const rendered = contract.exports.renderFiles(facts, files, exchange.context);
    const settled = await renderSettled(exchange, identity, job, before.state === "ready");
    answer(exchange, { ...rendered, headers: [...rendered.headers, ...settled] });
    return undefined;
  }
  const refusal = refuseEnded(job);
  if (refusal !== undefined) return refusal;
  await tellAnswered(exchange);
  answer(exchange, contract.exports.renderRunning(facts, exchange.context));
  return undefined;
}

/** A listing is charged like a request: its answer tells what it cost, 0 for each but the first, and what is left. */
async function renderSettled(
  exchange: Exchange,
  identity: Identity,
  { creditType, records, charge }: ExportJob,
  isFirst: boolean,
): Promise<readonly (readonly [string, string])[]> {
  const { meter, contract } = exchange.parts;
  const pools = await meter.balances(identity);
  const balance = pools.find((pool) => pool.creditType === creditType)?.balance ?? 0n;
  const charged = isFirst ? (charge?.charged ?? 0n) : 0n;
  const facts = { creditType, charged, balance, units: isFirst ? records : 0 };
  return contract.renderSettled(await completeFacts(exchange, facts));
}
