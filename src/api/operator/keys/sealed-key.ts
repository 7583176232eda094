import { FareboxError } from "../../../domain/farebox-error.ts";
import { unseal } from "../../keys/seal.ts";
import type { OperatorServices } from "../operator-services.ts";

/** The answer of a creation or a rotation with the key's text in the clear. Throws FareboxError `key_not_repeatable`. */
export function openSealed<Body extends { readonly id: string; readonly sealed: string }>(
  services: OperatorServices,
  answer: Body,
): Omit<Body, "sealed"> & { readonly key: string } {
  const { sealed, ...body } = answer;
  const key = unseal(services.token, sealed);
  if (key !== undefined) return { ...body, key };
  throw new FareboxError(
    "key_not_repeatable",
    `This request gave the key ${body.id} its text, which cannot be shown again since the operator token has changed.`,
    { detail: { keyId: body.id } },
  );
}
