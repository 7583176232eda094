-- Plans change: an account gets another plan or none, now or at its next refresh, and follows when its plan is published anew.
-- The moment of a change stands in the rows of `recurring`, so that a roll is exact without anybody having to act at that moment.

-- What one item of a plan grants is told from another plan's by the plan's name: a plan grants a credit type once.
UPDATE farebox.recurring SET item = split_part(item, '/', 1);
UPDATE farebox.grants SET item = split_part(item, '/', 1) WHERE item IS NOT NULL AND state <> 'ended';

-- The item grants nothing at or after this moment; null: it goes on.
ALTER TABLE farebox.recurring ADD COLUMN until timestamptz;
ALTER TYPE farebox.roll ADD ATTRIBUTE r_until timestamptz[];

-- Counts up with each change of the body.
ALTER TABLE farebox.plans ADD COLUMN version integer NOT NULL DEFAULT 1;
-- {"recurring": [{"creditType", "amount", "every", "rollover": "none" | "all" | micro-credits, "anchor"?: "calendar"}],
--  "limits": [{"match", "requests", "windowSeconds", "by"}], "caps": [{"creditType", "day", "month", "total"}]}, amounts and
-- caps in micro-credits.
UPDATE farebox.plans SET body = body || '{"limits": [], "caps": []}';

-- From next_plan_at on the account's plan is next_plan (null: none), whether or not these columns have been brought up to date.
ALTER TABLE farebox.accounts ADD COLUMN next_plan text COLLATE "C";
ALTER TABLE farebox.accounts ADD COLUMN next_plan_at timestamptz;
-- The versions of the plans that the account's rows of `recurring` were written for.
ALTER TABLE farebox.accounts ADD COLUMN plan_version integer;
ALTER TABLE farebox.accounts ADD COLUMN next_plan_version integer;
-- As plans.name is, so that the index below serves a join with it.
-- squawk-ignore changing-column-type
ALTER TABLE farebox.accounts ALTER COLUMN plan TYPE text COLLATE "C";
UPDATE farebox.accounts SET plan_version = 1 WHERE plan IS NOT NULL;
-- For the sweep: changes that have come, and accounts whose plan was published anew.
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX accounts_by_plan_change ON farebox.accounts (next_plan_at) WHERE next_plan_at IS NOT NULL;
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX accounts_by_plan ON farebox.accounts (plan, plan_version) WHERE plan IS NOT NULL;
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX accounts_by_next_plan ON farebox.accounts (next_plan, next_plan_version) WHERE next_plan IS NOT NULL;

-- As before, except that an item may end, and that a period is never granted twice.
CREATE OR REPLACE FUNCTION farebox.plan_roll(
  p_shard integer, p_account text, p_type text, p_now timestamptz,
  p_balance bigint, p_held bigint, p_spent bigint, p_drawn bigint
) RETURNS farebox.roll
LANGUAGE plpgsql STABLE
SET enable_seqscan = off
AS $$
DECLARE
  -- A pool that slept for years catches up in several rolls instead of one that takes seconds under its lock.
  max_events CONSTANT integer := 1000;
  max_balance CONSTANT bigint := 1000000000000000;
  v farebox.roll;
  g_id text[]; g_amount bigint[]; g_remaining bigint[]; g_overdue bigint[]; g_state text[]; g_priority integer[];
  g_effective timestamptz[]; g_expires timestamptz[]; g_source text[]; g_item text[]; g_reference text[];
  v_order integer[];
  v_loaded integer;
  d_grant integer[] := '{}'; d_from bigint[] := '{}'; d_to bigint[] := '{}';
  e_kind text[] := '{}'; e_amount bigint[] := '{}'; e_balance bigint[] := '{}'; e_grant integer[] := '{}';
  h_id text[]; h_amount bigint[]; h_expires timestamptz[];
  r_item text[]; r_period integer[]; r_next timestamptz[]; r_amount bigint[]; r_every text[]; r_rollover text[];
  r_cap bigint[]; r_anchor timestamptz[]; r_priority integer[]; r_until timestamptz[];
  v_balance bigint := p_balance;
  v_held bigint := p_held;
  v_overdue bigint := 0;
  v_left bigint := p_spent - p_drawn;
  v_from bigint := p_drawn;
  v_holds_done integer := 0;
  v_more_holds timestamptz;
  v_events integer := 0;
  v_at timestamptz;
  v_what text;
  v_which integer;
  v_take bigint;
  v_cover bigint;
  v_sum bigint;
  v_reference text;
  v_id text;
  i integer;
  n integer;
