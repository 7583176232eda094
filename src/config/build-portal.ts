import { readFileSync, statSync } from "node:fs";
import { basename, dirname, resolve } from "node:path";
import type { Price } from "../domain/prices/price.ts";
import { at, type Problem } from "../domain/problem.ts";
import { isBelow } from "./check-config.ts";
import type { Config } from "./config.ts";
import type { ConfigFile } from "./schema.ts";

/** A logo is a line high: more is a mistake, and every visitor would load it. */
const MAX_LOGO_BYTES = 262_144;

const PICTURES = /\.(svg|png|webp|jpe?g)$/i;

/** The portal with its logo read. `configFile` is where the logo's path starts. */
export function buildPortal(
  file: ConfigFile,
  prices: readonly Price[],
  configFile: string,
  problems: Problem[],
): Config["portal"] {
  const { enabled, path, frameAncestors, brand } = file.portal;
  if (enabled) checkPaths(file, prices, problems);
  return {
    enabled,
    path,
    frameAncestors,
    brand: {
      name: brand.name,
      accent: brand.accent?.toLowerCase(),
      logo: brand.logo === undefined ? undefined : readLogo(brand.logo, configFile, problems),
    },
  };
}

function readLogo(logo: string, configFile: string, problems: Problem[]): Config["portal"]["brand"]["logo"] {
  const refuse = (reason: string, fix: string): undefined => {
    problems.push({ path: "portal.brand.logo", reason, fix });
    return undefined;
  };
  if (!PICTURES.test(logo)) return refuse(`"${logo}" is no picture`, "name a .svg, .png, .webp or .jpg file");
  const path = resolve(dirname(configFile), logo);
  try {
    const { size } = statSync(path);
    if (size > MAX_LOGO_BYTES) {
      return refuse(`"${logo}" has ${size} bytes`, `take a picture of at most ${MAX_LOGO_BYTES} bytes`);
    }
    return { file: basename(path), body: readFileSync(path) };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return refuse(`"${logo}" cannot be read: ${reason}`, "check the path and its permissions");
  }
}

/** Below its path the portal answers everything: what a price or `open` says there could never apply. */
function checkPaths(file: ConfigFile, prices: readonly Price[], problems: Problem[]): void {
  const { path } = file.portal;
  const api = file.customerApi;
  if (api.enabled && (`${api.path}/`.startsWith(`${path}/`) || `${path}/`.startsWith(`${api.path}/`))) {
    problems.push({
      path: "portal.path",
      reason: `"${path}" and the customer API's "${api.path}" lie one in the other`,
      fix: "move one of them: portal: { path: /another }",
    });
  }
  const refuse = (where: string, match: string): void => {
    if (!isBelow(match, path)) return;
    problems.push({
      path: where,
      reason: `"${match}" is below ${path}, where the portal answers`,
      fix: "remove it, or move the portal: portal: { path: /another }",
    });
  };
  for (const [index, price] of prices.entries()) refuse(at(at("prices", index), "match"), price.endpoint);
  for (const [index, match] of file.open.entries()) refuse(at("open", index), match);
}
