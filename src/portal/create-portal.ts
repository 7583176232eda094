import { hash } from "node:crypto";
import type { Config } from "../config/config.ts";
import type { AccountEndpoints } from "../contract/account-endpoint.ts";
import { KeyScopes } from "../domain/keys/key-scopes.ts";
import { findForgery } from "../domain/sessions/browser-request.ts";
import { readSessionCookie, renderSessionCookie } from "../domain/sessions/session-cookie.ts";
import { readAccount } from "../ledger/accounts/accounts.ts";
import type { Database } from "../ledger/database/database.ts";
import type { KeyRecord } from "../ledger/ledger.ts";
import { endSession, findPortalSession, type Live, type PortalSession } from "../ledger/sessions/sessions.ts";
import type { PortalAnswer, PortalDoor, PortalRequest } from "../pages/portal-door.ts";
import { answerProblem } from "./problem-answer.ts";
import { findGoodKey, signIn, signInBody } from "./sign-in.ts";
import { SignInLimit } from "./sign-in-limit.ts";

export interface PortalOptions {
  readonly database: Database;
  readonly config: Pick<Config, "portal" | "customerApi" | "sessions">;
  /** The customer API, whose refusals are in the default contract's words. */
  readonly customerApi: Pick<AccountEndpoints, "answer">;
  /** Monotonic milliseconds. */
  readonly now: () => number;
}

/** Who is signed in: their session, and the key that it was made with. */
interface Signed {
  readonly session: PortalSession & Live;
  readonly key: KeyRecord | undefined;
  readonly text: string;
}

/** What changes nothing although it is no GET. */
const READS = new Set(["/quote"]);

/**
 * `<portal>/session` signs in and out, `<portal>/api/…` is the customer API for who is signed in. Every request must come from a page of
 * ours under a name of ours. What is unknown here is no page either, so nothing of it is ever forwarded.
 */
export function createPortal(options: PortalOptions): PortalDoor {
  const { config } = options;
  const session = `${config.portal.path}/session`;
  const api = `${config.portal.path}/api`;
  const limit = new SignInLimit();
  return {
    covers: (path) => path === session || path === api || path.startsWith(`${api}/`),
    answer: async (request) => {
      const forgery = findForgery(request, config.sessions.hosts);
      if (forgery !== undefined) return answerProblem("request_forged", `Refused: ${forgery}.`);
      if (request.path !== session) return await answerApi(options, request, request.path.slice(api.length));
      if (request.method === "POST") return await begin(options, request, limit);
      if (request.method === "GET") return await show(options, request);
      if (request.method === "DELETE") return await end(options, request);
      return answerProblem("method_not_allowed", "A session answers DELETE, GET, POST.");
    },
  };
}

async function begin(
  options: PortalOptions,
  request: PortalRequest,
  limit: SignInLimit,
): Promise<PortalAnswer> {
  const { database, config } = options;
  const { address, header } = request;
  if (!limit.try(address, options.now())) {
    return answerProblem("sign_in_limited", "Too many tries to sign in. Try again in a minute.");
  }
  const asked = signInBody.safeParse(parseJson(request.body));
  if (!asked.success) return answerProblem("request_invalid", 'Send {"key": "…"} or {"link": "…"}.');
  const begun = await signIn(database, asked.data, { address, times: config.sessions });
  if (begun === undefined) {
    const what = "key" in asked.data ? "key does not work" : "link does not work, or was used before";
    return answerProblem("sign_in_refused", `This ${what}.`);
  }
  // Whoever was signed in here is not any more.
  const before = readText(request);
  if (before !== undefined) await endSession(database, hash("sha256", before, "hex"));
  const cookie = renderSessionCookie("portal", header("host"), {
    text: begun.text,
    seconds: config.sessions.longestSeconds,
    isFramed: config.portal.frameAncestors.length > 0,
  });
  const key =
    begun.session.keyHashHex === null ? undefined : await findKeyOf(options, begun.session, address);
  return await answerSession(options, 201, { session: begun.session, key, text: begun.text }, [
    ["Set-Cookie", cookie],
  ]);
}

async function show(options: PortalOptions, request: PortalRequest): Promise<PortalAnswer> {
  const signed = await findSigned(options, request);
  return signed === undefined ? refuseMissing() : await answerSession(options, 200, signed, []);
}

async function end({ database, config }: PortalOptions, request: PortalRequest): Promise<PortalAnswer> {
  const text = readText(request);
  if (text !== undefined) await endSession(database, hash("sha256", text, "hex"));
  const isFramed = config.portal.frameAncestors.length > 0;
  const cookie = renderSessionCookie("portal", request.header("host"), { text: "", seconds: 0, isFramed });
  return {
    status: 204,
    headers: [
      ["Set-Cookie", cookie],
      ["Cache-Control", "no-store"],
    ],
    body: "",
  };
}

async function answerApi(
  options: PortalOptions,
  request: PortalRequest,
  rest: string,
): Promise<PortalAnswer> {
  const signed = await findSigned(options, request);
  if (signed === undefined) return refuseMissing();
  const { session, key, text } = signed;
  const { accountId, access, sessionId, keyHashHex } = session;
  const { method, query, header, body, context } = request;
  if (access === "read" && method !== "GET" && !READS.has(rest)) {
    return answerProblem(
      "session_read_only",
      "You may look, and change nothing: the link that you came by says so.",
    );
  }
  const { shard } = key ?? (await readAccount(options.database, accountId));
  const answered = await options.customerApi.answer({
    accountId,
    shard,
    keyId: key?.keyId,
    scopes: key?.scopes === undefined || key.scopes === null ? undefined : new KeyScopes(key.scopes),
    keyText: text,
    session: { sessionId, access, keyHashHex },
    method,
    path: `${options.config.customerApi.path}${rest}`,
    query,
    header,
    body,
    context,
  });
  return { ...answered, accountId };
}

/** Who is signed in: the session lives, its key still works here, its account is not closed. */
async function findSigned(options: PortalOptions, request: PortalRequest): Promise<Signed | undefined> {
  const text = readText(request);
  if (text === undefined) return undefined;
  const session = await findPortalSession(options.database, hash("sha256", text, "hex"));
  if (session === undefined) return undefined;
  if (session.keyHashHex === null) return { session, key: undefined, text };
  const key = await findKeyOf(options, session, request.address);
  return key && { session, key, text };
}

function findKeyOf(
  { database }: PortalOptions,
  { keyHashHex }: PortalSession,
  address: string,
): Promise<KeyRecord | undefined> {
  return findGoodKey(database, keyHashHex ?? "", address);
}

async function answerSession(
  { database }: PortalOptions,
  status: number,
  { session, key }: Signed,
  headers: PortalAnswer["headers"],
): Promise<PortalAnswer> {
  const { accountId, name, state } = await readAccount(database, session.accountId);
  const body = {
    id: session.sessionId,
    account: { id: accountId, name, state },
    access: session.access,
    key: key === undefined ? null : { id: key.keyId, name: key.name },
    createdAt: session.createdAt.toISOString(),
    expiresAt: session.expiresAt.toISOString(),
    idleSeconds: session.idleSeconds,
  };
  return {
    status,
    headers: [["Content-Type", "application/json"], ["Cache-Control", "no-store"], ...headers],
    body: JSON.stringify(body),
  };
}

function readText({ header }: PortalRequest): string | undefined {
  return readSessionCookie("portal", header("host"), header("cookie"));
}

function refuseMissing(): PortalAnswer {
  return answerProblem("session_missing", "Nobody is signed in here, or not any more.");
}

function parseJson(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    return value;
  } catch {
    return undefined;
  }
}
