/** Members that every line has, or that the rendering shows in another way. */
const SHOWN = new Set(["level", "time", "msg", "err"]);

/**
 * One JSON log line as a person reads it: `12:00:01 warn  the upstream answers slowly  endpoint=GET /x ms=1200`.
 * A line that is not JSON is returned as it is: a log must not lose what it cannot read.
 */
export function renderHumanLine(line: string): string {
  const record = parseRecord(line);
  if (record === undefined) return line;
  const members = Object.entries(record)
    .filter(([name]) => !SHOWN.has(name))
    .map(([name, value]) => `${name}=${typeof value === "string" ? value : JSON.stringify(value)}`);
  const time = textOf(record["time"]).slice(11, 19);
  const level = textOf(record["level"]).padEnd(5);
  const head = [time, level, textOf(record["msg"]), ...members].filter((part) => part !== "").join(" ");
  return `${head}${renderError(record["err"])}\n`;
}

function parseRecord(line: string): Record<string, unknown> | undefined {
  try {
    const parsed: unknown = JSON.parse(line);
    return typeof parsed === "object" && parsed !== null && !Array.isArray(parsed)
      ? { ...parsed }
      : undefined;
  } catch {
    return undefined;
  }
}

function renderError(error: unknown): string {
  if (typeof error !== "object" || error === null) return "";
  const stack = "stack" in error ? error.stack : undefined;
  return typeof stack === "string" ? `\n${stack}` : ` ${JSON.stringify(error)}`;
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}
