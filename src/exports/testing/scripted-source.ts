import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";

export interface Asked {
  readonly method: string;
  readonly url: URL;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
}

/** Answers one request; what it does not end stays open. */
export type Script = (asked: Asked, response: ServerResponse) => unknown;

/** An upstream on loopback that does what the test says. */
export class ScriptedSource {
  readonly url: string;
  readonly asked: Asked[] = [];
  script: Script;
  readonly #server: ReturnType<typeof createServer>;

  static async start(script: Script): Promise<ScriptedSource> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return new ScriptedSource(server, script);
  }

  private constructor(server: ReturnType<typeof createServer>, script: Script) {
    this.#server = server;
    this.script = script;
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    server.on("request", (request: IncomingMessage, response: ServerResponse) => {
      void this.#answer(request, response);
    });
  }

  close(): Promise<void> {
    this.#server.closeAllConnections();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = "", url = "", headers } = request;
    const asked = { method, url: new URL(url, this.url), headers, body: await text(request) };
    this.asked.push(asked);
    await this.script(asked, response);
  }
}

export const recordOf = (id: number): string => JSON.stringify({ id, name: `person ${id}` });

/** Records with these ids, one a line. */
export const linesOf = (ids: Iterable<number>): string => [...ids].map((id) => `${recordOf(id)}\n`).join("");

export function range(from: number, count: number): number[] {
  return Array.from({ length: count }, (_, index) => from + index);
}

/** Pages of so many of these ids: `?page=<n>`, from 1 on; the next one's number in `next`. */
export function pagesOf(ids: readonly number[], size: number): Script {
  return ({ url }, response) => {
    const page = Number(url.searchParams.get("page") ?? 1);
    const items = ids.slice((page - 1) * size, page * size).map((id) => JSON.parse(recordOf(id)) as unknown);
    const next = page * size < ids.length ? page + 1 : null;
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify({ items, next, total: ids.length }, null, 2));
  };
}
