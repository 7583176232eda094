import { type Credits, formatCredits } from "../domain/credits.ts";

/** What a placeholder may stand for. A bigint is an amount of credits and prints as a plain decimal number. */
export type PlaceholderValue = string | number | boolean | null | Credits;

/** The placeholders that are allowed in one place, each with what it reads and what it means. */
export type Vocabulary<Facts> = Readonly<Record<string, Placeholder<Facts>>>;

export interface Placeholder<Facts> {
  readonly means: string;
  readonly read: (facts: Facts) => PlaceholderValue;
}

/** A compiled template: concatenation of prepared text and values, nothing is parsed while rendering. */
export type Render<Facts> = (facts: Facts) => string;

/** Where a template says something that cannot be rendered. */
export interface TemplateProblem {
  readonly path: readonly (string | number)[];
  readonly reason: string;
  readonly mend: string;
}

/** Literal text, or a placeholder's reader. */
type Part<Facts> = string | Placeholder<Facts>["read"];

/** A value inside text: null leaves nothing. */
function printText(value: PlaceholderValue): string {
  if (typeof value === "string") return value;
  if (typeof value === "bigint") return formatCredits(value);
  return value === null ? "" : String(value);
}

/** A value as JSON. An amount is printed from its digits: no floating-point number comes between. */
function printJson(value: PlaceholderValue): string {
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

/**
 * JSON whose string leaves hold placeholders. A leaf that is exactly one placeholder takes the typed value (a number stays a
 * number, null stays null); any other leaf is text. `lists` are the members that repeat: `{ $eachPool: {…} }`.
 */
export function compileJson<Facts>(
  template: unknown,
  vocabulary: Vocabulary<Facts>,
  problems: TemplateProblem[],
  path: TemplateProblem["path"] = [],
  lists: ListMembers<Facts> = {},
): Render<Facts> {
  const parts: Part<Facts>[] = [];
  writeJson(template, { vocabulary, problems, lists }, path, parts);
  // Every part is JSON text already, so joining prints nothing anew.
  return joinParts(parts, String);
}

/** Members that stand for a list of values, each rendered by the template below them. */
export type ListMembers<Facts> = Readonly<
  Record<string, (template: unknown, path: TemplateProblem["path"]) => Render<Facts>>
>;

interface JsonScope<Facts> {
  readonly vocabulary: Vocabulary<Facts>;
  readonly problems: TemplateProblem[];
  readonly lists: ListMembers<Facts>;
}

function writeJson<Facts>(
  template: unknown,
  scope: JsonScope<Facts>,
  path: TemplateProblem["path"],
  out: Part<Facts>[],
): void {
  if (typeof template === "string") writeLeaf(template, scope, path, out);
  else if (Array.isArray(template)) {
    out.push("[");
    for (const [index, item] of template.entries()) {
      if (index > 0) out.push(",");
      writeJson(item, scope, [...path, index], out);
    }
    out.push("]");
  } else if (typeof template === "object" && template !== null) writeObject(template, scope, path, out);
  else if (typeof template === "number" || typeof template === "boolean" || template === null) {
    out.push(printJson(template));
  } else {
    scope.problems.push({
      path,
      reason: "is not a JSON value",
      mend: "write a text, a number, true, false, null, a list or an object",
    });
  }
}

function writeObject<Facts>(
  template: object,
  scope: JsonScope<Facts>,
  path: TemplateProblem["path"],
  out: Part<Facts>[],
): void {
  const members: [string, unknown][] = Object.entries(template);
  const [first] = members;
  if (first !== undefined && members.length === 1) {
    const [name, item] = first;
    const list = Object.hasOwn(scope.lists, name) ? scope.lists[name] : undefined;
    if (list !== undefined) {
      out.push(list(item, [...path, name]));
      return;
    }
  }
  out.push("{");
  for (const [index, [name, value]] of members.entries()) {
    if (name.startsWith("$") || name.includes("${")) {
      scope.problems.push({
        path: [...path, name],
        reason: `"${name}" is not a member's name`,
        mend: `placeholders stand in values only${listHint(scope.lists)}`,
      });
    }
    out.push(`${index > 0 ? "," : ""}${JSON.stringify(name)}:`);
    writeJson(value, scope, [...path, name], out);
  }
  out.push("}");
}

function listHint(lists: ListMembers<never>): string {
  const names = Object.keys(lists);
  return names.length === 0 ? "" : `; a list is an object whose only member is ${names.join(" or ")}`;
}

function writeLeaf<Facts>(
  template: string,
  { vocabulary, problems }: JsonScope<Facts>,
  path: TemplateProblem["path"],
  out: Part<Facts>[],
): void {
  const parts = splitTemplate(template, vocabulary, problems, path);
  const [only] = parts;
  if (parts.length === 1 && typeof only === "function") {
    out.push((facts) => printJson(only(facts)));
    return;
  }
  out.push('"');
  for (const part of parts) {
    if (typeof part === "string") out.push(JSON.stringify(part).slice(1, -1));
    else out.push((facts) => JSON.stringify(printText(part(facts))).slice(1, -1));
  }
  out.push('"');
}

function splitTemplate<Facts>(
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
    const placeholder = Object.hasOwn(vocabulary, name) ? vocabulary[name] : undefined;
    literal += template.slice(from, start);
    if (literal !== "") parts.push(literal);
    literal = "";
    if (end === -1 || placeholder === undefined) {
      problems.push(unknownPlaceholder(name, end === -1, vocabulary, path));
      return parts;
    }
    parts.push(placeholder.read);
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
  const allowed = Object.keys(vocabulary).map((known) => `\${${known}}`);
  return {
    path,
    reason: open ? `the placeholder \${${name} has no closing brace` : `unknown placeholder \${${name}}`,
    mend: `allowed here: ${allowed.join(", ")}; write $\${ for a literal \${`,
  };
}

/** Neighbouring literals are merged, so that rendering costs one step per placeholder. */
function joinParts<Facts>(
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