BEGIN
  SELECT coalesce(array_agg(g.grant_id), '{}'), coalesce(array_agg(g.amount), '{}'), coalesce(array_agg(g.remaining), '{}'),
    coalesce(array_agg(g.overdue), '{}'), coalesce(array_agg(g.state), '{}'), coalesce(array_agg(g.priority), '{}'),
    coalesce(array_agg(g.effective_at), '{}'), coalesce(array_agg(g.expires_at), '{}'), coalesce(array_agg(g.source), '{}'),
    coalesce(array_agg(g.item), '{}'), coalesce(array_agg(g.reference), '{}'), coalesce(sum(g.overdue)::bigint, 0)
  INTO g_id, g_amount, g_remaining, g_overdue, g_state, g_priority, g_effective, g_expires, g_source, g_item,
    g_reference, v_overdue
  FROM (
    SELECT * FROM farebox.grants o
    WHERE o.account_id = p_account AND o.credit_type = p_type AND o.shard = p_shard AND o.state <> 'ended'
    ORDER BY o.priority, o.expires_at NULLS LAST, o.effective_at, o.grant_id
  ) g;
  v_loaded := cardinality(g_id);
  SELECT coalesce(array_agg(k ORDER BY k), '{}') INTO v_order FROM generate_series(1, v_loaded) k;

  SELECT coalesce(array_agg(h.hold_id), '{}'), coalesce(array_agg(h.amount), '{}'), coalesce(array_agg(h.expires_at), '{}')
  INTO h_id, h_amount, h_expires
  FROM (
    SELECT l.hold_id, l.amount, l.expires_at FROM farebox.holds l
    WHERE l.account_id = p_account AND l.credit_type = p_type AND l.shard = p_shard
      AND l.kind = 'hold' AND l.state = 'live' AND l.expires_at <= p_now
    ORDER BY l.expires_at LIMIT max_events
  ) h;
  SELECT min(l.expires_at) INTO v_more_holds FROM farebox.holds l
  WHERE l.account_id = p_account AND l.credit_type = p_type AND l.shard = p_shard
    AND l.kind = 'hold' AND l.state = 'live' AND l.expires_at > p_now;
  IF cardinality(h_id) = max_events THEN v_more_holds := p_now; END IF;

  SELECT coalesce(array_agg(r.item ORDER BY r.item), '{}'), coalesce(array_agg(r.next_period ORDER BY r.item), '{}'),
    coalesce(array_agg(r.next_at ORDER BY r.item), '{}'), coalesce(array_agg(r.amount ORDER BY r.item), '{}'),
    coalesce(array_agg(r.every ORDER BY r.item), '{}'), coalesce(array_agg(r.rollover ORDER BY r.item), '{}'),
    coalesce(array_agg(r.rollover_cap ORDER BY r.item), '{}'), coalesce(array_agg(r.anchor_at ORDER BY r.item), '{}'),
    coalesce(array_agg(r.priority ORDER BY r.item), '{}'), coalesce(array_agg(r.until ORDER BY r.item), '{}')
  INTO r_item, r_period, r_next, r_amount, r_every, r_rollover, r_cap, r_anchor, r_priority, r_until
  FROM farebox.recurring r
  WHERE r.account_id = p_account AND r.credit_type = p_type AND r.shard = p_shard;

  -- What was spent since the last roll was spent before anything that is due now: whoever charges rolls first.
  FOREACH i IN ARRAY v_order LOOP
    EXIT WHEN v_left = 0;
    CONTINUE WHEN g_state[i] <> 'active' OR g_remaining[i] = 0;
    v_take := least(v_left, g_remaining[i]);
    d_grant := d_grant || i; d_from := d_from || v_from; d_to := d_to || (v_from + v_take);
    g_remaining[i] := g_remaining[i] - v_take;
    -- What expired and was honoured for a hold is what the hold's charge draws.
    v_overdue := v_overdue - least(g_overdue[i], v_take);
    g_overdue[i] := g_overdue[i] - least(g_overdue[i], v_take);
    v_from := v_from + v_take;
    v_left := v_left - v_take;
  END LOOP;
  IF v_left <> 0 THEN
    RAISE EXCEPTION 'pool %/% has spent % more than its grants', p_account, p_type, v_left USING ERRCODE = 'FB001';
  END IF;

  LOOP
    -- Expiry never takes what a live hold covers. Holds cover the grants in the order in which they are drawn.
    IF v_overdue > 0 THEN
      v_cover := v_held;
      FOREACH i IN ARRAY v_order LOOP
        CONTINUE WHEN g_state[i] <> 'active';
        v_take := least(g_overdue[i], greatest(0, g_remaining[i] - v_cover));
        v_cover := greatest(0, v_cover - g_remaining[i]);
        CONTINUE WHEN v_take = 0;
        g_remaining[i] := g_remaining[i] - v_take;
        g_overdue[i] := g_overdue[i] - v_take;
        v_overdue := v_overdue - v_take;
        v_balance := v_balance - v_take;
        e_kind := e_kind || 'expiry'::text; e_amount := e_amount || -v_take; e_balance := e_balance || v_balance;
        e_grant := e_grant || i;
      END LOOP;
    END IF;

    -- The earliest of what comes next; at one moment: holds, expiries, plans, grants.
    v_at := v_more_holds; v_what := 'later hold';
    IF v_holds_done < cardinality(h_id) THEN
      v_at := h_expires[v_holds_done + 1]; v_what := 'hold';
    END IF;
    FOREACH i IN ARRAY v_order LOOP
      IF g_state[i] = 'active' AND g_overdue[i] < g_remaining[i] AND g_expires[i] < coalesce(v_at, 'infinity') THEN
        v_at := g_expires[i]; v_what := 'expiry'; v_which := i;
      END IF;
    END LOOP;
    FOR k IN 1..cardinality(r_item) LOOP
      -- An item that ends grants nothing at or after its end.
      IF r_next[k] < coalesce(v_at, 'infinity') AND r_next[k] < coalesce(r_until[k], 'infinity') THEN
        v_at := r_next[k]; v_what := 'recurring'; v_which := k;
      END IF;
    END LOOP;
    FOREACH i IN ARRAY v_order LOOP
      IF g_state[i] = 'pending' AND g_effective[i] < coalesce(v_at, 'infinity') THEN
        v_at := g_effective[i]; v_what := 'effective'; v_which := i;
      END IF;
    END LOOP;
    EXIT WHEN v_at IS NULL OR v_at > p_now OR v_what = 'later hold' OR v_events = max_events;
    v_events := v_events + 1;

    CASE v_what
    WHEN 'hold' THEN
      v_holds_done := v_holds_done + 1;
      v_held := v_held - h_amount[v_holds_done];
    WHEN 'expiry' THEN
      v_overdue := v_overdue + g_remaining[v_which] - g_overdue[v_which];
      g_overdue[v_which] := g_remaining[v_which];
    WHEN 'effective' THEN
      g_state[v_which] := 'active';
      v_balance := v_balance + g_amount[v_which];
      e_kind := e_kind || 'grant'::text; e_amount := e_amount || g_amount[v_which]; e_balance := e_balance || v_balance;
      e_grant := e_grant || v_which;
    WHEN 'recurring' THEN
      -- A cap limits what survives of this item's earlier grants; the first to be drawn go first.
      IF r_rollover[v_which] = 'cap' THEN
        v_sum := 0;
        FOREACH i IN ARRAY v_order LOOP
          IF g_state[i] = 'active' AND g_item[i] = r_item[v_which] THEN
            v_sum := v_sum + g_remaining[i] - g_overdue[i];
          END IF;
        END LOOP;
        v_sum := greatest(0, v_sum - r_cap[v_which]);
        FOREACH i IN ARRAY v_order LOOP
          EXIT WHEN v_sum = 0;
          CONTINUE WHEN g_state[i] <> 'active' OR g_item[i] IS DISTINCT FROM r_item[v_which];
          v_take := least(v_sum, g_remaining[i] - g_overdue[i]);
          g_overdue[i] := g_overdue[i] + v_take;
          v_overdue := v_overdue + v_take;
          v_sum := v_sum - v_take;
        END LOOP;
      END IF;
      -- The grant itself becomes effective in a later pass, after what this refresh let expire is gone.
      v_reference := format('recurring:%s:%s:%s:%s', p_type, r_item[v_which],
        (extract(epoch FROM r_anchor[v_which]) * 1000000)::bigint, r_period[v_which]);
      v_id := farebox.derived_grant_id(p_account || '/' || v_reference);
      r_next[v_which] := farebox.period_start(r_anchor[v_which], r_every[v_which], r_period[v_which] + 1);
      r_period[v_which] := r_period[v_which] + 1;
      v_take := least(r_amount[v_which], max_balance - v_balance + v_overdue);
      -- A plan that was left and taken again within a calendar period has granted for it already.
      IF v_take > 0 AND NOT EXISTS (
        SELECT FROM farebox.grants o
        WHERE o.account_id = p_account AND o.reference = v_reference AND o.shard = p_shard
      ) THEN
        n := cardinality(g_id) + 1;
        g_id[n] := v_id; g_amount[n] := v_take; g_remaining[n] := v_take; g_overdue[n] := 0; g_state[n] := 'pending';
        g_priority[n] := r_priority[v_which]; g_effective[n] := v_at; g_source[n] := 'recurring';
        g_expires[n] := CASE WHEN r_rollover[v_which] = 'none' THEN r_next[v_which] END;
        g_item[n] := r_item[v_which]; g_reference[n] := v_reference;
        SELECT array_agg(u.k ORDER BY u.priority, u.expires NULLS LAST, u.effective, u.id COLLATE "C") INTO v_order
        FROM unnest(g_priority, g_expires, g_effective, g_id) WITH ORDINALITY u(priority, expires, effective, id, k);
      END IF;
    END CASE;
  END LOOP;

  FOR k IN 1..cardinality(g_id) LOOP
    IF g_state[k] = 'active' AND g_remaining[k] = 0 THEN g_state[k] := 'ended'; END IF;
  END LOOP;
  v.balance := v_balance; v.held := v_held; v.overdue := v_overdue; v.next_event_at := v_at;
  v.g_loaded := v_loaded; v.g_id := g_id; v.g_amount := g_amount; v.g_remaining := g_remaining; v.g_overdue := g_overdue;
  v.g_state := g_state; v.g_priority := g_priority; v.g_effective := g_effective; v.g_expires := g_expires;
  v.g_source := g_source; v.g_item := g_item; v.g_reference := g_reference;
  v.d_grant := d_grant; v.d_from := d_from; v.d_to := d_to;
  v.e_kind := e_kind; v.e_amount := e_amount; v.e_balance := e_balance; v.e_grant := e_grant;
  v.h_id := h_id[1:v_holds_done];
  v.r_item := r_item; v.r_period := r_period; v.r_next := r_next; v.r_amount := r_amount; v.r_every := r_every;
  v.r_rollover := r_rollover; v.r_cap := r_cap; v.r_anchor := r_anchor; v.r_priority := r_priority;
  v.r_until := r_until;
  RETURN v;
