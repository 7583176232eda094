import { isMap, isPair, isScalar, isSeq, visit } from "yaml";
import { fixLostDigits, isTextWord, losesDigits } from "../domain/lost-digits.ts";
import type { FileProblem } from "./file-problem.ts";
import { type DocumentPath, formatPath, type YamlDocument } from "./yaml-document.ts";

/** The numbers of a file that would not be read as they are written, in its order. */
export function findLostDigits(written: YamlDocument): readonly FileProblem[] {
  const found: FileProblem[] = [];
  const { file } = written;
  visit(written.document, {
    Scalar(key, { value, source }, ancestors) {
      if (key === "key" || typeof value !== "number" || source === undefined) return;
      const path = pathOf(ancestors, key);
      const refuse = (reason: string, fix: string): void =>
        void found.push({ file, path: formatPath(path), line: written.lineOf(path), reason, fix });
      if (losesDigits(source)) {
        const reason = `${source} has more digits than a number holds, and would be read as ${value}`;
        refuse(reason, fixLostDigits(path));
      } else if (String(value) !== source && isComparedWithText(ancestors)) {
        const reason = `${source} would be compared as the text "${value}"`;
        refuse(reason, `write it in quotes: "${source}"`);
      }
    },
  });
  return found;
}

const TEXTS = ["query", "header", "path"];

/** Whether it is a value of a condition on what has texts only: there a version 1.0 is not 1. */
function isComparedWithText(ancestors: readonly unknown[]): boolean {
  const index = ancestors.findLastIndex((node) => isPair(node));
  const [condition, pair] = [ancestors[index - 1], ancestors[index]];
  if (!isMap(condition) || !isPair(pair) || !isScalar(pair.key)) return false;
  return isTextWord(pair.key.value) && TEXTS.some((name) => condition.has(name));
}

/** The names and positions of what a node stands in. */
function pathOf(ancestors: readonly unknown[], key: unknown): DocumentPath {
  return ancestors.flatMap((node, index): DocumentPath => {
    if (isPair(node)) return [isScalar(node.key) ? String(node.key.value) : String(node.key)];
    if (!isSeq(node)) return [];
    const position = index + 1 < ancestors.length ? node.items.indexOf(ancestors[index + 1]) : key;
    return typeof position === "number" ? [position] : [];
  });
}
