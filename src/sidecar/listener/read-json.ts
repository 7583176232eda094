import type { IncomingMessage } from "node:http";
import { FareboxError } from "../../domain/farebox-error.ts";

/** A kept answer of 16 MiB in base64, and some. */
const MAX_BODY_BYTES = 24 * 1_048_576;

/** A body of JSON. Rejects with FareboxError `request_malformed` and `request_too_large`. */
export async function readJson(request: IncomingMessage): Promise<unknown> {
  const text = await readText(request);
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
