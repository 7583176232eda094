-- The books: pools, what is set aside of them, the entries, the grants behind the balances, and who serves them.
-- Primary keys start with the account and end with the shard: led by the shard, the planner took it for the driving index
-- on tables that were never analysed, and ran twenty times slower.

-- One row per account and credit type: the row that every verb locks first.
-- Half of each page stays free and no index covers a column that a charge changes, so that updates stay in their page (HOT).
CREATE TABLE farebox.pools (
  account_id text COLLATE "C" NOT NULL,
  credit_type text COLLATE "C" NOT NULL,
  shard integer NOT NULL,
  balance bigint NOT NULL DEFAULT 0,
  -- Sum of the live holds and leases.
  held bigint NOT NULL DEFAULT 0,
  -- Total of all charges ever; the part up to `drawn` is distributed over the grants.
  spent bigint NOT NULL DEFAULT 0,
  drawn bigint NOT NULL DEFAULT 0,
  -- What must expire as soon as no hold covers it any more; sum of grants.overdue.
  overdue bigint NOT NULL DEFAULT 0,
  -- Total that charges asked for and neither their hold nor the pool covered.
  uncollected bigint NOT NULL DEFAULT 0,
  last_seq bigint NOT NULL DEFAULT 0,
  -- The next moment at which a grant, a recurring grant or a client's hold changes by itself. Never too late; may be too early.
  next_event_at timestamptz,
  PRIMARY KEY (account_id, credit_type, shard),
  CONSTRAINT pools_never_negative CHECK (balance >= 0 AND held >= 0 AND held <= balance),
  CONSTRAINT pools_drawn_within_spent CHECK (drawn >= 0 AND drawn <= spent),
  CONSTRAINT pools_counts CHECK (overdue >= 0 AND uncollected >= 0 AND last_seq >= 0)
) WITH (fillfactor = 50);

-- For the sweeper. next_event_at moves with grants and about once per lifetime of a client's hold, not with charges.
CREATE INDEX pools_next_event ON farebox.pools (next_event_at, shard) WHERE next_event_at IS NOT NULL;

-- Credits set aside: a client's hold, or the lease of an instance, whose hold_id is 'lease:' and the instance's id.
CREATE TABLE farebox.holds (
  account_id text COLLATE "C" NOT NULL,
  credit_type text COLLATE "C" NOT NULL,
  hold_id text COLLATE "C" NOT NULL,
  shard integer NOT NULL,
  -- What is left of it.
  amount bigint NOT NULL CHECK (amount >= 0),
  -- What a client's hold was created with, so that a repeated request is told from another one.
  asked bigint NOT NULL,
  created_at timestamptz NOT NULL,
  -- Null for a lease: it lives as long as its instance.
  expires_at timestamptz,
  -- The charge that resolved a client's hold, kept so that its repetition returns the original result.
  charged_seq bigint,
  charged bigint,
  uncollected bigint,
  balance_after bigint,
  -- The instance of a lease.
  owner text COLLATE "C",
  kind text NOT NULL CHECK (kind IN ('lease', 'hold')),
  state text NOT NULL DEFAULT 'live' CHECK (state IN ('live', 'charged', 'released', 'expired')),
  PRIMARY KEY (account_id, credit_type, hold_id, shard),
  CONSTRAINT holds_resolved_hold_nothing CHECK (state = 'live' OR amount = 0),
  CONSTRAINT holds_lease_has_owner CHECK ((kind = 'lease') = (owner IS NOT NULL)),
  CONSTRAINT holds_hold_expires CHECK ((kind = 'hold') = (expires_at IS NOT NULL))
) WITH (fillfactor = 50);

-- The leases of a dead instance. Neither column ever changes.
CREATE INDEX holds_lease_owner ON farebox.holds (owner, shard) WHERE kind = 'lease';
-- The holds of a pool that may expire. Leases are not in it, so their updates stay HOT.
CREATE INDEX holds_live ON farebox.holds (account_id, credit_type, expires_at) WHERE kind = 'hold' AND state = 'live';
-- Resolved holds that are old enough to be forgotten.
CREATE INDEX holds_by_expiry ON farebox.holds (expires_at, shard) WHERE kind = 'hold';

