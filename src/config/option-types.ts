import { z } from "zod";
import { parseCredits } from "../domain/credits.ts";

/** What every option has, once: the reference, the JSON Schema and the messages are made from it. */
export interface OptionText {
  readonly description: string;
  /** Why the default is what it is, or why the option is required. */
  readonly reason: string;
}

const MS_PER_UNIT: ReadonlyMap<string, number> = new Map([
  ["ms", 1],
  ["s", 1000],
  ["m", 60_000],
  ["h", 3_600_000],
  ["d", 86_400_000],
]);

/** Milliseconds of `250ms`, `30s`, `5m`, `24h` or `1d`; undefined when it is none. */
export function parseMilliseconds(text: string): number | undefined {
  const match = /^(\d{1,9})(ms|s|m|h|d)$/.exec(text);
  return match === null ? undefined : Number(match[1]) * (MS_PER_UNIT.get(match[2] ?? "") ?? 0);
}

const BYTES_PER_UNIT: ReadonlyMap<string, number> = new Map([
  ["B", 1],
  ["KiB", 1024],
  ["MiB", 1_048_576],
]);

/** Bytes of `16KiB`, `10MiB` or `512B`; undefined when it is none. */
export function parseByteSize(text: string): number | undefined {
  const match = /^(\d{1,9})(B|KiB|MiB)$/.exec(text);
  return match === null ? undefined : Number(match[1]) * (BYTES_PER_UNIT.get(match[2] ?? "") ?? 0);
}

/** A duration between `min` and `max`, in milliseconds after parsing. */
export function duration(option: OptionText & { default: string; min: string; max: string }) {
  const unit = "write a whole number and a unit: 250ms, 30s, 5m, 24h, 1d";
  return measured(option, parseMilliseconds, "is not a duration", unit);
}

/** A size between `min` and `max`, in bytes after parsing. */
export function byteSize(option: OptionText & { default: string; min: string; max: string }) {
  return measured(
    option,
    parseByteSize,
    "is not a size",
    "write a whole number and a unit: 512B, 16KiB, 10MiB",
  );
}

function measured(
  option: OptionText & { default: string; min: string; max: string },
  parse: (text: string) => number | undefined,
  wrong: string,
  fix: string,
) {
  const min = parse(option.min) ?? 0;
  const max = parse(option.max) ?? 0;
  const range = `write ${option.min} to ${option.max}`;
  return z
    .string()
    .meta({ fix })
    .transform((text, context) => {
      const value = parse(text);
      if (value !== undefined && value >= min && value <= max) return value;
      const reason = value === undefined ? wrong : `is not between ${option.min} and ${option.max}`;
      const params = { fix: value === undefined ? fix : range };
      context.addIssue({ code: "custom", message: `${JSON.stringify(text)} ${reason}`, params });
      return z.NEVER;
    })
    .prefault(option.default)
    .meta({
      description: option.description,
      reason: option.reason,
      range: `${option.min} to ${option.max}`,
    });
}

/** A whole number between `min` and `max`. */
export function count(option: OptionText & { default: number; min: number; max: number }) {
  return z
    .int()
    .min(option.min)
    .max(option.max)
    .meta({ fix: `write a whole number, ${option.min} to ${option.max}` })
    .default(option.default)
    .meta({ description: option.description, reason: option.reason });
}

/** An amount of credits above 0, as a number or text. */
export const amount = z
  .union([z.number(), z.string()])
  .transform((input, context) => {
    const credits = parseCredits(input);
    if (credits !== undefined && credits > 0n) return credits;
    const params = {
      fix: "write a plain number above 0 with at most six decimals, up to a billion: 10000, 0.5",
    };
    context.addIssue({ code: "custom", message: `${JSON.stringify(input)} is not an amount`, params });
    return z.NEVER;
  })
  .meta({ fix: "write a plain number above 0 with at most six decimals: 10000, 0.5" });

/** What is wrong where one option is above another one: it would never count. Of each pair the first is the smaller. */
export function inOrder<Name extends string>(
  ...pairs: readonly (readonly [smaller: Name, larger: Name])[]
): (options: Readonly<Partial<Record<Name, unknown>>>, context: z.RefinementCtx) => void {
  return (options, context) => {
    for (const [smaller, larger] of pairs) {
      const [one, other] = [options[smaller], options[larger]];
      if (!isAmount(one) || !isAmount(other) || one <= other) continue;
      const params = { fix: `write a smaller ${smaller}, or a larger ${larger}` };
      const message = `is above ${larger}, and would never count`;
      context.addIssue({ code: "custom", path: [smaller], message, params });
    }
  };
}

function isAmount(value: unknown): value is number | bigint {
  return typeof value === "number" || typeof value === "bigint";
}
