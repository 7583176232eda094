// Made by `npm run generate` from the operator API's own schemas. Not to be edited.

export type ReleasedLongHold = LongHold & {
  /**
   * What became free; 0: it was over before.
   */
  freed: number;
};
export type CreatedKey = Key & {
  /**
   * The key itself. It is shown here and never again.
   */
  key: string;
};
export type PriceListDiff = PriceDifference & {
  version: number;
  effectiveAt: string;
  /**
   * The list compared with; null for the first one: everything is added.
   */
  against: number | null;
};
export type CreatedToken = Token & {
  /**
   * The token itself. It is shown here and never again.
   */
  token: string;
};
export type GivingLimits = {
  /**
   * Credits, exact to six decimals.
   */
  each: number;
  /**
   * Credits, exact to six decimals.
   */
  day: number;
} | null;

export interface Account {
  id: string;
  name: string;
  /**
   * Keys of a suspended account are refused until it is resumed, those of a closed one for good.
   */
  state: "active" | "suspended" | "closed";
  plan: string | null;
  /**
   * The plan that takes its place at `nextPlanAt`; null with a time there: none does.
   */
  nextPlan: string | null;
  /**
   * Null: no change of the plan is pending.
   */
  nextPlanAt: string | null;
  metadata: {
    [k: string]: unknown;
  };
  createdAt: string;
}
export interface AccountPage {
  accounts: Account[];
  /**
   * The next page's `cursor`; null: the end.
   */
  next: string | null;
}
export interface HoldPage {
  account: string;
  holds: Hold[];
  /**
   * The next page's `cursor`; null: the end.
   */
  next: string | null;
}
export interface Hold {
  id: string;
  /**
   * Set aside for a client, or for requests that a running instance serves.
   */
  kind: "hold" | "lease";
  creditType: string;
  /**
   * What is left of it, in credits.
   */
  amount: number;
  /**
   * The instance of a lease.
   */
  instance: string | null;
  createdAt: string;
  /**
   * Null for a lease: it ends with its instance.
   */
  expiresAt: string | null;
}
export interface LongHoldPage {
  account: string;
  longHolds: LongHold[];
  /**
   * The next page's `cursor`; null: the end.
   */
  next: string | null;
}
export interface LongHold {
  /**
   * Of all its charges.
   */
  requestId: string;
  /**
   * The caller's.
   */
  id: string;
  /**
   * `settled`: by its last settlement. `expired`: nobody ended it in time; the rest is free.
   */
  state: "open" | "settled" | "released" | "expired";
  creditType: string;
  endpoint: string;
  key: string;
  /**
   * What was set aside at first.
   */
  asked: number;
  /**
   * What is set aside now.
   */
  held: number;
  /**
   * What its parts were charged, refunds not subtracted.
   */
  charged: number;
  /**
   * Its settlements, the last one among them.
   */
  parts: number;
  createdAt: string;
  expiresAt: string;
}
export interface PortalLink {
  id: string;
  account: string;
  /**
   * `read`: look, and change nothing. `manage`: manage the account's keys too, where self-service is on.
   */
  access: "read" | "manage";
  /**
   * The link's text, in this answer only. It signs in once, at the portal's address with `#link=` and it.
   */
  link: string;
  /**
   * The same with the portal's path.
   */
  path: string;
  expiresAt: string;
}
export interface Key {
  id: string;
  account: string;
  name: string;
  /**
   * The key's prefix and last four characters.
   */
  hint: string;
  state: "active" | "expired" | "revoked";
  /**
   * The endpoints that the key may call; null: every one.
   */
  scopes: string[] | null;
  /**
   * Addresses and ranges of them from which the key may be used; null: from everywhere.
   */
  addresses: string[] | null;
  caps: KeyCap[];
  createdAt: string;
  expiresAt: string | null;
  revokedAt: string | null;
  /**
   * By any of its texts; up to a minute old.
   */
  lastUsedAt: string | null;
  /**
   * Texts from before rotations that still work.
   */
  secretsInGrace: {
    hint: string;
    rotatedAt: string;
    expiresAt: string;
    lastUsedAt: string | null;
  }[];
}
export interface KeyCap {
  creditType: string;
  /**
   * Credits, exact to six decimals.
   */
  day: number | null;
  /**
   * Credits, exact to six decimals.
   */
  month: number | null;
  /**
   * Credits, exact to six decimals.
   */
  total: number | null;
  /**
   * Charges less refunds: of this UTC day, of this UTC month, and of all.
   */
  spent: {
    /**
     * Credits, exact to six decimals.
     */
    day: number;
    /**
     * Credits, exact to six decimals.
     */
    month: number;
    /**
     * Credits, exact to six decimals.
     */
    total: number;
  };
  /**
   * Set aside for requests in flight; it counts like what is spent.
   */
  held: number;
  dayEndsAt: string;
  monthEndsAt: string;
  /**
   * Whether the caps are the key's own or its plan's default.
   */
  source: "key" | "plan";
}
export interface ImportedKeys {
  imported: number;
  /**
   * The account had them already.
   */
  existing: number;
  /**
   * Another account has them: they were left out.
   */
  taken: number;
  keys: {
    outcome: "imported" | "existing" | "taken";
    /**
     * Null: taken.
     */
    id: string | null;
  }[];
}
export interface ImportedKey {
  /**
   * The text; its form must be one that keys may have.
   */
  key?: string;
  /**
   * In the place of the text: the SHA-256 of it, with the salt of its form before it.
   */
  sha256?: string;
  /**
   * With a hash: what is shown of the key.
   */
  hint?: string;
  name?: string;
  /**
   * @minItems 1
   * @maxItems 50
   */
  scopes?: string[] | null;
  /**
   * Addresses and ranges of them from which the key may be used; null: from everywhere.
   *
   * @minItems 1
   * @maxItems 100
   */
  addresses?: string[] | null;
  expiresAt?: string;
}
export interface KeyPage {
  keys: Key[];
  /**
   * The next page's `cursor`; null: the end.
   */
  next: string | null;
}
export interface SoughtKeys {
  /**
   * By a text none or one; by a hint at most 50, the newest first.
   */
  keys: (Key & {
    accountName: string;
    accountState: "active" | "suspended" | "closed";
    /**
     * `former`: by a text from before a rotation.
     */
    matched: "present" | "former";
  })[];
}
export interface KeyPermissions {
  key: string;
  scopes: string[] | null;
  /**
   * The version of the price list in force.
   */
  priceList: number;
  endpoints: {
    endpoint: string;
    /**
     * Which of its requests the key may make: all, those that a scope covers, or none.
     */
    permitted: "all" | "some" | "none";
    /**
     * Items: As in farebox.yaml. Among several the first whose conditions hold applies.
     */
    prices: {
      [k: string]: unknown;
    }[];
  }[];
  /**
   * What requests without a price do, and which of them the key may make.
   */
  unpriced: {
    policy: "free" | "refuse";
    /**
     * Which of its requests the key may make: all, those that a scope covers, or none.
     */
    permitted: "all" | "some" | "none";
  };
}
export interface Grant {
  id: string;
  account: string;
  creditType: string;
  /**
   * Credits, exact to six decimals.
   */
  amount: number;
  /**
   * The pool's balance after the grant.
   */
  balance: number;
  /**
   * False: a grant with this reference was there before.
   */
  created: boolean;
}
export interface Refund {
  charge: string;
  account: string;
  creditType: string;
  /**
   * Credits, exact to six decimals.
   */
  refunded: number;
  /**
   * The pool's balance after the refund.
   */
  balance: number;
  /**
   * True: all of the charge was refunded before, so that `refunded` is 0. The reference is remembered all the same.
   */
  nothingLeft: boolean;
  /**
   * False: a refund with this reference was there before.
   */
  created: boolean;
}
export interface Adjustment {
  account: string;
  creditType: string;
  /**
   * Credits, exact to six decimals.
   */
  amount: number;
  /**
   * The pool's balance after the adjustment.
   */
  balance: number;
  /**
   * False: an adjustment with this reference was there before.
   */
  created: boolean;
}
export interface RefundPreview {
  /**
   * Charges that match and of which something is left to refund.
   */
  charges: number;
  /**
   * Credits by credit type.
   */
  credits: {
    /**
     * Credits, exact to six decimals.
     */
    [k: string]: number;
  };
  accounts: number;
  /**
   * Charges that match and of which nothing is left.
   */
  skipped: number;
  oldest: string | null;
  newest: string | null;
  /**
   * The first few.
   */
  examples: {
    charge: string;
    account: string;
    creditType: string;
    at: string;
    /**
     * Credits, exact to six decimals.
     */
    charged: number;
    /**
     * What is left of it.
     */
    refundable: number;
    requestId: string | null;
    key: string | null;
    endpoint: string | null;
  }[];
}
export interface ChargeFilter {
  /**
   * Charges at or after this moment.
   */
  from: string;
  /**
   * Charges before this moment, which is not after the database's now.
   */
  to: string;
  account?: string;
  creditType?: string;
  /**
   * As its price writes it.
   */
  endpoint?: string;
  /**
   * The key's id.
   */
  key?: string;
  /**
   * The version that priced the charge.
   */
  priceList?: number;
  /**
   * The upstream's status.
   */
  status?: number;
}
export interface BulkRefund {
  id: string;
  state: "running" | "done" | "cancelled";
  filter: {
    from: string;
    to: string;
    account?: string;
    creditType?: string;
    endpoint?: string;
    key?: string;
    priceList?: number;
    status?: number;
  };
  reason: string;
  reference: string;
  charges: {
    /**
     * What the filter matched when it was created.
     */
    total: number;
    /**
     * Refunded so far.
     */
    done: number;
    /**
     * Nothing was left of them.
     */
    skipped: number;
    failed: number;
  };
  credits: {
    /**
     * Credits by credit type.
     */
    total: {
      /**
       * Credits, exact to six decimals.
       */
      [k: string]: number;
    };
    /**
     * Credits by credit type.
     */
    done: {
      /**
       * Credits, exact to six decimals.
       */
      [k: string]: number;
    };
  };
  accounts: {
    total: number;
    done: number;
  };
  /**
   * The first few charges that could not be refunded.
   */
  failures: {
    charge: string;
    reason: string;
  }[];
  createdAt: string;
  finishedAt: string | null;
}
export interface BulkRefundPage {
  bulkRefunds: BulkRefund[];
  /**
   * The next page's `cursor`; null: the end.
   */
  next: string | null;
}
export interface ExportPage {
  exports: Export[];
  /**
   * The next page's `cursor`; null: the end.
   */
  next: string | null;
}
export interface Export {
  id: string;
  /**
   * queued → running → ready (all records are in, nothing is charged) → charged → expired (its files are removed). failed and cancelled ones cost nothing.
   */
  state: "queued" | "running" | "ready" | "charged" | "failed" | "cancelled" | "expired";
  endpoint: string;
  creditType: string;
  /**
   * Credits for one record.
   */
  price: number;
  /**
   * `covered`: as many records as the credits covered when it was created.
   */
  policy: "all" | "covered";
  chargeAt: "completion" | "listing";
  format: "jsonl" | "csv";
  gzip: boolean;
  /**
   * It has no more records than these.
   */
  maxRecords: number;
  /**
   * Its cost by what is known: of the records it has, of those expected, or of the most it may have.
   */
  estimate: number;
  /**
   * Credits set aside for it now.
   */
  held: number;
  /**
   * Credits, exact to six decimals.
   */
  charged: number | null;
  progress: {
    /**
     * In its files so far.
     */
    records: number;
    /**
     * What the source says that there are; null: unknown.
     */
    expected: number | null;
    files: number;
    bytes: number;
    /**
     * Records that the source gave twice or could not give: neither in the files nor charged.
     */
    leftOut: number;
  };
  /**
   * Why it failed, or why a step had to be tried again.
   */
  failure: {
    code: string;
    message: string;
  } | null;
  createdAt: string;
  startedAt: string | null;
  readyAt: string | null;
  chargedAt: string | null;
  endedAt: string | null;
  /**
   * Until when its files can be downloaded.
   */
  expiresAt: string | null;
  account: string;
  key: string;
  priceList: number;
}
export interface Balances {
  account: string;
  pools: {
    creditType: string;
    /**
     * Credits, exact to six decimals.
     */
    balance: number;
    /**
     * Credits, exact to six decimals.
     */
    held: number;
    /**
     * Credits, exact to six decimals.
     */
    available: number;
    recurring: {
      /**
       * Credits, exact to six decimals.
       */
      amount: number;
      every: "day" | "week" | "month" | "year";
      /**
       * The next refresh; null when the plan ends before it.
       */
      nextAt: string | null;
      rollover: ("none" | "all") | number;
    } | null;
    grants: {
      id: string;
      /**
       * Credits, exact to six decimals.
       */
      amount: number;
      /**
       * Credits, exact to six decimals.
       */
      remaining: number;
      source: string;
      expiresAt: string | null;
    }[];
  }[];
}
export interface EntryPage {
  account: string;
  entries: Entry[];
  /**
   * The next page's `cursor`; null: the end.
   */
  next: string | null;
}
export interface Entry {
  creditType: string;
  /**
   * The pool's number of the line, without gaps.
   */
  seq: number;
  at: string;
  kind: "grant" | "charge" | "refund" | "expiry" | "adjustment";
  /**
   * Signed: a charge is negative.
   */
  amount: number;
  /**
   * The pool's balance after the line.
   */
  balance: number;
  /**
   * What a charge asked for and the pool did not cover.
   */
  uncollected: number;
  /**
   * The charge, or the one that a refund reverses.
   */
  charge: string | null;
  requestId: string | null;
  key: string | null;
  endpoint: string | null;
  units: number | null;
  status: number | null;
  priceList: number | null;
  grant: string | null;
  reason: string | null;
}
export interface Usage {
  /**
   * Null: all accounts.
   */
  account: string | null;
  from: string;
  to: string;
  timeZone: string;
  resolution: "hour" | "day" | "month" | null;
  groupBy: ("account" | "endpoint" | "key")[];
  /**
   * What is not grouped by is null.
   */
  rows: {
    time: string | null;
    timeEnd: string | null;
    account: string | null;
    endpoint: string | null;
    key: string | null;
    creditType: string;
    requests: number;
    units: number;
    /**
     * Credits, exact to six decimals.
     */
    credits: number;
    /**
     * The part of `credits` that refunds gave back.
     */
    refunded: number;
  }[];
  /**
   * By credit type.
   */
  totals: {
    creditType: string;
    requests: number;
    units: number;
    /**
     * Credits, exact to six decimals.
     */
    credits: number;
    /**
     * The part of `credits` that refunds gave back.
     */
    refunded: number;
  }[];
  /**
   * Null: nothing is missing. With very much that was charged just now: what happened before this moment is counted. A CSV of one account has everything.
   */
  completeUntil: string | null;
  /**
   * The rows once more, when neither `resolution` nor `groupBy` is given.
   */
  endpoints?: {
    endpoint: string;
    creditType: string;
    requests: number;
    units: number;
    /**
     * Credits, exact to six decimals.
     */
    credits: number;
    /**
     * The part of `credits` that refunds gave back.
     */
    refunded: number;
  }[];
}
export interface Call {
  requestId: string | null;
  /**
   * Null: a job that was charged in several `parts`, each with an id of its own.
   */
  charge: string | null;
  account: string;
  /**
   * When it was charged, by the database's clock.
   */
  at: string;
  endpoint: string | null;
  key: {
    id: string;
    name: string;
    hint: string;
  } | null;
  /**
   * The upstream's.
   */
  status: number | null;
  creditType: string;
  /**
   * The list that priced it, and from when it applied.
   */
  priceList: {
    version: number;
    effectiveAt: string;
    /**
     * It is a price list of this account.
     */
    own: boolean;
  } | null;
  /**
   * The price that applied; null: the books do not tell which of `candidates` did.
   */
  price: {
    [k: string]: unknown;
  } | null;
  /**
   * Prices with different conditions that would all have given this amount; empty when `price` is known.
   *
   * Items: In the form that farebox.yaml has, every default written out; `when` are the conditions that held.
   */
  candidates: {
    [k: string]: unknown;
  }[];
  /**
   * Results that were paid for; 1 for a price per request.
   */
  units: number | null;
  /**
   * Of a price with tiers: which ones applied; null: no tiers decided.
   */
  tiers: {
    /**
     * The name that prices count together under; the endpoint where they have none.
     */
    counter: string;
    within: "day" | "week" | "month" | "year";
    /**
     * When the period began.
     */
    since: string;
    /**
     * What was used in the period before this call.
     */
    usedBefore: number;
    /**
     * And with it.
     */
    usedAfter: number;
    /**
     * The tiers that this call was charged by.
     */
    applied: {
      /**
       * The tier begins beyond so much; 0: the first one.
       */
      over: number;
      /**
       * Credits, exact to six decimals.
       */
      cost: number;
      /**
       * What of this call it was charged for.
       */
      units: number;
    }[];
  } | null;
  /**
   * Of a price for what a number grows by; null: of no other.
   */
  growth: {
    /**
     * The highest number that was charged before; 0: none.
     */
    before: number;
    /**
     * The number in this answer.
     */
    reported: number;
  } | null;
  /**
   * What was set aside before the call; null: it depended on the request, which is not kept.
   */
  held: number | null;
  /**
   * What its price made of it. More than `charged` where credits, or `Credits-Max`, did not cover it.
   */
  list: number;
  /**
   * Credits, exact to six decimals.
   */
  charged: number;
  /**
   * What was given back, all in all.
   */
  refunded: number;
  /**
   * `charged` less `refunded`.
   */
  net: number;
  /**
   * The pool's balance right after the charge, or the last part's.
   */
  balance: number;
  /**
   * Of a job that was charged in several parts, asked for by its request's id. `at` and `status` are then the first part's, the amounts and `units` the sums of all. Null: one charge.
   */
  parts: {
    /**
     * How many charges it has.
     */
    total: number;
    /**
     * The oldest first, at most 100: of more the first 100.
     */
    charges: {
      charge: string;
      /**
       * As its provider named it; null: the last one, which ended the job.
       */
      part: string | null;
      at: string;
      units: number;
      /**
       * Credits, exact to six decimals.
       */
      list: number;
      /**
       * Credits, exact to six decimals.
       */
      charged: number;
      /**
       * Credits, exact to six decimals.
       */
      refunded: number;
    }[];
  } | null;
  /**
   * What was asked for and nothing covered.
   */
  uncollected: number;
  /**
   * The oldest first, at most 200.
   */
  refunds: {
    at: string;
    /**
     * Credits, exact to six decimals.
     */
    amount: number;
    reason: string | null;
    reference: string;
  }[];
}
export interface MonthReport {
  from: string;
  to: string;
  /**
   * One for each month and credit type, in the order of time.
   */
  rows: {
    /**
     * The month of UTC.
     */
    month: string;
    time: string;
    timeEnd: string;
    creditType: string;
    /**
     * Granted by plans and top-ups: `recurring` and `topup`.
     */
    sold: number;
    /**
     * Credits, exact to six decimals.
     */
    recurring: number;
    /**
     * Credits, exact to six decimals.
     */
    topup: number;
    /**
     * Granted for nothing.
     */
    promo: number;
    /**
     * By hand, signed; grants with the source `adjustment` too.
     */
    adjusted: number;
    /**
     * How many charges there were.
     */
    charges: number;
    /**
     * What they took; refunds are not taken off.
     */
    burned: number;
    /**
     * Given back in this month, of whatever charges.
     */
    refunded: number;
    /**
     * Credits, exact to six decimals.
     */
    expired: number;
    /**
     * What charges asked for and nothing covered.
     */
    uncollected: number;
    /**
     * The sum of all balances when the month ended; of the present one, now.
     */
    outstanding: number;
    /**
     * Requests that were refused for want of credits of this type, counted until some seconds ago.
     */
    refused: number;
  }[];
  /**
   * Null: nothing is missing. With very much that was written just now: what happened before this moment is counted.
   */
  completeUntil: string | null;
}
export interface RefusalReport {
  from: string;
  to: string;
  /**
   * The newest month first, in it what was refused most.
   */
  rows: {
    /**
     * The month of UTC.
     */
    month: string;
    time: string;
    timeEnd: string;
    /**
     * Of the refusal.
     */
    code: string;
    /**
     * What the refusal names: of credits that were short. Null: it names none.
     */
    creditType: string | null;
    /**
     * How many were refused so.
     */
    requests: number;
  }[];
}
export interface RunningOutPage {
  pools: {
    account: string;
    name: string;
    plan: string | null;
    creditType: string;
    /**
     * Credits, exact to six decimals.
     */
    balance: number;
    /**
     * Used a day, on average over the last seven days of UTC.
     */
    pace: number;
    /**
     * The end of the day on which credits run out.
     */
    runsOutAt: string;
  }[];
  /**
   * The next page's `cursor`; null: the end.
   */
  next: string | null;
}
export interface Publication {
  version: number;
  effectiveAt: string;
  /**
   * False: the list in force at that time is the same; nothing was published.
   */
  published: boolean;
  /**
   * The announced list that takes its place later, if there is one.
   */
  replacedBy: {
    version: number;
    effectiveAt: string;
  } | null;
}
export interface PriceListPage {
  priceLists: PriceList[];
  /**
   * The next page's `cursor`; null: the end.
   */
  next: string | null;
}
export interface PriceList {
  version: number;
  state: "in_force" | "announced" | "past" | "cancelled";
  effectiveAt: string;
  publishedAt: string;
  cancelledAt: string | null;
  unpriced: "free" | "refuse";
  /**
   * Items: As in farebox.yaml.
   */
  prices: {
    [k: string]: unknown;
  }[];
}
export interface PriceSchedule {
  inForce: PriceList & ({} | null);
  /**
   * The soonest first.
   */
  announced: PriceList[];
}
export interface PriceDifference {
  added: {
    endpoint: string;
    /**
     * The plans whose accounts it is for; none: every account.
     */
    plans: string[];
    /**
     * The conditions, which tell prices of one endpoint apart.
     */
    when: {
      [k: string]: unknown;
    }[];
    /**
     * With every default written out.
     */
    price: {
      [k: string]: unknown;
    };
  }[];
  removed: {
    endpoint: string;
    /**
     * The plans whose accounts it is for; none: every account.
     */
    plans: string[];
    /**
     * The conditions, which tell prices of one endpoint apart.
     */
    when: {
      [k: string]: unknown;
    }[];
    /**
     * With every default written out.
     */
    price: {
      [k: string]: unknown;
    };
  }[];
  changed: {
    endpoint: string;
    /**
     * The plans whose accounts it is for; none: every account.
     */
    plans: string[];
    /**
     * The conditions, which tell prices of one endpoint apart.
     */
    when: {
      [k: string]: unknown;
    }[];
    members: {
      member: string;
      from?: unknown;
      to?: unknown;
    }[];
  }[];
  /**
   * Endpoints whose conditional prices are tried in another order: the first that holds applies.
   */
  reordered: string[];
  /**
   * What endpoints without a price do; null when it stays.
   */
  unpriced: {
    from: "free" | "refuse";
    to: "free" | "refuse";
  } | null;
}
export interface AccountPrices {
  /**
   * Of the numbers of all price lists: charges name it.
   */
  version: number;
  account: string;
  /**
   * `replaced`: a list that took effect later applies instead; where that one ends first, this one applies again.
   */
  state: "announced" | "in_force" | "replaced" | "past" | "cancelled";
  effectiveAt: string;
  until: string | null;
  publishedAt: string;
  cancelledAt: string | null;
  /**
   * Items: As in farebox.yaml.
   */
  prices: {
    [k: string]: unknown;
  }[];
}
export interface AccountPricesPage {
  priceLists: AccountPrices[];
  /**
   * The next page's `cursor`; null: the end.
   */
  next: string | null;
}
export interface Simulation {
  from: string;
  to: string;
  /**
   * By credit type.
   */
  totals: {
    creditType: string;
    charges: number;
    /**
     * What the charges cost, also what pools did not cover.
     */
    before: number;
    /**
     * What they would have cost at least.
     */
    least: number;
    /**
     * And at most: the same where the record tells exactly.
     */
    most: number;
    /**
     * The part of `before` that pools did not cover.
     */
    uncollected: number;
    /**
     * Parts of `before` that refunds gave back.
     */
    refundedInPart: number;
    /**
     * Charges that were refunded whole: they are in no other number.
     */
    leftOut: number;
    /**
     * Credits, exact to six decimals.
     */
    leftOutCredits: number;
  }[];
  /**
   * By account, credit type and endpoint, the largest change first.
   */
  lines: {
    account: string;
    creditType: string;
    endpoint: string;
    /**
     * 0 where the new prices spend another credit type than the charges did.
     */
    charges: number;
    /**
     * What the charges cost, also what pools did not cover.
     */
    before: number;
    /**
     * What they would have cost at least.
     */
    least: number;
    /**
     * And at most: the same where the record tells exactly.
     */
    most: number;
  }[];
  doubts: {
    /**
     * Why the new amount is 0, or not known exactly.
     */
    reason:
      | "no_price"
      | "free"
      | "status_not_charged"
      | "conditions_unknown"
      | "match_divided"
      | "results_unknown"
      | "tiers_unknown"
      | "repeats_unknown";
    endpoint: string;
    charges: number;
  }[];
  unrecorded: {
    endpoint: string;
    /**
     * Why there are calls that left no entry and that the new prices would charge.
     */
    reason: "newly_priced" | "more_statuses" | "empty_results" | "fewer_repeats";
  }[];
  assumptions: string[];
  /**
   * The `cursor` of the next part, whose numbers are to be added to these; null: this is all.
   */
  next: string | null;
}
export interface Plans {
  plans: Plan[];
}
export interface Plan {
  name: string;
  /**
   * Counts up with each change.
   */
  version: number;
  /**
   * How many accounts have it, within seconds.
   */
  accounts: number;
  recurring: {
    creditType: string;
    /**
     * Credits, exact to six decimals.
     */
    amount: number;
    every: "day" | "week" | "month" | "year";
    rollover: ("none" | "all") | number;
    anchor: "assignment" | "calendar";
  }[];
  limits: {
    match: string;
    /**
     * How many, of what `counts` says.
     */
    requests: number;
    /**
     * Of what there may be so many.
     */
    counts: "requests" | "results";
    windowSeconds: number;
    by: "account" | "key";
  }[];
  caps: {
    creditType: string;
    /**
     * Null: no such cap.
     */
    day: number | null;
    /**
     * Null: no such cap.
     */
    month: number | null;
    /**
     * Null: no such cap.
     */
    total: number | null;
  }[];
}
export interface AuditTrailPage {
  lines: AuditLine[];
  /**
   * The next page's `cursor`; null: the end.
   */
  next: string | null;
}
export interface AuditLine {
  at: string;
  /**
   * Who: `operator`, `key:` and the id of the customer's key that asked, or `farebox` itself.
   */
  actor: string;
  action: string;
  account: string | null;
  /**
   * The id of what was created or changed.
   */
  target: string | null;
  /**
   * `X-Request-Id` of the answer.
   */
  requestId: string | null;
  /**
   * What was asked for, by action.
   */
  detail: {
    [k: string]: unknown;
  };
}
export interface Instance {
  id: string;
  version: string;
  node: string;
  database: {
    kind: "pglite" | "postgres";
    /**
     * Postgres's version.
     */
    version: string;
    /**
     * Whether a pooler (PgBouncer, say) stands in front of it.
     */
    pooled: boolean;
    /**
     * The number of the last migration.
     */
    migration: number;
    /**
     * The database's clock, which decides everything that has a date.
     */
    now: string;
    /**
     * Settings with which commits may be lost. Farebox turns `synchronous_commit` on for itself.
     */
    weakSettings: string[];
    /**
     * Of a cluster's servers those that do not answer: calls of the accounts there are refused.
     */
    serversAway: string[];
  };
  /**
   * The gateway's processes that take requests; none: it is this process.
   */
  workers: {
    /**
     * As an instance.
     */
    id: string;
    /**
     * Its process.
     */
    pid: number;
  }[];
  /**
   * The steps of the work behind the requests.
   */
  sweep: {
    step: string;
    /**
     * On any instance; up to a minute old.
     */
    succeededAt: string | null;
    failedAt: string | null;
    /**
     * What was said when it failed last.
     */
    failure: string | null;
  }[];
  /**
   * This instance's clock.
   */
  now: string;
}
export interface Health {
  /**
   * The database's clock.
   */
  now: string;
  /**
   * How much this instance's clock is ahead of it.
   */
  clockAheadMs: number;
  /**
   * Whether this instance's heartbeats found it away.
   */
  databaseAway: boolean;
  /**
   * Those that live, and those that ended within an hour; the last seen first, at most 200.
   */
  instances: {
    id: string;
    state: "live" | "dead";
    startedAt: string;
    /**
     * Its last heartbeat or batch.
     */
    seenAt: string;
    /**
     * Of how many it has lanes.
     */
    shards: number;
  }[];
  sweep: {
    step: string;
    /**
     * On any instance; up to a minute old.
     */
    succeededAt: string | null;
    failedAt: string | null;
    /**
     * What was said when it failed last.
     */
    failure: string | null;
  }[];
  /**
   * Entries that are not rolled up, and the time of the first.
   */
  rollUp: {
    entries: number;
    firstAt: string | null;
  };
  /**
   * Pools on which something is due that nobody applied yet: at most 10,000 of each shard are counted.
   */
  duePools: number;
  partitions: {
    name: string;
    bounds: string;
    /**
     * As Postgres estimates; null: not known.
     */
    entries: number | null;
  }[];
  /**
   * False: entries lie in it, because their month's partition was not made in time.
   */
  defaultPartitionEmpty: boolean;
  exports: {
    /**
     * Of each instance, by the configuration.
     */
    workers: number;
    queued: number;
    running: number;
    /**
     * Of these: nobody took them up for five minutes.
     */
    overdue: number;
  };
  bulkRefundsRunning: number;
  /**
   * Null: none was run.
   */
  lastAudit: {
    finishedAt: string;
    durationMs: number;
    pools: number;
    entries: number;
    /**
     * 0: the books were sound.
     */
    findings: number;
  } | null;
}
export interface Audit {
  /**
   * No invariant is broken.
   */
  sound: boolean;
  /**
   * How many pools were recomputed.
   */
  pools: number;
  /**
   * From how many entries.
   */
  entries: number;
  findings: {
    invariant: "I1" | "I2" | "I8" | "I11";
    check: string;
    account: string;
    creditType: string;
    /**
     * What should be equal, and where; amounts in micro-credits.
     */
    detail: {
      [k: string]: number | string | null;
    };
  }[];
}
export interface Token {
  id: string;
  name: string;
  /**
   * `metrics`: scrape metrics. `read`: read everything. `portal`: make portal links only. `support`: read, make portal links, and grant and refund up to the limits. `meter`: hold and charge at the sidecar's listener only. `admin`: everything.
   */
  role: "metrics" | "read" | "portal" | "support" | "meter" | "admin";
  limits: GivingLimits;
  /**
   * The token's last four characters.
   */
  hint: string;
  state: "active" | "expired" | "revoked";
  /**
   * Who made it, as the audit trail names them.
   */
  createdBy: string;
  createdAt: string;
  expiresAt: string | null;
  revokedAt: string | null;
  /**
   * Up to an hour old.
   */
  lastUsedAt: string | null;
}
/**
 * In credits, whatever their types. `support` must have limits; the other roles have none.
 *
 */
