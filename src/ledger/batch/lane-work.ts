import type {
  ChargeItem,
  ChargeResult,
  HoldItem,
  HoldResult,
  LeaseItem,
  LeaseResult,
  PoolRef,
  ReleaseItem,
  ReleaseResult,
} from "../ledger.ts";

interface Waiting<Item extends { readonly pool: PoolRef }, Result> {
  readonly item: Item;
  /** The instance's id when it was queued. A lease of an earlier id went back to its pool with that id. */
  readonly owner: string;
  /** May be called after `reject`, when an outcome that could not be waited for is known. `owner`: the id that did it. */
  readonly resolve: (result: Result, owner: string) => void;
  readonly reject: (error: unknown) => void;
}

export type ChargeWork = { readonly verb: "charge" } & Waiting<ChargeItem, ChargeResult>;
export type LeaseWork = { readonly verb: "lease" } & Waiting<LeaseItem, LeaseResult>;
export type HoldWork = { readonly verb: "hold" } & Waiting<HoldItem, HoldResult>;
export type ReleaseWork = { readonly verb: "release" } & Waiting<ReleaseItem, ReleaseResult>;

/** One call of a hot verb, waiting in its lane. */
export type Work = ChargeWork | LeaseWork | HoldWork | ReleaseWork;
