import {
  joinParts,
  type Part,
  printJson,
  printText,
  type Render,
  splitTemplate,
  type TemplateProblem,
} from "./template.ts";
import type { Vocabulary } from "./vocabulary.ts";

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

/** A list as it is rendered. */
interface RenderList<Facts> {
  readonly render: Render<Facts>;
  /** Whether the member that the list is the value of is left out. */
  readonly isAbsent?: ((facts: Facts) => boolean) | undefined;
}

/**
 * Objects that stand for a list of values, by the member that says so: each value is rendered by the template below that member. Other
 * members of the object say more of the list; what a list does not know is a problem.
 */
export type ListMembers<Facts> = Readonly<Record<string, ListMember<Facts>>>;

interface ListMember<Facts> {
  /** Names of further members, `$empty`. */
  readonly options?: readonly string[] | undefined;
  compile(
    template: unknown,
    path: TemplateProblem["path"],
    options: Readonly<Record<string, unknown>>,
  ): Render<Facts> | RenderList<Facts>;
}

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
      fix: "write a text, a number, true, false, null, a list or an object",
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
  const list = openList(members, scope, path);
  if (list !== undefined) {
    out.push(list.render);
    return;
  }
  const values = members.map(([name, value]) => {
    checkName(name, scope, path);
    const { parts, render, isAbsent } = compileValue(value, scope, [...path, name]);
    return { name, parts, render, isAbsent };
  });
  if (values.some(({ isAbsent }) => isAbsent !== undefined)) {
    out.push((facts) => {
      const there = values.filter(({ isAbsent }) => isAbsent?.(facts) !== true);
      return `{${there.map(({ name, render }) => `${JSON.stringify(name)}:${render(facts)}`).join(",")}}`;
    });
    return;
  }
  out.push("{");
  for (const [index, { name, parts }] of values.entries()) {
    out.push(`${index > 0 ? "," : ""}${JSON.stringify(name)}:`, ...parts);
  }
  out.push("}");
}

interface MemberValue<Facts> extends RenderList<Facts> {
  readonly parts: readonly Part<Facts>[];
}

function compileValue<Facts>(
  value: unknown,
  scope: JsonScope<Facts>,
  path: TemplateProblem["path"],
): MemberValue<Facts> {
  const list =
    typeof value === "object" && value !== null && !Array.isArray(value)
      ? openList(Object.entries(value), scope, path)
      : undefined;
  if (list !== undefined) return { ...list, parts: [list.render] };
  const parts: Part<Facts>[] = [];
  writeJson(value, scope, path, parts);
  return { parts, render: joinParts(parts, String) };
}

/** The list that an object stands for; undefined: it is an object. */
function openList<Facts>(
  members: readonly (readonly [string, unknown])[],
  { lists, problems }: JsonScope<Facts>,
  path: TemplateProblem["path"],
): RenderList<Facts> | undefined {
  const [name, item] = members.find(([key]) => Object.hasOwn(lists, key)) ?? [];
  const list = name === undefined ? undefined : lists[name];
  if (name === undefined || list === undefined) return undefined;
  // Besides its own options a list has no members: what stands beside them makes it an object, whose names are then judged.
  const others = members.filter(([key]) => key !== name);
  if (others.some(([key]) => !key.startsWith("$"))) return undefined;
  const known = list.options ?? [];
  for (const [option] of others.filter(([key]) => !known.includes(key))) {
    const fix = known.length === 0 ? "remove it" : `it takes ${known.join(", ")}`;
    problems.push({ path: [...path, option], reason: `${name} takes no "${option}"`, fix });
  }
  const opened = list.compile(item, [...path, name], Object.fromEntries(others));
  return typeof opened === "function" ? { render: opened } : opened;
}

function checkName<Facts>(
  name: string,
  { problems, lists }: JsonScope<Facts>,
  path: TemplateProblem["path"],
): void {
  if (!name.startsWith("$") && !name.includes("${")) return;
  problems.push({
    path: [...path, name],
    reason: `"${name}" is not a member's name`,
    fix: `placeholders stand in values only${listHint(lists)}`,
  });
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
