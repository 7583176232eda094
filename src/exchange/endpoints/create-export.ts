import type { ExportChoices } from "../../contract/exports/export-wire.ts";
import { parseCredits } from "../../domain/credits.ts";
import type { ExportKind } from "../../domain/export-kind.ts";
import { FareboxError } from "../../domain/farebox-error.ts";
import { readJsonPointer } from "../../domain/json/json-pointer.ts";
import { isJsonObject } from "../../domain/json/json-value.ts";
import type { FieldFault, Refusal } from "../../domain/refusal.ts";
import type { RequestTarget } from "../../domain/routes/request-path.ts";
import type { Identity } from "../../meter/meter.ts";
import { beginRequestHash, parseIdempotencyKey } from "../headers/idempotency-header.ts";
import type { Exchange } from "../parts/exchange.ts";
import type { ExportCreation, ExportDoor, ExportEndpoint } from "../parts/export-door.ts";
import { readText } from "../request/read-text.ts";
import { tellAnswered } from "../response/account-state.ts";
import { answer } from "../response/respond.ts";
import { toNewExportFacts } from "./export-facts.ts";

/** An id longer than this is none of anybody's records. */
const MAX_ID_LENGTH = 200;

type CreateEndpoint = Extract<ExportEndpoint, { readonly kind: "create" }>;

/** Creates an export. It is written down before anything of the upstream is asked. */
export async function createExport(
  exchange: Exchange,
  door: ExportDoor,
  { of: kind, params }: CreateEndpoint,
  target: RequestTarget,
  identity: Identity,
): Promise<Refusal | undefined> {
  const text = await readText(exchange);
  if (text === undefined) return undefined;
  if (typeof text !== "string") return text;
  const asked = readAsked(exchange, kind, target, text);
  if ("code" in asked) return asked;
  const { choices, most } = asked;
  const { format, policy, limit } = choices;
  const idempotency = readIdempotency(exchange, target, text);
  if (idempotency !== undefined && "code" in idempotency) return idempotency;
  const priceList = exchange.parts.meter.priceTable()?.list.version;
  const refusal = checkMax(exchange, kind, most);
  if (refusal !== undefined) return refusal;
  // The price list is told by the database: without one nothing can be charged.
  if (priceList === undefined)
    throw new FareboxError("not_ready", "The price list is not known yet.", { retryable: true });
  const request = { params, body: text };
  const created = await door.service
    .create({
      account: identity,
      keyId: identity.keyId,
      kind: kind.name,
      request,
      format,
      policy,
      limit,
      priceList,
      idempotency,
    })
    .catch(refuseRequest);
  if (created.kind !== "created" && created.kind !== "repeated") {
    return "code" in created ? created : refuseCreation(kind, created);
  }
  const facts = toNewExportFacts(door, created.job);
  await tellAnswered(exchange);
  const rendered = exchange.parts.contract.exports.renderCreated(facts, exchange.context);
  const again = created.kind === "repeated" ? [["Idempotency-Replayed", "true"] as const] : [];
  answer(exchange, { ...rendered, headers: [...rendered.headers, ...again] });
  return undefined;
}

/** `Idempotency-Key`, and the request that it stands for. */
function readIdempotency(
  { head, method }: Exchange,
  target: RequestTarget,
  body: string,
): { readonly key: string; readonly requestHash: string } | Refusal | undefined {
  const written = head?.idempotencyKey;
  if (written === undefined) return undefined;
  const key = parseIdempotencyKey(written);
  if (key === undefined) return { code: "request_invalid", reason: "header idempotency-key is not a key" };
  const hash = beginRequestHash(method, target.path + target.query, head?.contentType);
  return { key, requestHash: hash.update(body).digest("hex") };
}

/** The body is JSON, and still nothing that is kept: nested too deeply to be compared. */
function refuseRequest(error: unknown): never | ({ readonly kind: "refused" } & Refusal) {
  if (!(error instanceof FareboxError) || error.code !== "export_request_invalid") throw error;
  return { kind: "refused", code: "request_invalid", reason: error.message };
}

