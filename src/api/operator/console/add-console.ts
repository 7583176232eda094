import type { PageDoor } from "../../../pages/page-door.ts";
import type { OperatorApp } from "../operator-env.ts";
import { CONSOLE_PATH } from "./console-path.ts";

/** `GET /console` and every path below it: the operators' pages, and at `/` the way there. Undefined pages: there are none. */
export function addConsole(app: OperatorApp, pages: PageDoor | undefined): void {
  if (pages === undefined) return;
  app.all(`${CONSOLE_PATH}/*`, (context) => {
    const { method, path } = context.req;
    const { status, headers, body } = pages.answer(method, path, (name) => context.req.header(name));
    return new Response(new Uint8Array(body), {
      status,
      headers: headers.map(([name, value]) => [name, value]),
    });
  });
}
