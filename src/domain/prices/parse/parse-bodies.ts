import { at, describeValue, type Problem } from "../../problem.ts";
import type { Price } from "../price.ts";
import { readsBody } from "../request-reads.ts";

/** What a price that reads the body may say about bodies. */
export type BodyRules = Pick<Price, "bodies" | "unreadable">;

const KINDS: ReadonlySet<unknown> = new Set(["json", "form", "multipart"]);
const MEDIA_TYPE = /^[a-z0-9][a-z0-9!#$&^_.+-]{0,60}\/[a-z0-9][a-z0-9!#$&^_.+-]{0,60}$/;
const MAX_BODIES = 20;

/** Nobody reads a body here. */
export const NO_BODY_RULES: BodyRules = { bodies: [], unreadable: "refuse" };

/** Reads `bodies` and `unreadable` of a price that is otherwise known: both mean something only where it reads a field of the body. */
export function parseBodyRules(
  object: Readonly<Record<string, unknown>>,
  path: string,
  fields: Parameters<typeof readsBody>[0],
  problems: Problem[],
): BodyRules | undefined {
  if (readsBody(fields)) return readRules(object, path, problems);
  for (const name of ["bodies", "unreadable"] as const) {
    if (object[name] === undefined) continue;
    const reason = "the price reads no field of the body";
    problems.push({ path: at(path, name), reason, fix: `remove ${name}` });
  }
  return NO_BODY_RULES;
}

function readRules(
  object: Readonly<Record<string, unknown>>,
  path: string,
  problems: Problem[],
): BodyRules | undefined {
  const bodies = readBodies(object["bodies"], at(path, "bodies"), problems);
  const unreadable = object["unreadable"] ?? "refuse";
  if (unreadable !== "refuse" && unreadable !== "dearest") {
    problems.push({
      path: at(path, "unreadable"),
      reason: `unknown ${describeValue(unreadable)}`,
      fix: "write refuse (415, the default) or dearest (the dearest price that it may have)",
    });
    return undefined;
  }
  return bodies === undefined ? undefined : { bodies, unreadable };
}

function readBodies(input: unknown, path: string, problems: Problem[]): readonly string[] | undefined {
  if (input === undefined) return ["json"];
  const list: readonly unknown[] = Array.isArray(input) ? input : [];
  const words = list.filter(isBodyWord);
  if (words.length > 0 && words.length === list.length && list.length <= MAX_BODIES)
    return [...new Set(words)];
  problems.push({
    path,
    reason: `expected a list of json, form, multipart and media types that are JSON, got ${describeValue(input)}`,
    fix: "write it like [json, form] or [json, application/vnd.api+json]",
  });
  return undefined;
}

function isBodyWord(word: unknown): word is string {
  return KINDS.has(word) || (typeof word === "string" && MEDIA_TYPE.test(word));
}

/** Reads `head`: whether HEAD costs what its GET does (`charged`, the default) or nothing (`free`). */
export function parseHead(
  input: unknown,
  path: string,
  method: string | undefined,
  problems: Problem[],
): Price["head"] | undefined {
  if (input === undefined) return "charged";
  if (input !== "free" && input !== "charged") {
    const reason = `unknown ${describeValue(input)}`;
    problems.push({ path, reason, fix: "write free, or charged (the default)" });
    return undefined;
  }
  if (method === undefined || method === "GET" || method === "*") return input;
  const fix = method === "HEAD" ? "write free: true instead of cost" : "remove head";
  problems.push({ path, reason: "only a price of GET is HEAD's too", fix });
  return undefined;
}
