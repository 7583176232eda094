import { nearestWord } from "../../nearest-word.ts";
import { at, describeValue, type Problem } from "../../problem.ts";

const MAX_PLANS = 100;
/** As the configuration names plans. */
const MAX_NAME_LENGTH = 100;

/**
 * Reads `plan`: the name of a plan, or a list of them. Undefined: left out, or wrong. `known` are the plans that exist; undefined: any
 * name may be one.
 */
export function parsePlans(
  input: unknown,
  path: string,
  known: readonly string[] | undefined,
  problems: Problem[],
): readonly string[] | undefined {
  if (input === undefined) return undefined;
  const list: readonly unknown[] = Array.isArray(input) ? input : [input];
  const names = list.filter(isName);
  if (names.length === 0 || names.length < list.length || names.length > MAX_PLANS) {
    const reason = `expected the name of a plan, or a list of 1 to ${MAX_PLANS}, got ${describeValue(input)}`;
    problems.push({ path, reason, fix: "write plan: growth, or plan: [growth, scale]" });
    return undefined;
  }
  const unknown = known === undefined ? [] : names.filter((name) => !known.includes(name));
  for (const name of unknown) {
    const nearest = nearestWord(name, known ?? []);
    const plans =
      known?.length === 0 ? "there are no plans: add it to plans" : `the plans are ${known?.join(", ")}`;
    problems.push({
      path: Array.isArray(input) ? at(path, list.indexOf(name)) : path,
      reason: `there is no plan ${describeValue(name)}`,
      fix: nearest === undefined ? plans : `did you mean ${nearest}?`,
    });
  }
  return unknown.length === 0 ? [...new Set(names)].toSorted() : undefined;
}

function isName(name: unknown): name is string {
  return typeof name === "string" && name !== "" && name.length <= MAX_NAME_LENGTH;
}
