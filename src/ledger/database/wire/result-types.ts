/** Turns the text that Postgres sends for a value into the JavaScript value. */
export type ResultParser = (text: string) => unknown;

const SCALARS: Readonly<Record<number, ResultParser>> = {
  16: (text) => text === "t",
  17: (text) => Uint8Array.from(Buffer.from(text.slice(2), "hex")),
  20: (text) => BigInt(text),
  21: Number,
  23: Number,
  26: Number,
  114: (text) => JSON.parse(text) as unknown,
  700: Number,
  701: Number,
  1184: parseTimestamp,
  3802: (text) => JSON.parse(text) as unknown,
};

/** The array type of each scalar type above, and of text. */
const ARRAY_ELEMENT: Readonly<Record<number, number>> = {
  1000: 16,
  1001: 17,
  1005: 21,
  1007: 23,
  1009: 25,
  1016: 20,
  1185: 1184,
  199: 114,
  3807: 3802,
};

const asText: ResultParser = (text) => text;

/** The parser for a column's type (`pg_type.oid`). The numbers are fixed in Postgres's catalog. */
export function resultParser(oid: number): ResultParser {
  const element = ARRAY_ELEMENT[oid];
  if (element === undefined) return SCALARS[oid] ?? asText;
  const parseElement = SCALARS[element] ?? asText;
  return (text) => parseArray(text, parseElement);
}

/** `2026-08-01 00:00:00.123456+00`. The session's time zone is UTC, so the offset is always `+00`. */
function parseTimestamp(text: string): Date {
  return new Date(`${text.slice(0, 10)}T${text.slice(11, -3)}Z`);
}

/** Reads a one-dimensional array literal. Elements are quoted when they need it; an unquoted NULL is null. */
function parseArray(text: string, parseElement: ResultParser): unknown[] {
  const values: unknown[] = [];
  let position = 1;
  while (position < text.length - 1) {
    if (text[position] === '"') {
      const end = closingQuote(text, position + 1);
      values.push(parseElement(text.slice(position + 1, end).replace(/\\(.)/gs, "$1")));
      position = end + 2;
    } else {
      const comma = text.indexOf(",", position);
      const end = comma === -1 ? text.length - 1 : comma;
      const element = text.slice(position, end);
      values.push(element === "NULL" ? null : parseElement(element));
      position = end + 1;
    }
  }
  return values;
}

function closingQuote(text: string, from: number): number {
  let position = from;
  while (text[position] !== '"') position += text[position] === "\\" ? 2 : 1;
  return position;
}
