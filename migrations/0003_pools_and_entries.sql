-- The books: pools, what fills them, what is set aside of them, and the line that each change of a balance leaves.
--
-- A pool is (account_no, type_no); shard is its account's, part of every key and of every condition: on Citus it is the
-- distribution column of all these tables. Amounts are micro-credits. With smallint for type and shard the key of an entry
-- (account_no, type_no, shard, seq) is 16 bytes without a gap.

CREATE TABLE farebox.pools (
  account_no integer NOT NULL,
  type_no smallint NOT NULL,
  shard smallint NOT NULL,
  -- Some key has a cap on it: such a pool goes through the general batch.
  capped boolean NOT NULL DEFAULT false,
  balance bigint NOT NULL DEFAULT 0,
  -- Live client holds, leases of instances (lease_amount) and leases of capped keys (key_leases).
  held bigint NOT NULL DEFAULT 0,
  -- All charges since the pool began. Grants are drawn lazily: what was spent beyond `drawn` is not yet taken from any.
  spent bigint NOT NULL DEFAULT 0,
  drawn bigint NOT NULL DEFAULT 0,
  -- Expired, and kept because it covers what is held.
  overdue bigint NOT NULL DEFAULT 0,
  uncollected bigint NOT NULL DEFAULT 0,
  last_seq bigint NOT NULL DEFAULT 0,
  -- The time of the last entry. No later entry has an earlier one, whatever the server's clock does.
  last_at timestamptz NOT NULL DEFAULT '-infinity',
  -- The next moment at which anything is due: an expiry, a grant, a refresh, the end of a client's hold.
  next_event_at timestamptz NOT NULL DEFAULT 'infinity',
  -- The instances that lease from this pool, and what each has of it; see active_pools.
  lease_owner integer[] NOT NULL DEFAULT '{}',
  lease_amount bigint[] NOT NULL DEFAULT '{}',
  PRIMARY KEY (account_no, type_no, shard),
  -- The last line of defence: no code relies on hitting it.
  CONSTRAINT pools_never_negative CHECK (balance >= 0 AND held >= 0 AND held <= balance),
  CONSTRAINT pools_drawn_within_spent CHECK (drawn >= 0 AND drawn <= spent),
  CONSTRAINT pools_counts CHECK (overdue >= 0 AND uncollected >= 0 AND last_seq >= 0),
  CONSTRAINT pools_leases_paired CHECK (cardinality(lease_owner) = cardinality(lease_amount))
) WITH (fillfactor = 50);
COMMENT ON TABLE farebox.pools IS 'An account''s balance in one credit type: the row that every verb locks first.';
-- No indexed column changes when a pool is charged, so that charging stays a HOT update.
CREATE INDEX pools_next_event ON farebox.pools (next_event_at, shard) WHERE next_event_at < 'infinity';

CREATE TABLE farebox.entries (
  account_no integer NOT NULL,
  type_no smallint NOT NULL,
  shard smallint NOT NULL,
  -- Gap-free in the pool.
  seq bigint NOT NULL,
  at timestamptz NOT NULL,
  -- Signed change of the balance; the balance, and all that was ever spent, after it.
  amount bigint NOT NULL,
  balance bigint NOT NULL,
  spent bigint NOT NULL,
  request uuid,
  key_no integer,
  endpoint_no integer,
  units integer,
  price_list integer,
  status smallint,
  -- c: charge, g: grant, r: refund, x: expiry, a: adjustment; see entry_kind.
  kind "char" NOT NULL CHECK (kind IN ('c', 'g', 'r', 'x', 'a')),
  -- What a charge asked for and nothing covered; null is 0.
  uncollected bigint,
  -- The number of the charge that a refund reverses.
  refund_of bigint,
  grant_id text COLLATE "C",
  reason text
) PARTITION BY RANGE (at);
COMMENT ON TABLE farebox.entries IS
  'The ledger: a line for each change of a balance, in monthly partitions. Append-only. Uniqueness is not its job: numbers come from the locked pool, and the audit finds a gap or a double.';
