export interface Call {
  readonly query?: string;
  readonly body?: unknown;
  readonly status?: number;
  readonly answer?: unknown;
  readonly headers?: Record<string, string>;
  readonly bytes?: number;
}

/** What a call costs, after what was quoted for it. */
export type Cost = readonly [quote: string, charge: string];

export interface Vendor {
  readonly name: string;
  readonly prices: readonly Record<string, unknown>[];
  readonly calls: readonly (readonly [string, Call, ...Cost])[];
}

/** A list of so many items, all alike. */
export const list = (length: number, item: unknown = {}): unknown[] => Array.from({ length }, () => item);
