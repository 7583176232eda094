import { createHash } from "node:crypto";
import { HTTPException } from "hono/http-exception";
import { canonicalJson } from "../domain/json/canonical-json.ts";
import { findJsonExcess } from "../domain/json/json-excess.ts";

/**
 * What an Idempotency-Key stands for: two requests are the same when method, path and the body's JSON are, whatever its white
 * space. Operations without a body have not looked at what was sent as one. Throws HTTPException 400 when it is not JSON,
 * or is nested more deeply than any body here.
 */
export function hashRequest(method: string, path: string, body: string): string {
  return createHash("sha256")
    .update(`${method} ${path}\n${canonicalBody(body)}`)
    .digest("hex");
}

function canonicalBody(body: string): string {
  try {
    const excess = findJsonExcess(body);
    if (excess !== undefined) throw new HTTPException(400, { message: `The body ${excess}.` });
    const value: unknown = body === "" ? null : JSON.parse(body);
    return canonicalJson(value);
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof RangeError) {
      throw new HTTPException(400, { cause: error });
    }
    throw error;
  }
}
