import { getConnInfo } from "@hono/node-server/conninfo";
import type { Context } from "hono";
import type { ConsoleDoor } from "../../../pages/console-door.ts";
import type { OperatorApp, OperatorEnv } from "../operator-env.ts";

/** Whether a path is answered by the console, without a token. */
export function isConsolePath(console: ConsoleDoor | undefined, path: string): boolean {
  return console !== undefined && (path === console.path || path.startsWith(`${console.path}/`));
}

/** The operators' pages and their sign-in, and at `/` the way there. Undefined: there is none. */
export function addConsole(app: OperatorApp, console: ConsoleDoor | undefined): void {
  if (console === undefined) return;
  app.get("/", (context) => context.redirect(`${console.path}/`, 302));
  app.all(`${console.path}/*`, async (context) => {
    const { method, path, url } = context.req;
    const { status, headers, body } = await console.answer({
      method: method === "HEAD" ? "GET" : method,
      path,
      query: new URL(url).search,
      header: (name) => context.req.header(name),
      body: method === "GET" || method === "HEAD" ? "" : await context.req.text(),
      address: readAddress(context),
    });
    const content = typeof body === "string" ? body : new Uint8Array(body);
    return new Response(status === 204 ? null : content, {
      status,
      headers: headers.map(([name, value]): [string, string] => [name, value]),
    });
  });
}

/** The client's address; `""` where there is no socket. */
function readAddress(context: Context<OperatorEnv>): string {
  return typeof context.env !== "object" || context.env === null || !("incoming" in context.env)
    ? ""
    : (getConnInfo(context).remote.address ?? "");
}
