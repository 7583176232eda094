/** The moment in the reader's time zone at which a day (`2026-08-01`) begins, `add` days later; undefined: it is no day. */
export function readDay(text: string | null, add: number): string | undefined {
  const match = /^(\d{4})-(\d{2})-(\d{2})$/.exec(text ?? "");
  if (match === null) return undefined;
  const [, year, month, day] = match;
  const moment = new Date(Number(year), Number(month) - 1, Number(day) + add);
  return Number.isNaN(moment.getTime()) ? undefined : moment.toISOString();
}
