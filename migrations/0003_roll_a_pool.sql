-- Bringing a pool up to now: what was spent is distributed over its grants, then everything that is due happens in the order
-- of time: holds expire, grants expire and become effective, plans grant. `plan_roll` computes it and writes nothing, so that
-- a balance can be read with it; `roll_pool_row` applies it to a pool that the caller has locked.

CREATE FUNCTION farebox.period_start(p_anchor timestamptz, p_every text, p_period integer) RETURNS timestamptz
LANGUAGE sql IMMUTABLE
-- Always from the anchor, so that 31 Jan is followed by 28 Feb and then 31 Mar; in UTC, where no hour is missing or double.
RETURN ((p_anchor AT TIME ZONE 'UTC') + p_period * ('1 ' || p_every)::interval) AT TIME ZONE 'UTC';

CREATE FUNCTION farebox.derived_grant_id(p_parts text) RETURNS text
LANGUAGE sql IMMUTABLE
-- The base64 digits of a hash without the two that are not letters or digits: the same parts give the same grant.
RETURN 'grt_' || left(translate(encode(sha256(convert_to(p_parts, 'UTF8')), 'base64'), '+/=' || chr(10), ''), 16);

-- What a roll would do. Arrays that start with the same letter belong together.
CREATE TYPE farebox.roll AS (
  balance bigint, held bigint, overdue bigint, next_event_at timestamptz,
  -- Open grants in no particular order; those from g_loaded + 1 on are new.
  g_loaded integer, g_id text[], g_amount bigint[], g_remaining bigint[], g_overdue bigint[], g_state text[],
  g_priority integer[], g_effective timestamptz[], g_expires timestamptz[], g_source text[], g_item text[],
  g_reference text[],
  -- Ranges of the pool's spend and the grants that pay them.
  d_grant integer[], d_from bigint[], d_to bigint[],
  -- Entries.
  e_kind text[], e_amount bigint[], e_balance bigint[], e_grant integer[],
  -- Holds of clients that expire.
  h_id text[],
  -- Recurring grants and the period that each grants next.
  r_type text, r_item text[], r_period integer[], r_next timestamptz[], r_amount bigint[], r_every text[],
  r_rollover text[], r_cap bigint[], r_anchor timestamptz[], r_priority integer[]
);

CREATE FUNCTION farebox.plan_roll(
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
  r_cap bigint[]; r_anchor timestamptz[]; r_priority integer[];
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
    coalesce(array_agg(r.priority ORDER BY r.item), '{}')
  INTO r_item, r_period, r_next, r_amount, r_every, r_rollover, r_cap, r_anchor, r_priority
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
      IF r_next[k] < coalesce(v_at, 'infinity') THEN v_at := r_next[k]; v_what := 'recurring'; v_which := k; END IF;
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
      IF v_take > 0 THEN
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
  RETURN v;
END $$;

-- Rolls a pool whose row the caller has locked and whose state the caller holds; the caller writes the row.
CREATE FUNCTION farebox.roll_pool_row(
  p_shard integer, p_account text, p_type text, p_now timestamptz, p_spent bigint,
  INOUT io_balance bigint, INOUT io_held bigint, INOUT io_drawn bigint, INOUT io_last_seq bigint,
  OUT o_overdue bigint, OUT o_next_event_at timestamptz
)
LANGUAGE plpgsql
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
AS $$
DECLARE
  v farebox.roll;
BEGIN
  v := farebox.plan_roll(p_shard, p_account, p_type, p_now, io_balance, io_held, p_spent, io_drawn);

  IF cardinality(v.d_grant) > 0 THEN
    INSERT INTO farebox.draws (account_id, credit_type, from_spent, shard, to_spent, grant_id)
    SELECT p_account, p_type, u.f, p_shard, u.t, v.g_id[u.g] FROM unnest(v.d_grant, v.d_from, v.d_to) u(g, f, t);
  END IF;
  IF v.g_loaded > 0 THEN
    UPDATE farebox.grants g SET remaining = u.remaining, overdue = u.overdue, state = u.state
    FROM unnest(v.g_id[1:v.g_loaded], v.g_remaining[1:v.g_loaded], v.g_overdue[1:v.g_loaded], v.g_state[1:v.g_loaded])
      u(id, remaining, overdue, state)
    WHERE g.account_id = p_account AND g.credit_type = p_type AND g.grant_id = u.id AND g.shard = p_shard
      AND (g.remaining <> u.remaining OR g.overdue <> u.overdue OR g.state <> u.state);
  END IF;
  IF cardinality(v.g_id) > v.g_loaded THEN
    INSERT INTO farebox.grants (account_id, credit_type, grant_id, shard, amount, remaining, overdue, effective_at,
      expires_at, created_at, priority, state, source, item, reference)
    SELECT p_account, p_type, v.g_id[k], p_shard, v.g_amount[k], v.g_remaining[k], v.g_overdue[k], v.g_effective[k],
      v.g_expires[k], p_now, v.g_priority[k], v.g_state[k], v.g_source[k], v.g_item[k], v.g_reference[k]
    FROM generate_series(v.g_loaded + 1, cardinality(v.g_id)) k;
  END IF;
  IF cardinality(v.e_kind) > 0 THEN
    INSERT INTO farebox.entries (account_id, credit_type, seq, shard, at, amount, balance, spent, kind, grant_id, reason)
    SELECT p_account, p_type, io_last_seq + u.k, p_shard, p_now, u.amount, u.balance, p_spent, u.kind, v.g_id[u.g],
      v.g_source[u.g]
    FROM unnest(v.e_kind, v.e_amount, v.e_balance, v.e_grant) WITH ORDINALITY u(kind, amount, balance, g, k);
  END IF;
  IF cardinality(v.h_id) > 0 THEN
    UPDATE farebox.holds h SET amount = 0, state = 'expired'
    FROM unnest(v.h_id) u(id)
    WHERE h.account_id = p_account AND h.credit_type = p_type AND h.hold_id = u.id AND h.shard = p_shard;
  END IF;
  IF cardinality(v.r_item) > 0 THEN
    UPDATE farebox.recurring r SET next_period = u.period, next_at = u.next_at
    FROM unnest(v.r_item, v.r_period, v.r_next) u(item, period, next_at)
    WHERE r.account_id = p_account AND r.credit_type = p_type AND r.item = u.item AND r.shard = p_shard
      AND r.next_period <> u.period;
  END IF;
  io_balance := v.balance;
  io_held := v.held;
  io_drawn := p_spent;
  io_last_seq := io_last_seq + cardinality(v.e_kind);
  o_overdue := v.overdue;
  o_next_event_at := v.next_event_at;
END $$;
