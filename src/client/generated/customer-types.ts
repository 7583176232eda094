// Made by `npm run generate` from the customer API's own schemas. Not to be edited.

export type Recurring = {
  /**
   * Credits, exact to six decimals.
   */
  amount: number;
  every: "day" | "week" | "month" | "year";
  /**
   * The next refresh; null when the plan ends before it.
   */
  nextAt: string | null;
  /**
   * What survives the refresh of what is unused: none, all, or at most so many credits.
   */
  rollover: ("none" | "all") | number;
} | null;
export type CreatedKey = Key & {
  /**
   * The key itself. It is shown here and never again.
   */
  key: string;
};

export interface Overview {
  account: string;
  name: string;
  plan: string | null;
  /**
   * The answer's moment, by the database's clock.
   */
  at: string;
  pools: Pool[];
  usage: {
    from: string;
    to: string;
    timeZone: string;
    /**
     * What happened before it is counted; of what came later some may be missing. Null: nothing is.
     */
    completeUntil: string | null;
    /**
     * The last 30 days of the calendar, today included; each has a row.
     */
    days: {
      time: string;
      timeEnd: string;
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
    endpoints: {
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
    keys: {
      key: string;
      name: string | null;
      hint: string | null;
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
  };
  limits: Limit[];
  /**
   * Price lists that will take effect, the soonest first.
   */
  announced: {
    version: number;
    effectiveAt: string;
  }[];
}
export interface Pool {
  creditType: string;
  /**
   * Credits, exact to six decimals.
   */
  balance: number;
  /**
   * Set aside for requests in flight.
   */
  held: number;
  /**
   * The balance without what is held.
   */
  available: number;
  recurring: Recurring;
  /**
   * With something left, in the order in which they are spent.
   */
  grants: Grant[];
}
export interface Grant {
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
}
export interface Limit {
  /**
   * The requests that are counted together; `*`: all.
   */
  match: string;
  /**
   * How many, of what `counts` says.
   */
  requests: number;
  /**
   * `results`: a request counts as one, and for each further result that its answer is priced for.
   */
  counts: "requests" | "results";
  windowSeconds: number;
  /**
   * Whose requests are counted together.
   */
  by: "account" | "key";
  /**
   * Whether it holds for everyone, or comes with the account's plan.
   */
  source: "everyone" | "plan";
}
export interface Balances {
  account: string;
  pools: Pool[];
}
export interface Usage {
  account: string;
  from: string;
  to: string;
  timeZone: string;
  resolution: "hour" | "day" | "month" | null;
  groupBy: ("endpoint" | "key")[];
  /**
   * What is not grouped by is null.
   */
  rows: {
    time: string | null;
    timeEnd: string | null;
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
   * The oldest first, at most 200.
   */
  refunds: {
    at: string;
    /**
     * Credits, exact to six decimals.
     */
    amount: number;
  }[];
}
export interface Permissions {
  key: string;
  name: string;
  /**
   * The key's prefix and last four characters.
   */
  hint: string;
  expiresAt: string | null;
  scopes: string[] | null;
  /**
   * The version of the price list in force.
   */
  priceList: number;
  /**
   * What the key may spend, and what it has spent of it.
   */
  caps: KeyCap[];
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
export interface Prices {
  inForce: PriceList;
  /**
   * In the order in which they take effect; each says what it changes in the one before.
   */
  announced: (PriceList & {
    changes: PriceDifference;
  })[];
}
export interface PriceList {
  version: number;
  effectiveAt: string;
  /**
   * The account's own price list, whose prices come first; null: it has none then.
   */
  ownVersion: number | null;
  /**
   * What an endpoint without a price does: answers free of charge, or not at all.
   */
  unpriced: "free" | "refuse";
  prices: Price[];
}
export interface Price {
  [k: string]: unknown;
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
export interface Quote {
  /**
   * As its price names it; `unpriced`; `open` for one that needs no key.
   */
  endpoint: string;
  /**
   * The version of the price list that it is from: everybody's, or the account's own.
   */
  priceList: number;
  price: Price & ({} | null);
  /**
   * What it spends; null: nothing.
   */
  creditType: string | null;
  /**
   * What decides whether credits cover it: the most that it can cost, or what the answer turns out to cost; null: it costs nothing.
   */
  decidedOn: "request" | "answer" | null;
  /**
   * Results that it can be charged for at most; 1 for a price per request; null: its price names no bound.
   */
  units: number | null;
  /**
   * The most that it can cost; null: only its answer tells.
   */
  most: number | null;
  /**
   * Of a price with tiers: where the account is in them. What is set aside is `most` by the dearest tier.
   */
  tier: {
    within: "day" | "week" | "month" | "year";
    /**
     * What was used in the present period before.
     */
    used: number;
    /**
     * The most that it can cost in the tiers where it would be charged now.
     */
    most: number;
  } | null;
  /**
   * What the pool has available now, by the balance without what is held; null: it spends nothing.
   */
  available: number | null;
  /**
   * Paid for within its price's window (`once`): now it would cost nothing.
   */
  repeat: boolean;
  /**
   * Whether it would be admitted now. Request limits are left out. What is decided on the answer is always admitted, and may be refused after it.
   */
  admitted: boolean;
  /**
   * The code with which it would be refused.
   */
  refusal: string | null;
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
}
export interface ExportFiles {
  export: Export;
  files: ExportFile[];
}
export interface ExportFile {
  name: string;
  records: number;
  bytes: number;
  sha256: string;
  /**
   * Where it is downloaded with a key.
   */
  path: string;
  /**
   * Where it is downloaded without one, for a while.
   */
  link: string;
  linkExpiresAt: string;
}
export interface KeyPage {
  keys: Key[];
  /**
   * The next page's `cursor`; null: the end.
   */
  next: string | null;
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
export interface GetOverviewInput {
  /**
   * Whose days: UTC or an IANA name like Europe/Berlin.
   */
  timeZone?: string | undefined;
}
export interface GetUsageInput {
  /**
   * All credit types when absent.
   */
  creditType?: string | undefined;
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
   * What the rows are told apart by, besides time: some of endpoint, key, separated by commas; empty: by nothing. When absent: by endpoint without a resolution, by nothing with one. By credit type always.
   */
  groupBy?: string | undefined;
}
export interface ListEntriesInput {
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
export interface GetCallInput {
  /**
   * The request's id, the `x-request-id` of its answer; or the id of its charge.
   */
  call: string;
}
export interface QuoteInput {
  method:
    | "GET"
    | "HEAD"
    | "POST"
    | "PUT"
    | "PATCH"
    | "DELETE"
    | "OPTIONS"
    | "QUERY"
    | "SEARCH"
    | "REPORT"
    | "PROPFIND"
    | "PURGE";
  /**
   * With its query, if it has one: `/v1/leads?size=50`.
   */
  path: string;
  /**
   * Further query parameters; a list stands for one that is given several times.
   */
  query?:
    | {
        [k: string]: string | string[];
      }
    | undefined;
  headers?:
    | {
        [k: string]: string;
      }
    | undefined;
  /**
   * The request's JSON body, as it would be sent.
   */
  body?: {} | undefined;
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
}
export interface GetExportInput {
  export: string;
}
export interface ListExportFilesInput {
  export: string;
}
export interface CancelExportInput {
  export: string;
}
export interface ListKeysInput {
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
export interface CreateKeyInput {
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
