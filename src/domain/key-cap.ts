import type { Credits } from "./credits.ts";

/** Over what a cap counts: a UTC day, a UTC month, or the whole life of a key. */
export type CapWindow = "day" | "month" | "total";

/** The most that a key may spend in one credit type, in each window. Null: no cap there; at least one is given. */
export interface KeyCap extends Readonly<Record<CapWindow, Credits | null>> {
  readonly creditType: string;
}
