import { isJsonObject } from "../../json/json-value.ts";
import { nearestWord } from "../../nearest-word.ts";
import { describeValue, type Problem } from "../../problem.ts";
import { MAX_UNITS } from "../outcome.ts";
import type { PricePart } from "../price.ts";

type Per = Pick<PricePart, "per" | "unit">;

const FIX = "write per: request, per: result, or a number of them: per: 10 results";
/** `10 results`, `1000 tokens`, `token`: a name says what is counted, for people. */
const UNIT = /^(?:(\d{1,10}) )?([a-z][a-z_-]{0,29})$/;

/** Reads `per`: `request` (the default), `result`, or the block that the cost is for. */
export function parsePer(input: unknown, path: string, problems: Problem[]): Per | undefined {
  if (input === undefined || input === "request") return { per: "request" };
  if (input === "result") return { per: "result" };
  const refuse = (reason: string, fix: string): undefined => {
    problems.push({ path, reason, fix });
  };
  const [, digits, name = ""] = typeof input === "string" ? (UNIT.exec(input) ?? []) : [];
  if (name === "") return refuse(`${describeValue(input)} does not say what the cost is for`, fixOf(input));
  const size = digits === undefined ? 1 : Number(digits);
  if (size < 1 || size > MAX_UNITS)
    return refuse(`${digits} is no size of a block`, `write 1 to ${MAX_UNITS}`);
  if (/^requests?$/.test(name)) return refuse("requests are charged one by one", "write per: request");
  if (/^results?$/.test(name))
    return size === 1 ? { per: "result" } : { per: "result", unit: { size, name: "results" } };
  const meant = digits === undefined ? nearestWord(name, ["request", "result"]) : undefined;
  return meant === undefined
    ? { per: "result", unit: { size, name } }
    : refuse(`unknown ${describeValue(input)}`, `did you mean ${meant}?`);
}

/** `{ results: 10 }` and `10` say what is meant. */
function fixOf(input: unknown): string {
  if (typeof input === "number") return `write per: ${input} results, if that is what the cost is for`;
  if (!isJsonObject(input)) return FIX;
  const [[name, size] = [], ...others] = Object.entries(input);
  return typeof size === "number" && others.length === 0
    ? `write per: ${size} ${name}, in words: the cost is for each begun block of ${size}`
    : FIX;
}

/** `per` as it is written. */
export function formatPer({ per, unit }: Per): string {
  if (unit === undefined) return per;
  return unit.size === 1 ? unit.name : `${unit.size} ${unit.name}`;
}
