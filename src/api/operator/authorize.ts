import { createHash, timingSafeEqual } from "node:crypto";
import type { MiddlewareHandler } from "hono";
import { FareboxError } from "../../domain/farebox-error.ts";

/**
 * Lets a request pass that carries the operator token as `Authorization: Bearer …`. Hashes of equal length are compared
 * in constant time, so that neither the token's length nor its beginning can be found by measuring.
 */
export function authorize(token: string): MiddlewareHandler {
  const expected = digest(token);
  return async (context, next) => {
    const presented = /^Bearer +(\S+) *$/i.exec(context.req.header("authorization") ?? "")?.[1] ?? "";
    if (!timingSafeEqual(digest(presented), expected)) {
      throw new FareboxError(
        "operator_unauthorized",
        "The operator token is missing or wrong: send it as `Authorization: Bearer <token>`.",
      );
    }
    await next();
  };
}

function digest(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
