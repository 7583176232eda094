import { createHash, hash, timingSafeEqual } from "node:crypto";
import type { MiddlewareHandler } from "hono";
import { FareboxError } from "../../../domain/farebox-error.ts";
import type { Queryable } from "../../../ledger/database/database.ts";
import { findOperator } from "../../../ledger/operators/operator-tokens.ts";
import type { ConsoleDoor } from "../../../pages/console-door.ts";
import type { Asking, OperatorEnv } from "../operator-env.ts";

/** The operator token of this instance: it may do everything, also when the database is away. */
const BOOTSTRAP: Asking = { actor: "operator", role: "admin", limits: null, tokenId: null };

/** What a token can be at most: a longer text is not looked for. */
const LONGEST_TOKEN = 500;

/**
 * Finds out who asks: by `Authorization: Bearer …`, the operator token or a named one, or else by the console's session. Throws
 * FareboxError `operator_unauthorized`; what is unknown, revoked and expired looks alike. `request_forged` where a session comes with a
 * request that no page of ours sent.
 */
export function authenticate(services: {
  readonly token: string;
  readonly database: Queryable;
  readonly console?: ConsoleDoor | undefined;
}): MiddlewareHandler<OperatorEnv> {
  const isOperatorToken = compareWith(services.token);
  return async (context, next) => {
    const authorization = context.req.header("authorization");
    const presented = readBearer(authorization);
    const { method } = context.req;
    const header = (name: string): string | undefined => context.req.header(name);
    const operator: Asking | undefined =
      authorization === undefined
        ? await services.console?.findOperator({ method, header })
        : presented === undefined
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