END $$;

-- Where periods of the calendar are counted from: the first of a month, of a year, a Monday, in UTC. One for each kind of period,
-- because a grant's reference is made of its anchor and its period's number.
CREATE FUNCTION farebox.calendar_anchor(p_every text) RETURNS timestamptz
LANGUAGE sql IMMUTABLE
RETURN CASE p_every WHEN 'day' THEN timestamptz '2000-01-05 00:00:00Z' WHEN 'week' THEN timestamptz '2000-01-03 00:00:00Z'
  WHEN 'month' THEN timestamptz '2000-02-01 00:00:00Z' ELSE timestamptz '2000-01-01 00:00:00Z' END;

-- The number of the period in which a moment lies; 0 before the anchor.
CREATE FUNCTION farebox.period_at(p_anchor timestamptz, p_every text, p_at timestamptz) RETURNS integer
LANGUAGE plpgsql IMMUTABLE
AS $$
DECLARE
  v_from CONSTANT timestamp := p_anchor AT TIME ZONE 'UTC';
  v_to CONSTANT timestamp := p_at AT TIME ZONE 'UTC';
  v_period integer;
BEGIN
  IF p_at <= p_anchor THEN RETURN 0; END IF;
  v_period := CASE p_every
    WHEN 'day' THEN floor(extract(epoch FROM v_to - v_from) / 86400)
    WHEN 'week' THEN floor(extract(epoch FROM v_to - v_from) / 604800)
    WHEN 'month' THEN (extract(year FROM v_to) - extract(year FROM v_from)) * 12
      + extract(month FROM v_to) - extract(month FROM v_from)
    ELSE extract(year FROM v_to) - extract(year FROM v_from) END;
  -- Months and years: one too many before the anchor's day.
  IF farebox.period_start(p_anchor, p_every, v_period) > p_at THEN v_period := v_period - 1; END IF;
  RETURN v_period;
