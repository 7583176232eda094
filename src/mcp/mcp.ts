/** `farebox/mcp`: sells the tools of an MCP server, and shows agents an account's credits. Needs `@modelcontextprotocol/sdk`. */
export { type CustomerServerOptions, createCustomerServer } from "./customer-server.ts";
export { type SellingOptions, sellTools, type ToolExtra, type ToolResult } from "./sell-tools.ts";
