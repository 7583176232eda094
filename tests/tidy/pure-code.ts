import type { Program } from "oxc-parser";

/** What the language has, and a host's TextEncoder: the same for the same. Members that are not so are below. */
const PURE_GLOBALS = new Set(
  (
    "Array BigInt Boolean Date Error Infinity Intl JSON Map Math NaN Number Object RangeError RegExp Set String Symbol " +
    "TextEncoder TypeError Uint8Array Uint32Array WeakMap decodeURIComponent encodeURIComponent undefined"
  ).split(" "),
);

/** Members of those that may be used, where not all may: `Date` also as `new Date(…)` with a time. */
const PURE_MEMBERS: Readonly<Record<string, (member: string) => boolean>> = {
  Date: (member) => member === "UTC" || member === "parse",
  Math: (member) => member !== "random",
};

/** Methods that take the present moment when nothing is given to them. */
const NOW_WITHOUT_ARGUMENT = new Set(["format", "formatToParts"]);

/** Methods that go by the process's time zone or language. */
const LOCAL =
  /^(get|set)(Date|Day|FullYear|Hours|Milliseconds|Minutes|Month|Seconds|TimezoneOffset)$|^toLocale|^to(Date|Time)String$/;

/** Names that the process brings along: shadowing one would hide it from the check. */
const HOST_NAMES = new Set(Object.getOwnPropertyNames(globalThis));

type Node = Readonly<Record<string, unknown>> & { readonly type: string };

/** Everything in a program by which it could see a clock, randomness, the process or the world outside. */
export function findImpure(program: Program): string[] {
  const declared = new Set<string>();
  const found: string[] = [];
  walk(program, (node) => {
    for (const name of declaredBy(node)) declared.add(name);
  });
  for (const name of declared) {
    if (HOST_NAMES.has(name)) found.push(`${name} is the name of a global`);
  }
  walk(program, (node, parent) => {
    const reason = judgeNode(node, parent, declared);
    if (reason !== undefined) found.push(reason);
  });
  return found;
}

function judgeNode(node: Node, parent: Node | undefined, declared: ReadonlySet<string>): string | undefined {
  if (node.type === "CallExpression" && listOf(node["arguments"]).length === 0) {
    const method = memberName(asNode(node["callee"]));
    if (method !== undefined && NOW_WITHOUT_ARGUMENT.has(method))
      return `${method}() formats the present moment`;
  }
  if (node.type === "MemberExpression") {
    const name = memberName(node);
    if (name !== undefined && LOCAL.test(name)) return `${name} goes by the process's zone or language`;
  }
  if (node.type !== "Identifier") return undefined;
  const name = String(node["name"]);
  if (declared.has(name) || isProperty(node, parent)) return undefined;
  if (!PURE_GLOBALS.has(name)) return `${name} is not of the language`;
  const members = PURE_MEMBERS[name];
  if (members === undefined || isMomentOf(node, parent)) return undefined;
  const member = parent !== undefined && parent["object"] === node ? memberName(parent) : undefined;
  if (member !== undefined && members(member)) return undefined;
  return member === undefined ? `${name} itself` : `${name}.${member}`;
}

/** `new Date(time)` and `… instanceof Date`. */
function isMomentOf(node: Node, parent: Node | undefined): boolean {
  if (node["name"] !== "Date" || parent === undefined) return false;
  // With several numbers it is a moment of the process's time zone.
  if (parent.type === "NewExpression" && parent["callee"] === node)
    return listOf(parent["arguments"]).length === 1;
  return (
    parent.type === "BinaryExpression" && parent["operator"] === "instanceof" && parent["right"] === node
  );
}

/** The name of a member that is written out: `a.b`. */
function memberName(node: Node | undefined): string | undefined {
  if (node?.type !== "MemberExpression" || node["computed"] === true) return undefined;
  const name = asNode(node["property"])?.["name"];
  return typeof name === "string" ? name : undefined;
}

/** Whether an identifier is the name of a member, and no value. */
function isProperty(node: Node, parent: Node | undefined): boolean {
  if (parent === undefined || parent["computed"] === true) return false;
  if (parent.type === "MemberExpression") return parent["property"] === node;
  const isMember = ["Property", "MethodDefinition", "PropertyDefinition", "AccessorProperty"].includes(
    parent.type,
  );
  return isMember && parent["key"] === node && parent["value"] !== node;
}

const BINDINGS: Readonly<Record<string, readonly string[]>> = {
  VariableDeclarator: ["id"],
  FunctionDeclaration: ["id", "params"],
  FunctionExpression: ["id", "params"],
  ArrowFunctionExpression: ["params"],
  ClassDeclaration: ["id"],
  ClassExpression: ["id"],
  CatchClause: ["param"],
  ImportSpecifier: ["local"],
  ImportDefaultSpecifier: ["local"],
  ImportNamespaceSpecifier: ["local"],
};

function declaredBy(node: Node): string[] {
  return (BINDINGS[node.type] ?? []).flatMap((key) => [node[key]].flat().flatMap(boundNames));
}

/** The names in a pattern: `{ a: [b], ...c }` binds `b` and `c`. */
function boundNames(value: unknown): string[] {
  const node = asNode(value);
  if (node === undefined) return [];
  if (node.type === "Identifier") return [String(node["name"])];
  const inside = {
    ObjectPattern: "properties",
    ArrayPattern: "elements",
    Property: "value",
    RestElement: "argument",
  };
  const key = node.type === "AssignmentPattern" ? "left" : Reflect.get(inside, node.type);
  return typeof key === "string" ? [node[key]].flat().flatMap(boundNames) : [];
}

/** Every node that does something: types, and where modules name things for each other, are left out. */
function walk(value: unknown, visit: (node: Node, parent: Node | undefined) => void, parent?: Node): void {
  if (Array.isArray(value)) {
    for (const one of value) walk(one, visit, parent);
    return;
  }
  const node = asNode(value);
  if (node === undefined || node.type === "ExportSpecifier") return;
  if (!node.type.startsWith("TS")) visit(node, parent);
  if (node.type.startsWith("Import") && node.type.endsWith("Specifier")) return;
  const children = node.type.startsWith("TS") ? [node["expression"]] : Object.values(node);
  for (const child of children) walk(child, visit, node.type.startsWith("TS") ? parent : node);
}

/** How often a program says each name, types included. */
export function countNames(program: Program): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  const count = (value: unknown): void => {
    if (Array.isArray(value)) return value.forEach(count);
    const node = asNode(value);
    if (node === undefined) return;
    const name = String(node["name"]);
    if (node.type === "Identifier") counts.set(name, (counts.get(name) ?? 0) + 1);
    Object.values(node).forEach(count);
  };
  count(program);
  return counts;
}

function asNode(value: unknown): Node | undefined {
  return typeof value === "object" && value !== null && "type" in value ? (value as Node) : undefined;
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
