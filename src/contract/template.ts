import { formatCredits } from "../domain/credits.ts";
import { describeFitting } from "./fitting-placeholders.ts";
import { findPlaceholder, type Placeholder, type PlaceholderValue, type Vocabulary } from "./vocabulary.ts";

/** A compiled template: concatenation of prepared text and values, nothing is parsed while rendering. */
export type Render<Facts> = (facts: Facts) => string;

/** Where a template says something that cannot be rendered. */
export interface TemplateProblem {
  readonly path: readonly (string | number)[];
  readonly reason: string;
  readonly fix: string;
}

/** Literal text, or a placeholder's reader. */
export type Part<Facts> = string | Placeholder<Facts>["read"];

/** A value inside text: null leaves nothing. */
export function printText(value: PlaceholderValue): string {
  if (typeof value === "string") return value;
  if (typeof value === "bigint") return formatCredits(value);
  return value === null ? "" : String(value);
}

/** A value as JSON. An amount is printed from its digits: no floating-point number comes between. */
export function printJson(value: PlaceholderValue): string {
  if (typeof value === "bigint") return formatCredits(value);
  if (typeof value === "number" && !Number.isFinite(value)) return "null";
  return JSON.stringify(value);
}

/** Text with `${name}` placeholders; `$${` stands for a literal `${`. */
export function compileText<Facts>(
  template: string,
  vocabulary: Vocabulary<Facts>,
  problems: TemplateProblem[],
  path: TemplateProblem["path"] = [],
): Render<Facts> {
  return joinParts(splitTemplate(template, vocabulary, problems, path), printText);
}

/** Divides a text into what stands there and what is read. */
export function splitTemplate<Facts>(
  template: string,
  vocabulary: Vocabulary<Facts>,
  problems: TemplateProblem[],
  path: TemplateProblem["path"],
): Part<Facts>[] {
  const parts: Part<Facts>[] = [];
  let literal = "";
  let from = 0;
  for (let start = template.indexOf("${"); start !== -1; start = template.indexOf("${", from)) {
    if (template[start - 1] === "$" && start > from) {
      literal += `${template.slice(from, start - 1)}\${`;
      from = start + 2;
      continue;
    }
    const end = template.indexOf("}", start);
    const name = end === -1 ? template.slice(start + 2) : template.slice(start + 2, end);
    const read = name.endsWith(".*") ? undefined : findPlaceholder(vocabulary, name);
    literal += template.slice(from, start);
    if (literal !== "") parts.push(literal);
    literal = "";
    if (end === -1 || read === undefined) {
      problems.push(unknownPlaceholder(name, end === -1, vocabulary, path));
      return parts;
    }
    parts.push(read);
    from = end + 1;
  }
  literal += template.slice(from);
  if (literal !== "") parts.push(literal);
  return parts;
}

function unknownPlaceholder(
  name: string,
  open: boolean,
  vocabulary: Vocabulary<never>,
  path: TemplateProblem["path"],
): TemplateProblem {
  return {
    path,
    reason: open ? `the placeholder \${${name} has no closing brace` : `unknown placeholder \${${name}}`,
    fix: `${describeFitting(name, vocabulary)}; write $\${ for a literal \${`,
  };
}

/** Neighbouring literals are merged, so that rendering costs one step per placeholder. */
export function joinParts<Facts>(
  parts: readonly Part<Facts>[],
  print: (value: PlaceholderValue) => string,
): Render<Facts> {
  const literals: string[] = [""];
  const readers: Placeholder<Facts>["read"][] = [];
  for (const part of parts) {
    if (typeof part === "string") literals[literals.length - 1] += part;
    else {
      readers.push(part);
      literals.push("");
    }
  }
  const head = literals[0] ?? "";
  if (readers.length === 0) return () => head;
  const steps = readers.map((read, index) => ({ read, tail: literals[index + 1] ?? "" }));
  return (facts) => {
    let text = head;
    for (const step of steps) text += print(step.read(facts)) + step.tail;
    return text;
  };
}
