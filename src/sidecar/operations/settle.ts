import type { z } from "@hono/zod-openapi";
import type { SettledFacts } from "../../contract/contract.ts";
import { creditsToJson } from "../../domain/credits.ts";
import { FareboxError } from "../../domain/farebox-error.ts";
import type { HoldEnd, HoldOutcome, Settled } from "../../holds/hold.ts";
import type { StoredResponse } from "../../ledger/ledger.ts";
import { fingerprint } from "../fingerprint.ts";
import type { HoldParts } from "../hold-parts.ts";
import { completeFacts, renderRefusal, tellAnswered, toHeaders, toKept } from "../render.ts";
import { fingerprintOf, ToldJson } from "../told-json.ts";
import type { settleAnswer, settleInput } from "../wire/settle.ts";

type Answer = z.input<typeof settleAnswer>;
type Asked = z.output<typeof settleInput>;
type Charged = Extract<HoldEnd, { kind: "charged" }>;

/**
 * `POST /v1/settle`. Errors: `hold_unknown`, `hold_settled`, `hold_released`, `hold_expired`, `part_not_possible`, `hold_elsewhere`,
 * `storage_unavailable`.
 */
export async function settle(parts: HoldParts, { hold, headers = {}, ...asked }: Asked): Promise<Answer> {
  const settled = await parts.holds.settle(hold, await readOutcome(parts, asked));
  const { requestId, end } = settled;
  if (end.kind === "charged") return await charged(parts, settled, end, headers);
  if (end.kind === "superseded") {
    const { response } = end;
    const answer =
      response === undefined || response.body === null ? null : toKept({ ...response, body: response.body });
    return { outcome: "superseded", requestId, answer };
  }
  if (end.kind === "refused") {
    const { endpoint, identity } = settled;
    const context = { requestId, endpoint, nowMs: parts.clock.unixMs() };
    const creditType = settled.creditType;
    const refusal = await renderRefusal(parts, end.refusal, context, { identity, creditType });
    return { outcome: "refused", requestId, ...refusal };
  }
  return { outcome: "free", requestId, headers: toHeaders(await tellAnswered(parts, settled)) };
}

async function charged(
  parts: HoldParts,
  { requestId, identity }: Settled,
  end: Charged,
  headers: Readonly<Record<string, string>>,
): Promise<Answer> {
  const facts = await completeFacts(parts, identity, end);
  const names = new Map(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
  return {
    outcome: "charged",
    requestId,
    chargeId: end.chargeId ?? null,
    creditType: end.creditType,
    charged: creditsToJson(end.charged),
    uncollected: creditsToJson(end.uncollected),
    refunded: creditsToJson(end.refunded),
    balance: creditsToJson(end.balance),
    units: end.units,
    headers: [
      ...toHeaders(parts.contract.renderSettled(facts)),
      { name: "Cache-Control", value: "private, no-store" },
    ],
    usage: renderUsage(parts, (name) => names.get(name), facts),
  };
}

function renderUsage(
  { contract }: HoldParts,
  header: (name: string) => string | undefined,
  facts: SettledFacts,
): Record<string, unknown> | null {
  const [first] = contract.usageMembers(header) ?? [];
  const text = first === undefined ? undefined : contract.renderUsage(header, facts);
  if (first === undefined || text === undefined) return null;
  const members: Record<string, unknown> = JSON.parse(`{${JSON.stringify(first)}:${text}}`);
  return members;
}

async function readOutcome(
  parts: HoldParts,
  { answer, ...asked }: Omit<Asked, "hold" | "headers">,
): Promise<HoldOutcome> {
  const { status, units, cost, part } = asked;
  const told = answer && { ...answer, body: await fingerprintOf(answer.body) };
  const content = fingerprint({ ...asked, cost: cost?.toString(), answer: told });
  const response = answer && (await toStored(status, answer, parts.config.idempotency.maxBodyBytes));
  return { status, units, cost, part, response, content };
}

/** A body over the limit is not kept: the request is then known to be done, and cannot be replayed. */
async function toStored(
  status: number,
  { headers, body }: NonNullable<Asked["answer"]>,
  most: number,
): Promise<StoredResponse> {
  const bytes = body instanceof ToldJson ? await body.decodeBase64() : Buffer.from(body, "base64");
  if (bytes === undefined)
    throw new FareboxError("request_invalid", "The request is not valid: answer.body must be base64.", {
      detail: { errors: [{ path: "answer.body", reason: "must be base64" }] },
    });
  return {
    status,
    headers: headers.map(({ name, value }) => [name, value] as const),
    body: bytes.length > most ? null : bytes,
  };
}
