import { createHash, hash, timingSafeEqual } from "node:crypto";
import type { MiddlewareHandler } from "hono";
import { FareboxError } from "../../../domain/farebox-error.ts";
import type { Operator } from "../../../domain/operator-role.ts";
import type { Queryable } from "../../../ledger/database/database.ts";
import { findOperator } from "../../../ledger/operators/operator-tokens.ts";
import type { OperatorEnv } from "../operator-env.ts";

/** The operator token of this instance: it may do everything, also when the database is away. */
const BOOTSTRAP: Operator = { actor: "operator", role: "admin", limits: null };

/** What a token can be at most: a longer text is not looked for. */
const LONGEST_TOKEN = 500;

/**
 * Finds out who asks, by `Authorization: Bearer …`: the operator token, or a named one. Throws FareboxError
 * `operator_unauthorized`; what is unknown, revoked and expired looks alike.
 */
export function authenticate(services: {
  readonly token: string;
  readonly database: Queryable;
}): MiddlewareHandler<OperatorEnv> {
  const isOperatorToken = compareWith(services.token);
  return async (context, next) => {
    const presented = readBearer(context.req.header("authorization"));
    const operator =
      presented === undefined
        ? undefined
        : isOperatorToken(presented)
          ? BOOTSTRAP
          : await findOperator(services.database, hash("sha256", presented, "hex"));
    if (operator === undefined) refuse();
    context.set("operator", operator);
    return await next();
  };
}

function readBearer(header: string | undefined): string | undefined {
  const presented = /^Bearer +(\S+) *$/i.exec(header ?? "")?.[1];
  return presented === undefined || presented.length > LONGEST_TOKEN ? undefined : presented;
}

/**
 * Hashes of equal length are compared in constant time, so that neither the token's length nor its beginning can be found by
 * measuring. Named tokens are found by their hash: what measuring tells of it is of no use.
 */
function compareWith(token: string): (presented: string) => boolean {
  const expected = digest(token);
  return (presented) => timingSafeEqual(digest(presented), expected);
}

function digest(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}

function refuse(): never {
  throw new FareboxError(
    "operator_unauthorized",
    "The token is missing, wrong, expired or revoked: send it as `Authorization: Bearer <token>`.",
  );
}
