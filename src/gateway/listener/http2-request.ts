import { constants, type ServerHttp2Stream } from "node:http2";
import { Readable } from "node:stream";
import type { ClientRequest } from "../../exchange/parts/client-message.ts";

/**
 * A stream's request as one of HTTP/1.1, so that one guard judges both. Node's own compatibility layer ends the body of a stream
 * that the client has reset as if it were whole: half a body would be priced and forwarded.
 */
export class Http2Request extends Readable implements ClientRequest {
  readonly method: string;
  readonly url: string;
  /** Not `2.0`, which a request line of HTTP/1.1 may claim. */
  readonly httpVersion = "2";
  readonly rawHeaders: string[];
  complete: boolean;
  readonly #stream: ServerHttp2Stream;

  /** `raw` is Node's flat list; `ended`: the stream has no body. */
  constructor(stream: ServerHttp2Stream, raw: readonly string[], ended: boolean) {
    super();
    this.#stream = stream;
    this.complete = ended;
    const { method = "", path = "", headers } = readHead(raw);
    this.method = method;
    this.url = path;
    this.rawHeaders = headers;
    const hasLength = headers.some((name, i) => i % 2 === 0 && name === "content-length");
    // As HTTP/1.1 frames a body of a length that is not known. No client can send it: it is an error of HTTP/2.
    if (!ended && !hasLength) headers.push("transfer-encoding", "chunked");
    if (ended) {
      this.push(null);
      return;
    }
    stream.pause();
    stream.on("data", (chunk: Buffer) => {
      if (!this.push(chunk)) stream.pause();
    });
    stream.on("end", () => this.#ended());
    stream.on("aborted", () => this.#broke());
    stream.on("close", () => this.#broke());
  }

  override _read(): void {
    this.#stream.resume();
  }

  #ended(): void {
    if (this.#stream.aborted || this.#stream.rstCode !== constants.NGHTTP2_NO_ERROR) {
      this.#broke();
      return;
    }
    this.complete = true;
    this.push(null);
  }

  #broke(): void {
    if (!this.complete) this.destroy(new Error("the stream was reset before its body was complete"));
  }
}

interface Head {
  readonly method?: string | undefined;
  readonly path?: string | undefined;
  readonly headers: string[];
}

/** RFC 9113 §8.3.1 and §8.2.3: `:authority` is the host, and cookies in several lines are one. */
function readHead(raw: readonly string[]): Head {
  const pseudo = new Map<string, string>();
  const headers: string[] = [];
  let cookieAt: number | undefined;
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i] ?? "";
    const value = raw[i + 1] ?? "";
    if (name.startsWith(":")) pseudo.set(name, value);
    else if (name === "cookie" && cookieAt !== undefined) headers[cookieAt] += `; ${value}`;
    else {
      if (name === "cookie") cookieAt = headers.length + 1;
      headers.push(name, value);
    }
  }
  const authority = pseudo.get(":authority");
  // A `host` beside it is left there, and refused as one too many, unless it says the same.
  const hostAt = headers.findIndex((name, i) => i % 2 === 0 && name === "host");
  const isRepeated = hostAt !== -1 && headers[hostAt + 1] === authority;
  if (authority !== undefined && !isRepeated) headers.push("host", authority);
  return { method: pseudo.get(":method"), path: pseudo.get(":path"), headers };
}
