import { isJsonObject } from "../../domain/json/json-value.ts";

/** One option as the reference shows it. */
export interface OptionRow {
  readonly path: string;
  readonly fallback: string;
  readonly description: string;
  readonly reason: string;
}

type JsonSchema = Readonly<Record<string, unknown>>;

/** The options of a JSON Schema, in the order of the file: `gateway.drain`, `limits[].requests`, `plans.<name>.recurring`. */
export function listOptions(schema: unknown, path = ""): readonly OptionRow[] {
  if (!isJsonObject(schema)) return [];
  const required = Array.isArray(schema["required"]) ? schema["required"] : [];
  const own = Object.entries(asSchema(schema["properties"])).flatMap(([name, member]) =>
    describeMember(path === "" ? name : `${path}.${name}`, asSchema(member), required.includes(name)),
  );
  const items = listOptions(schema["items"], `${path}[]`);
  const named = listOptions(schema["additionalProperties"], `${path}.<name>`);
  const branches = Array.isArray(schema["anyOf"]) ? schema["anyOf"].map(asSchema) : [];
  return [...own, ...items, ...named, ...listChoices(branches, path)];
}

/**
 * One of a thing, a list of it and several by name have the same options: those of the one are listed. Several forms of a thing
 * have all theirs listed, each once; what not all of them need is needed by a form, not by the thing.
 */
function listChoices(branches: readonly JsonSchema[], path: string): readonly OptionRow[] {
  const forms = branches
    .filter((branch) => branch["properties"] !== undefined)
    .map((branch) => listOptions(branch, path));
  const rows = new Map<string, OptionRow>();
  for (const row of forms.flat()) {
    if (rows.has(row.path)) continue;
    const isShared = forms.every((form) => form.some((other) => other.path === row.path));
    const isOneForm = row.fallback === "required" && !isShared;
    rows.set(row.path, isOneForm ? { ...row, fallback: "one of these" } : row);
  }
  return [...rows.values()];
}

function describeMember(path: string, schema: JsonSchema, required: boolean): readonly OptionRow[] {
  const row = {
    path,
    fallback: required && schema["default"] === undefined ? "required" : printDefault(schema["default"]),
    description: [readText(schema, "description"), printRange(schema)]
      .filter((text) => text !== "")
      .join(" "),
    reason: readText(schema, "reason"),
  };
  return [row, ...listOptions(schema, path)];
}

function printDefault(value: unknown): string {
  if (value === undefined) return "none";
  return typeof value === "string" ? `\`${value}\`` : `\`${JSON.stringify(value)}\``;
}

/** What may be written, where the form says it. */
function printRange(schema: JsonSchema): string {
  const range = readText(schema, "range");
  if (range !== "") return `(${range})`;
  const words = schema["enum"];
  if (Array.isArray(words)) return `(${words.map((word) => `\`${String(word)}\``).join(", ")})`;
  const { minimum, maximum } = schema;
  if (typeof minimum !== "number" || typeof maximum !== "number") return "";
  return maximum === Number.MAX_SAFE_INTEGER ? `(from ${minimum})` : `(${minimum} to ${maximum})`;
}

function readText(schema: JsonSchema, name: string): string {
  const text = schema[name];
  return typeof text === "string" ? text : "";
}

function asSchema(value: unknown): JsonSchema {
  return isJsonObject(value) ? value : {};
}

/** A Markdown table. Bars inside cells are escaped. */
export function renderTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll("|", "\\|").replaceAll("\n", " ")).join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}
