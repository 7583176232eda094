import { once } from "node:events";
import { type IncomingMessage, request } from "node:http";
import { text as readText } from "node:stream/consumers";

/** An answer to a browser. */
export interface Answered {
  readonly status: number;
  readonly headers: IncomingMessage["headers"];
  // Tests look into bodies of every shape.
  // oxlint-disable-next-line typescript/no-explicit-any
  readonly body: any;
  /** As the browser sends it back. */
  readonly cookie: string;
}

/** What our pages send with every change. */
export const CHANGE = { "farebox-console": "1", "content-type": "application/json" };

/** As a browser asks: fetch would not let us choose the host name. */
export async function askAsBrowser(
  url: string,
  method: string,
  { headers = {}, body }: { headers?: Record<string, string>; body?: unknown } = {},
): Promise<Answered> {
  const sent = request(url, { method, headers, agent: false });
  sent.end(body === undefined ? undefined : JSON.stringify(body));
  const [response] = (await once(sent, "response")) as [IncomingMessage];
  const answer = await readText(response);
  return {
    status: response.statusCode ?? 0,
    headers: response.headers,
    body: answer.startsWith("{") ? JSON.parse(answer) : answer,
    cookie: (response.headers["set-cookie"]?.[0] ?? "").split(";")[0] ?? "",
  };
}

export const codeOf = ({ status, body }: Answered): [number, unknown] => [status, body.code];

/** What another site's page sends, and a name that was made to point here. */
export const FORGED: readonly Readonly<Record<string, string>>[] = [
  { "sec-fetch-site": "cross-site" },
  { "sec-fetch-site": "same-site" },
  { origin: "https://evil.example" },
  { origin: "null" },
  { host: "evil.example" },
  { "farebox-console": "0" },
];