-- The ledger: append-only, `seq` without gaps per pool, the running balance on each line.
-- The primary key ends with `at` because Postgres wants the partition column in it; that (pool, seq) is unique follows from
-- the pool's lock. No uniqueness that money depends on lies here.
CREATE TABLE farebox.entries (
  account_id text COLLATE "C" NOT NULL,
  credit_type text COLLATE "C" NOT NULL,
  seq bigint NOT NULL,
  shard integer NOT NULL,
  at timestamptz NOT NULL,
  -- Signed change of the balance, and the balance and the pool's total spend after it. A charge at spent = s of amount -a
  -- covers the range (s-a, s] of the pool's spend.
  amount bigint NOT NULL,
  balance bigint NOT NULL,
  spent bigint NOT NULL,
  uncollected bigint NOT NULL DEFAULT 0,
  -- The charge that a refund reverses.
  refund_of bigint,
  units integer,
  price_list integer,
  status smallint,
  kind text NOT NULL CHECK (kind IN ('grant', 'charge', 'refund', 'expiry', 'adjustment')),
  request_id text,
  key_id text COLLATE "C",
  endpoint text COLLATE "C",
  grant_id text COLLATE "C",
  reason text,
  PRIMARY KEY (account_id, credit_type, seq, shard, at)
) PARTITION BY RANGE (at);

-- Months are made ahead; a row that finds none lands here instead of failing a charge.
CREATE TABLE farebox.entries_default PARTITION OF farebox.entries DEFAULT;

-- Blocks of credits. Charges do not touch them: `roll` distributes what was spent over them later, lowest priority number
-- first, then earliest expiry, then age.
CREATE TABLE farebox.grants (
  account_id text COLLATE "C" NOT NULL,
  credit_type text COLLATE "C" NOT NULL,
  grant_id text COLLATE "C" NOT NULL,
  shard integer NOT NULL,
  amount bigint NOT NULL CHECK (amount > 0),
  remaining bigint NOT NULL CHECK (remaining >= 0),
  -- The part of `remaining` that has expired and is still covered by a live hold.
  overdue bigint NOT NULL DEFAULT 0 CHECK (overdue >= 0 AND overdue <= remaining),
  effective_at timestamptz NOT NULL,
  expires_at timestamptz CHECK (expires_at > effective_at),
  created_at timestamptz NOT NULL,
  priority integer NOT NULL,
  -- pending: not effective yet, not in the balance. ended: nothing left.
  state text NOT NULL CHECK (state IN ('pending', 'active', 'ended')),
  source text NOT NULL CHECK (source IN ('recurring', 'topup', 'promo', 'adjustment', 'refund')),
  -- The plan's item that a recurring grant came from.
  item text COLLATE "C",
  reference text COLLATE "C" NOT NULL,
  PRIMARY KEY (account_id, credit_type, grant_id, shard),
  CONSTRAINT grants_reference_once UNIQUE (account_id, reference, shard)
);
CREATE INDEX grants_open ON farebox.grants (account_id, credit_type) WHERE state <> 'ended';

-- Which range (from_spent, to_spent] of the pool's spend each grant paid. The ranges of a pool neither overlap nor leave gaps,
-- so a refund finds exactly the grants that its charge drew from.
CREATE TABLE farebox.draws (
  account_id text COLLATE "C" NOT NULL,
  credit_type text COLLATE "C" NOT NULL,
  from_spent bigint NOT NULL,
  shard integer NOT NULL,
  to_spent bigint NOT NULL CHECK (to_spent > from_spent),
  grant_id text COLLATE "C" NOT NULL,
  PRIMARY KEY (account_id, credit_type, from_spent, shard)
);

-- One row per refund; they never sum to more than the charge.
CREATE TABLE farebox.refunds (
  account_id text COLLATE "C" NOT NULL,
  credit_type text COLLATE "C" NOT NULL,
  seq bigint NOT NULL,
  reference text COLLATE "C" NOT NULL,
  shard integer NOT NULL,
  amount bigint NOT NULL CHECK (amount > 0),
  refund_seq bigint NOT NULL,
  balance_after bigint NOT NULL,
  PRIMARY KEY (account_id, credit_type, seq, reference, shard)
);

