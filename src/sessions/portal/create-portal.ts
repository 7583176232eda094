import { hash } from "node:crypto";
import type { z } from "zod";
import type { Config } from "../../config/config.ts";
import type { AccountEndpoints } from "../../contract/account-endpoint.ts";
import { KeyScopes } from "../../domain/keys/key-scopes.ts";
import { readAccount } from "../../ledger/accounts/accounts.ts";
import type { KeyRecord } from "../../ledger/ledger.ts";
import { findPortalSession, type PortalSession } from "../../ledger/sessions/portal-sessions.ts";
import type { Live } from "../../ledger/sessions/session-rows.ts";
import type { PortalAnswer, PortalDoor, PortalRequest } from "../../pages/portal-door.ts";
import { answerProblem } from "../problem-answer.ts";
import {
  refuseMissing,
  SessionEndpoint,
  type SessionOptions,
  type SessionUser,
} from "../session-endpoint.ts";
import { findGoodKey, signIn, signInBody } from "./sign-in.ts";

export interface PortalOptions extends SessionOptions {
  readonly config: Pick<Config, "portal" | "customerApi" | "keys">;
  /** The customer API, whose refusals are in the default contract's words. */
  readonly customerApi: Pick<AccountEndpoints, "answer">;
}

/** Who is signed in: their session, and the key that it was made with. */
interface Signed {
  readonly session: PortalSession & Live;
  readonly key: KeyRecord | undefined;
}

/** What changes nothing although it is no GET. */
const READS = new Set(["/quote"]);

/**
 * `<portal>/session` signs in and out, `<portal>/api/…` is the customer API for who is signed in. Every request must come from a page of
 * ours under a name of ours. What is unknown here is no page either, so nothing of it is ever forwarded.
 */
export function createPortal(options: PortalOptions): PortalDoor {
  const { path } = options.config.portal;
  const session = `${path}/session`;
  const api = `${path}/api`;
  const sessions = new SessionEndpoint(options, customerSessions(options));
  return {
    covers: (asked) => asked === session || asked === api || asked.startsWith(`${api}/`),
    answer: async (request) => {
      const refused = sessions.refuseForgery(request);
      if (refused !== undefined) return refused;
      if (request.path === session) return await sessions.answer(request);
      return await answerApi(options, sessions, request, request.path.slice(api.length));
    },
  };
}

function customerSessions({
  database,
  config,
}: PortalOptions): SessionUser<z.infer<typeof signInBody>, Signed> {
  /** The session with its key, which still works here, and whose account is not closed; undefined when it does not. */
  const withKey = async (session: PortalSession & Live, address: string): Promise<Signed | undefined> => {
    if (session.keyHashHex === null) return { session, key: undefined };
    const key = await findGoodKey(database, session.keyHashHex, address);
    return key && { session, key };
  };
  return {
    pages: "portal",
    table: "sessions",
    isFramed: config.portal.frameAncestors.length > 0,
    asked: signInBody,
    askedWords: '{"key": "…"} or {"link": "…"}',
    begin: async (asked, fresh, { address }) => {
      const begun = await signIn(database, asked, { fresh, address, forms: config.keys.forms });
      const signed = begun && (await withKey(begun, address));
      if (signed !== undefined) return signed;
      const what = "key" in asked ? "key does not work" : "link does not work, or was used before";
      return answerProblem("sign_in_refused", `This ${what}.`);
    },
    find: async (text, { address }) => {
      const session = await findPortalSession(database, hash("sha256", text, "hex"));
      return session && (await withKey(session, address));
    },
    show: async ({ session, key }) => {
      const { accountId, name, state } = await readAccount(database, session.accountId);
      return {
        id: session.sessionId,
        account: { id: accountId, name, state },
        access: session.access,
        key: key === undefined ? null : { id: key.keyId, name: key.name },
        createdAt: session.createdAt.toISOString(),
        expiresAt: session.expiresAt.toISOString(),
        idleSeconds: session.idleSeconds,
      };
    },
  };
}

async function answerApi(
  options: PortalOptions,
  sessions: Pick<SessionEndpoint<unknown, Signed>, "find">,
  request: PortalRequest,
  rest: string,
): Promise<PortalAnswer> {
  const found = await sessions.find(request);
  if (found === undefined) return refuseMissing();
  const { session, key } = found.signed;
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
    keyText: found.text,
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
