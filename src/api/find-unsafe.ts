import type { FieldProblem } from "./problem.ts";

/** Only a text with one of these can have what is looked for: all others are not looked through. */
const SUSPECT = /__proto__|\\u/i;

/** Half of a character, which UTF-8 cannot write. */
const HALF = /\p{Cs}/u;

/**
 * What of a JSON body no operation can keep, by its path: members named `__proto__`, which schemas drop in silence; texts with a NUL
 * character, which Postgres cannot store; and halves of characters, which would be stored as other ones. The member `body`, which
 * only a request that is quoted has, is left alone: it is an upstream's, and nothing of it is kept. None for a text that is no JSON.
 */
export function findUnsafe(text: string): FieldProblem[] {
  if (!SUSPECT.test(text)) return [];
  const value = parseJson(text);
  const problems: FieldProblem[] = [];
  // Without recursion: a body may be nested as deeply as it is long.
  const open: { readonly path: string; readonly value: unknown }[] = [{ path: "", value }];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { path, value: at } = next;
    if (typeof at === "string") {
      const reason = faultOf(at);
      if (reason !== undefined) problems.push({ path, reason });
    } else if (typeof at === "object" && at !== null) {
      for (const [name, member] of Object.entries(at)) {
        const below = Array.isArray(at) ? `${path}[${name}]` : path === "" ? name : `${path}.${name}`;
        const reason = name === "__proto__" ? "is not a name that a member can have" : faultOf(name);
        if (reason !== undefined) problems.push({ path: below, reason });
        else if (below !== "body") open.push({ path: below, value: member });
      }
    }
  }
  return problems;
}

function faultOf(text: string): string | undefined {
  if (text.includes("\0")) return "must not have a NUL character";
  return HALF.test(text) ? "must not contain half a character" : undefined;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
