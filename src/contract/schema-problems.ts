import { z } from "zod";
import { nearestWord } from "../domain/nearest-word.ts";
import { describeValue } from "../domain/problem.ts";
import type { FileProblem } from "./file-problem.ts";
import { type DocumentPath, formatPath, type YamlDocument } from "./yaml-document.ts";

type Issue = z.core.$ZodIssue;
type Schema = z.core.$ZodType;

/** Parses a document by a schema. Returns the value, or every problem with its line, its reason and its fix. */
export function parseBySchema<Output>(
  document: YamlDocument,
  schema: z.ZodType<Output>,
): { readonly value: Output } | { readonly problems: readonly FileProblem[] } {
  const parsed = schema.safeParse(document.value);
  if (parsed.success) return { value: parsed.data };
  const scope = { document, schema };
  return { problems: parsed.error.issues.flatMap((issue) => readIssue(scope, issue, [])) };
}

interface Scope {
  readonly document: YamlDocument;
  readonly schema: Schema;
}

function readIssue(scope: Scope, issue: Issue, parent: DocumentPath): FileProblem[] {
  const path = [...parent, ...issue.path.map((step) => (typeof step === "symbol" ? step.toString() : step))];
  const { code } = issue;
  if (code === "unrecognized_keys") return issue.keys.map((key) => unknownMember(scope, path, key));
  if (code === "invalid_union") return readUnion(scope, issue, path);
  if (code === "invalid_key") return [badMember(scope, path, issue.issues[0])];
  return [problemAt(scope, path, reasonOf(scope, issue, path), fixOf(scope, issue, path))];
}

/** A member whose name is refused: one of a fixed list of names, or a name that has to have a form. */
function badMember(scope: Scope, path: DocumentPath, inner: Issue | undefined): FileProblem {
  const member = String(path.at(-1));
  if (inner?.code === "invalid_value") return unknownMember(scope, path.slice(0, -1), member);
  const line = scope.document.lineOfMember(path.slice(0, -1), member);
  const reason = `${describeValue(member)} ${inner?.message ?? "is not a name"}`;
  return { ...problemAt(scope, path, reason, advise(scope, path)), line };
}

/** Of several allowed forms, the one that was meant got furthest: a form that is refused at its root was not meant. */
function readUnion(scope: Scope, issue: z.core.$ZodIssueInvalidUnion, path: DocumentPath): FileProblem[] {
  const meant = issue.errors
    .filter(
      (branch) => branch.length > 0 && !branch.some((inner) => inner.path.length === 0 && isWrongForm(inner)),
    )
    .sort((one, other) => shallowest(other) - shallowest(one) || one.length - other.length)[0];
  if (meant !== undefined) return meant.flatMap((inner) => readIssue(scope, inner, path));
  const value = readAt(scope.document.value, path);
  const reason = value === undefined ? "is missing" : `${describeValue(value)} has none of the allowed forms`;
  return [problemAt(scope, path, reason, advise(scope, path))];
}

/** How deep in the value a form first fails. A form that has the member, and refuses what it says, got further than one that has not. */
function shallowest(branch: readonly Issue[]): number {
  return Math.min(...branch.map(({ code, path }) => path.length + (code === "unrecognized_keys" ? 0.5 : 0)));
}

function isWrongForm(issue: Issue): boolean {
  return issue.code === "invalid_type" || issue.code === "invalid_value" || issue.code === "invalid_union";
}

function unknownMember(scope: Scope, path: DocumentPath, member: string): FileProblem {
  const known = knownMembers(schemasAt(scope.schema, path));
  // Another form of the same thing has it.
  const isMisplaced = known.includes(member);
  const near = isMisplaced ? undefined : nearestWord(member, known);
  const fields = `the fields are ${known.join(", ")}`;
  return {
    file: scope.document.file,
    path: formatPath([...path, member]),
    line: scope.document.lineOfMember(path, member),
    reason: isMisplaced
      ? `the field ${JSON.stringify(member)} cannot stand here with what it says, or beside the others`
      : `unknown field ${JSON.stringify(member)}`,
    fix: near === undefined ? fields : `did you mean ${near}?`,
  };
}

