import {
  type Document,
  isAlias,
  isMap,
  isNode,
  isPair,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseAllDocuments,
  type Tags,
} from "yaml";
import { explainAliases, explainSyntax, findFault, type YamlFault } from "./file/yaml-faults.ts";
import type { FileProblem } from "./file-problem.ts";

/** A place in a document: member names and list positions. */
export type DocumentPath = readonly (string | number)[];

/** A YAML file read with positions, so that a problem can name the line that a person has to change. */
export interface YamlDocument {
  readonly file: string;
  readonly value: unknown;
  /** As it was parsed, with its comments: whoever writes it back need not parse it again. */
  readonly document: Document;
  /** The line of the value at `path`, or of its nearest parent that is written in the file. */
  lineOf(path: DocumentPath): number;
  /** The line of a member's name: where an unknown field is written. */
  lineOfMember(path: DocumentPath, member: string): number;
}

/** A file of a person's hand is far smaller; the limit stops a wrong path (a log, a dump) from being parsed. */
const MAX_FILE_CHARACTERS = 1_048_576;

/** Reads a YAML 1.2 text. Returns what is wrong when it is not one well-formed document. `customTags` change how it is written back. */
export function parseYamlDocument(
  file: string,
  text: string,
  maxCharacters = MAX_FILE_CHARACTERS,
  customTags?: (tags: Tags) => Tags,
): YamlDocument | readonly FileProblem[] {
  const problem = (line: number, reason: string, fix: string): FileProblem => ({
    file,
    path: "",
    line,
    reason,
    fix,
  });
  if (text.length > maxCharacters) {
    return [
      problem(1, `is larger than ${maxCharacters} characters`, "check that the path names the right file"),
    ];
  }
  const lines = new LineCounter();
  const documents = parseAllDocuments(text, {
    lineCounter: lines,
    prettyErrors: false,
    uniqueKeys: true,
    // A member whose name is a list is told as one that is unknown, and not on standard error.
    logLevel: "error",
    ...(customTags === undefined ? {} : { customTags }),
  });
  const first = "empty" in documents ? undefined : documents[0];
  if (first === undefined) return [problem(1, "is empty", "write at least the required options")];
  const second = documents[1];
  if (second !== undefined) {
    return [
      problem(lines.linePos(second.range[0]).line, "holds more than one document", "remove the line ---"),
    ];
  }
  const explain = ({ offset, reason, fix }: YamlFault): readonly FileProblem[] => [
    problem(lines.linePos(offset).line || 1, reason, fix),
  ];
  const fault = [...first.errors, ...first.warnings].toSorted((one, other) => one.pos[0] - other.pos[0])[0];
  if (fault !== undefined) return explain(explainSyntax(fault, text));
  const odd = findFault(first);
  if (odd !== undefined) return explain(odd);
  const value = readValue(() => first.toJS({ maxAliasCount: 100 }) as unknown);
  if (value instanceof Error) return explain(explainAliases(first));
  const root = first.contents as Node | null;
  const lineAt = (node: Node | undefined): number => lines.linePos(node?.range?.[0] ?? 0).line || 1;
  return {
    file,
    value,
    document: first,
    lineOf: (path) => lineAt(findNode(root, path)),
    lineOfMember: (path, member) => lineAt(findMember(findNode(root, path), member)),
  };
}

/** Too many aliases (a "billion laughs" file) are the one thing that fails after a clean parse. */
function readValue(read: () => unknown): unknown {
  try {
    return read();
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

/** The node at the path, or the deepest one on the way to it. */
function findNode(root: Node | null, path: DocumentPath): Node | undefined {
  let node: Node | undefined = root ?? undefined;
  for (const step of path) {
    const parent: Node | undefined = node;
    const child: unknown = isMap(parent) || isSeq(parent) ? parent.get(step, true) : undefined;
    if (!isNode(child) || isAlias(child)) return node;
    node = child;
  }
  return node;
}

function findMember(node: Node | undefined, member: string): Node | undefined {
  if (!isMap(node)) return node;
  for (const pair of node.items) {
    if (isPair(pair) && isScalar(pair.key) && String(pair.key.value) === member) return pair.key;
  }
  return node;
}

/** `["prices", 2, "cost"]` as `prices[2].cost`; a member that is no plain word is quoted. */
export function formatPath(path: DocumentPath): string {
  let text = "";
  for (const step of path) {
    if (typeof step === "number") text += `[${step}]`;
    else if (/^[\w-]+$/.test(step)) text += text === "" ? step : `.${step}`;
    else text += `[${JSON.stringify(step)}]`;
  }
  return text;
}

/** The inverse of {@link formatPath} for paths of plain words and positions: `prices[2].cost` as `["prices", 2, "cost"]`. */
export function parsePath(path: string): DocumentPath {
  return path
    .split(/[.[\]]+/)
    .filter((step) => step !== "")
    .map((step) => (/^\d+$/.test(step) ? Number(step) : step));
}
