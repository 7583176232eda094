import type { Contract } from "../contract/contract.ts";
import { ABSENT_BODY, type BodyFields, UNREADABLE_BODY } from "../domain/prices/field-value.ts";
import type { RequestFacts } from "../domain/prices/price.ts";
import type { RequestReads } from "../domain/prices/request-reads.ts";
import type { Refusal } from "../domain/refusal.ts";
import type { RequestTarget } from "../domain/routes/request-path.ts";
import { readParameters } from "../exchange/body/parameters.ts";
import { chooseReader, readFields } from "../exchange/body/read-fields.ts";
import { readTarget as readSentTarget } from "../exchange/request/read-target.ts";
import { type DescribedRequest, headerReader } from "./described-call.ts";

/** Where a described request goes: its path in the form that is matched, and its query without a key. */
export function readTarget(
  { method, target }: DescribedRequest,
  contract: Contract,
  isOpen: (method: string, path: string) => boolean,
): RequestTarget | Refusal {
  const parsed = readSentTarget(method, target, contract, isOpen);
  if ("reason" in parsed) return { code: "request_invalid", reason: parsed.reason };
  return { path: parsed.path, query: contract.takeQueryKey(parsed.query).query };
}

/** What prices look at in a described request, read as the gateway reads it; or why it would refuse it. */
export async function readRequest(
  request: DescribedRequest,
  { path, query }: RequestTarget,
  pathParams: Readonly<Record<string, string>>,
  reads: RequestReads | undefined,
): Promise<RequestFacts | Refusal> {
  if (reads !== undefined && reads.query.length > 0 && query !== "") {
    const read = readParameters(query.slice(1), reads.query);
    if (read.kind === "ambiguous") return { code: "request_invalid", reason: `of the query, ${read.reason}` };
  }
  const header = headerReader(request.headers);
  const body = await readBody(request, header, reads);
  if ("code" in body) return body;
  const { method } = request;
  return { method, path, pathParams, query: new URLSearchParams(query), header, body };
}

async function readBody(
  { body }: DescribedRequest,
  header: (name: string) => string | undefined,
  reads: RequestReads | undefined,
): Promise<BodyFields | Refusal> {
  if (reads?.body === undefined || body.length === 0) return ABSENT_BODY;
  const head = {
    // Whoever describes a request need not say the usual.
    contentType: header("content-type") ?? "application/json",
    contentEncoding: header("content-encoding"),
  };
  const reader = chooseReader(head, reads.body);
  const read = reader.kind === "unreadable" ? reader : await readFields(reader, [body], reads.body);
  if (read.kind === "ambiguous") return { code: "request_invalid", reason: read.reason };
  if (read.kind === "read") return { state: "read", read: (pointer) => read.fields.get(pointer) };
  if (reads.body.unreadable === "dearest") return UNREADABLE_BODY;
  return { code: "media_type_unsupported", reason: read.reason };
}