function reasonOf(scope: Scope, issue: Issue, path: DocumentPath): string {
  const value = readAt(scope.document.value, path);
  if (issue.code === "custom") return issue.message;
  if (value === undefined) return "is missing";
  const shown = describeValue(value);
  if (issue.code === "invalid_type") return `expected ${nameType(issue.expected)}, got ${shown}`;
  if (issue.code === "too_small")
    return typeof value === "number" ? `${shown} is below ${issue.minimum}` : "is empty";
  if (issue.code === "too_big") {
    return typeof value === "number"
      ? `${shown} is above ${issue.maximum}`
      : `has more than ${issue.maximum} items`;
  }
  return issue.code === "invalid_value" ? `${shown} is not known here` : `${shown} ${issue.message}`;
}

function fixOf(scope: Scope, issue: Issue, path: DocumentPath): string {
  if (issue.code === "custom" && typeof issue.params?.["fix"] === "string") return issue.params["fix"];
  if (issue.code !== "invalid_value") return advise(scope, path);
  const words = issue.values.map(String);
  const value = readAt(scope.document.value, path);
  const near = typeof value === "string" ? nearestWord(value, words) : undefined;
  if (near !== undefined) return `did you mean ${near}?`;
  return words.length === 1 ? `write ${words[0]}` : `write one of ${words.join(", ")}`;
}

/** The advice of the schemas at the path, or of the nearest ones above it: a fix, else what the option is. */
function advise(scope: Scope, path: DocumentPath): string {
  for (let length = path.length; length >= 0; length -= 1) {
    const notes = schemasAt(scope.schema, path.slice(0, length)).map(
      (schema) => z.globalRegistry.get(schema) ?? {},
    );
    const fix = notes.map((note) => note["fix"]).find((text) => typeof text === "string");
    if (fix !== undefined) return fix;
    const description = notes.map((note) => note.description).find((text) => text !== undefined);
    if (description !== undefined) return `it is: ${description.replace(/\.$/, "")}`;
  }
  return "see the reference";
}

function problemAt(scope: Scope, path: DocumentPath, reason: string, fix: string): FileProblem {
  return {
    file: scope.document.file,
    path: formatPath(path),
    line: scope.document.lineOf(path),
    reason,
    fix,
  };
}

/** The schemas that may apply at a path: several below a union. Wrappers and what they wrap are both listed. */
function schemasAt(root: Schema, path: DocumentPath): readonly Schema[] {
  let schemas = unwrap(root);
  for (const step of path) schemas = schemas.flatMap((schema) => childOf(schema, step)).flatMap(unwrap);
  return schemas;
}

function unwrap(schema: Schema): Schema[] {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault) {
    return [schema, ...unwrap(schema.def.innerType)];
  }
  if (schema instanceof z.ZodPipe) return [schema, ...unwrap(schema.def.in)];
  if (schema instanceof z.ZodUnion) return [schema, ...schema.def.options.flatMap(unwrap)];
  return [schema];
}

function childOf(schema: Schema, step: string | number): readonly Schema[] {
  if (schema instanceof z.ZodArray) return [schema.def.element];
  if (schema instanceof z.ZodRecord) return [schema.def.valueType];
  if (!(schema instanceof z.ZodObject)) return [];
  const child = Object.entries(schema.def.shape).find(([name]) => name === step)?.[1];
  return child === undefined ? [] : [child];
}

function knownMembers(schemas: readonly Schema[]): readonly string[] {
  const names = schemas.flatMap((schema) => {
    if (schema instanceof z.ZodObject) return Object.keys(schema.def.shape);
    const keys = schema instanceof z.ZodRecord ? schema.def.keyType : undefined;
    return keys instanceof z.ZodEnum ? keys.options.map(String) : [];
  });
  return [...new Set(names)];
}

function readAt(value: unknown, path: DocumentPath): unknown {
  let inner = value;
  for (const step of path) {
    if (typeof inner !== "object" || inner === null) return undefined;
    inner = Object.entries(inner).find(([name]) => name === String(step))?.[1];
  }
  return inner;
}

function nameType(expected: string): string {
  if (expected === "object" || expected === "record") return "an object";
  if (expected === "array") return "a list";
  if (expected === "string") return "a text";
  if (expected === "boolean") return "true or false";
  return expected === "int" ? "a whole number" : `a ${expected}`;
}