function refuseCreation(
  { creditType }: ExportKind,
  result: Exclude<ExportCreation, { readonly kind: "created" | "repeated" }>,
): Refusal {
  if (result.kind === "key mismatch") return { code: "idempotency_mismatch" };
  if (result.kind === "key in progress") return { code: "idempotency_in_progress" };
  if (result.kind === "duplicate") return { code: "export_in_progress" };
  if (result.kind === "short") {
    const { needed: required, available } = result;
    return { code: "insufficient_credits", creditType, required, available };
  }
  const { limit: max, which } = result;
  const what = which === "open" ? "unfinished exports" : "exports";
  return {
    code: "export_limit_reached",
    max,
    reason: `The account has ${max} ${what}, the most it may have.`,
  };
}

interface Asked {
  readonly choices: ExportChoices;
  /** The most records that it can have. */
  readonly most: number;
}

function readAsked(
  exchange: Exchange,
  kind: ExportKind,
  target: RequestTarget,
  text: string,
): Asked | Refusal {
  const body = parseBody(text);
  if (body === undefined) return { code: "request_invalid", reason: "the body is not a JSON object" };
  const { formats, maxRecords } = kind;
  const request = { query: new URLSearchParams(target.query), body };
  const choices = exchange.parts.contract.exports.readChoices(request, { formats, maxRecords });
  const subject = readSubject(kind, body);
  if ("code" in subject) return subject;
  const faults: FieldFault[] = [];
  if (!("policy" in choices)) faults.push(...choices);
  if ("reason" in subject) faults.push(subject);
  if (!("policy" in choices) || "reason" in subject) return { code: "fields_invalid", errors: faults };
  return { choices, most: Math.min(choices.limit ?? maxRecords, subject.most) };
}

function parseBody(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const body: unknown = JSON.parse(text);
    return isJsonObject(body) ? body : undefined;
  } catch {
    return undefined;
  }
}

/** What the request is about: how many records it can find at most, or what is wrong with it. */
function readSubject(
  { source, maxRecords }: ExportKind,
  body: Readonly<Record<string, unknown>>,
): { readonly most: number } | FieldFault | Refusal {
  if (source.kind === "collect" && source.ids.from === "request") {
    const { pointer } = source.ids;
    const ids = readJsonPointer(body, pointer);
    const isList = Array.isArray(ids) && ids.length > 0;
    if (isList && ids.length > maxRecords) return { code: "export_too_many_ids", max: maxRecords };
    if (isList && ids.every(isId)) return { most: ids.length };
    return { path: nameOf(pointer), reason: "must be a list of ids: whole numbers or texts" };
  }
  const { body: pointer } =
    source.kind === "collect" && source.ids.from === "search" ? source.ids.call : source.call;
  if (pointer === undefined || pointer === "" || isJsonObject(readJsonPointer(body, pointer))) {
    return { most: maxRecords };
  }
  return { path: nameOf(pointer), reason: "must be an object" };
}

function isId(id: unknown): boolean {
  if (typeof id === "number") return Number.isSafeInteger(id) && id >= 0;
  // It is put into a path, where a dot segment would be another endpoint's.
  return typeof id === "string" && id !== "" && id.length <= MAX_ID_LENGTH && !/^\.{1,2}$/.test(id);
}

function nameOf(pointer: string): string {
  return pointer.slice(1).replaceAll("/", ".");
}

/** The caller's own bound on what a request may cost. */
function checkMax(exchange: Exchange, { price, creditType }: ExportKind, most: number): Refusal | undefined {
  const max = readMax(exchange);
  if (max === undefined || typeof max === "object") return max;
  const quote = price * BigInt(most);
  return quote > max ? { code: "quote_above_max", creditType, quote, max } : undefined;
}

/** `Credits-Max`. */
export function readMax(exchange: Exchange): bigint | undefined | Refusal {
  const written = exchange.head?.creditsMax;
  if (written === undefined) return undefined;
  const max = parseCredits(written);
  return max ?? { code: "request_invalid", reason: "header credits-max is not an amount of credits" };
}
