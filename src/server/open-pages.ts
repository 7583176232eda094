import type { Config } from "../config/config.ts";
import { createPages } from "../pages/create-pages.ts";
import type { PageDoor } from "../pages/page-door.ts";

/** The customers' pages; undefined when they are off. */
export function openPortalPages({ portal, customerApi, creditTypes, exports }: Config): PageDoor | undefined {
  if (!portal.enabled || !customerApi.enabled) return undefined;
  return createPages({
    page: "portal",
    base: portal.path,
    frameAncestors: portal.frameAncestors,
    brand: portal.brand,
    settings: {
      creditTypes,
      exports: exports.kinds.length > 0,
      selfServiceKeys: customerApi.selfService.keys,
    },
  });
}

/** The operators' pages. They carry no data: what they ask needs a session. */
export function openConsolePages({ console, portal, creditTypes, exports }: Config): PageDoor {
  return createPages({
    page: "operator",
    base: console.path,
    frameAncestors: [],
    brand: portal.brand,
    settings: { creditTypes, exports: exports.kinds.length > 0, signInWith: console.oidc?.name },
  });
}

/** Where the pages are; undefined where they are off. */
export function renderPageUrls(
  { portal, customerApi, console }: Config,
  listeners: { readonly gateway: string; readonly operator: string },
): { readonly portal: string | undefined; readonly console: string | undefined } {
  return {
    portal: portal.enabled && customerApi.enabled ? `${listeners.gateway}${portal.path}/` : undefined,
    console: console.enabled ? `${listeners.operator}${console.path}/` : undefined,
  };
}
