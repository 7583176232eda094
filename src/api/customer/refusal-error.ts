import type { Refusal } from "../../domain/refusal.ts";

/** Thrown by an operation that ends in a refusal; the app answers it in the contract's words. */
export class RefusalError extends Error {
  readonly refusal: Refusal;

  constructor(refusal: Refusal) {
    super(refusal.code);
    this.refusal = refusal;
  }
}
