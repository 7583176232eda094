import type { SettledFacts } from "../../contract/contract.ts";
import type { Outcome } from "../../domain/prices/outcome.ts";
import type { Refusal } from "../../domain/refusal.ts";
import type { Settlement } from "../../meter/meter.ts";
import { sizeOf } from "../body/chunks.ts";
import { BodyScan, type ScannedBody, scanBody, spliceMember } from "../body/json-splice.ts";
import { inTurns, isSmall } from "../body/turns.ts";
import { type HeaderList, headersOfExtendedBody, withLength } from "../headers/response-headers.ts";
import type { UpstreamHead } from "../headers/upstream-head.ts";
import type { Exchange } from "../parts/exchange.ts";
import { tellAnswered } from "./account-state.ts";
import { addRateHeaders, sendWhole } from "./respond.ts";
import { addSettledHeaders } from "./settled-response.ts";
import { type Omission, readFreeFacts, readUsageWish, tellOmitted, usageMembers } from "./usage-object.ts";

/** A response kept for replay. */
export type StoredResponse = NonNullable<Settlement["supersededBy"]>;

/**
 * What a replay must know of the charge, kept among the stored headers. No upstream can set such names: they are
 * stripped from its responses.
 */
const STORED_CREDIT_TYPE = "x-farebox-stored-credit-type";
const STORED_UNITS = "x-farebox-stored-units";

/** Statuses below 500 that tell of a passing state: a retry must run again, so the key is freed. */
const NOT_KEPT: ReadonlySet<number> = new Set([401, 403, 408, 409, 425, 429]);

/** Whether an uncharged response ends the Idempotency-Key's request. */
export function isKept(status: number): boolean {
  return status < 500 && !NOT_KEPT.has(status);
}

/**
 * The upstream's response as it is stored: before the usage object and the balance, which a replay renders anew. A
 * body over the limit is not kept; the request is then known to be done, and cannot be replayed.
 */
export function toStored(
  exchange: Exchange,
  head: UpstreamHead,
  body: Buffer | undefined,
  found: Pick<Outcome, "units" | "answer"> = { units: undefined },
): StoredResponse {
  const headers: (readonly [string, string])[] = [];
  for (let i = 0; i < head.headers.length; i += 2) {
    const name = head.headers[i] ?? "";
    if (name.toLowerCase() !== "content-length") headers.push([name, head.headers[i + 1] ?? ""]);
  }
  const price = exchange.admission?.price;
  if (price !== undefined && exchange.admission?.chargedOn(head.status) === true) {
    headers.push([STORED_CREDIT_TYPE, price.creditType]);
    const units = exchange.admission.unitsOf({ status: head.status, ...found });
    headers.push([STORED_UNITS, String(units)]);
  }
  const fits = body !== undefined && body.length <= exchange.parts.config.idempotency.maxBodyBytes;
  return { status: head.status, headers, body: fits ? body : null };
}

/**
 * Sends a stored response again. It costs nothing, and says so: the charged amount is 0, the balance is the present
 * one, and a usage object tells of this call.
 */
export async function replay(
  exchange: Exchange,
  stored: StoredResponse | undefined,
): Promise<Refusal | undefined> {
  if (stored === undefined || stored.body === null) return { code: "idempotency_not_replayable" };
  const { headers, creditType, units } = readStored(stored);
  const kept = Buffer.from(stored.body);
  let body: readonly Buffer[] = [kept];
  const bodiless = exchange.method === "HEAD" || stored.status === 204 || stored.status === 304;
  let sent = headers;
  // What was free tells of itself too, where it is an answer of an endpoint that has a price.
  const usageType = creditType ?? exchange.route?.candidates.find((price) => !price.free)?.creditType;
  if (usageType !== undefined && (creditType !== undefined || usageMembers(exchange) !== undefined)) {
    const facts = await readFreeFacts(exchange, usageType, units);
    const hasCacheControl = headers.some((text, i) => i % 2 === 0 && text.toLowerCase() === "cache-control");
    const extended = await extend(exchange, stored.status, bodiless, kept, facts);
    if (typeof extended === "object") {
      body = extended;
      sent = headersOfExtendedBody(headers);
    } else if (extended !== undefined) {
      tellOmitted(exchange, sent, extended);
    }
    if (creditType !== undefined) addSettledHeaders(sent, exchange, facts, hasCacheControl);
  }
  if (creditType === undefined) await tellAnswered(exchange);
  sent.push("Idempotency-Replayed", "true");
  addRateHeaders(exchange, sent);
  sendWhole(exchange, stored.status, undefined, bodiless ? sent : withLength(sent, sizeOf(body)), body);
  return undefined;
}

/** The body with the usage object, or why it cannot be there; undefined when it was not asked for. */
async function extend(
  exchange: Exchange,
  status: number,
  bodiless: boolean,
  body: Buffer,
  facts: SettledFacts,
): Promise<readonly Buffer[] | Omission | undefined> {
  const { members, omitted } = readUsageWish(exchange, { status, bodiless });
  const usage =
    members === undefined ? undefined : exchange.parts.contract.renderUsage(exchange.header, facts);
  if (members === undefined || usage === undefined) return omitted;
  const { splice: point } = await scanInTurns(body, members);
  return point === undefined ? "not-an-object" : spliceMember(body, point, usage);
}

async function scanInTurns(body: Buffer, members: readonly string[]): Promise<ScannedBody> {
  if (isSmall([body])) return scanBody(body, undefined, members);
  const scan = new BodyScan(undefined, members);
  await inTurns([body], (bytes) => {
    scan.write(bytes);
    return true;
  });
  return scan.end();
}

function readStored(stored: StoredResponse): {
  headers: HeaderList;
  creditType: string | undefined;
  units: number;
} {
  const headers: HeaderList = [];
  let creditType: string | undefined;
  let units = 0;
  for (const [name, value] of stored.headers) {
    if (name === STORED_CREDIT_TYPE) creditType = value;
    else if (name === STORED_UNITS) units = Number(value);
    else headers.push(name, value);
  }
  return { headers, creditType, units };
}
