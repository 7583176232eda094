import {
  type Alias,
  type Document,
  isCollection,
  isScalar,
  type Node,
  visit,
  type YAMLError,
  type YAMLWarning,
} from "yaml";

/** What a person has to change in a YAML file, and where. */
export interface YamlFault {
  readonly offset: number;
  readonly reason: string;
  readonly fix: string;
}

/** No file of a person's hand is nested so deep; what reads it goes down by recursion. */
const MAX_DEPTH = 200;

/** The first mistake of syntax in words. What follows it is read from a wrong beginning: one unquoted `{id}` makes dozens. */
export function explainSyntax(fault: YAMLError | YAMLWarning, text: string): YamlFault {
  const [offset] = fault.pos;
  if (fault.code === "DUPLICATE_KEY") {
    const name = /^(?:"([^"]*)"|'([^']*)'|([^\s:]+))/.exec(text.slice(offset, offset + 200));
    const shown = JSON.stringify(name?.[1] ?? name?.[2] ?? name?.[3] ?? "");
    return { offset, reason: `the field ${shown} is written twice`, fix: "remove one of the two" };
  }
  if (fault.code === "BAD_ALIAS") {
    return {
      offset,
      reason: "a text that begins with * is no plain text in YAML",
      fix: 'put it in quotes: "*"',
    };
  }
  if (/call stack/i.test(fault.message)) return tooDeep(offset);
  const line = text.slice(text.lastIndexOf("\n", offset - 1) + 1).split("\n", 1)[0] ?? "";
  // A parameter in an unquoted match ends the member that it stands in: `{ match: GET /v1/{id}, cost: 1 }`.
  const isMatch = /\b(?:match|path):\s*(?![\s"'])[^"']*\{[^}]*\}/.test(line);
  const fix = isMatch ? 'put the match in quotes: match: "GET /v1/{id}"' : "fix the syntax of this line";
  return { offset, reason: `not valid YAML: ${fault.message}`, fix };
}

/** What is well-formed and no file of ours all the same; undefined: nothing. */
export function findFault(document: Document): YamlFault | undefined {
  const { yaml } = document.directives ?? {};
  if (yaml?.explicit === true && yaml.version !== "1.2") {
    const reason = `is written as YAML ${yaml.version}, in which 010 is 8 and yes is true`;
    return { offset: 0, reason, fix: "remove the line that begins with %YAML: files are read as YAML 1.2" };
  }
  let found: YamlFault | undefined;
  visit(document, (key, node, path) => {
    if (isScalar(node)) {
      if (key === "key" && node.value === "__proto__") {
        const fix = "give it another name";
        found = { offset: offsetOf(node), reason: "nothing can be called __proto__", fix };
      }
    } else if (isCollection(node)) {
      if (path.filter(isCollection).length > MAX_DEPTH) found = tooDeep(offsetOf(node));
    } else if (isAliasNode(node)) found = faultOfAlias(node, document, path);
    return found === undefined ? undefined : visit.BREAK;
  });
  return found;
}

/** The first alias of a document that repeats too much by them. */
export function explainAliases(document: Document): YamlFault {
  let offset = 0;
  visit(document, {
    Alias(_, alias) {
      offset = offsetOf(alias);
      return visit.BREAK;
    },
  });
  return {
    offset,
    reason: "repeats 100 things or more by aliases (*name)",
    fix: "write the repeated parts out",
  };
}

function faultOfAlias(alias: Alias, document: Document, path: readonly unknown[]): YamlFault | undefined {
  const target = alias.resolve(document);
  const offset = offsetOf(alias);
  if (target === undefined) {
    const reason = `*${alias.source} repeats what &${alias.source} marks, and nothing before it is marked so`;
    return { offset, reason, fix: `if it is a text, put it in quotes: "*${alias.source}"` };
  }
  if (!path.includes(target)) return undefined;
  return { offset, reason: `*${alias.source} stands in what it repeats`, fix: "write the repeated part out" };
}

function isAliasNode(node: unknown): node is Alias {
  return typeof node === "object" && node !== null && "source" in node && "resolve" in node;
}

function offsetOf(node: Node): number {
  return node.range?.[0] ?? 0;
}

function tooDeep(offset: number): YamlFault {
  return { offset, reason: `is nested more than ${MAX_DEPTH} levels deep`, fix: "write it flatter" };
}