END $$;

-- Brings a locked pool up to a moment, all of it: a roll stops after so many events.
CREATE FUNCTION farebox.roll_pool_to(p_shard integer, p_account text, p_type text, p_now timestamptz) RETURNS void
LANGUAGE plpgsql
SET enable_seqscan = off
AS $$
DECLARE
  v_pool farebox.pools;
  x record;
BEGIN
  SELECT * INTO STRICT v_pool FROM farebox.pools p
  WHERE p.account_id = p_account AND p.credit_type = p_type AND p.shard = p_shard FOR UPDATE;
  LOOP
    SELECT r.io_balance, r.io_held, r.io_drawn, r.io_last_seq, r.o_overdue, r.o_next_event_at INTO x
    FROM farebox.roll_pool_row(p_shard, p_account, p_type, p_now, v_pool.spent, v_pool.balance, v_pool.held, v_pool.drawn,
      v_pool.last_seq) r;
    v_pool.balance := x.io_balance; v_pool.held := x.io_held; v_pool.drawn := x.io_drawn; v_pool.last_seq := x.io_last_seq;
    v_pool.overdue := x.o_overdue; v_pool.next_event_at := x.o_next_event_at;
    EXIT WHEN v_pool.next_event_at IS NULL OR v_pool.next_event_at > p_now;
  END LOOP;
  PERFORM farebox.write_pool(v_pool);
