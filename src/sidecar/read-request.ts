import { plainAddress } from "../domain/addresses.ts";
import { type Credits, parseCredits } from "../domain/credits.ts";
import { ABSENT_BODY, type BodyFields, UNREADABLE_BODY } from "../domain/prices/field-value.ts";
import type { BodyReads } from "../domain/prices/request-reads.ts";
import type { Refusal } from "../domain/refusal.ts";
import { parseTarget } from "../domain/routes/request-path.ts";
import { readJsonFields } from "../exchange/body/json-fields.ts";
import { takeTurn } from "../exchange/body/turns.ts";
import { beginRequestHash, parseIdempotencyKey } from "../exchange/headers/idempotency-header.ts";
import type { HoldRequest } from "../holds/hold.ts";
import { fingerprint } from "./fingerprint.ts";
import type { HoldParts } from "./hold-parts.ts";
import { fingerprintOf, ToldJson } from "./told-json.ts";
import { isLong } from "./wire/authorize.ts";

/** For how long a long hold is held when its caller does not say it. */
const LONG_MS = 3_600_000;

/** A customer's request as the caller tells of it. */
export interface ToldRequest {
  readonly id?: string | undefined;
  readonly key?: string | undefined;
  readonly method: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly body?: unknown;
  readonly address?: string | undefined;
  readonly max?: Credits | undefined;
  readonly ttl?: number | undefined;
  readonly long?: boolean | undefined;
}

/** What the gateway reads in a request's head, read in what is told of it. The refusal of what the gateway would refuse too. */
export async function readRequest(parts: HoldParts, told: ToldRequest): Promise<HoldRequest | Refusal> {
  const { contract, config } = parts;
  const { method, body } = told;
  const target = parseTarget(told.path);
  if ("reason" in target) return invalid(target.reason);
  if (method === "TRACE") return invalid("method TRACE is not forwarded");
  const headers = lowerCase(told.headers ?? {});
  if ("reason" in headers) return invalid(headers.reason);
  const header = (name: string): string | undefined => headers.get(name);
  const { query, found } = contract.takeQueryKey(target.query);
  const read =
    told.key === undefined
      ? contract.readKey([...headers].flat(), found)
      : { key: told.key, ambiguous: false };
  if (read.ambiguous) return invalid("more than one key");
  const control = readControl(header, told.max);
  if ("code" in control) return control;
  const { key, max } = control;
  const plain = { path: target.path, query };
  const long = isLong(told);
  const isCompared = body !== undefined && (told.id !== undefined || key !== undefined);
  const compared = isCompared ? await fingerprintOf(body) : undefined;
  return {
    id: told.id,
    content: () => fingerprint({ ...told, body: compared, max: told.max?.toString() }),
    key: read.key,
    method,
    target: plain,
    header,
    readBody: (reads) => readBody(header, body, reads),
    address: told.address === undefined ? "" : plainAddress(told.address),
    max,
    idempotency:
      key === undefined
        ? undefined
        : { key, requestHash: hashOf(method, plain.path + query, header("content-type"), compared) },
    ttlMs: told.ttl === undefined ? (long ? LONG_MS : config.sidecar.holdMs) : told.ttl * 1_000,
    long,
  };
}

/** A request that has a body of which nothing is told is one whose body cannot be read. */
function readBody(
  header: (name: string) => string | undefined,
  body: unknown,
  { unreadable, pointers }: BodyReads,
): BodyFields | Refusal | Promise<BodyFields | Refusal> {
  const hasBody =
    header("transfer-encoding") !== undefined || !["0", undefined].includes(header("content-length"));
  if (body !== undefined) return readTold(body, pointers);
  if (!hasBody) return ABSENT_BODY;
  if (unreadable === "dearest") return UNREADABLE_BODY;
  return { code: "media_type_unsupported", reason: "the price reads the body, which was not told" };
}

/** What is JSON may still mean two things to whoever serves the request: names that some readers take for one. */
async function readTold(told: unknown, pointers: readonly string[]): Promise<BodyFields | Refusal> {
  // A message has up to two hundred of them.
  if (told instanceof ToldJson) await takeTurn();
  const read = await (told instanceof ToldJson
    ? told.readFields(pointers)
    : readJsonFields([Buffer.from(JSON.stringify(told))], pointers));
  return read.kind === "read"
    ? { state: "read", read: (pointer) => read.fields.get(pointer) }
    : invalid(read.reason);
}

function readControl(
  header: (name: string) => string | undefined,
  told: Credits | undefined,
): { readonly key: string | undefined; readonly max: Credits | undefined } | Refusal {
  const idempotencyKey = header("idempotency-key");
  const creditsMax = header("credits-max");
  const key = idempotencyKey === undefined ? undefined : parseIdempotencyKey(idempotencyKey);
  if (idempotencyKey !== undefined && key === undefined)
    return invalid("header idempotency-key is not a key");
  const max = creditsMax === undefined ? undefined : parseCredits(creditsMax);
  if (creditsMax !== undefined && max === undefined)
    return invalid("header credits-max is not an amount of credits");
  return { key, max: told === undefined || (max !== undefined && max < told) ? max : told };
}

function hashOf(
  method: string,
  path: string,
  contentType: string | undefined,
  body: string | undefined,
): string {
  const hash = beginRequestHash(method, path, contentType);
  if (body !== undefined) hash.update(body);
  return hash.digest("hex");
}

function lowerCase(
  headers: Readonly<Record<string, string>>,
): ReadonlyMap<string, string> | { readonly reason: string } {
  const lower = new Map<string, string>();
  for (const [name, value] of Object.entries(headers)) {
    const key = name.toLowerCase();
    if (lower.has(key)) return { reason: `header ${key} appears more than once` };
    lower.set(key, value);
  }
  return lower;
}

function invalid(reason: string): Refusal {
  return { code: "request_invalid", reason };
}
