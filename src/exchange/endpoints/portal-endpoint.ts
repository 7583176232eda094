import type { Refusal } from "../../domain/refusal.ts";
import type { RequestTarget } from "../../domain/routes/request-path.ts";
import type { PortalDoor } from "../../pages/portal-door.ts";
import type { Exchange } from "../parts/exchange.ts";
import { readText } from "../request/read-text.ts";
import { sendAnswer } from "./account-endpoints.ts";

/** Answers a browser that signs in to the portal or is signed in: no key, no price, no upstream. */
export async function answerPortal(
  exchange: Exchange,
  portal: PortalDoor,
  { path, query }: RequestTarget,
): Promise<Refusal | undefined> {
  // One name for all: paths hold ids, and a metric must not have a series for each.
  exchange.endpoint = "portal";
  const body = await readText(exchange);
  if (body === undefined) return undefined;
  if (typeof body !== "string") return body;
  const { header, context, clientAddress: address } = exchange;
  const method = exchange.method === "HEAD" ? "GET" : exchange.method;
  const answered = await portal.answer({ method, path, query, header, body, address, context });
  return await sendAnswer(exchange, answered.accountId ?? "", answered);
}
