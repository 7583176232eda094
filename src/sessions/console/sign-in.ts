import { createHash, hash, timingSafeEqual } from "node:crypto";
import { z } from "zod";
import { mayActAs, type Operator } from "../../domain/operator-role.ts";
import type { Database, Transaction } from "../../ledger/database/database.ts";
import { findOperator } from "../../ledger/operators/operator-tokens.ts";
import { useConsoleLink } from "../../ledger/sessions/console-links.ts";
import {
  type ConsoleSession,
  createConsoleSession,
  findConsoleSession,
  type OperatorSource,
} from "../../ledger/sessions/console-sessions.ts";
import { isProvedByToken, proveByToken } from "../../ledger/sessions/proof.ts";
import type { BrowserAnswer } from "../../pages/browser-request.ts";
import { answerProblem } from "../problem-answer.ts";
import type { FreshSession } from "../session-endpoint.ts";

/** What a page signs in with: an operator's token, or a link's text. */
export const signInBody = z.union([
  z.strictObject({ token: z.string().min(1).max(500) }),
  z.strictObject({ link: z.string().min(1).max(500) }),
]);

/**
 * Begins an operator's session. A link is used up in the same transaction, so that of two at once one gets in. What is unknown, over or
 * used is refused alike; a token whose role sees no pages is told so.
 */
export function signIn(
  database: Database,
  operatorToken: string,
  asked: z.infer<typeof signInBody>,
  fresh: FreshSession,
): Promise<ConsoleSession | BrowserAnswer> {
  return database.transaction(async (tx) => {
    const source =
      "token" in asked
        ? await readToken(tx, operatorToken, asked.token, fresh)
        : await readLink(tx, operatorToken, asked.link, fresh);
    return "status" in source ? source : await begin(tx, source, fresh);
  });
}

/** Begins the session of a person whom an identity provider knows: it keeps their role until it ends. */
export function beginPerson(
  database: Database,
  operator: Operator,
  fresh: FreshSession,
): Promise<ConsoleSession | BrowserAnswer> {
  return database.transaction((tx) => begin(tx, { kind: "person", operator }, fresh));
}

/** Stores the session, and reads it as every later request will. */
async function begin(
  tx: Transaction,
  source: OperatorSource,
  fresh: FreshSession,
): Promise<ConsoleSession | BrowserAnswer> {
  await createConsoleSession(tx, fresh.row, source);
  const session = await findConsoleSession(tx, fresh.row.hashHex);
  return session ?? refuse("token");
}

async function readToken(
  tx: Transaction,
  operatorToken: string,
  text: string,
  fresh: FreshSession,
): Promise<OperatorSource | BrowserAnswer> {
  if (isSame(text, operatorToken)) return ofOperatorToken(operatorToken, fresh);
  const operator = await findOperator(tx, hash("sha256", text, "hex"));
  if (operator === undefined) return refuse("token");
  const { actor, role, tokenId } = operator;
  if (!mayActAs(role, "read")) {
    return answerProblem("role_not_permitted", `A token with the role ${role} signs nobody in.`);
  }
  return { kind: "token", actor, tokenId };
}

async function readLink(
  tx: Transaction,
  operatorToken: string,
  text: string,
  fresh: FreshSession,
): Promise<OperatorSource | BrowserAnswer> {
  const link = await useConsoleLink(tx, hash("sha256", text, "hex"));
  if (link === undefined) return refuse("link");
  const { actor, tokenId, proofHex } = link;
  if (tokenId !== null) return { kind: "token", actor, tokenId };
  if (proofHex === null || !isProvedByToken(operatorToken, text, proofHex)) return refuse("link");
  return ofOperatorToken(operatorToken, fresh);
}

function ofOperatorToken(operatorToken: string, { text }: FreshSession): OperatorSource {
  return { kind: "proof", actor: "operator", proofHex: proveByToken(operatorToken, text) };
}

function refuse(what: "token" | "link"): BrowserAnswer {
  const detail =
    what === "token" ? "This token does not work." : "This link does not work, or was used before.";
  return answerProblem("sign_in_refused", detail);
}

/** Hashes of equal length are compared in constant time. */
function isSame(text: string, expected: string): boolean {
  const digest = (of: string): Buffer => createHash("sha256").update(of).digest();
  return timingSafeEqual(digest(text), digest(expected));
}
