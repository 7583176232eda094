import type { AccountEndpoints } from "../../contract/account-endpoint.ts";
import type { Refusal } from "../../domain/refusal.ts";
import type { RequestTarget } from "../../domain/routes/request-path.ts";
import type { Exchange } from "../parts/exchange.ts";
import { limitRate } from "../request/identify.ts";
import { readText } from "../request/read-text.ts";
import { RETRY_AFTER_SECONDS } from "../response/error-refusal.ts";
import { answer, answerInParts } from "../response/respond.ts";

/** Answers where no key is needed. False where one is. */
export function answerOpenAccountEndpoint(
  exchange: Exchange,
  endpoints: AccountEndpoints,
  target: RequestTarget,
): boolean {
  const open = endpoints.findOpen(readMethod(exchange), target.path);
  if (open === undefined) return false;
  exchange.endpoint = "open";
  answer(exchange, open);
  return true;
}

/** Answers a request about the caller's own account: free, rate limited, without the upstream. */
export async function answerAccountEndpoint(
  exchange: Exchange,
  endpoints: AccountEndpoints,
  target: RequestTarget,
): Promise<Refusal | undefined> {
  const { identity } = exchange;
  if (identity === undefined) throw new TypeError("these endpoints are about the caller's account");
  // One name for all: paths hold ids, and a metric must not have a series for each.
  exchange.endpoint = "customer API";
  const refusal = await limitRate(exchange, target.path, "customer_api");
  if (refusal !== undefined) return refusal;
  // Everything here is read from the database, and whether the key is still good cannot be known without it.
  if (identity.unconfirmed) return { code: "storage_unavailable", retryAfterSeconds: RETRY_AFTER_SECONDS };
  const body = await readText(exchange);
  if (body === undefined) return undefined;
  if (typeof body !== "string") return body;
  const { accountId, shard, keyId, scopes } = identity;
  const { header, context } = exchange;
  const { path, query } = target;
  const method = readMethod(exchange);
  const keyText = exchange.readKey().key ?? "";
  const account = { accountId, shard, keyId, scopes, keyText };
  const answered = await endpoints.answer({ ...account, method, path, query, header, body, context });
  return await sendAnswer(exchange, accountId, answered);
}

type Answer = Awaited<ReturnType<AccountEndpoints["answer"]>>;

/** Sends an answer of the account's; one in parts counts among the account's statements. */
export async function sendAnswer(
  exchange: Exchange,
  accountId: string,
  { status, headers, body, refusal }: Answer,
): Promise<Refusal | undefined> {
  exchange.refusal = refusal;
  if (typeof body === "string") {
    answer(exchange, { status, headers, body });
    return undefined;
  }
  const { statements } = exchange.parts;
  if (!statements.enter(accountId)) return { code: "overloaded", retryAfterSeconds: RETRY_AFTER_SECONDS };
  try {
    await answerInParts(exchange, { status, headers }, body);
  } finally {
    statements.leave(accountId);
  }
  return undefined;
}

function readMethod({ method }: Exchange): string {
  return method === "HEAD" ? "GET" : method;
}
