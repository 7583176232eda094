import type {
  BalancesEndpoint,
  FoundEndpoint,
  RenderedAnswer,
  UsageEndpoint,
  UsageProblem,
} from "../../contract/contract.ts";
import { FareboxError } from "../../domain/farebox-error.ts";
import type { Refusal } from "../../domain/refusal.ts";
import type { RequestTarget } from "../../domain/routes/request-path.ts";
import type { Identity } from "../../meter/meter.ts";
import type { Exchange } from "../parts/exchange.ts";
import { limitRate } from "../request/identify.ts";
import { readText } from "../request/read-text.ts";
import { RETRY_AFTER_SECONDS } from "../response/error-refusal.ts";
import { answer } from "../response/respond.ts";

/** Answers one of the contract's own endpoints from the account's books: free, rate limited, without the upstream. */
export async function answerEndpoint(
  exchange: Exchange,
  { endpoint, match, pathParams }: FoundEndpoint,
  target: RequestTarget,
): Promise<Refusal | undefined> {
  const { identity } = exchange;
  if (identity === undefined) throw new TypeError("these endpoints are about the caller's account");
  exchange.endpoint = match;
  const refusal = await limitRate(exchange, target.path, "contract");
  if (refusal !== undefined) return refusal;
  const lacking = endpoint.checkRequest(exchange.header, exchange.context);
  if (lacking !== undefined) return answerLacking(exchange, lacking);
  return endpoint.name === "balances"
    ? await answerBalances(exchange, endpoint, identity)
    : await answerUsage(exchange, endpoint, identity, { target, pathParams });
}

function answerLacking(exchange: Exchange, lacking: Refusal | RenderedAnswer): Refusal | undefined {
  if ("code" in lacking) return lacking;
  answer(exchange, lacking);
  return undefined;
}

async function answerBalances(
  exchange: Exchange,
  endpoint: BalancesEndpoint,
  identity: Identity,
): Promise<undefined> {
  const state = await exchange.parts.readState(identity, endpoint.needs);
  answer(exchange, endpoint.render(state, exchange.context));
}

async function answerUsage(
  exchange: Exchange,
  endpoint: UsageEndpoint,
  identity: Identity,
  {
    target,
    pathParams,
  }: { readonly target: RequestTarget; readonly pathParams: Readonly<Record<string, string>> },
): Promise<Refusal | undefined> {
  const { readUsage, clock } = exchange.parts;
  if (readUsage === undefined) throw new TypeError("the contract shows usage, and nothing reads it");
  if (identity.unconfirmed) return { code: "storage_unavailable", retryAfterSeconds: RETRY_AFTER_SECONDS };
  const text = await readText(exchange);
  if (text === undefined) return undefined;
  if (typeof text !== "string") return text;
  const body = parseJson(text);
  if (body instanceof SyntaxError) return { code: "request_invalid", reason: "the body is not JSON" };
  const query = new URLSearchParams(target.query);
  const question = endpoint.readQuestion(
    { query, body, pathParams, header: exchange.header },
    clock.unixMs(),
  );
  if ("reason" in question) return refuseQuestion(exchange, endpoint, question);
  try {
    const usage = await readUsage(identity, question);
    answer(exchange, endpoint.render(question, usage, exchange.context));
    return undefined;
  } catch (error) {
    const problem = problemOfError(endpoint, error);
    if (problem === undefined) throw error;
    return refuseQuestion(exchange, endpoint, problem);
  }
}

/** In the endpoint's own words, or as the refusal that every contract has for wrong fields. */
function refuseQuestion(
  exchange: Exchange,
  endpoint: UsageEndpoint,
  problem: UsageProblem,
): Refusal | undefined {
  const rendered = endpoint.renderProblem(problem, exchange.context);
  if (rendered === undefined) {
    const { path, reason } = problem;
    return { code: "fields_invalid", errors: [{ path, reason }] };
  }
  answer(exchange, rendered);
  return undefined;
}

/** What the report says of a question that it cannot answer; undefined for any other error. */
function problemOfError(endpoint: UsageEndpoint, error: unknown): UsageProblem | undefined {
  if (!(error instanceof FareboxError)) return undefined;
  switch (error.code) {
    case "usage_period_invalid":
      return {
        part: "period",
        fault: "order",
        path: endpoint.pathOf("from"),
        reason: "must be before the end of the period",
      };
    case "usage_period_too_long":
      return {
        part: "period",
        fault: "tooLong",
        path: endpoint.pathOf("to"),
        reason:
          "must be at most 7 days after the beginning by hour, 60 days by day, and 2 years by month or endpoint",
      };
    case "time_zone_unknown":
      return {
        part: "timeZone",
        fault: "invalid",
        path: endpoint.pathOf("timeZone"),
        reason: "must be UTC or the name of a place's time zone, like Europe/Berlin",
      };
    case "usage_too_large":
      return {
        part: "period",
        fault: "tooLong",
        path: endpoint.pathOf("to"),
        reason: "must be earlier: the report would be too large",
      };
    case "key_unknown":
      return {
        part: "key",
        fault: "invalid",
        path: endpoint.pathOf("key"),
        reason: "must be the name of a key of this account",
      };
    default:
      return undefined;
  }
}

function parseJson(text: string): unknown {
  if (text === "") return undefined;
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    return error;
  }
}