export interface NewGivingLimits {
  /**
   * The most that one grant, refund or released hold may give.
   */
  each: number | string;
  /**
   * The most that all of one day (UTC) may give.
   */
  day: number | string;
}
export interface TokenPage {
  tokens: Token[];
  /**
   * The next page's `cursor`; null: the end.
   */
  next: string | null;
}
export interface Self {
  /**
   * As the audit trail names you: `operator` is the operator token.
   */
  actor: string;
  /**
   * `metrics`: scrape metrics. `read`: read everything. `portal`: make portal links only. `support`: read, make portal links, and grant and refund up to the limits. `meter`: hold and charge at the sidecar's listener only. `admin`: everything.
   */
  role: "metrics" | "read" | "portal" | "support" | "meter" | "admin";
  limits: GivingLimits;
}
export interface ConsoleLink {
  id: string;
  /**
   * Who is signed in by it: you.
   */
  actor: string;
  /**
   * The link's text, in this answer only. It signs in once, at the console's address with `#link=` and it.
   */
  link: string;
  /**
   * The same with the console's path.
   */
  path: string;
  expiresAt: string;
}
export interface SessionPage {
  sessions: Session[];
  /**
   * The next page's `cursor`; null: the end.
   */
  next: string | null;
}
export interface Session {
  id: string;
  /**
   * Which pages: `portal` (a customer's) or `console` (an operator's).
   */
  pages: "portal" | "console";
  /**
   * Of the portal: whose customer.
   */
  account: string | null;
  /**
   * Of the portal.
   */
  access: "read" | "manage" | null;
  /**
   * The key that the customer signed in with; null: a link.
   */
  key: string | null;
  /**
   * Of the console: who, as the audit trail names them.
   */
  actor: string | null;
  /**
   * Of the console.
   */
  role: "metrics" | "read" | "portal" | "support" | "meter" | "admin" | null;
  createdAt: string;
  /**
   * Up to a minute old.
   */
  lastSeenAt: string;
  /**
   * Its end, if it is used until then.
   */
  expiresAt: string;
}
export interface EndedSession {
  id: string;
  account: string | null;
  actor: string | null;
}
export interface EndedSessions {
  account: string;
  /**
   * How many sessions were ended.
   */
  sessions: number;
  /**
   * How many unused links work no more.
   */
  links: number;
}
export interface CreateAccountInput {
  name: string;
  /**
   * A plan of the configuration.
   */
  plan?: string | undefined;
  /**
   * From when periods are counted (default: now). In the past: the running period is granted at once; ahead: the first grant comes then. Periods of the calendar stay the calendar's.
   */
  anchorAt?: string | undefined;
  metadata?:
    | {
        [k: string]: string;
      }
    | undefined;
}
export interface ListAccountsInput {
  limit?: number | undefined;
  /**
   * `next` of the page before.
   */
  cursor?: string | undefined;
  /**
   * Part of the name or the id, in any case.
   */
  q?: string | undefined;
  /**
   * These accounts, at most 100, separated by commas. Those that are unknown are left out.
   */
  ids?: string | undefined;
  state?: ("active" | "suspended" | "closed") | undefined;
  /**
   * Accounts that have this plan.
   */
  plan?: string | undefined;
  /**
   * A member that the metadata has, as `name:value`; repeated, all of them.
   */
  metadata?: string | undefined;
  /**
   * By age, or by name in any case.
   */
  sort?: ("newest" | "oldest" | "name") | undefined;
}
export interface GetAccountInput {
  account: string;
}
export interface UpdateAccountInput {
  account: string;
  name?: string | undefined;
  /**
   * Merged: null removes a member, members that are not named stay.
   */
  metadata?:
    | {
        [k: string]: string | null;
      }
    | undefined;
}
export interface SuspendAccountInput {
  account: string;
  /**
   * Kept in the audit trail.
   */
  reason?: string | undefined;
}
export interface ResumeAccountInput {
  account: string;
  /**
   * Kept in the audit trail.
   */
  reason?: string | undefined;
}
export interface CloseAccountInput {
  account: string;
  /**
   * Kept in the audit trail.
   */
  reason?: string | undefined;
}
export interface ListHoldsInput {
  account: string;
  limit?: number | undefined;
  /**
   * `next` of the page before.
   */
  cursor?: string | undefined;
}
export interface ListLongHoldsInput {
  account: string;
  limit?: number | undefined;
  /**
   * `next` of the page before.
   */
  cursor?: string | undefined;
  /**
   * Those in this state only.
   */
  state?: ("open" | "settled" | "released" | "expired") | undefined;
}
export interface ReleaseLongHoldInput {
  account: string;
  /**
   * The hold's `requestId`.
   */
  hold: string;
  /**
   * Kept in the audit trail.
   */
  reason?: string | undefined;
}
export interface ExtendLongHoldInput {
  account: string;
  /**
   * The hold's `requestId`.
   */
  hold: string;
  /**
   * How long it lives, from now on.
   */
  seconds: number;
}
export interface CreatePortalLinkInput {
  account: string;
  /**
   * `read`: look, and change nothing. `manage`: manage the account's keys too, where self-service is on.
   */
  access?: ("read" | "manage") | undefined;
  /**
   * How long the link works; 300 when left out.
   */
  seconds?: number | undefined;
}
export interface CreateKeyInput {
  account: string;
  name?: string | undefined;
  scopes?: (string[] | null) | undefined;
  /**
   * Addresses and ranges of them from which the key may be used; null: from everywhere.
   */
  addresses?: (string[] | null) | undefined;
  caps?:
    | {
        creditType: string;
        /**
         * The most of a UTC day. Null: no such cap.
         */
        day?: number | string | null;
        /**
         * The most of a UTC month.
         */
        month?: number | string | null;
        /**
         * The most of the key's whole life.
         */
        total?: number | string | null;
      }[]
    | undefined;
  expiresAt?: string | undefined;
}
export interface ListKeysInput {
  account: string;
  limit?: number | undefined;
  /**
   * `next` of the page before.
   */
  cursor?: string | undefined;
  /**
   * Part of the name or of the hint, in any case, or an id.
   */
  q?: string | undefined;
  state?: ("active" | "expired" | "revoked") | undefined;
}
export interface ImportKeysInput {
  account: string;
  /**
   * @minItems 1
   * @maxItems 500
   */
  keys: ImportedKey[];
}
export interface SearchKeysInput {
  /**
   * A key itself. It is hashed, and kept nowhere.
   */
  text?: string | undefined;
  /**
   * A hint, or its last four characters.
   */
  hint?: string | undefined;
}
export interface GetKeyInput {
  key: string;
}
export interface UpdateKeyInput {
  key: string;
  name?: string | undefined;
  scopes?: (string[] | null) | undefined;
  /**
   * Addresses and ranges of them from which the key may be used; null: from everywhere.
   */
  addresses?: (string[] | null) | undefined;
  /**
   * All of them; none: the default caps of the account's plan apply.
   */
  caps?:
    | {
        creditType: string;
        /**
         * The most of a UTC day. Null: no such cap.
         */
        day?: number | string | null;
        /**
         * The most of a UTC month.
         */
        month?: number | string | null;
        /**
         * The most of the key's whole life.
         */
        total?: number | string | null;
      }[]
    | undefined;
  /**
   * Null: never.
   */
  expiresAt?: (string | null) | undefined;
}
export interface RotateKeyInput {
  key: string;
  /**
   * How long former texts still work; 0 ends all of them at once.
   */
  graceSeconds: number;
}
export interface RevokeKeyInput {
  key: string;
}
export interface GetKeyPermissionsInput {
  key: string;
}
export interface CreateGrantInput {
  account: string;
  /**
   * Credits: must be a decimal number of credits above 0, at most 1000000000, with at most 6 decimals.
   */
  amount: number | string;
  /**
   * The only or first credit type when absent.
   */
  creditType?: string | undefined;
  expiresAt?: string | undefined;
  /**
   * The lower is drawn first; 100 when absent.
   */
  priority?: number | undefined;
  /**
   * `topup` when absent.
   */
  source?: ("topup" | "promo" | "adjustment") | undefined;
  /**
   * Unique in the account: a second grant with it changes nothing and answers the first.
   */
  reference?: string | undefined;
}
export interface CreateRefundInput {
  charge: string;
  /**
   * All that is left of the charge when absent.
   */
  amount?: (number | string) | undefined;
  reason?: string | undefined;
  /**
   * Unique for the charge: the same again changes nothing.
   */
  reference?: string | undefined;
}
export interface CreateRequestRefundInput {
  account: string;
  /**
   * All that is left of the charge when absent.
   */
  amount?: (number | string) | undefined;
  reason?: string | undefined;
  /**
   * Unique for the charge: the same again changes nothing.
   */
  reference?: string | undefined;
  /**
   * The request's id, as its answer's `x-request-id` showed it.
   */
  requestId: string;
}
export interface CreateAdjustmentInput {
  account: string;
  /**
   * Credits: must be a decimal number of credits other than 0, between -1000000000 and 1000000000, with at most 6 decimals.
   */
  amount: number | string;
  creditType?: string | undefined;
  reason: string;
  /**
   * Unique in the pool: the same again changes nothing.
   */
  reference?: string | undefined;
}
export interface PreviewBulkRefundInput {
  filter: ChargeFilter;
}
export interface CreateBulkRefundInput {
  filter: ChargeFilter;
  reason: string;
  /**
   * Unique: the same request again answers the same bulk refund, another one is refused.
   */
  reference?: string | undefined;
  /**
   * From the preview: nothing is done when the filter now matches something else.
   */
  expect?:
    | {
        charges: number;
        credits: {
          [k: string]: number;
        };
      }
    | undefined;
}
export interface ListBulkRefundsInput {
  limit?: number | undefined;
  /**
   * `next` of the page before.
   */
  cursor?: string | undefined;
}
export interface GetBulkRefundInput {
  bulkRefund: string;
}
export interface CancelBulkRefundInput {
  bulkRefund: string;
}
export interface ListExportsInput {
  limit?: number | undefined;
  /**
   * `next` of the page before.
   */
  cursor?: string | undefined;
  /**
   * Exports in this state only.
   */
  state?: ("queued" | "running" | "ready" | "charged" | "failed" | "cancelled" | "expired") | undefined;
  /**
   * Exports of this account only.
   */
  account?: string | undefined;
}
export interface GetExportInput {
  export: string;
}
export interface CancelExportInput {
  export: string;
}
export interface RetryExportInput {
  export: string;
}
export interface GetBalancesInput {
  account: string;
}
export interface ListEntriesInput {
  account: string;
  limit?: number | undefined;
  /**
   * `next` of the page before.
   */
  cursor?: string | undefined;
  /**
   * The first credit type when absent.
   */
  creditType?: string | undefined;
  kind?: ("grant" | "charge" | "refund" | "expiry" | "adjustment") | undefined;
  key?: string | undefined;
  /**
   * Example: `GET /v1/ip-lookup`
   */
  endpoint?: string | undefined;
  /**
   * Entries at or after this moment.
   */
  from?: string | undefined;
  /**
   * Entries before this moment.
   */
  to?: string | undefined;
}
export interface GetUsageInput {
  account: string;
  /**
   * All credit types when absent.
   */
  creditType?: string | undefined;
  /**
   * Example: `GET /v1/ip-lookup`
   */
  endpoint?: string | undefined;
  key?: string | undefined;
  /**
   * From this quarter of an hour on; when absent the last 24 hours, 30 days or 12 months by the resolution's calendar, the present one included; without a resolution 30 days.
   */
  from?: string | undefined;
  /**
   * Up to this quarter of an hour; now when absent.
   */
  to?: string | undefined;
  /**
   * Whose hours, days and months: UTC or an IANA name like Europe/Berlin.
   */
  timeZone?: string | undefined;
  /**
   * A row for each hour (at most 7 days), day (60 days) or month (2 years); in total when absent.
   */
  resolution?: ("hour" | "day" | "month") | undefined;
  /**
   * What the rows are told apart by, besides time: some of account, endpoint, key, separated by commas; empty: by nothing. When absent: by endpoint without a resolution, by nothing with one. By credit type always.
   */
  groupBy?: string | undefined;
}
export interface GetAllUsageInput {
  /**
   * All credit types when absent.
   */
  creditType?: string | undefined;
  /**
   * Example: `GET /v1/ip-lookup`
   */
  endpoint?: string | undefined;
  key?: string | undefined;
  /**
   * From this quarter of an hour on; when absent the last 24 hours, 30 days or 12 months by the resolution's calendar, the present one included; without a resolution 30 days.
   */
  from?: string | undefined;
  /**
   * Up to this quarter of an hour; now when absent.
   */
  to?: string | undefined;
  /**
   * Whose hours, days and months: UTC or an IANA name like Europe/Berlin.
   */
  timeZone?: string | undefined;
  /**
   * A row for each hour (at most 7 days), day (60 days) or month (2 years); in total when absent.
   */
  resolution?: ("hour" | "day" | "month") | undefined;
  /**
   * What the rows are told apart by, besides time: some of account, endpoint, key, separated by commas; empty: by nothing. When absent: by endpoint without a resolution, by nothing with one. By credit type always.
   */
  groupBy?: string | undefined;
}
export interface GetCallInput {
  /**
   * The request's id, the `x-request-id` of its answer; or the id of its charge.
   */
  call: string;
  /**
   * Whose call it is. Without it all accounts are looked through that were charged about the time in the id.
   */
  account?: string | undefined;
}
export interface GetMonthReportInput {
  /**
   * Any moment of the first month, in UTC; when absent there are 12 months.
   */
  from?: string | undefined;
  /**
   * Any moment of the last month; the present one when absent. At most 120 months.
   */
  to?: string | undefined;
  /**
   * All credit types when absent.
   */
  creditType?: string | undefined;
}
export interface GetRefusalReportInput {
  /**
   * Any moment of the first month, in UTC; when absent there are 12 months.
   */
  from?: string | undefined;
  /**
   * Any moment of the last month; the present one when absent. At most 120 months.
   */
  to?: string | undefined;
}
export interface ListRunningOutInput {
  limit?: number | undefined;
  /**
   * `next` of the page before.
   */
  cursor?: string | undefined;
  /**
   * Within so many days.
   */
  days?: number | undefined;
  /**
   * All credit types when absent.
   */
  creditType?: string | undefined;
}
export interface PublishPriceListInput {
  /**
   * @maxItems 10000
   *
   * Items: As in farebox.yaml.
   */
  prices: {
    [k: string]: unknown;
  }[];
  unpriced?: ("free" | "refuse") | undefined;
  /**
   * From now on when absent. Not in the past.
   */
  effectiveAt?: string | undefined;
}
export interface ListPriceListsInput {
  limit?: number | undefined;
  /**
   * `next` of the page before.
   */
  cursor?: string | undefined;
}
export interface GetPriceListInput {
  version: number;
}
export interface GetPriceListDiffInput {
  version: number;
  /**
   * The list to compare with; the one that this one replaces in time when absent.
   */
  against?: number | undefined;
}
export interface CancelPriceListInput {
  version: number;
}
export interface PublishAccountPricesInput {
  account: string;
  /**
   * They go before those that everybody has: to the account it is as if they stood first in the list.
   *
   * @minItems 1
   * @maxItems 1000
   *
   * Items: As in farebox.yaml.
   */
  prices: {
    [k: string]: unknown;
  }[];
  /**
   * From now on when absent. Not in the past.
   */
  effectiveAt?: string | undefined;
  /**
   * From here on they do not apply; when absent, until a later list of the account takes effect.
   */
  until?: string | undefined;
}
export interface ListAccountPricesInput {
  account: string;
  limit?: number | undefined;
  /**
   * `next` of the page before.
   */
  cursor?: string | undefined;
}
export interface CancelAccountPricesInput {
  account: string;
  version: number;
}
export interface SimulatePricesInput {
  /**
   * @maxItems 10000
   *
   * Items: As in farebox.yaml.
   */
  prices: {
    [k: string]: unknown;
  }[];
  unpriced?: ("free" | "refuse") | undefined;
  /**
   * Only this account; all when absent.
   */
  account?: string | undefined;
  /**
   * Charges from then on; 30 days before `to` when absent.
   */
  from?: string | undefined;
  /**
   * Charges before then; now when absent.
   */
  to?: string | undefined;
  /**
   * `next` of the part before.
   */
  cursor?: string | undefined;
}
export interface AssignPlanInput {
  account: string;
  /**
   * A plan of the configuration.
   */
  plan: string;
  /**
   * `now` (default), or `refresh`: at the next refresh of the longest period that the present plan grants at.
   */
  when?: ("now" | "refresh") | undefined;
  /**
   * From when periods are counted (default: now). In the past: the running period is granted at once; ahead: the first grant comes then. Periods of the calendar stay the calendar's.
   */
  anchorAt?: string | undefined;
}
export interface CancelPlanInput {
  account: string;
  /**
   * `now` (default), or `refresh`: at the next refresh of the longest period that the present plan grants at.
   */
  when?: ("now" | "refresh") | undefined;
}
export interface KeepPlanInput {
  account: string;
}
export interface ListAuditTrailInput {
  limit?: number | undefined;
  /**
   * `next` of the page before.
   */
  cursor?: string | undefined;
  /**
   * What was done to this account.
   */
  account?: string | undefined;
  /**
   * Example: `account.close`
   */
  action?: string | undefined;
  /**
   * Example: `operator`
   */
  actor?: string | undefined;
  /**
   * The id of what was created or changed.
   */
  target?: string | undefined;
  /**
   * At or after this moment.
   */
  from?: string | undefined;
  /**
   * Before this moment.
   */
  to?: string | undefined;
}
export interface RunAuditInput {
  /**
   * Nobody uses the ledger: what is still held is a finding too.
   */
  atRest?: boolean | undefined;
}
export interface CreateTokenInput {
  /**
   * Never used again, for the audit trail's sake.
   */
  name: string;
  /**
   * `metrics`: scrape metrics. `read`: read everything. `portal`: make portal links only. `support`: read, make portal links, and grant and refund up to the limits. `meter`: hold and charge at the sidecar's listener only. `admin`: everything.
   */
  role: "metrics" | "read" | "portal" | "support" | "meter" | "admin";
  limits?: NewGivingLimits | undefined;
  expiresAt?: string | undefined;
}
export interface ListTokensInput {
  limit?: number | undefined;
  /**
   * `next` of the page before.
   */
  cursor?: string | undefined;
}
export interface RevokeTokenInput {
  token: string;
}
export interface CreateConsoleLinkInput {
  /**
   * How long the link works; 300 when left out.
   */
  seconds?: number | undefined;
}
export interface ListSessionsInput {
  limit?: number | undefined;
  /**
   * `next` of the page before.
   */
  cursor?: string | undefined;
  /**
   * Only customers' of this account.
   */
  account?: string | undefined;
  /**
   * Which pages: `portal` (a customer's) or `console` (an operator's).
   */
  pages?: ("portal" | "console") | undefined;
}
export interface EndSessionInput {
  session: string;
}
export interface EndAccountSessionsInput {
  account: string;
}
