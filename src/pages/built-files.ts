import { existsSync, readdirSync, readFileSync } from "node:fs";
import { extname, join } from "node:path";
import { gzipSync } from "node:zlib";

/** What `npm run build` makes of `console/`: beside this module's folder in the published package, in `dist` of a clone. */
const BUILT_PAGES = findBuilt();

/** The two pages: what an API's customers see, and what its operators see. */
export type PageName = "portal" | "operator";

/** A file as it is sent. */
export interface PageFile {
  readonly type: string;
  readonly body: Buffer;
  /** Undefined where it would not be smaller. */
  readonly gzip: Buffer | undefined;
}

const TYPES: Readonly<Record<string, string>> = {
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
  ".png": "image/png",
  ".webp": "image/webp",
  ".jpg": "image/jpeg",
  ".jpeg": "image/jpeg",
  ".woff2": "font/woff2",
};

/** Pictures and fonts are compressed already. */
const COMPRESSIBLE = new Set([".js", ".css", ".svg"]);

/** The page's HTML; undefined when the pages were not built. */
export function readPage(name: PageName): string | undefined {
  const path = join(BUILT_PAGES, `${name}.html`);
  return existsSync(path) ? readFileSync(path, "utf8") : undefined;
}

/** What pages load, by the name that the build gave it: names have a hash of the content, so a name's content never changes. */
export function listAssets(): ReadonlySet<string> {
  const folder = join(BUILT_PAGES, "assets");
  return new Set(existsSync(folder) ? readdirSync(folder) : []);
}

export function readAsset(name: string): PageFile {
  return asFile(name, readFileSync(join(BUILT_PAGES, "assets", name)));
}

/** The file under the media type that its name says. */
export function asFile(name: string, body: Buffer): PageFile {
  const extension = extname(name).toLowerCase();
  const gzip = COMPRESSIBLE.has(extension) ? gzipSync(body) : undefined;
  return {
    type: TYPES[extension] ?? "application/octet-stream",
    body,
    gzip: gzip !== undefined && gzip.length < body.length ? gzip : undefined,
  };
}

function findBuilt(): string {
  const published = join(import.meta.dirname, "..", "console");
  return import.meta.dirname.endsWith(join("src", "pages"))
    ? join(import.meta.dirname, "..", "..", "dist", "console")
    : published;
}