CREATE INDEX entries_by_seq ON farebox.entries (account_no, type_no, shard, seq);
-- Where no month was made ahead; see ensure_partitions.
CREATE TABLE farebox.entries_default PARTITION OF farebox.entries DEFAULT;

CREATE FUNCTION farebox.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'entries are never changed or deleted: refund or adjust instead' USING ERRCODE = 'FB003';
END $$;
COMMENT ON FUNCTION farebox.refuse_change IS 'Internal. Makes entries append-only, for the ledger''s own role too.';
-- Partitions that are attached later inherit it. A whole month may still be dropped.
CREATE TRIGGER entries_append_only BEFORE UPDATE OR DELETE ON farebox.entries
  FOR EACH ROW EXECUTE FUNCTION farebox.refuse_change();

CREATE FUNCTION farebox.entry_kind(p_kind "char") RETURNS text LANGUAGE sql IMMUTABLE
RETURN CASE WHEN p_kind = 'c' THEN 'charge' WHEN p_kind = 'g' THEN 'grant' WHEN p_kind = 'r' THEN 'refund'
  WHEN p_kind = 'x' THEN 'expiry' WHEN p_kind = 'a' THEN 'adjustment' END;
COMMENT ON FUNCTION farebox.entry_kind IS 'What anyone sees of an entry''s kind.';

CREATE TABLE farebox.grants (
  account_no integer NOT NULL,
  type_no smallint NOT NULL,
  grant_id text COLLATE "C" NOT NULL,
  shard smallint NOT NULL,
  amount bigint NOT NULL CHECK (amount > 0),
  remaining bigint NOT NULL CHECK (remaining >= 0),
  -- The part of `remaining` that has expired and is kept for what is held.
  overdue bigint NOT NULL DEFAULT 0,
  effective_at timestamptz NOT NULL,
  -- Null: never.
  expires_at timestamptz CHECK (expires_at > effective_at),
  created_at timestamptz NOT NULL,
  -- Lower numbers are drawn first, then the earliest expiry, then age.
  priority integer NOT NULL,
  state text NOT NULL CHECK (state IN ('pending', 'active', 'ended')),
  source text NOT NULL CHECK (source IN ('recurring', 'topup', 'promo', 'adjustment', 'refund')),
  -- The plan's item of a recurring grant.
  item text COLLATE "C",
  reference text COLLATE "C" NOT NULL,
  PRIMARY KEY (account_no, type_no, grant_id, shard),
  CONSTRAINT grants_reference_once UNIQUE (account_no, reference, shard),
  CONSTRAINT grants_overdue_within_remaining CHECK (overdue >= 0 AND overdue <= remaining)
);
COMMENT ON TABLE farebox.grants IS 'Blocks of credits added to a pool, and what is left of each as of the pool''s last roll.';
CREATE INDEX grants_open ON farebox.grants (account_no, type_no) WHERE state <> 'ended';

CREATE TABLE farebox.draws (
  account_no integer NOT NULL,
  type_no smallint NOT NULL,
  -- The pool's spending from here to there was taken from this grant.
  from_spent bigint NOT NULL,
  to_spent bigint NOT NULL,
  shard smallint NOT NULL,
  grant_id text COLLATE "C" NOT NULL,
  PRIMARY KEY (account_no, type_no, from_spent, shard),
  CHECK (to_spent > from_spent)
);
COMMENT ON TABLE farebox.draws IS 'Which grants paid for which spending: a refund returns to them, the newest drawn first.';