END $$;

-- The functions below change the plan of an account whose row the caller has locked. p_now is null, the database's clock, except
-- in tests. p_types: pools that the transaction will lock later, for the caps of keys.

-- Locks every pool that a change of plan can touch, in the order of their keys, and only then looks at the clock and brings them
-- up to it: what the plan owed until now is granted before it changes. A change whose moment has come takes effect.
CREATE FUNCTION farebox.open_plan(
  p_shard integer, p_account text, p_items jsonb, p_types text[], p_now timestamptz,
  OUT o_now timestamptz, OUT o_types text[], OUT o_plan text, OUT o_next_plan text, OUT o_next_plan_at timestamptz
)
LANGUAGE plpgsql
SET enable_seqscan = off
AS $$
DECLARE
  v_type text;
BEGIN
  SELECT coalesce(array_agg(t.type ORDER BY t.type), '{}') INTO o_types FROM (
    SELECT r.credit_type AS type FROM farebox.recurring r WHERE r.account_id = p_account AND r.shard = p_shard
    UNION SELECT (i.value ->> 'creditType') COLLATE "C" FROM jsonb_array_elements(p_items) i
    UNION SELECT u.type COLLATE "C" FROM unnest(p_types) u(type)
    UNION SELECT c.credit_type FROM farebox.key_caps c WHERE c.account_id = p_account AND c.shard = p_shard
  ) t;
  FOREACH v_type IN ARRAY o_types LOOP
    PERFORM FROM farebox.pools p
    WHERE p.account_id = p_account AND p.credit_type = v_type AND p.shard = p_shard FOR UPDATE;
    IF NOT FOUND THEN
      PERFORM farebox.create_pools(p_shard, ARRAY[p_account], ARRAY[v_type]);
      PERFORM FROM farebox.pools p
      WHERE p.account_id = p_account AND p.credit_type = v_type AND p.shard = p_shard FOR UPDATE;
    END IF;
  END LOOP;
  o_now := coalesce(p_now, clock_timestamp());
  FOREACH v_type IN ARRAY o_types LOOP
    PERFORM farebox.roll_pool_to(p_shard, p_account, v_type, o_now);
  END LOOP;
  SELECT a.plan, a.next_plan, a.next_plan_at INTO o_plan, o_next_plan, o_next_plan_at
  FROM farebox.accounts a WHERE a.account_id = p_account;
  IF o_next_plan_at <= o_now THEN
    DELETE FROM farebox.recurring r WHERE r.account_id = p_account AND r.shard = p_shard AND r.until IS NOT NULL;
    UPDATE farebox.accounts a SET plan = a.next_plan, plan_version = a.next_plan_version, next_plan = NULL,
      next_plan_version = NULL, next_plan_at = NULL
    WHERE a.account_id = p_account;
    o_plan := o_next_plan; o_next_plan := NULL; o_next_plan_at := NULL;
  END IF;
