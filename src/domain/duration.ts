const SECONDS_PER_UNIT: ReadonlyMap<string, number> = new Map([
  ["w", 604_800],
  ["d", 86_400],
  ["h", 3600],
  ["m", 60],
  ["s", 1],
]);

/** Ten years: longer windows are mistakes, and stay far inside every integer that they meet. */
export const MAX_DURATION_SECONDS = 3650 * 86_400;

/** Seconds of `"90s"`, `"15m"`, `"24h"`, `"30d"` or `"2w"`; `undefined` when it is none, zero, or above ten years. */
export function parseDuration(input: unknown): number | undefined {
  if (typeof input !== "string") return undefined;
  const match = /^(\d{1,10})([smhdw])$/.exec(input);
  if (match === null) return undefined;
  const seconds = Number(match[1]) * (SECONDS_PER_UNIT.get(match[2] ?? "") ?? 0);
  return seconds > 0 && seconds <= MAX_DURATION_SECONDS ? seconds : undefined;
}

/** The duration in the largest unit that holds it whole: 86,400 is `"1d"`. */
export function formatDuration(seconds: number): string {
  const [unit, length] = [...SECONDS_PER_UNIT].find(([, size]) => seconds % size === 0) ?? ["s", 1];
  return `${seconds / length}${unit}`;
}
