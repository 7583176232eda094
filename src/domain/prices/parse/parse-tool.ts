import { describeValue, type Problem } from "../../problem.ts";
import type { Condition } from "../price.ts";

const MAX_TOOLS = 100;
const MAX_NAME_LENGTH = 200;

/**
 * Reads `tool`: the name of an MCP server's tool, a list of them, or `*` for any. It is a short form of two conditions on the
 * JSON-RPC request, its method and the tool's name, and stored as these. Empty: left out, or wrong.
 */
export function parseTool(input: unknown, path: string, problems: Problem[]): readonly Condition[] {
  if (input === undefined) return [];
  const isCall: Condition = { body: "/method", equals: "tools/call" };
  if (input === "*") return [isCall];
  const list: readonly unknown[] = Array.isArray(input) ? input : [input];
  const names = list.filter(isName);
  if (names.length > 0 && names.length === list.length && names.length <= MAX_TOOLS) {
    const [name, ...others] = names;
    const named: Condition =
      others.length === 0 && name !== undefined
        ? { body: "/params/name", equals: name }
        : { body: "/params/name", oneOf: [...new Set(names)] };
    return [isCall, named];
  }
  problems.push({
    path,
    reason: `expected the name of a tool, or a list of 1 to ${MAX_TOOLS}, got ${describeValue(input)}`,
    fix: 'write tool: web_search, tool: [web_search, fetch], or tool: "*" for any',
  });
  return [];
}

function isName(name: unknown): name is string {
  return typeof name === "string" && name !== "" && name !== "*" && name.length <= MAX_NAME_LENGTH;
}
