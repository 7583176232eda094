import type { z } from "@hono/zod-openapi";
import { creditsToJson } from "../../domain/credits.ts";
import { createRequestId } from "../../exchange/headers/request-id.ts";
import type { HoldDecision, HoldRequest } from "../../holds/hold.ts";
import type { HoldParts } from "../hold-parts.ts";
import { ending } from "../problem.ts";
import { readRequest, type ToldRequest } from "../read-request.ts";
import { renderRefusal, toHeaders, toKept } from "../render.ts";
import type { authorizeAnswer } from "../wire/authorize.ts";

type Answer = z.input<typeof authorizeAnswer>;

/** `POST /v1/authorize`. `identity`: who asks, where that is known. Errors: `hold_conflict`, `hold_not_long`, `overloaded`. */
export async function authorize(
  parts: HoldParts,
  told: ToldRequest,
  identity?: HoldRequest["identity"],
): Promise<Answer> {
  if (parts.draining) throw ending();
  const startedMs = parts.clock.unixMs();
  const request = await readRequest(parts, told);
  if ("code" in request) {
    const requestId = createRequestId(startedMs);
    const context = { requestId, endpoint: undefined, nowMs: startedMs, startedMs };
    const account = { identity: undefined, creditType: undefined };
    parts.holds.refused(request);
    return { decision: "refused", requestId, ...(await renderRefusal(parts, request, context, account)) };
  }
  const { method, target } = request;
  // A browser asks by OPTIONS before it sends a key (CORS preflight): it can neither be priced nor authenticated.
  if (method === "OPTIONS" || parts.openRoutes.find(method, target.path) !== undefined) {
    return openAnswer(createRequestId(startedMs));
  }
  const decision = await parts.holds.authorize(identity === undefined ? request : { ...request, identity });
  if (decision.kind === "refused") return await refused(parts, request, decision, startedMs);
  if (decision.kind === "replay") return await replayed(parts, request, decision, startedMs);
  return admitted(parts, decision, target.path, startedMs);
}

type Of<Kind extends HoldDecision["kind"]> = Extract<HoldDecision, { kind: Kind }>;

async function refused(
  parts: HoldParts,
  { method, target }: { readonly method: string; readonly target: { readonly path: string } },
  {
    refusal,
    requestId,
    endpoint,
    identity,
    rate,
  }: HoldDecision & { readonly refusal: Of<"refused">["refusal"] },
  startedMs: number,
): Promise<Answer> {
  const { path } = target;
  const context = { requestId, endpoint, path, nowMs: parts.clock.unixMs(), startedMs };
  const candidates = parts.meter.priceTable(identity ?? {})?.find(method, path)?.candidates ?? [];
  const creditType = (candidates.find(({ free }) => !free) ?? candidates[0])?.creditType;
  const { code, answer } = await renderRefusal(parts, refusal, context, { identity, creditType });
  const limits = rate === undefined ? [] : toHeaders(parts.contract.renderRateLimit(rate, context));
  return {
    decision: "refused",
    requestId,
    code,
    answer: { ...answer, headers: [...answer.headers, ...limits] },
  };
}

async function replayed(
  parts: HoldParts,
  request: Parameters<typeof refused>[1],
  decision: Of<"replay">,
  startedMs: number,
): Promise<Answer> {
  const { requestId, response } = decision;
  const { body } = response;
  if (body === null) {
    const refusal = { code: "idempotency_not_replayable" } as const;
    parts.holds.refused(refusal);
    return await refused(parts, request, { ...decision, kind: "refused", refusal }, startedMs);
  }
  const kept = toKept({ ...response, body });
  const marks = [
    { name: "Idempotency-Replayed", value: "true" },
    { name: "X-Request-Id", value: requestId },
  ];
  return { decision: "replay", requestId, answer: { ...kept, headers: [...kept.headers, ...marks] } };
}

function admitted(parts: HoldParts, decision: Of<"admitted">, path: string, startedMs: number): Answer {
  const { requestId, identity, endpoint = "unpriced", hold, price, quote, rate } = decision;
  const context = { requestId, endpoint, path, nowMs: parts.clock.unixMs(), startedMs };
  const { accountId, keyId } = identity;
  const isPriced = price !== undefined;
  return {
    decision: "admitted",
    requestId,
    hold: hold?.token ?? null,
    expiresIn: hold === undefined ? null : hold.expiresInMs / 1_000,
    account: accountId,
    key: keyId,
    endpoint,
    quote: isPriced
      ? {
          creditType: price.creditType,
          amount: creditsToJson(quote.amount),
          units: quote.units,
          decidedOnAnswer: price.decide === "answer",
        }
      : null,
    upstreamHeaders: upstreamHeaders(requestId, accountId, keyId),
    clientHeaders: [
      { name: "X-Request-Id", value: requestId },
      ...(rate === undefined ? [] : toHeaders(parts.contract.renderRateLimit(rate, context))),
    ],
  };
}

/** What the gateway tells upstreams of a request. */
function upstreamHeaders(requestId: string, accountId: string, keyId: string) {
  return [
    { name: "X-Request-Id", value: requestId },
    { name: "X-Farebox-Account", value: accountId },
    { name: "X-Farebox-Key", value: keyId },
  ];
}

function openAnswer(requestId: string): Answer {
  const headers = [{ name: "X-Request-Id", value: requestId }];
  return {
    decision: "admitted",
    requestId,
    hold: null,
    expiresIn: null,
    account: null,
    key: null,
    endpoint: "open",
    quote: null,
    upstreamHeaders: headers,
    clientHeaders: headers,
  };
}