END $$;

-- Writes what a plan grants an account from a moment on. An item that the account has already keeps its next refresh; its amount
-- and rollover apply from then on, and another kind of period is counted from then. The period in which p_start lies is granted
-- in full at p_start. p_items: as in the plan's body.
CREATE FUNCTION farebox.write_plan(
  p_shard integer, p_account text, p_plan text, p_items jsonb, p_start timestamptz, p_anchor timestamptz, p_until timestamptz
) RETURNS void
LANGUAGE plpgsql
SET enable_seqscan = off
AS $$
DECLARE
  v_old farebox.recurring;
  v_anchor timestamptz;
  x record;
BEGIN
  DELETE FROM farebox.recurring r
  WHERE r.account_id = p_account AND r.shard = p_shard AND r.item = p_plan
    AND r.credit_type NOT IN (SELECT i.value ->> 'creditType' FROM jsonb_array_elements(p_items) i);
  FOR x IN
    SELECT i.value ->> 'creditType' AS type, (i.value ->> 'amount')::bigint AS amount, i.value ->> 'every' AS every,
      CASE WHEN i.value ->> 'rollover' IN ('none', 'all') THEN i.value ->> 'rollover' ELSE 'cap' END AS rollover,
      CASE WHEN i.value ->> 'rollover' NOT IN ('none', 'all') THEN (i.value ->> 'rollover')::bigint END AS cap,
      coalesce(i.value ->> 'anchor' = 'calendar', false) AS calendar
    FROM jsonb_array_elements(p_items) i
  LOOP
    SELECT * INTO v_old FROM farebox.recurring r
    WHERE r.account_id = p_account AND r.credit_type = x.type AND r.item = p_plan AND r.shard = p_shard;
    IF NOT FOUND THEN
      v_anchor := CASE WHEN x.calendar THEN farebox.calendar_anchor(x.every) ELSE p_anchor END;
      INSERT INTO farebox.recurring (account_id, credit_type, item, shard, amount, rollover_cap, anchor_at, next_at,
        next_period, priority, every, rollover, until)
      VALUES (p_account, x.type, p_plan, p_shard, x.amount, x.cap, v_anchor, p_start,
        farebox.period_at(v_anchor, x.every, p_start), 100, x.every, x.rollover, p_until);
      CONTINUE;
    END IF;
    IF x.every <> v_old.every OR x.calendar <> (v_old.anchor_at = farebox.calendar_anchor(v_old.every)) THEN
      v_old.anchor_at := CASE WHEN x.calendar THEN farebox.calendar_anchor(x.every) ELSE v_old.next_at END;
      v_old.next_period := farebox.period_at(v_old.anchor_at, x.every, v_old.next_at);
    END IF;
    UPDATE farebox.recurring r SET amount = x.amount, rollover_cap = x.cap, rollover = x.rollover, every = x.every,
      anchor_at = v_old.anchor_at, next_period = v_old.next_period
    WHERE r.account_id = p_account AND r.credit_type = x.type AND r.item = p_plan AND r.shard = p_shard;
  END LOOP;
