import type { PageDoor } from "../../pages/page-door.ts";
import type { Exchange } from "../parts/exchange.ts";
import { sendWhole } from "../response/respond.ts";

/** Answers a browser with a page or a file of it: no key, no price, no limit, no upstream. */
export function answerPage(exchange: Exchange, pages: PageDoor, path: string): void {
  exchange.endpoint = "portal";
  const { status, headers, body } = pages.answer(exchange.method, path, exchange.header);
  const list = headers.flat();
  list.push("Content-Length", String(body.length));
  sendWhole(exchange, status, undefined, list, [Buffer.from(body.buffer, body.byteOffset, body.length)]);
}
