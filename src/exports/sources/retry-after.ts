/**
 * How long an answer asks to wait, in milliseconds: a number of seconds or a date (RFC 9110 section 10.2.3). Undefined: it does not
 * say, or says what is no such thing.
 */
export function readRetryAfter(header: string | string[] | undefined, nowMs: number): number | undefined {
  const text = [header].flat()[0]?.trim() ?? "";
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1_000;
  // Only a date names its zone so: other texts are read by Date.parse, too.
  const at = text.endsWith(" GMT") ? Date.parse(text) : Number.NaN;
  return Number.isNaN(at) ? undefined : Math.max(0, at - nowMs);
}
