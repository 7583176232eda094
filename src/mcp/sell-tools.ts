import type { CallToolResult } from "@modelcontextprotocol/sdk/types.js";
import type { OpenMeter } from "../embed/meter.ts";

export type ToolResult = CallToolResult;

/** What of a handler's last argument is looked at. */
export interface ToolExtra {
  readonly signal?: AbortSignal | undefined;
  readonly authInfo?: { readonly token: string } | undefined;
  readonly requestInfo?:
    | { readonly headers: Readonly<Record<string, string | string[] | undefined>> }
    | undefined;
}

export interface SellingOptions {
  readonly meter: Pick<OpenMeter, "authorize" | "settle" | "release">;
  /** What prices call the server: `POST` and this path, as behind a gateway. `/mcp` by default. */
  readonly path?: string;
  /** The customer's key; by default the bearer token that came with the call. */
  readonly keyOf?: (extra: ToolExtra) => string | undefined;
  /** For how many seconds credits are held for a call, at most 900; `sidecar.hold` by default, which is a minute. */
  readonly ttl?: number;
}

/** In `_meta` of a result: what the call cost. A handler may say there how many units it counted. */
const CHARGE = "farebox/charge";
const REFUSAL = "farebox/refusal";
const UNITS = "farebox/units";

const PATH = "/mcp";

type Handler<Args extends readonly unknown[]> = (...args: Args) => ToolResult | Promise<ToolResult>;

/**
 * Makes handlers that are paid for. A call is priced as the same call behind a gateway is, by `tool: name` (docs/guide/mcp.md), held before
 * the handler runs and charged before its result leaves. A result with `isError`, and a handler that throws, cost nothing. Who may not
 * gets a result with `isError` and the contract's words.
 *
 *     const sell = sellTools({ meter: await openMeter("farebox.yaml") });
 *     server.registerTool("fetch", { inputSchema }, sell("fetch", async ({ url }) => …));
 *
 * Results have `_meta["farebox/charge"]`: charged, balance, creditType, units and requestId. For a price per result a handler returns
 * `_meta: { "farebox/units": 12 }`. A handler rejects with what the meter rejects with (FareboxError `storage_unavailable`, and
 * `request_invalid` for units that are none): then its call costs nothing. A call that was cancelled before its handler ran is not run.
 */
export function sellTools({ meter, path = PATH, keyOf = readBearer, ttl }: SellingOptions) {
  return <Args extends readonly unknown[]>(name: string, handler: Handler<Args>): Handler<Args> =>
    async (...args: Args): Promise<ToolResult> => {
      const params = args.length > 1 ? { name, arguments: args[0] } : { name };
      const extra = readExtra(args);
      const key = keyOf(extra);
      const decision = await meter.authorize({
        method: "POST",
        path,
        ...(key === undefined ? {} : { key }),
        ...(ttl === undefined ? {} : { ttl }),
        body: { jsonrpc: "2.0", method: "tools/call", params },
      });
      if (decision.decision !== "admitted") {
        const code = decision.decision === "refused" ? decision.code : "idempotency_conflict";
        return refuse(decision.answer.body, code, decision.answer.status);
      }
      const { hold } = decision;
      if (hold === null) return await handler(...args);
      try {
        extra.signal?.throwIfAborted();
        return await charge(meter, hold, await handler(...args));
      } catch (error) {
        // Whatever failed: the result does not leave, so nothing stays charged or held. What cannot be released now ends by itself.
        await meter.release({ hold, reason: "the result did not leave" }).catch(() => undefined);
        throw error;
      }
    };
}

async function charge(
  meter: SellingOptions["meter"],
  hold: string,
  { _meta: { [UNITS]: units, ...meta } = {}, ...result }: ToolResult,
): Promise<ToolResult> {
  const settled = await meter.settle({
    hold,
    status: result.isError === true ? 500 : 200,
    // What is no count is refused: it must not be taken for one that was left out.
    ...(units === undefined ? {} : { units: typeof units === "number" ? units : Number.NaN }),
  });
  if (settled.outcome === "refused") {
    return refuse(settled.answer.body, settled.code, settled.answer.status);
  }
  if (settled.outcome !== "charged") return { ...result, _meta: meta };
  const { charged, balance, creditType, units: counted, requestId } = settled;
  return {
    ...result,
    _meta: { ...meta, [CHARGE]: { charged, balance, creditType, units: counted, requestId } },
  };
}

/** The contract's own words, which agents can read. */
function refuse(text: string, code: string, status: number): ToolResult {
  return { isError: true, content: [{ type: "text", text }], _meta: { [REFUSAL]: { code, status } } };
}

/** The SDK gives it last, behind the tool's arguments where it has some. */
function readExtra(args: readonly unknown[]): ToolExtra {
  const last = args.at(-1);
  return typeof last === "object" && last !== null ? last : {};
}

function readBearer({ authInfo, requestInfo }: ToolExtra): string | undefined {
  if (authInfo !== undefined) return authInfo.token;
  const header = requestInfo?.headers["authorization"];
  return typeof header === "string" ? /^Bearer +(\S+)$/i.exec(header)?.[1] : undefined;
}
