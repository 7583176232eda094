import { hash } from "node:crypto";
import type { z } from "zod";
import type { OidcConfig } from "../../config/config.ts";
import { creditsToJson } from "../../domain/credits.ts";
import { FareboxError } from "../../domain/farebox-error.ts";
import type { Operator } from "../../domain/operator-role.ts";
import { type ConsoleSession, findConsoleSession } from "../../ledger/sessions/console-sessions.ts";
import { isProvedByToken } from "../../ledger/sessions/proof.ts";
import type { BrowserAnswer, BrowserRequest } from "../../pages/browser-request.ts";
import type { ConsoleDoor } from "../../pages/console-door.ts";
import type { PageDoor } from "../../pages/page-door.ts";
import { answerProblem } from "../problem-answer.ts";
import { SessionEndpoint, type SessionOptions, type SessionUser } from "../session-endpoint.ts";
import { OidcSignIn } from "./oidc-sign-in.ts";
import { beginPerson, signIn, signInBody } from "./sign-in.ts";

export interface ConsoleOptions extends SessionOptions {
  /** `/console` */
  readonly path: string;
  readonly pages: PageDoor;
  readonly operatorToken: string;
  /** Undefined: operators sign in by tokens and links alone. */
  readonly oidc: OidcConfig | undefined;
  /** Told why a person was not let in. */
  readonly signInRefused: (reason: string) => void;
}

/** Who is signed in. */
interface Signed {
  readonly session: ConsoleSession;
  readonly operator: Operator;
}

/** The operator token's. */
const OPERATOR: Operator = { actor: "operator", role: "admin", limits: null };

/** `<console>/session` signs in and out; every other path below it is a page, or what pages load. */
export function createConsole(options: ConsoleOptions): ConsoleDoor {
  const { path, pages } = options;
  const sessions = new SessionEndpoint(options, operatorSessions(options));
  const people = options.oidc && openOidc(options, options.oidc, sessions);
  return {
    path,
    answer: async (request) => {
      const ofPeople = people?.(request);
      if (ofPeople !== undefined) return await ofPeople;
      if (request.path !== `${path}/session`)
        return pages.answer(request.method, request.path, request.header);
      return sessions.refuseForgery(request) ?? (await sessions.answer(request));
    },
    findOperator: async (request) => {
      if (!sessions.hasCookie(request)) return undefined;
      const forgery = sessions.findForgery(request);
      if (forgery !== undefined) throw new FareboxError("request_forged", `Refused: ${forgery}.`);
      return (await sessions.find({ ...request, address: "" }))?.signed.operator;
    },
  };
}

type Sessions = SessionEndpoint<z.infer<typeof signInBody>, Signed>;

/** `<console>/oidc` sends to the provider, `<console>/oidc/callback` takes back from there. Undefined: the request is another one. */
function openOidc(
  { database, path, signInRefused }: ConsoleOptions,
  oidc: OidcConfig,
  sessions: Sessions,
): (request: BrowserRequest) => Promise<BrowserAnswer> | undefined {
  const mayTry = (request: BrowserRequest): boolean => sessions.mayTry(request);
  const people = new OidcSignIn({ oidc, path, refused: signInRefused, mayTry });
  const begin = async (request: BrowserRequest): Promise<BrowserAnswer> =>
    sessions.refuseForgery(request) ?? (await people.begin(request));
  // Another site sends the browser here: what counts is the cookie of the browser that began.
  const finish = async (request: BrowserRequest): Promise<BrowserAnswer> =>
    sessions.refuseHost(request) ??
    (await people.finish(request, (operator) =>
      sessions.begin(request, async (fresh) => {
        const session = await beginPerson(database, operator, fresh);
        return "status" in session ? session : { session, operator };
      }),
    ));
  return (request) => {
    if (request.method !== "GET") return undefined;
    if (request.path === `${path}/oidc`) return begin(request);
    return request.path === `${path}/oidc/callback` ? finish(request) : undefined;
  };
}

function operatorSessions({
  database,
  operatorToken,
}: ConsoleOptions): SessionUser<z.infer<typeof signInBody>, Signed> {
  /** Made with the operator token: this instance must have the same. */
  const withOperator = (session: ConsoleSession, text: string): Signed | undefined => {
    const { operator, proofHex } = session;
    if (operator !== null) return { session, operator };
    if (proofHex === null || !isProvedByToken(operatorToken, text, proofHex)) return undefined;
    return { session, operator: OPERATOR };
  };
  return {
    pages: "console",
    table: "console_sessions",
    isFramed: false,
    asked: signInBody,
    askedWords: '{"token": "…"} or {"link": "…"}',
    begin: async (asked, fresh) => {
      const begun = await signIn(database, operatorToken, asked, fresh);
      if ("status" in begun) return begun;
      return withOperator(begun, fresh.text) ?? answerProblem("sign_in_refused", "This does not work.");
    },
    find: async (text) => {
      const session = await findConsoleSession(database, hash("sha256", text, "hex"));
      return session && withOperator(session, text);
    },
    show: async ({ session, operator: { actor, role, limits } }) => ({
      id: session.sessionId,
      actor,
      role,
      limits: limits && { each: creditsToJson(limits.each), day: creditsToJson(limits.day) },
      createdAt: session.createdAt.toISOString(),
      expiresAt: session.expiresAt.toISOString(),
      idleSeconds: session.idleSeconds,
    }),
  };
}
