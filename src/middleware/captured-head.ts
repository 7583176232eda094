import { IncomingMessage, type OutgoingHttpHeaders, ServerResponse } from "node:http";
import { Socket } from "node:net";
import { rawHeaderNames } from "./response-methods.ts";

/** The head of an answer as a handler has made it. */
export interface CapturedHead {
  readonly status: number;
  readonly statusText: string | undefined;
  /** Names and values in turn, in order and spelling. */
  readonly rawHeaders: string[];
}

/**
 * Where a handler's headers are kept until they are judged: a response of Node's that is never sent. So they are checked, joined
 * and spelt as Node does it, whichever of its methods the handler uses.
 */
export class HeadDraft {
  readonly response: ServerResponse;

  /** `earlier`: headers that were set before are the handler's to change. */
  constructor(request: IncomingMessage, earlier: ServerResponse) {
    const draft = new IncomingMessage(new Socket());
    if (request.method !== undefined) draft.method = request.method;
    draft.httpVersionMajor = 1;
    draft.httpVersionMinor = 1;
    this.response = new ServerResponse(draft);
    this.response.sendDate = false;
    for (const name of rawHeaderNames(earlier)) {
      const value = earlier.getHeader(name);
      if (value !== undefined) this.response.setHeader(name, value);
    }
  }

  get isWritten(): boolean {
    return this.response.headersSent;
  }

  /** Throws as Node does, for a status or a header that is none. */
  write(status: number, statusText: string | undefined, headers: OutgoingHttpHeaders | undefined): void {
    if (statusText === undefined) this.response.writeHead(status, headers);
    else this.response.writeHead(status, statusText, headers);
  }

  read(): CapturedHead {
    // Node's own rendering of it, on which half of npm relies.
    const rendered: unknown = Reflect.get(this.response, "_header");
    const [, ...lines] = typeof rendered === "string" ? rendered.trimEnd().split("\r\n") : [""];
    const rawHeaders = lines.flatMap((line) => {
      const colon = line.indexOf(": ");
      return colon === -1 ? [] : [line.slice(0, colon), line.slice(colon + 2)];
    });
    const { statusCode: status, statusMessage: statusText } = this.response;
    return { status, statusText, rawHeaders };
  }
}
