/** What the main thread tells PGlite's worker. Bytes are pg's wire protocol, whole messages, answered in order. */
export type ToWorker =
  | { readonly kind: "open"; readonly session: number }
  | { readonly kind: "send"; readonly session: number; readonly bytes: Uint8Array }
  | { readonly kind: "close" };

/** What the worker answers. `failed` ends the worker. */
export type FromWorker =
  | { readonly kind: "ready" }
  | { readonly kind: "opened"; readonly session: number }
  | { readonly kind: "received"; readonly session: number; readonly bytes: Uint8Array }
  | {
      readonly kind: "failed";
      readonly code: string;
      readonly message: string;
      readonly detail: Readonly<Record<string, unknown>>;
    };

export interface WorkerData {
  readonly directory: string;
}
