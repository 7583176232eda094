import { isJsonObject } from "../../json/json-value.ts";
import { fixLostDigits, mayHaveLostDigits } from "../../lost-digits.ts";
import { at, type Problem } from "../../problem.ts";

/** Numbers of a new list that may not be those that were written: what they are compared with would be another value. */
export function findLostDigits(input: unknown, path: string, problems: Problem[]): void {
  const told = new Set(problems.map((problem) => problem.path));
  const look = (value: unknown, place: string, steps: readonly (string | number)[]): void => {
    if (Array.isArray(value)) {
      for (const [index, item] of value.entries()) look(item, at(place, index), [...steps, index]);
    } else if (isJsonObject(value)) {
      for (const [name, member] of Object.entries(value)) look(member, at(place, name), [...steps, name]);
    } else if (typeof value === "number" && mayHaveLostDigits(value) && !told.has(place)) {
      const reason = `${value} has more digits than a number holds for sure`;
      problems.push({ path: place, reason, fix: fixLostDigits(steps) });
    }
  };
  look(input, path, []);
}
