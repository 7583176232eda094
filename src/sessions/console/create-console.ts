import { hash } from "node:crypto";
import type { z } from "zod";
import { creditsToJson } from "../../domain/credits.ts";
import { FareboxError } from "../../domain/farebox-error.ts";
import type { Operator } from "../../domain/operator-role.ts";
import { type ConsoleSession, findConsoleSession } from "../../ledger/sessions/console-sessions.ts";
import { isProvedByToken } from "../../ledger/sessions/proof.ts";
import type { ConsoleDoor } from "../../pages/console-door.ts";
import type { PageDoor } from "../../pages/page-door.ts";
import { answerProblem } from "../problem-answer.ts";
import { SessionEndpoint, type SessionOptions, type SessionUser } from "../session-endpoint.ts";
import { signIn, signInBody } from "./sign-in.ts";

export interface ConsoleOptions extends SessionOptions {
  /** `/console` */
  readonly path: string;
  readonly pages: PageDoor;
  readonly operatorToken: string;
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
  return {
    path,
    answer: async (request) => {
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
