import type { IncomingMessage } from "node:http";
import { FareboxError } from "../../domain/farebox-error.ts";
import { findJsonExcess, type JsonLimits } from "../../domain/json/json-excess.ts";

/** A kept answer of 16 MiB in base64, and some. */
const MAX_BODY_BYTES = 24 * 1_048_576;

/**
 * A call has a customer's body in it, of whoever that is, and two hundred calls may come together. As deep as a body may be at the
 * gateway, and some; more lists and objects than these take longer to read than the gateway beside may wait.
 */
const LIMITS: JsonLimits = { depth: 520, elements: 500_000, members: 200_000, containers: 100_000 };

/** A body of JSON. Rejects with FareboxError `request_malformed` and `request_too_large`. */
export async function readJson(request: IncomingMessage): Promise<unknown> {
  const text = await readText(request);
  const excess = findJsonExcess(text, LIMITS);
  if (excess !== undefined) throw new FareboxError("request_malformed", `The request's body ${excess}.`);
  try {
    return JSON.parse(text);
  } catch {
    throw new FareboxError("request_malformed", "The request's body is not JSON.");
  }
}

function readText(request: IncomingMessage): Promise<string> {
  return new Promise((resolve, reject) => {
    let size = 0;
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => {
      size += chunk.length;
      if (size > MAX_BODY_BYTES) {
        reject(new FareboxError("request_too_large", `A request has at most ${MAX_BODY_BYTES} bytes.`));
        return;
      }
      chunks.push(chunk);
    });
    request.on("end", () => {
      const [only = Buffer.alloc(0)] = chunks;
      resolve((chunks.length > 1 ? Buffer.concat(chunks) : only).toString());
    });
    // Nobody is there to be answered.
    request.on("error", reject);
  });
}
