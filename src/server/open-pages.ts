import type { Config } from "../config/config.ts";
import { createPages } from "../pages/create-pages.ts";
import type { PageDoor } from "../pages/page-door.ts";

/** The customers' pages; undefined when they are off. */
export function openPortal({ portal, customerApi, creditTypes, exports }: Config): PageDoor | undefined {
  if (!portal.enabled || !customerApi.enabled) return undefined;
  return createPages({
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
