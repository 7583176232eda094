import type { RenderContext } from "./contract.ts";
import type { Placeholder, PlaceholderValue, Vocabulary } from "./vocabulary.ts";

/*
 * What the vocabularies are made of. A vocabulary is all placeholders that may stand in one part of a contract file: what each
 * means, from which the reference page is made, and what it reads.
 */

/** A placeholder. `means` completes a row of the reference page. */
export function entry<Facts>(means: string, read: (facts: Facts) => PlaceholderValue): Placeholder<Facts> {
  return { means, read };
}

/** A moment (unix milliseconds) in the forms that APIs use, each named by the prefix and its form. Undefined: null. */
export function momentEntries<Facts>(
  prefix: string,
  means: string,
  read: (facts: Facts) => number | undefined,
): Vocabulary<Facts> {
  const form = (suffix: string, how: string, print: (ms: number) => PlaceholderValue): Vocabulary<Facts> => ({
    [prefix + suffix]: entry(`${means}, ${how}`, (facts: Facts) => {
      const ms = read(facts);
      return ms === undefined ? null : print(ms);
    }),
  });
  return {
    ...form("Iso", "as `2026-08-01T00:00:00Z`", (ms) => `${printSeconds(ms)}Z`),
    ...form("IsoOffset", "as `2026-08-01T00:00:00+00:00`", (ms) => `${printSeconds(ms)}+00:00`),
    ...form("Date", "as its date in UTC, `2026-08-01`", (ms) => printSeconds(ms).slice(0, 10)),
    ...form("Unix", "in unix seconds", (ms) => Math.floor(ms / 1000)),
    ...form("UnixMs", "in unix milliseconds", (ms) => ms),
  };
}

function printSeconds(ms: number): string {
  return new Date(ms).toISOString().slice(0, 19);
}

/** What every answer to a request knows. */
export function contextEntries<Facts extends { readonly context: RenderContext }>(): Vocabulary<Facts> {
  return mapCommon<Facts>({
    requestId: entry("the request's id, also in `X-Request-Id`", (facts: Facts) => facts.context.requestId),
    requestIdHex: entry("the request's id without its hyphens: 32 hex digits", (facts: Facts) =>
      facts.context.requestId.replaceAll("-", ""),
    ),
    endpoint: entry(
      "the endpoint as its price names it; null when none matched",
      (facts: Facts) => facts.context.endpoint ?? null,
    ),
    requestPath: entry(
      "the request's path, without its query; null when it could not be read",
      (facts: Facts) => facts.context.path ?? null,
    ),
    elapsedSeconds: entry(
      "seconds since the request arrived, to the millisecond; 0 when unknown",
      (facts: Facts) => {
        const { nowMs, startedMs } = facts.context;
        return startedMs === undefined ? 0 : Math.max(0, Math.round(nowMs - startedMs)) / 1000;
      },
    ),
    ...momentEntries<Facts>("now", "the time of the answer", (facts) => facts.context.nowMs),
  });
}

function mapCommon<Facts>(vocabulary: Vocabulary<Facts>): Vocabulary<Facts> {
  return Object.fromEntries(
    Object.entries(vocabulary).map(([name, placeholder]) => [name, { ...placeholder, isCommon: true }]),
  );
}
