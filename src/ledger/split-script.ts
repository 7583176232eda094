/** What a semicolon does not end a statement in: a comment, a text, a name, a function's body. */
const OPAQUE = /--[^\n]*|'(?:[^']|'')*'|"[^"]*"|\$(\w*)\$[\s\S]*?\$\1\$/.source;

const STATEMENT = new RegExp(`(?:${OPAQUE}|[^;])+;?`, "g");

/**
 * The statements of a script, in order, each with the comments above it; together they are the script. For scripts of migrations/: it
 * knows neither nested comments nor texts with backslashes before their end.
 */
export function splitScript(script: string): readonly string[] {
  return (script.match(STATEMENT) ?? []).filter((part) => part.replaceAll(/--[^\n]*|[\s;]/g, "") !== "");
}
