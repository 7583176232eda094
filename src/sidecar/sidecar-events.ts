/** The operations, as metrics name them. */
export type SidecarOperation =
  | "authorize"
  | "settle"
  | "release"
  | "extend"
  | "batch"
  | "forward-auth"
  | "ext-proc"
  | "other";

/** What operators want to know of the sidecar. Implemented by telemetry. */
export interface SidecarEvents {
  /** A call was answered, after so many milliseconds. */
  answered(operation: SidecarOperation, status: number, ms: number): void;
  /** A fault of ours. */
  failed(error: unknown): void;
}
