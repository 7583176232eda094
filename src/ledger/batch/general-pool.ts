import type { ChargeWork, HoldWork, LeaseWork, ReleaseWork } from "./lane-work.ts";

/** Plain charges that draw on one lease, or on the pool. */
export interface ChargeGroup {
  /** The capped key whose lease it is; 0: the pool's. */
  readonly key: number;
  /** False: straight from the pool. */
  readonly lease: boolean;
  readonly works: ChargeWork[];
}

/** What a batch has of one pool, in the order of the reply. */
export interface GeneralPool {
  readonly accountNo: number;
  readonly typeNo: number;
  readonly backs: [key: number, amount: bigint][];
  readonly releases: ReleaseWork[];
  /** Leases that went back, or that an earlier id of this instance had. */
  readonly returns: { readonly work: ReleaseWork; readonly released: bigint }[];
  readonly groups: Map<string, ChargeGroup>;
  readonly specials: { readonly work: ChargeWork; readonly ownsLease: boolean }[];
  /** Charges of nothing: they are told the balance. */
  readonly free: ChargeWork[];
  readonly leases: LeaseWork[];
  readonly holds: HoldWork[];
}
