import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import type { CallToolResult } from "@modelcontextprotocol/sdk/types.js";
import { z } from "zod";
import { type CustomerClient, createCustomerClient } from "../client/index.ts";
import { FareboxError } from "../domain/farebox-error.ts";

export interface CustomerServerOptions {
  /** The customer API's address: `https://api.example.com/v1/credits`. */
  readonly url: string;
  /** A key of the account. */
  readonly key: string;
  readonly version?: string;
}

const READS = { readOnlyHint: true, openWorldHint: false };

const METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"] as const;

/**
 * An MCP server with which an agent sees the credits of one account: what there is, what was used and for what, what calls cost, and what
 * one would cost before it is made. It reads and changes nothing. Connect it to a transport of the SDK.
 */
export function createCustomerServer({ url, key, version = "0.1.0" }: CustomerServerOptions): McpServer {
  const client = createCustomerClient({ url, token: key });
  const server = new McpServer({ name: "farebox-credits", version });
  addAccount(server, client);
  addPrices(server, client);
  return server;
}

function addAccount(server: McpServer, client: CustomerClient): void {
  server.registerTool(
    "credits_balance",
    {
      description: "The credits that are left, by type, with grants and when they expire.",
      annotations: READS,
    },
    () => answer(client.getBalances()),
  );
  server.registerTool(
    "credits_usage",
    {
      description: "What was used, by endpoint or key, in total or by hour, day or month.",
      inputSchema: {
        from: z.string().optional().describe("RFC 3339; 30 days ago when left out."),
        to: z.string().optional().describe("RFC 3339; now when left out."),
        resolution: z.enum(["hour", "day", "month"]).optional(),
        groupBy: z.string().optional().describe("endpoint, key, or both with a comma."),
      },
      annotations: READS,
    },
    (asked) => answer(client.getUsage(asked)),
  );
  server.registerTool(
    "credits_explain_call",
    {
      description:
        "Why one call cost what it cost: its price, the condition that applied, quantity, charge and refunds.",
      inputSchema: {
        call: z.string().min(1).describe("The x-request-id of its answer, or the id of its charge."),
      },
      annotations: READS,
    },
    (asked) => answer(client.getCall(asked)),
  );
}

function addPrices(server: McpServer, client: CustomerClient): void {
  server.registerTool(
    "credits_prices",
    { description: "What every endpoint costs, and announced changes.", annotations: READS },
    () => answer(client.listPrices()),
  );
  server.registerTool(
    "credits_quote",
    {
      description:
        "What a call would cost at most, and whether the credits cover it, without making it. Free.",
      inputSchema: {
        method: z.enum(METHODS),
        path: z.string().min(1).describe("With its query: /v1/leads?size=50."),
        headers: z.record(z.string(), z.string()).optional(),
        body: z.record(z.string(), z.unknown()).optional().describe("The JSON body that would be sent."),
      },
      annotations: READS,
    },
    (asked) => answer(client.quote(asked)),
  );
}

/** As JSON for whoever reads text, and as it is for whoever reads objects. What the API refuses is the tool's error. */
async function answer(asked: Promise<object>): Promise<CallToolResult> {
  try {
    const found = await asked;
    return { content: [{ type: "text", text: JSON.stringify(found) }], structuredContent: { ...found } };
  } catch (error) {
    if (!(error instanceof FareboxError)) throw error;
    return { isError: true, content: [{ type: "text", text: `${error.code}: ${error.message}` }] };
  }
}
