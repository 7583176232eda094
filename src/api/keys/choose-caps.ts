import { FareboxError } from "../../domain/farebox-error.ts";
import type { KeyCap } from "../../domain/key-cap.ts";

/** The caps as they were given. Throws FareboxError `credit_type_unknown` with the path of each wrong one. */
export function chooseCaps<Caps extends readonly KeyCap[] | undefined>(
  services: { readonly config: { readonly creditTypes: readonly string[] } },
  caps: Caps,
): Caps {
  const known = services.config.creditTypes;
  const errors = (caps ?? []).flatMap(({ creditType }, index) => {
    if (known.includes(creditType)) return [];
    const reason = `There is no credit type ${creditType}; the configuration has ${known.join(", ")}.`;
    return [{ path: `caps[${index}].creditType`, reason }];
  });
  const [first] = errors;
  if (first === undefined) return caps;
  throw new FareboxError("credit_type_unknown", first.reason, { detail: { errors } });
}