CREATE TABLE farebox.holds (
  account_no integer NOT NULL,
  type_no smallint NOT NULL,
  hold_id text COLLATE "C" NOT NULL,
  shard smallint NOT NULL,
  -- What is set aside: 0 once it is resolved. And what was asked for.
  amount bigint NOT NULL CHECK (amount >= 0),
  asked bigint NOT NULL,
  created_at timestamptz NOT NULL,
  expires_at timestamptz NOT NULL,
  state text NOT NULL DEFAULT 'live' CHECK (state IN ('live', 'charged', 'released', 'expired')),
  -- The charge, remembered for its repetition.
  charged_seq bigint,
  charged bigint,
  uncollected bigint,
  balance_after bigint,
  PRIMARY KEY (account_no, type_no, hold_id, shard),
  CONSTRAINT holds_resolved_hold_nothing CHECK (state = 'live' OR amount = 0)
) WITH (fillfactor = 50);
COMMENT ON TABLE farebox.holds IS 'Credits set aside for a client until charged, released or expired. (Leases of instances are in pools.)';
CREATE INDEX holds_live ON farebox.holds (account_no, type_no, expires_at) WHERE state = 'live';
CREATE INDEX holds_by_expiry ON farebox.holds (expires_at, shard);

CREATE TABLE farebox.recurring (
  account_no integer NOT NULL,
  type_no smallint NOT NULL,
  item text COLLATE "C" NOT NULL,
  shard smallint NOT NULL,
  amount bigint NOT NULL CHECK (amount > 0),
  rollover_cap bigint CHECK (rollover_cap >= 0),
  anchor_at timestamptz NOT NULL,
  next_at timestamptz NOT NULL,
  next_period integer NOT NULL CHECK (next_period >= 0),
  priority integer NOT NULL,
  every text NOT NULL CHECK (every IN ('day', 'week', 'month', 'year')),
  rollover text NOT NULL CHECK (rollover IN ('none', 'all', 'cap')),
  -- Grants nothing at or after this moment; null: no end.
  until timestamptz,
  PRIMARY KEY (account_no, type_no, item, shard),
  CONSTRAINT recurring_cap_given CHECK ((rollover = 'cap') = (rollover_cap IS NOT NULL))
);
COMMENT ON TABLE farebox.recurring IS 'What a plan grants a pool at intervals, and when next.';

CREATE TABLE farebox.refunds (
  account_no integer NOT NULL,
  type_no smallint NOT NULL,
  seq bigint NOT NULL,
  reference text COLLATE "C" NOT NULL,
  shard smallint NOT NULL,
  -- What was given back: 0 where nothing was left. And what was asked for: null is all that is left.
  amount bigint NOT NULL CHECK (amount >= 0),
  asked bigint,
  -- The refund's entry; null when nothing was given back.
  refund_seq bigint,
  balance_after bigint NOT NULL,
  PRIMARY KEY (account_no, type_no, seq, reference, shard)
);
COMMENT ON TABLE farebox.refunds IS 'Refunds by the charge (seq) and the caller''s reference: the same once more gives nothing more.';

CREATE TABLE farebox.adjustments (
  account_no integer NOT NULL,
  type_no smallint NOT NULL,
  reference text COLLATE "C" NOT NULL,
  shard smallint NOT NULL,
  amount bigint NOT NULL,
  adjustment_seq bigint NOT NULL,
  balance_after bigint NOT NULL,
  PRIMARY KEY (account_no, type_no, reference, shard)
);
COMMENT ON TABLE farebox.adjustments IS 'Adjustments by the caller''s reference.';

-- FB404 when an account is unknown, or of another shard. A new pool has an empty balance.
CREATE FUNCTION farebox.create_pools(p_shard smallint, p_account integer[], p_type smallint[]) RETURNS void
LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
  v_unknown integer;
BEGIN
  SELECT u.a INTO v_unknown FROM unnest(p_account) u(a)
  WHERE NOT EXISTS (SELECT FROM farebox.accounts a WHERE a.account_no = u.a AND a.shard = p_shard) LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'unknown account' USING ERRCODE = 'FB404', DETAIL = v_unknown;
  END IF;
  -- In the order of the keys: a conflicting insert waits for the other's end.
  INSERT INTO farebox.pools (account_no, type_no, shard)
  SELECT DISTINCT u.a, u.t, p_shard FROM unnest(p_account, p_type) u(a, t) ORDER BY u.a, u.t
  ON CONFLICT DO NOTHING;
END $$;
COMMENT ON FUNCTION farebox.create_pools IS 'Called by instances, in a transaction of its own, when a batch misses a pool; and by verbs.';
