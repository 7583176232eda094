import { plainAddress } from "../../domain/addresses.ts";
import { parseCredits } from "../../domain/credits.ts";
import { UNREADABLE_BODY } from "../../domain/prices/field-value.ts";
import type { Refusal } from "../../domain/refusal.ts";
import { parseTarget } from "../../domain/routes/request-path.ts";
import { headerName } from "../../exchange/headers/header-name.ts";
import { createRequestId } from "../../exchange/headers/request-id.ts";
import { readHeader } from "../../exchange/parts/lazy-request-facts.ts";
import type { ChargedAtOnce, HoldRequest, Settled } from "../../holds/hold.ts";
import { completeFacts, type Header, renderRefusal, toHeaders } from "../render.ts";
import type { SidecarParts } from "../sidecar-parts.ts";
import type { OriginalRequest } from "./read-original.ts";

/** What the proxy is answered: 2xx lets the request pass, anything else is the answer to the customer. */
export interface ForwardAuthAnswer {
  readonly status: number;
  readonly headers: readonly Header[];
  readonly body: string;
}

/**
 * Admits and charges a request that a proxy asks about. Rejects with FareboxError `price_needs_answer`, and like settling: the proxy
 * refuses the request then.
 */
export async function forwardAuth(
  parts: SidecarParts,
  original: OriginalRequest,
): Promise<ForwardAuthAnswer> {
  const { method } = original;
  const startedMs = parts.clock.unixMs();
  const request = readRequest(parts, original);
  if ("code" in request) {
    parts.holds.refused(request);
    return await refuse(parts, original, request, { requestId: createRequestId(startedMs) });
  }
  const { path } = request.target;
  if (method === "OPTIONS" || parts.openRoutes.find(method, path) !== undefined)
    return pass([{ name: "X-Request-Id", value: createRequestId(startedMs) }]);
  const { decision, charged } = await parts.holds.chargeAtOnce(request, parts.config.sidecar.counted);
  const { requestId, endpoint, identity, rate } = decision;
  const context = { requestId, endpoint, path, nowMs: parts.clock.unixMs(), startedMs };
  if (decision.kind === "refused") {
    const candidates = parts.meter.priceTable(identity ?? {})?.find(method, path)?.candidates ?? [];
    const creditType = (candidates.find(({ free }) => !free) ?? candidates[0])?.creditType;
    return await refuse(parts, original, decision.refusal, { ...context, identity, creditType });
  }
  const headers: Header[] = [{ name: "X-Request-Id", value: requestId }];
  if (identity !== undefined) {
    headers.push(
      { name: "X-Farebox-Account", value: identity.accountId },
      { name: "X-Farebox-Key", value: identity.keyId },
    );
  }
  if (rate !== undefined) headers.push(...toHeaders(parts.contract.renderRateLimit(rate, context)));
  if (charged !== undefined) headers.push(...(await chargedHeaders(parts, charged)));
  return pass(headers);
}

function pass(headers: readonly Header[]): ForwardAuthAnswer {
  return { status: 200, headers, body: "" };
}

async function chargedHeaders(
  parts: SidecarParts,
  { token, settled }: NonNullable<ChargedAtOnce["charged"]>,
): Promise<Header[]> {
  const hold = { name: "X-Farebox-Hold", value: token };
  const { end }: Settled = settled;
  if (end.kind !== "charged") return [hold];
  return [
    hold,
    ...toHeaders(parts.contract.renderSettled(await completeFacts(parts, settled.identity, end))),
  ];
}

/** A proxy that passes on 401 and 403 alone gets 403 for the rest, with the status that it stands for. */
async function refuse(
  parts: SidecarParts,
  { refusals }: OriginalRequest,
  refusal: Refusal,
  {
    identity,
    creditType,
    ...known
  }: { readonly requestId: string } & Partial<
    Parameters<typeof renderRefusal>[2] & Parameters<typeof renderRefusal>[3]
  >,
): Promise<ForwardAuthAnswer> {
  const context = { endpoint: undefined, nowMs: parts.clock.unixMs(), ...known };
  const { code, answer } = await renderRefusal(parts, refusal, context, { identity, creditType });
  const { status, headers, body } = answer;
  const told = refusals === "any" || status === 401 || status === 403 ? status : 403;
  const reason = [
    { name: "X-Farebox-Reason", value: code },
    { name: "X-Farebox-Status", value: String(status) },
  ];
  return { status: told, headers: [...headers, ...reason], body };
}

function readRequest(parts: SidecarParts, original: OriginalRequest): HoldRequest | Refusal {
  const { contract, config } = parts;
  const { method, rawHeaders, address } = original;
  const target = parseTarget(original.target);
  if ("reason" in target) return invalid(target.reason);
  if (method === "TRACE") return invalid("method TRACE is not forwarded");
  const { query, found } = contract.takeQueryKey(target.query);
  const { key, ambiguous } = contract.readKey(rawHeaders, found);
  if (ambiguous) return invalid("more than one key");
  const header = (name: string): string | undefined => readHeader(rawHeaders, name);
  const creditsMax = header("credits-max");
  const max = creditsMax === undefined ? undefined : parseCredits(creditsMax);
  if (creditsMax !== undefined && max === undefined)
    return invalid("header credits-max is not an amount of credits");
  return {
    id: undefined,
    content: () => "",
    key,
    method,
    target: { path: target.path, query },
    header,
    readBody: ({ unreadable }) =>
      unreadable === "dearest"
        ? UNREADABLE_BODY
        : {
            code: "media_type_unsupported",
            reason: "the price reads the body, which a proxy does not pass on",
          },
    checkReads: ({ headers }) => checkHeaders(rawHeaders, headers),
    address: plainAddress(address),
    max,
    // A stored answer could not be sent: whoever answers is another.
    idempotency: undefined,
    ttlMs: config.sidecar.holdMs,
    long: false,
  };
}

/** What prices read must mean one thing to whoever serves the request. */
function checkHeaders(rawHeaders: readonly string[], wanted: readonly string[]): Refusal | undefined {
  const seen = new Set<string>();
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const { lower, plain } = headerName(rawHeaders[i] ?? "");
    const name = wanted.find((one) => headerName(one).plain === plain);
    if (name === undefined) continue;
    if (lower !== name) return invalid(`header ${lower} may be taken for ${name}, which the price reads`);
    if (seen.has(name)) return invalid(`header ${name}, which the price reads, appears more than once`);
    seen.add(name);
  }
  return undefined;
}

function invalid(reason: string): Refusal {
  return { code: "request_invalid", reason };
}
