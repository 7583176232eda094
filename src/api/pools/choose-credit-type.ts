import { FareboxError } from "../../domain/farebox-error.ts";

/** The credit type that was named, or the configuration's first. Throws FareboxError `credit_type_unknown`. */
export function chooseCreditType(
  services: { readonly config: { readonly creditTypes: readonly string[] } },
  named: string | undefined,
): string {
  const known = services.config.creditTypes;
  const chosen = named ?? known[0];
  if (chosen !== undefined && known.includes(chosen)) return chosen;
  const message = `There is no credit type ${chosen}; the configuration has ${known.join(", ")}.`;
  throw new FareboxError("credit_type_unknown", message, {
    detail: { errors: [{ path: "creditType", reason: message }] },
  });
}
