import { problemsError } from "../contract/file-problem.ts";
import type { Config } from "./config.ts";

/**
 * What serves requests by its gateway needs an upstream; what serves the sidecar needs none. Throws FareboxError `config_invalid`.
 * `file` is undefined where the configuration was read before.
 */
export function requireUpstream(
  { upstreams, sidecar }: Pick<Config, "upstreams" | "sidecar">,
  file: string | undefined,
): void {
  if (upstreams.length > 0 || sidecar.listen !== undefined) return;
  const fix =
    "write the address of your API, http://127.0.0.1:9000; where it is sold by middleware or the meter start with --no-upstream, where it asks the sidecar write sidecar.listen";
  const reason = "is missing: the gateway has nothing to stand before";
  throw problemsError("config_invalid", "The configuration", [
    { file, line: undefined, path: "upstream", reason, fix },
  ]);
}
