import type { Node } from "jsonc-parser";
import type { DocumentPath } from "../contract/yaml-document.ts";

/** Finds nodes by their places. Members of an object are read once, however often one of them is looked for. */
export function nodeFinder(root: Node): (place: DocumentPath) => Node | undefined {
  const known = new Map<Node, ReadonlyMap<string, Node>>();
  const membersOf = (object: Node): ReadonlyMap<string, Node> => {
    const found = known.get(object);
    if (found !== undefined) return found;
    const members = new Map<string, Node>();
    for (const { children = [] } of object.children ?? []) {
      const [name, value] = children;
      if (name !== undefined && value !== undefined && !members.has(String(name.value)))
        members.set(String(name.value), value);
    }
    known.set(object, members);
    return members;
  };
  return (place) => {
    let node: Node | undefined = root;
    for (const step of place) {
      if (node === undefined) return undefined;
      node = typeof step === "number" ? node.children?.[step] : membersOf(node).get(step);
    }
    return node;
  };
}