END $$;

-- Takes back a change that has not come yet.
CREATE FUNCTION farebox.withdraw_plan(p_shard integer, p_account text, p_plan text) RETURNS void
LANGUAGE plpgsql
SET enable_seqscan = off
AS $$
BEGIN
  DELETE FROM farebox.recurring r WHERE r.account_id = p_account AND r.shard = p_shard AND r.item <> p_plan;
  UPDATE farebox.recurring r SET until = NULL WHERE r.account_id = p_account AND r.shard = p_shard AND r.until IS NOT NULL;
  UPDATE farebox.accounts a SET next_plan = NULL, next_plan_version = NULL, next_plan_at = NULL
  WHERE a.account_id = p_account;
END $$;

-- Gives an account another plan, or none (p_plan null). Now: what the old one granted stays, and the new one's first grants come
-- at once, or at p_anchor when that lies ahead. At the refresh: at the next one of the old plan's longest period; without one,
-- now. A pending change is replaced. The plan that the account has already changes nothing, but p_anchor counts its periods
-- anew.
CREATE FUNCTION farebox.change_plan(
  p_shard integer, p_account text, p_plan text, p_version integer, p_items jsonb, p_types text[], p_at_refresh boolean,
  p_anchor timestamptz, p_now timestamptz
) RETURNS void
LANGUAGE plpgsql
SET enable_seqscan = off
AS $$
DECLARE
  v record;
  v_at timestamptz;
  v_type text;
BEGIN
  v := farebox.open_plan(p_shard, p_account, p_items, p_types, p_now);
  IF v.o_next_plan_at IS NOT NULL THEN PERFORM farebox.withdraw_plan(p_shard, p_account, v.o_plan); END IF;
  IF p_at_refresh AND p_plan IS DISTINCT FROM v.o_plan THEN
    SELECT r.next_at INTO v_at FROM farebox.recurring r WHERE r.account_id = p_account AND r.shard = p_shard
    ORDER BY array_position(ARRAY['year', 'month', 'week', 'day'], r.every), r.next_at LIMIT 1;
  END IF;
  IF v_at IS NOT NULL THEN
    UPDATE farebox.recurring r SET until = v_at WHERE r.account_id = p_account AND r.shard = p_shard;
    IF p_plan IS NOT NULL THEN
      PERFORM farebox.write_plan(p_shard, p_account, p_plan, p_items, v_at, v_at, NULL);
    END IF;
    UPDATE farebox.accounts a SET next_plan = p_plan, next_plan_version = p_version, next_plan_at = v_at
    WHERE a.account_id = p_account;
  ELSE
    DELETE FROM farebox.recurring r
    WHERE r.account_id = p_account AND r.shard = p_shard AND (
      p_plan IS DISTINCT FROM v.o_plan
      OR (r.anchor_at <> p_anchor AND r.anchor_at <> farebox.calendar_anchor(r.every))
    );
    IF p_plan IS NOT NULL THEN
      PERFORM farebox.write_plan(p_shard, p_account, p_plan, p_items, greatest(v.o_now, p_anchor),
        coalesce(p_anchor, v.o_now), NULL);
    END IF;
    UPDATE farebox.accounts a SET plan = p_plan, plan_version = p_version WHERE a.account_id = p_account;
  END IF;
  FOREACH v_type IN ARRAY v.o_types LOOP
    PERFORM farebox.roll_pool_to(p_shard, p_account, v_type, v.o_now);
  END LOOP;
END $$;

-- Takes back a pending change. False: there is none, or its moment has come.
CREATE FUNCTION farebox.keep_plan(p_shard integer, p_account text, p_types text[], p_now timestamptz) RETURNS boolean
LANGUAGE plpgsql
AS $$
DECLARE
  v record;
  v_type text;
BEGIN
  v := farebox.open_plan(p_shard, p_account, '[]', p_types, p_now);
  IF v.o_next_plan_at IS NULL THEN RETURN false; END IF;
  PERFORM farebox.withdraw_plan(p_shard, p_account, v.o_plan);
  FOREACH v_type IN ARRAY v.o_types LOOP
    PERFORM farebox.roll_pool_to(p_shard, p_account, v_type, v.o_now);
  END LOOP;
  RETURN true;
