import { ALLOWED, ALLOWED_IN_TESTS, ALLOWED_OUTSIDE } from "./allowed-arrows.ts";
import { COMPUTED, type Import } from "./imports.ts";

/** What no customer runs: tests, what they stand on, and what only writes generated files. */
export function isTestCode(path: string): boolean {
  return !/^(src|console)\//.test(path) || /\.test\.ts$|\/(testing|generate)\//.test(path);
}

/** The folder of src that a path is in; of a file beside the folders its own name. */
export function folderOf(path: string): string {
  return path.split("/")[1] ?? "";
}

/** The room of its folder that a path is in. */
export function roomOf(path: string): string {
  const [, folder = "", room = "", ...rest] = path.split("/");
  return rest.length > 0 || ALLOWED[folder]?.rooms?.[room] !== undefined ? room : "top";
}

/** src, tests, bench, examples or console. */
const treeOf = (path: string): string => path.split("/", 1)[0] ?? "";

const isFile = (to: string): boolean => /^(src|tests|bench|examples|console)\//.test(to);

/** The import as the table would write it; undefined: it stays where it is. `test:` leads those of test code. */
export function arrowOf({ from, to }: Import): string | undefined {
  const tree = treeOf(from);
  if (tree !== "src") {
    if (!isFile(to) || tree === treeOf(to)) return undefined;
    return `${tree} → ${tree === "console" && to.startsWith("src/") ? `src/${folderOf(to)}` : treeOf(to)}`;
  }
  const prefix = isTestCode(from) ? "test: " : "";
  const folder = folderOf(from);
  if (!isFile(to)) return `${prefix}${folder} → ${packageOf(to)}`;
  if (!to.startsWith("src/")) return `${prefix}${folder} → ${treeOf(to)}/`;
  if (folder !== folderOf(to)) return `${prefix}${folder} → ${folderOf(to)}`;
  if (isTestCode(from) || ALLOWED[folder]?.rooms === undefined || roomOf(from) === roomOf(to))
    return undefined;
  return `${folder}: ${roomOf(from)} → ${roomOf(to)}`;
}

/** `node:fs/promises` is `node:fs`; packages have their names already. */
function packageOf(to: string): string {
  return to.startsWith("node:") ? (to.split("/", 1)[0] ?? to) : to;
}

/** Every arrow of the table, as {@link arrowOf} writes them, but those that "any" allows. */
export function allowedArrows(): Set<string> {
  const arrows = new Set<string>();
  for (const [folder, { folders, packages, node, rooms = {} }] of Object.entries(ALLOWED)) {
    const modules = node === "any" ? [] : node.map((name) => `node:${name}`);
    for (const to of [...folders, ...packages, ...modules]) arrows.add(`${folder} → ${to}`);
    for (const [room, others] of Object.entries(rooms)) {
      for (const to of others) arrows.add(`${folder}: ${room} → ${to}`);
    }
  }
  for (const [folder, others] of Object.entries(ALLOWED_IN_TESTS)) {
    for (const to of others) arrows.add(`test: ${folder} → ${to}`);
  }
  for (const [tree, others] of Object.entries(ALLOWED_OUTSIDE)) {
    for (const to of others) arrows.add(`${tree} → ${to}`);
  }
  return arrows;
}

const ARROWS = allowedArrows();

/** What is wrong with an import, as a sentence; undefined: nothing. */
export function judgeImport(one: Import): string | undefined {
  const { from, to } = one;
  const isTest = isTestCode(from);
  if (!isTest && to === COMPUTED) return `${from} imports what only running tells`;
  if (!isTest && isFile(to) && isTestCode(to)) return `${from} ships, and imports test code: ${to}`;
  const arrow = arrowOf(one);
  if (arrow === undefined || ARROWS.has(arrow)) return undefined;
  if (isTest && (!isFile(to) || ARROWS.has(arrow.replace(/^test: /, "")))) return undefined;
  if (to.startsWith("node:") && ALLOWED[folderOf(from)]?.node === "any") return undefined;
  return `${from} imports ${to}: the table has no arrow ${arrow}`;
}
