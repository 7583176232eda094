import { isJsonObject } from "../domain/json/json-value.ts";
import { type ContractFile, contractSchema } from "./contract-schema.ts";
import type { DocumentPath } from "./yaml-document.ts";

/** What stands for required parts that are wrong. It has no mistakes, and is never used. */
const STAND_INS = { name: "wrong", key: [{ header: "x-api-key" }], errorShape: { body: null } };

/**
 * The parts of a wrong contract that are right by themselves, down to the items of lists and the codes of refusals: one mistake of form
 * must not hide the placeholders and names that are wrong elsewhere. `placeOf` gives where something of them is written.
 */
export function readRightParts(written: unknown): {
  readonly file: ContractFile;
  readonly placeOf: (path: DocumentPath) => DocumentPath;
} {
  const kept: Record<string, unknown> = { ...STAND_INS };
  const positions = new Map<string, readonly number[]>();
  for (const [name, schema] of Object.entries(contractSchema.shape)) {
    const part = isJsonObject(written) ? written[name] : undefined;
    const isRight = (value: unknown): boolean => schema.safeParse(value).success;
    if (part === undefined) continue;
    if (isRight(part)) kept[name] = part;
    else if (Array.isArray(part)) {
      const items = part.flatMap((item: unknown, index) => (isRight([item]) ? [{ item, index }] : []));
      if (items.length === 0) continue;
      kept[name] = items.map(({ item }) => item);
      positions.set(
        name,
        items.map(({ index }) => index),
      );
    } else if (name === "refusals" && isJsonObject(part)) {
      const codes = Object.entries(part).filter(([code, refusal]) => isRight({ [code]: refusal }));
      kept[name] = Object.fromEntries(codes);
    }
  }
  return {
    file: contractSchema.parse(kept),
    placeOf([name = "", index, ...rest]) {
      const position = typeof index === "number" ? positions.get(String(name))?.[index] : undefined;
      return [name, ...(index === undefined ? [] : [position ?? index]), ...rest];
    },
  };
}