END $$;

-- Brings an account up to the version of a plan that it has, or will have (write_plan). A credit type that is new in the plan it
-- has is granted at once.
CREATE FUNCTION farebox.follow_plan(
  p_shard integer, p_account text, p_plan text, p_version integer, p_items jsonb, p_types text[], p_now timestamptz
) RETURNS void
LANGUAGE plpgsql
AS $$
DECLARE
  v record;
  v_type text;
BEGIN
  v := farebox.open_plan(p_shard, p_account, p_items, p_types, p_now);
  IF v.o_plan = p_plan THEN
    PERFORM farebox.write_plan(p_shard, p_account, p_plan, p_items, v.o_now, v.o_now, v.o_next_plan_at);
    UPDATE farebox.accounts a SET plan_version = p_version WHERE a.account_id = p_account;
  ELSIF v.o_next_plan = p_plan THEN
    PERFORM farebox.write_plan(p_shard, p_account, p_plan, p_items, v.o_next_plan_at, v.o_next_plan_at, NULL);
    UPDATE farebox.accounts a SET next_plan_version = p_version WHERE a.account_id = p_account;
  END IF;
  FOREACH v_type IN ARRAY v.o_types LOOP
    PERFORM farebox.roll_pool_to(p_shard, p_account, v_type, v.o_now);
  END LOOP;
END $$;

DROP FUNCTION farebox.assign_plan(text, integer, text, jsonb);

-- All pools of an account as of now: what is due is counted, nothing is written. `recurring` is what the plan of now grants; its
-- next refresh may be the first of the plan that follows, and is null when nothing follows.
CREATE OR REPLACE FUNCTION farebox.read_balances(p_shard integer, p_account text)
RETURNS TABLE (credit_type text, balance bigint, held bigint, grants jsonb, recurring jsonb)
LANGUAGE sql STABLE
AS $$
  SELECT p.credit_type, (r.v).balance, (r.v).held,
    (
      SELECT coalesce(jsonb_agg(jsonb_build_object('grantId', g.id, 'amount', g.amount, 'remaining', g.remaining, 'source', g.source,
        'expiresAt', extract(epoch FROM g.expires) * 1000)
        ORDER BY g.priority, g.expires NULLS LAST, g.effective, g.id COLLATE "C"), '[]')
      FROM unnest((r.v).g_id, (r.v).g_remaining, (r.v).g_source, (r.v).g_expires, (r.v).g_priority, (r.v).g_effective,
        (r.v).g_state, (r.v).g_amount) g(id, remaining, source, expires, priority, effective, state, amount)
      WHERE g.state = 'active' AND g.remaining > 0
    ),
    (
      SELECT jsonb_build_object('amount', i.amount, 'every', i.every,
        'nextAt', (
          SELECT extract(epoch FROM min(n.next_at)) * 1000 FROM unnest((r.v).r_next, (r.v).r_until) n(next_at, until)
          WHERE n.next_at < coalesce(n.until, 'infinity')
        ),
        'rollover', CASE WHEN i.rollover = 'cap' THEN to_jsonb(i.cap) ELSE to_jsonb(i.rollover) END)
      FROM unnest((r.v).r_amount, (r.v).r_every, (r.v).r_rollover, (r.v).r_cap, (r.v).r_item)
        i(amount, every, rollover, cap, item)
      WHERE i.item = a.plan
    )
  FROM (
    SELECT CASE WHEN c.next_plan_at <= statement_timestamp() THEN c.next_plan ELSE c.plan END AS plan
    FROM farebox.accounts c WHERE c.account_id = p_account
  ) a
  CROSS JOIN farebox.pools p
  CROSS JOIN LATERAL (
    SELECT farebox.plan_roll(p.shard, p.account_id, p.credit_type, clock_timestamp(), p.balance, p.held, p.spent, p.drawn) AS v
    OFFSET 0
  ) r
  WHERE p.account_id = p_account AND p.shard = p_shard
  ORDER BY p.credit_type
$$;
