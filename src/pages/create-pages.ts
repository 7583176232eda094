import { type Brand, renderBrandStyles } from "./brand.ts";
import { asFile, listAssets, type PageFile, type PageName, readAsset, readPage } from "./built-files.ts";
import type { PageAnswer, PageDoor } from "./page-door.ts";

export interface PagesOptions {
  readonly page: PageName;
  /** `/portal`: the page has this path and every path below it. */
  readonly base: string;
  /** Origins of sites that may show the page in a frame. */
  readonly frameAncestors: readonly string[];
  readonly brand: Brand;
  /** What the page must know before it asks anything; it is in its HTML, for everybody to read. */
  readonly settings: Readonly<Record<string, unknown>>;
}

const NOT_BUILT = "The pages were not built. Run `npm run build` once, and start again.\n";

/** A whole page at a time is in memory anyway; assets are read when they are first asked for, and kept. */
const FOREVER = "public, max-age=31536000, immutable";
const REVALIDATED = "no-cache";

/**
 * Serves a page of the console: the same HTML for every path below its base, which the page's own router reads, and the files that
 * it loads. Everything comes from this process, and the policy forbids that the page runs or loads anything else.
 */
export function createPages(options: PagesOptions): PageDoor {
  const { base, brand } = options;
  const html = renderHtml(options);
  const assets = listAssets();
  const styles = asFile("brand.css", Buffer.from(renderBrandStyles(brand)));
  const logo = brand.logo === undefined ? undefined : asFile(brand.logo.file, brand.logo.body);
  const kept = new Map<string, PageFile>();
  const assetOf = (name: string): PageFile | undefined => {
    if (!assets.has(name)) return undefined;
    const file = kept.get(name) ?? readAsset(name);
    kept.set(name, file);
    return file;
  };
  const headers = securityHeaders(options);
  const find = (path: string): { file: PageFile | undefined; cache: string } => {
    if (path.startsWith("/assets/")) return { file: assetOf(path.slice("/assets/".length)), cache: FOREVER };
    if (path === "/brand.css") return { file: styles, cache: REVALIDATED };
    if (path === "/logo") return { file: logo, cache: REVALIDATED };
    return { file: html, cache: REVALIDATED };
  };
  return {
    covers: (path) => path === base || path.startsWith(`${base}/`),
    answer: (method, path, header) => {
      if (method !== "GET" && method !== "HEAD") {
        return text(405, "Pages are read by GET.\n", [...headers, ["Allow", "GET, HEAD"]]);
      }
      const { file, cache } = find(path.slice(base.length));
      if (file === undefined) return text(404, "There is no such file.\n", headers);
      if (file === html && html.body.length === 0) return text(503, NOT_BUILT, headers);
      const zipped = acceptsGzip(header("accept-encoding")) ? file.gzip : undefined;
      const all = [...headers, ["Content-Type", file.type], ["Cache-Control", cache]] as const;
      if (zipped === undefined) return { status: 200, headers: all, body: file.body };
      const encoded = [
        ["Content-Encoding", "gzip"],
        ["Vary", "Accept-Encoding"],
      ] as const;
      return { status: 200, headers: [...all, ...encoded], body: zipped };
    },
  };
}

/** The built HTML with its base, its title and what the page must know. Empty when the pages were not built. */
function renderHtml({ page, base, brand, settings }: PagesOptions): PageFile {
  const known = { ...settings, name: brand.name, logo: brand.logo !== undefined };
  const meta = `<meta name="farebox" content="${escapeHtml(JSON.stringify(known))}">`;
  const html = readPage(page)
    ?.replace('<base href="/" />', () => `<base href="${escapeHtml(base)}/">\n    ${meta}`)
    .replace(/<title>[^<]*<\/title>/, () => `<title>${escapeHtml(brand.name)}</title>`);
  return { ...asFile("page.html", Buffer.from(html ?? "")), type: "text/html; charset=utf-8" };
}

function securityHeaders({ frameAncestors }: PagesOptions): (readonly [string, string])[] {
  const policy = [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data:",
    "font-src 'self'",
    "connect-src 'self'",
    "base-uri 'self'",
    "form-action 'self'",
    `frame-ancestors ${frameAncestors.length === 0 ? "'none'" : frameAncestors.join(" ")}`,
  ].join("; ");
  return [
    ["Content-Security-Policy", policy],
    ["X-Content-Type-Options", "nosniff"],
    ["Referrer-Policy", "no-referrer"],
    ["Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()"],
    // What browsers know that do not know `frame-ancestors`; it cannot name who may.
    ...(frameAncestors.length === 0 ? [["X-Frame-Options", "DENY"] as const] : []),
  ];
}

function text(status: number, body: string, headers: PageAnswer["headers"]): PageAnswer {
  const own = [
    ["Content-Type", "text/plain; charset=utf-8"],
    ["Cache-Control", "no-store"],
  ] as const;
  return { status, headers: [...headers, ...own], body: Buffer.from(body) };
}

/** Browsers name it without a weight; `gzip;q=0` refuses it. */
function acceptsGzip(header: string | undefined): boolean {
  return /(^|[\s,])(gzip|\*)\s*(,|$|;\s*q=(1|0\.\d*[1-9]))/i.test(header ?? "");
}

function escapeHtml(value: string): string {
  return value
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}