-- Adjustments by an operator: idempotent by reference.
CREATE TABLE farebox.adjustments (
  account_id text COLLATE "C" NOT NULL,
  credit_type text COLLATE "C" NOT NULL,
  reference text COLLATE "C" NOT NULL,
  shard integer NOT NULL,
  amount bigint NOT NULL,
  adjustment_seq bigint NOT NULL,
  balance_after bigint NOT NULL,
  PRIMARY KEY (account_id, credit_type, reference, shard)
);

-- The hourly roll-up of charges, for reports. `refunded` is what refunds gave back of this hour's charges.
CREATE TABLE farebox.usage (
  account_id text COLLATE "C" NOT NULL,
  credit_type text COLLATE "C" NOT NULL,
  hour timestamptz NOT NULL,
  key_id text COLLATE "C" NOT NULL,
  endpoint text COLLATE "C" NOT NULL,
  shard integer NOT NULL,
  requests bigint NOT NULL,
  units bigint NOT NULL,
  credits bigint NOT NULL,
  refunded bigint NOT NULL DEFAULT 0,
  PRIMARY KEY (account_id, credit_type, hour, key_id, endpoint, shard),
  CONSTRAINT usage_refunds_within_credits CHECK (refunded >= 0 AND refunded <= credits)
) WITH (fillfactor = 50);

-- What a plan grants an account at intervals. Period k starts at the anchor plus k intervals, in UTC.
CREATE TABLE farebox.recurring (
  account_id text COLLATE "C" NOT NULL,
  credit_type text COLLATE "C" NOT NULL,
  item text COLLATE "C" NOT NULL,
  shard integer NOT NULL,
  amount bigint NOT NULL CHECK (amount > 0),
  rollover_cap bigint CHECK (rollover_cap >= 0),
  anchor_at timestamptz NOT NULL,
  next_at timestamptz NOT NULL,
  next_period integer NOT NULL CHECK (next_period >= 0),
  priority integer NOT NULL,
  every text NOT NULL CHECK (every IN ('day', 'week', 'month', 'year')),
  -- What survives a refresh: nothing, everything, or up to rollover_cap.
  rollover text NOT NULL CHECK (rollover IN ('none', 'all', 'cap')),
  PRIMARY KEY (account_id, credit_type, item, shard),
  CONSTRAINT recurring_cap_given CHECK ((rollover = 'cap') = (rollover_cap IS NOT NULL))
);

-- One row per instance and shard. `last_batch` moves in the batch's transaction: that is what makes a batch exactly once.
CREATE TABLE farebox.instances (
  owner text COLLATE "C" NOT NULL,
  shard integer NOT NULL,
  last_batch bigint NOT NULL DEFAULT 0,
  seen_at timestamptz NOT NULL,
  -- When `state` became dead.
  dead_at timestamptz,
  state text NOT NULL DEFAULT 'live' CHECK (state IN ('live', 'dead')),
  -- What the last batch returned, for an instance that lost the reply.
  reply text,
  PRIMARY KEY (owner, shard)
) WITH (fillfactor = 50);

-- Leases that others want back, read and deleted by the owner's heartbeat.
CREATE TABLE farebox.recalls (
  owner text COLLATE "C" NOT NULL,
  account_id text COLLATE "C" NOT NULL,
  credit_type text COLLATE "C" NOT NULL,
  shard integer NOT NULL,
  PRIMARY KEY (owner, account_id, credit_type, shard)
);

-- Values that an account has paid for, and until when they are free (`once` of a price).
CREATE TABLE farebox.once_windows (
  account_id text COLLATE "C" NOT NULL,
  endpoint text COLLATE "C" NOT NULL,
  value text COLLATE "C" NOT NULL,
  shard integer NOT NULL,
  until timestamptz NOT NULL,
  PRIMARY KEY (account_id, endpoint, value, shard)
);
CREATE INDEX once_windows_until ON farebox.once_windows (until, shard);
