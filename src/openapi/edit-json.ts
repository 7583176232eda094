import { type Edit, type Node, parseTree } from "jsonc-parser";
import type { DocumentPath } from "../contract/yaml-document.ts";
import { nodeFinder } from "./json-nodes.ts";

/** Members that an object of a document gets (a value), or loses (undefined). */
export interface ObjectEdit {
  readonly place: DocumentPath;
  readonly members: Readonly<Record<string, unknown>>;
}

/** Sets and removes members of objects in a JSON text. Every other character of it stays what it is. */
export function editJsonObjects(text: string, edits: readonly ObjectEdit[]): string {
  const root = parseTree(text);
  if (root === undefined) return text;
  const unit = /^([ \t]+)"/m.exec(text)?.[1] ?? "  ";
  const find = nodeFinder(root);
  return applyAll(
    text,
    edits.flatMap(({ place, members }) => {
      const object = find(place);
      return object === undefined ? [] : editObject(text, object, members, unit);
    }),
  );
}

/** In one pass: to cut and join a large text for each edit takes its length every time. */
function applyAll(text: string, edits: readonly Edit[]): string {
  const pieces: string[] = [];
  let at = 0;
  for (const { offset, length, content } of edits.toSorted((one, other) => one.offset - other.offset)) {
    pieces.push(text.slice(at, offset), content);
    at = offset + length;
  }
  return pieces.join("") + text.slice(at);
}

function editObject(
  text: string,
  object: Node,
  members: ObjectEdit["members"],
  unit: string,
): readonly Edit[] {
  const properties = object.children ?? [];
  const last = properties.at(-1);
  const indent = last === undefined ? "" : lineIndent(text, last.offset);
  const edits: Edit[] = [];
  const added: string[] = [];
  for (const [name, value] of Object.entries(members)) {
    const index = properties.findIndex((property) => property.children?.[0]?.value === name);
    const old = properties[index]?.children?.[1];
    const isOneLine = last === undefined || !text.slice(object.offset, last.offset).includes("\n");
    const written = value === undefined ? "" : renderValue(value, indent, isOneLine ? "" : unit);
    if (old === undefined && value !== undefined) added.push(`${JSON.stringify(name)}: ${written}`);
    if (old !== undefined && value === undefined) edits.push(removal(properties, index));
    if (old === undefined || value === undefined) continue;
    if (JSON.stringify(JSON.parse(text.slice(old.offset, old.offset + old.length))) === JSON.stringify(value))
      continue;
    edits.push({ offset: old.offset, length: old.length, content: written });
  }
  if (added.length === 0) return edits;
  if (last === undefined) {
    return [{ offset: object.offset, length: object.length, content: `{ ${added.join(", ")} }` }];
  }
  const gap = text.slice(object.offset, last.offset).includes("\n") ? `\n${indent}` : " ";
  const content = added.map((member) => `,${gap}${member}`).join("");
  return [...edits, { offset: last.offset + last.length, length: 0, content }];
}

/** With the comma before it, or after it where it is the first. */
function removal(properties: readonly Node[], index: number): Edit {
  const [before, property, after] = [properties[index - 1], properties[index], properties[index + 1]];
  const end = (node: Node | undefined): number => (node === undefined ? 0 : node.offset + node.length);
  const start = property?.offset ?? 0;
  if (before !== undefined) return { offset: end(before), length: end(property) - end(before), content: "" };
  return { offset: start, length: (after?.offset ?? end(property)) - start, content: "" };
}

function renderValue(value: unknown, indent: string, unit: string): string {
  return JSON.stringify(value, null, unit).replaceAll("\n", `\n${indent}`);
}

/** What stands before the first character of the line. */
function lineIndent(text: string, offset: number): string {
  const line = text.slice(text.lastIndexOf("\n", offset - 1) + 1, offset);
  return /^[ \t]*/.exec(line)?.[0] ?? "";
}
