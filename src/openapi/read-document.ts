import { type Node, parseTree } from "jsonc-parser";
import type { ScalarTag, Tags } from "yaml";
import type { FileProblem } from "../contract/file-problem.ts";
import { parseYamlDocument, type YamlDocument } from "../contract/yaml-document.ts";
import { nodeFinder } from "./json-nodes.ts";

export type ReadDocument = Pick<YamlDocument, "value" | "lineOf"> & {
  /** Undefined: it is JSON. */
  readonly document?: YamlDocument["document"] | undefined;
};

export function isJson(text: string): boolean {
  return text.trimStart().startsWith("{");
}

/**
 * Reads a document of JSON or YAML. A JSON text that is sound is not read as YAML: parsing a large document with its places and
 * comments takes seconds, most of them for the memory that it needs, so a document is parsed once and written back from that.
 */
export function readDocument(
  file: string,
  text: string,
  maxCharacters: number,
): ReadDocument | readonly FileProblem[] {
  const json = isJson(text) && text.length <= maxCharacters ? readJson(text) : undefined;
  return json ?? parseYamlDocument(file, text, maxCharacters, keepNumbers);
}

/** Undefined: it is no JSON, or an object has a member twice, of which readers take different ones. */
function readJson(text: string): ReadDocument | undefined {
  const root = parseTree(text);
  if (root === undefined || hasMemberTwice(root)) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    const find = nodeFinder(root);
    return {
      value,
      lineOf(path) {
        for (let length = path.length; length >= 0; length -= 1) {
          const node = find(path.slice(0, length));
          if (node !== undefined) return text.slice(0, node.offset).split("\n").length;
        }
        return 1;
      },
    };
  } catch {
    return undefined;
  }
}

function hasMemberTwice(root: Node): boolean {
  const open: Node[] = [root];
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    const children = node.children ?? [];
    if (node.type === "object") {
      const names = new Set(children.map((property) => property.children?.[0]?.value));
      if (names.size < children.length) return true;
    }
    for (const child of children) open.push(child);
  }
  return false;
}

/** Numbers as they are written: `1.10`, and those with more digits than a number holds. */
function keepNumbers(tags: Tags): Tags {
  return tags.map((tag) => {
    if (typeof tag === "string" || !("stringify" in tag) || !/:(int|float)$/.test(tag.tag)) return tag;
    const { stringify } = tag;
    return Object.assign({}, tag, {
      stringify: ((item, ...rest) =>
        item.source ?? stringify?.(item, ...rest) ?? "") satisfies ScalarTag["stringify"],
    });
  });
}
