import { FareboxError } from "../../domain/farebox-error.ts";
import { type ForwardAuthAnswer, forwardAuth } from "../forward-auth/forward-auth.ts";
import { settle } from "../operations/settle.ts";
import { describeProblem, ending, isFault } from "../problem.ts";
import type { Header } from "../render.ts";
import type { SidecarParts } from "../sidecar-parts.ts";
import { type Message, NAMESPACE, readMessage } from "./read-message.ts";

/** Where Envoy posts its messages. */
export const EXT_PROC_PATH = "/v1/ext-proc";

/** Set on the request, or taken away where Farebox says nothing: a customer may send such headers too. */
const ABOUT_WHO_ASKS = ["x-farebox-account", "x-farebox-key"];

type Request = Extract<Message, { kind: "request" }>;
type Response = Extract<Message, { kind: "response" }>;

/**
 * Answers a message of Envoy's external processing in its HTTP form (`ProcessingRequest` and `ProcessingResponse` of envoy.service.ext_proc.v3,
 * as JSON). A request is admitted and charged like at forward-auth, and refunded by the status of its answer. Between the two Envoy
 * keeps the hold as dynamic metadata. Rejects with FareboxError `request_malformed`.
 */
export async function extProc(parts: SidecarParts, body: unknown): Promise<object> {
  const message = readMessage(body);
  return message.kind === "request" ? await admit(parts, message) : await finish(parts, message);
}

async function admit(parts: SidecarParts, { original }: Request): Promise<object> {
  let answer: ForwardAuthAnswer;
  try {
    if (parts.draining) throw ending();
    answer = await forwardAuth(parts, { ...original, token: undefined });
  } catch (error) {
    // Envoy makes a 500 of an answer that is none of its own.
    if (isFault(error)) parts.events.failed(error);
    const { status, body } = describeProblem(error);
    return answerNow(status, [{ name: "Content-Type", value: "application/problem+json" }], body);
  }
  const { status, headers, body } = answer;
  if (status !== 200) return answerNow(status, headers, body);
  const told = new Map(headers.map(({ name, value }) => [name.toLowerCase(), value]));
  const set = headers.filter(({ name }) => ["x-request-id", ...ABOUT_WHO_ASKS].includes(name.toLowerCase()));
  const remove_headers = ABOUT_WHO_ASKS.filter((name) => !told.has(name));
  const hold = told.get("x-farebox-hold");
  return {
    request_headers: { response: { header_mutation: { set_headers: toSet(set), remove_headers } } },
    ...(hold === undefined ? {} : { dynamic_metadata: { [NAMESPACE]: { hold } } }),
  };
}

/** What cannot be settled now stays charged: the answer passes, and the log has it. A hold that is over, or nobody's, is no fault. */
async function finish(parts: SidecarParts, { status, hold }: Response): Promise<object> {
  if (hold === undefined) return { response_headers: {} };
  try {
    const settled = await settle(parts, { hold, status });
    const headers = "headers" in settled ? settled.headers : [];
    return { response_headers: { response: { header_mutation: { set_headers: toSet(headers) } } } };
  } catch (error) {
    if (isFault(error) || isRetryable(error)) parts.events.failed(error);
    return { response_headers: {} };
  }
}

function answerNow(status: number, headers: readonly Header[], body: string): object {
  return {
    immediate_response: {
      status: { code: status },
      headers: { set_headers: toSet(headers) },
      body: Buffer.from(body).toString("base64"),
      details: "farebox",
    },
  };
}

/** Nobody asks again. */
function isRetryable(error: unknown): boolean {
  return error instanceof FareboxError && error.retryable;
}

/** Envoy reads values as bytes. */
function toSet(headers: readonly Header[]): object[] {
  return headers.map(({ name, value }) => ({
    header: { key: name.toLowerCase(), raw_value: Buffer.from(value, "latin1").toString("base64") },
    append_action: "OVERWRITE_IF_EXISTS_OR_ADD",
  }));
}
