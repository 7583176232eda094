import type { AccountRequest } from "../../../contract/account-endpoint.ts";
import { FareboxError } from "../../../domain/farebox-error.ts";
import { unseal } from "../../keys/seal.ts";

/**
 * The answer of a creation or a rotation with the key's text in the clear. It was sealed with the text that the request came
 * with, which no database has: a repetition with the same text reads it, whichever instance answers.
 * Throws FareboxError `state_conflict` when the caller has another text by now.
 */
export function showKeyText<Body extends { readonly id: string; readonly sealed: string }>(
  caller: AccountRequest,
  answer: Body,
): Omit<Body, "sealed"> & { readonly key: string } {
  const { sealed, ...body } = answer;
  const key = unseal(caller.keyText, sealed);
  if (key !== undefined) return { ...body, key };
  throw new FareboxError(
    "state_conflict",
    `This request gave the key ${body.id} its text, which is shown only to the text that it was asked with.`,
  );
}
