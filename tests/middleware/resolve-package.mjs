/** `node --import` of it: the package's own names are the sources, and others are found in this repository, wherever the importer lies. */
import { registerHooks } from "node:module";

const ROOT = new URL("../../", import.meta.url);

registerHooks({
  resolve(specifier, context, nextResolve) {
    const [, door] = /^farebox\/(\w+)$/.exec(specifier) ?? [];
    if (door !== undefined) return nextResolve(new URL(`src/embed/${door}.ts`, ROOT).href, context);
    const isPackage = /^(@?[a-z])/.test(specifier) && !specifier.startsWith("node:");
    return nextResolve(specifier, isPackage ? { ...context, parentURL: ROOT.href } : context);
  },
});
