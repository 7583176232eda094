import type { FareboxError } from "../../../domain/farebox-error.ts";

/** What the main thread tells PGlite's worker. Bytes are pg's wire protocol, whole messages, answered in order. */
export type ToWorker =
  | { readonly kind: "open"; readonly session: number }
  | { readonly kind: "send"; readonly session: number; readonly bytes: Uint8Array }
  | { readonly kind: "close" };

/** What the worker answers. `refused` and `failed` end it. */
export type FromWorker =
  | { readonly kind: "ready" }
  | { readonly kind: "opened"; readonly session: number }
  | { readonly kind: "received"; readonly session: number; readonly bytes: Uint8Array }
  | ({ readonly kind: "refused" } & Pick<FareboxError, "code" | "message" | "detail">)
  | { readonly kind: "failed"; readonly message: string };

export interface WorkerData {
  readonly directory: string;
}
