import type { Credits } from "../../domain/credits.ts";
import type { Operator, OperatorRole } from "../../domain/operator-role.ts";
import type { Queryable, Transaction } from "../database/database.ts";
import { LIVE, LIVE_COLUMNS, type Live, type NewSession, noteSeen } from "./session-rows.ts";

/**
 * What an operator signs in with. `token`: a named token, whose role and limits hold, and with which the session ends. `proof`: the
 * operator token; an HMAC of the session's text by it, in hex. `person`: what an identity provider said, until the session ends.
 */
export type OperatorSource =
  | { readonly kind: "token"; readonly actor: string; readonly tokenId: string }
  | { readonly kind: "proof"; readonly actor: string; readonly proofHex: string }
  | { readonly kind: "person"; readonly operator: Operator };

/** An operator's session. */
export interface ConsoleSession extends Live {
  /** Null: made with the operator token, which this instance must have too. */
  readonly operator: Operator | null;
  readonly proofHex: string | null;
}

/** Begins an operator's session with a text that nobody had before. */
export async function createConsoleSession(
  tx: Transaction,
  { sessionId, hashHex, idleSeconds, longestSeconds }: NewSession,
  source: OperatorSource,
): Promise<void> {
  const person = source.kind === "person" ? source.operator : undefined;
  const actor = source.kind === "person" ? source.operator.actor : source.actor;
  await tx.query(
    `INSERT INTO farebox.console_sessions (session_id, hash, idle_seconds, expires_at,
       actor, token_id, proof, role, most_each, most_daily)
     VALUES ($1, decode($2, 'hex'), $3, statement_timestamp() + make_interval(secs => $4), $5, $6, decode($7::text, 'hex'), $8, $9, $10)`,
    [
      sessionId,
      hashHex,
      idleSeconds,
      longestSeconds,
      actor,
      source.kind === "token" ? source.tokenId : null,
      source.kind === "proof" ? source.proofHex : null,
      person?.role ?? null,
      person?.limits?.each ?? null,
      person?.limits?.day ?? null,
    ],
  );
}

interface Row extends Live {
  readonly isSeenOld: boolean;
  readonly actor: string;
  readonly proofHex: string | null;
  readonly role: OperatorRole | null;
  readonly mostEach: Credits | null;
  readonly mostDaily: Credits | null;
}

/** The operator's session whose text has this hash, if it and the token that it was made with work now. */
export async function findConsoleSession(
  db: Queryable,
  hashHex: string,
): Promise<ConsoleSession | undefined> {
  const [row] = await db.query<Row>(
    `SELECT ${LIVE_COLUMNS}, s.actor, encode(s.proof, 'hex') AS "proofHex", coalesce(s.role, t.role) AS role,
       coalesce(s.most_each, t.most_each) AS "mostEach", coalesce(s.most_daily, t.most_daily) AS "mostDaily"
     FROM farebox.console_sessions s LEFT JOIN farebox.operator_tokens t ON t.token_id = s.token_id
     WHERE s.hash = decode($1, 'hex') AND ${LIVE}
       AND (s.token_id IS NULL
         OR t.revoked_at IS NULL AND (t.expires_at IS NULL OR t.expires_at > statement_timestamp()))`,
    [hashHex],
  );
  const seen = await noteSeen(db, "console_sessions", row);
  if (seen === undefined) return undefined;
  const { actor, proofHex, role, mostEach, mostDaily, isSeenOld: _, ...live } = seen;
  const limits = mostEach === null || mostDaily === null ? null : { each: mostEach, day: mostDaily };
  return { ...live, proofHex, operator: role === null ? null : { actor, role, limits } };
}
