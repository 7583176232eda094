-- Plans change: an account gets another plan or none, now or at its next refresh, and follows when its plan is published anew.
-- The moment of a change stands in the rows of `recurring`, so that a roll is exact without anybody having to act at that moment.
-- An item is its plan's name: a plan grants a credit type once.
--
-- Functions with p_now change the plan of an account whose row the caller has locked. p_now is null, the database's clock, except
-- in tests. p_items: as in the plan's body, of credit types that have numbers. p_types: pools that the transaction will lock
-- later, for the caps of keys.

-- The first of a month, of a year, a Monday, in UTC. One for each kind of period, because a grant's reference is made of its
-- anchor and its period's number.
CREATE FUNCTION farebox.calendar_anchor(p_every text) RETURNS timestamptz
LANGUAGE sql IMMUTABLE
RETURN CASE WHEN p_every = 'day' THEN timestamptz '2000-01-05 00:00:00Z'
  WHEN p_every = 'week' THEN timestamptz '2000-01-03 00:00:00Z' WHEN p_every = 'month' THEN timestamptz '2000-02-01 00:00:00Z'
  ELSE timestamptz '2000-01-01 00:00:00Z' END;
COMMENT ON FUNCTION farebox.calendar_anchor IS 'Internal. Where the calendar''s periods of this length are counted from.';

CREATE FUNCTION farebox.period_at(p_anchor timestamptz, p_every text, p_at timestamptz) RETURNS integer
LANGUAGE plpgsql IMMUTABLE AS $$
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
COMMENT ON FUNCTION farebox.period_at IS 'Internal. The number of the period in which a moment lies, counted from an anchor; 0 before it.';

-- All of it: a roll stops after so many events.
CREATE FUNCTION farebox.roll_pool_to(p_shard smallint, p_account integer, p_type smallint, p_now timestamptz) RETURNS void
LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
  v_pool farebox.pools;
BEGIN
  SELECT * INTO STRICT v_pool FROM farebox.pools p
  WHERE p.account_no = p_account AND p.type_no = p_type AND p.shard = p_shard FOR UPDATE;
  LOOP
    v_pool := farebox.roll(v_pool, p_now);
    EXIT WHEN v_pool.next_event_at > p_now;
  END LOOP;
  PERFORM farebox.write_pool(v_pool);
END $$;
COMMENT ON FUNCTION farebox.roll_pool_to IS 'Internal. Brings a pool up to a moment, however long it slept.';

CREATE FUNCTION farebox.roll_pools_to(p_shard smallint, p_account integer, p_types smallint[], p_now timestamptz) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
  v_type smallint;
BEGIN
  FOREACH v_type IN ARRAY p_types LOOP
    PERFORM farebox.roll_pool_to(p_shard, p_account, v_type, p_now);
  END LOOP;
END $$;
COMMENT ON FUNCTION farebox.roll_pools_to IS 'Internal. Brings some pools of an account, which are locked, up to a moment.';

-- Time is not before the last entry of any of them.
CREATE FUNCTION farebox.lock_pools(p_shard smallint, p_account integer, p_types smallint[], INOUT io_now timestamptz)
LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
  v_last_at timestamptz := '-infinity';
  v_type smallint;
  v_at timestamptz;
BEGIN
  FOREACH v_type IN ARRAY p_types LOOP
    SELECT p.last_at INTO v_at FROM farebox.pools p
    WHERE p.account_no = p_account AND p.type_no = v_type AND p.shard = p_shard FOR UPDATE;
    IF NOT FOUND THEN
      PERFORM farebox.create_pools(p_shard, ARRAY[p_account], ARRAY[v_type]);
      SELECT p.last_at INTO STRICT v_at FROM farebox.pools p
      WHERE p.account_no = p_account AND p.type_no = v_type AND p.shard = p_shard FOR UPDATE;
    END IF;
    v_last_at := greatest(v_last_at, v_at);
  END LOOP;
  io_now := greatest(coalesce(io_now, clock_timestamp()), v_last_at);
END $$;
COMMENT ON FUNCTION farebox.lock_pools IS
  'Internal. Locks pools of an account, given in order, and only then looks at the clock.';

CREATE FUNCTION farebox.open_plan(
  p_shard smallint, p_account integer, p_items jsonb, p_types smallint[], p_now timestamptz,
  OUT o_now timestamptz, OUT o_types smallint[], OUT o_plan text, OUT o_next_plan text, OUT o_next_plan_at timestamptz
)
LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
  v_granted smallint[];
  v_capped smallint[];
BEGIN
  SELECT array_agg(r.type_no) INTO v_granted FROM farebox.recurring r WHERE r.account_no = p_account AND r.shard = p_shard;
  SELECT array_agg(c.type_no) INTO v_capped FROM farebox.key_caps c WHERE c.account_no = p_account AND c.shard = p_shard;
  SELECT coalesce(array_agg(t.type_no ORDER BY t.type_no), '{}') INTO o_types FROM (
    SELECT unnest(v_granted || v_capped || p_types)
    UNION SELECT t.type_no FROM farebox.credit_types t JOIN jsonb_array_elements(p_items) i ON t.credit_type = i.value ->> 'creditType'
  ) t(type_no);
  o_now := farebox.lock_pools(p_shard, p_account, o_types, p_now);
  PERFORM farebox.roll_pools_to(p_shard, p_account, o_types, o_now);
  SELECT a.plan, a.next_plan, a.next_plan_at INTO o_plan, o_next_plan, o_next_plan_at
  FROM farebox.accounts a WHERE a.account_no = p_account;
  IF o_next_plan_at <= o_now THEN
    DELETE FROM farebox.recurring r WHERE r.account_no = p_account AND r.shard = p_shard AND r.until IS NOT NULL;
    UPDATE farebox.accounts a SET plan = a.next_plan, plan_version = a.next_plan_version, next_plan = NULL,
      next_plan_version = NULL, next_plan_at = NULL
    WHERE a.account_no = p_account;
    o_plan := o_next_plan; o_next_plan := NULL; o_next_plan_at := NULL;
  END IF;
END $$;
COMMENT ON FUNCTION farebox.open_plan IS
  'Internal. Locks every pool that a change of plan can touch and grants what the plan owed until now. A change whose moment has come takes effect.';

-- An item that the account has already keeps its next refresh; its amount and rollover apply from then on, and another kind of
-- period is counted from then. The period in which p_start lies is granted in full at p_start.
CREATE FUNCTION farebox.write_plan(
  p_shard smallint, p_account integer, p_plan text, p_items jsonb, p_start timestamptz, p_anchor timestamptz, p_until timestamptz
) RETURNS void
LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
  v_types smallint[];
  v_old record;
  v_anchor timestamptz;
  x record;
BEGIN
  SELECT coalesce(array_agg(t.type_no), '{}') INTO v_types
  FROM farebox.credit_types t JOIN jsonb_array_elements(p_items) i ON t.credit_type = i.value ->> 'creditType';
  DELETE FROM farebox.recurring r
  WHERE r.account_no = p_account AND r.shard = p_shard AND r.item = p_plan AND r.type_no <> ALL (v_types);
  FOR x IN
    SELECT t.type_no, (i.value ->> 'amount')::bigint AS amount, i.value ->> 'every' AS every,
      CASE WHEN i.value ->> 'rollover' IN ('none', 'all') THEN i.value ->> 'rollover' ELSE 'cap' END AS rollover,
      CASE WHEN i.value ->> 'rollover' NOT IN ('none', 'all') THEN (i.value ->> 'rollover')::bigint END AS cap,
      coalesce(i.value ->> 'anchor' = 'calendar', false) AS calendar
    FROM jsonb_array_elements(p_items) i LEFT JOIN farebox.credit_types t ON t.credit_type = i.value ->> 'creditType'
  LOOP
    SELECT r.every, r.anchor_at, r.next_at, r.next_period INTO v_old FROM farebox.recurring r
    WHERE r.account_no = p_account AND r.type_no = x.type_no AND r.item = p_plan AND r.shard = p_shard;
    IF NOT FOUND THEN
      v_anchor := CASE WHEN x.calendar THEN farebox.calendar_anchor(x.every) ELSE p_anchor END;
      INSERT INTO farebox.recurring (account_no, type_no, item, shard, amount, rollover_cap, anchor_at, next_at, next_period,
        priority, every, rollover, until)
      VALUES (p_account, x.type_no, p_plan, p_shard, x.amount, x.cap, v_anchor, p_start,
        farebox.period_at(v_anchor, x.every, p_start), 100, x.every, x.rollover, p_until);
      CONTINUE;
    END IF;
    IF x.every <> v_old.every OR x.calendar <> (v_old.anchor_at = farebox.calendar_anchor(v_old.every)) THEN
      v_old.anchor_at := CASE WHEN x.calendar THEN farebox.calendar_anchor(x.every) ELSE v_old.next_at END;
      v_old.next_period := farebox.period_at(v_old.anchor_at, x.every, v_old.next_at);
    END IF;
    UPDATE farebox.recurring r SET amount = x.amount, rollover_cap = x.cap, rollover = x.rollover, every = x.every,
      anchor_at = v_old.anchor_at, next_period = v_old.next_period
    WHERE r.account_no = p_account AND r.type_no = x.type_no AND r.item = p_plan AND r.shard = p_shard;
  END LOOP;
END $$;
COMMENT ON FUNCTION farebox.write_plan IS 'Internal. Writes what a plan grants an account from a moment on.';

CREATE FUNCTION farebox.withdraw_plan(p_shard smallint, p_account integer, p_plan text) RETURNS void
LANGUAGE plpgsql SET enable_seqscan = off AS $$
BEGIN
  DELETE FROM farebox.recurring r WHERE r.account_no = p_account AND r.shard = p_shard AND r.item <> p_plan;
  UPDATE farebox.recurring r SET until = NULL WHERE r.account_no = p_account AND r.shard = p_shard AND r.until IS NOT NULL;
  UPDATE farebox.accounts a SET next_plan = NULL, next_plan_version = NULL, next_plan_at = NULL
  WHERE a.account_no = p_account;
END $$;
COMMENT ON FUNCTION farebox.withdraw_plan IS 'Internal. Takes back a change that has not come yet; p_plan is the plan that stays.';

-- Now: what the old plan granted stays, and the new one's first grants come at once, or at p_anchor when that lies ahead. At the
-- refresh: at the next one of the old plan's longest period; without one, now. A pending change is replaced. The plan that the
-- account has already changes nothing, but p_anchor counts its periods anew.
CREATE FUNCTION farebox.change_plan(
  p_shard smallint, p_account integer, p_plan text, p_version integer, p_items jsonb, p_types smallint[], p_at_refresh boolean,
  p_anchor timestamptz, p_now timestamptz
) RETURNS void
LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
  v CONSTANT record := farebox.open_plan(p_shard, p_account, p_items, p_types, p_now);
  v_at timestamptz;
BEGIN
  IF v.o_next_plan_at IS NOT NULL THEN PERFORM farebox.withdraw_plan(p_shard, p_account, v.o_plan); END IF;
  IF p_at_refresh AND p_plan IS DISTINCT FROM v.o_plan THEN
    SELECT r.next_at INTO v_at FROM farebox.recurring r WHERE r.account_no = p_account AND r.shard = p_shard
    ORDER BY array_position(ARRAY['year', 'month', 'week', 'day'], r.every), r.next_at LIMIT 1;
  END IF;
  IF v_at IS NOT NULL THEN
    UPDATE farebox.recurring r SET until = v_at WHERE r.account_no = p_account AND r.shard = p_shard;
    IF p_plan IS NOT NULL THEN
      PERFORM farebox.write_plan(p_shard, p_account, p_plan, p_items, v_at, v_at, NULL);
    END IF;
    UPDATE farebox.accounts a SET next_plan = p_plan, next_plan_version = p_version, next_plan_at = v_at
    WHERE a.account_no = p_account;
  ELSE
    DELETE FROM farebox.recurring r
    WHERE r.account_no = p_account AND r.shard = p_shard AND (
      p_plan IS DISTINCT FROM v.o_plan
      OR (r.anchor_at <> p_anchor AND r.anchor_at <> farebox.calendar_anchor(r.every))
    );
    IF p_plan IS NOT NULL THEN
      PERFORM farebox.write_plan(p_shard, p_account, p_plan, p_items, greatest(v.o_now, p_anchor), coalesce(p_anchor, v.o_now),
        NULL);
    END IF;
    UPDATE farebox.accounts a SET plan = p_plan, plan_version = p_version WHERE a.account_no = p_account;
  END IF;
  PERFORM farebox.roll_pools_to(p_shard, p_account, v.o_types, v.o_now);
END $$;
COMMENT ON FUNCTION farebox.change_plan IS
  'Called by instances and background work. Gives an account another plan, or none (p_plan null), now or at its refresh.';

CREATE FUNCTION farebox.keep_plan(p_shard smallint, p_account integer, p_types smallint[], p_now timestamptz) RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE
  v CONSTANT record := farebox.open_plan(p_shard, p_account, '[]', p_types, p_now);
BEGIN
  IF v.o_next_plan_at IS NULL THEN RETURN false; END IF;
  PERFORM farebox.withdraw_plan(p_shard, p_account, v.o_plan);
  PERFORM farebox.roll_pools_to(p_shard, p_account, v.o_types, v.o_now);
  RETURN true;
END $$;
COMMENT ON FUNCTION farebox.keep_plan IS
  'Called by instances. Takes back a pending change of plan. False: there is none, or its moment has come.';

-- A credit type that is new in the plan that it has is granted at once.
CREATE FUNCTION farebox.follow_plan(
  p_shard smallint, p_account integer, p_plan text, p_version integer, p_items jsonb, p_types smallint[], p_now timestamptz
) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
  v CONSTANT record := farebox.open_plan(p_shard, p_account, p_items, p_types, p_now);
BEGIN
  IF v.o_plan = p_plan THEN
    PERFORM farebox.write_plan(p_shard, p_account, p_plan, p_items, v.o_now, v.o_now, v.o_next_plan_at);
    UPDATE farebox.accounts a SET plan_version = p_version WHERE a.account_no = p_account;
  ELSIF v.o_next_plan = p_plan THEN
    PERFORM farebox.write_plan(p_shard, p_account, p_plan, p_items, v.o_next_plan_at, v.o_next_plan_at, NULL);
    UPDATE farebox.accounts a SET next_plan_version = p_version WHERE a.account_no = p_account;
  END IF;
  PERFORM farebox.roll_pools_to(p_shard, p_account, v.o_types, v.o_now);
END $$;
COMMENT ON FUNCTION farebox.follow_plan IS
  'Called by background work. Brings an account up to the version of a plan that it has, or will have.';

-- Under the locks of all of the account's pools, which every hold needs. When clients have credits on hold it changes nothing but
-- what was due, and answers them per pool. Otherwise it answers an empty array: no recurring grant is left, and instances are
-- asked for their leases with their next heartbeat. The caller holds the account's row.
CREATE FUNCTION farebox.close_pools(p_shard smallint, p_account integer) RETURNS jsonb
LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
  v_types smallint[];
  v_type smallint;
  v_opened record;
  v_held jsonb := '[]';
  h record;
BEGIN
  SELECT coalesce(array_agg(p.type_no ORDER BY p.type_no), '{}') INTO v_types
  FROM farebox.pools p WHERE p.account_no = p_account AND p.shard = p_shard;
  -- Opening one rolls it: holds that are over end here, and what is due is granted.
  FOREACH v_type IN ARRAY v_types LOOP
    v_opened := farebox.open_pool(p_shard, p_account, v_type);
    SELECT count(*) AS holds, sum(l.amount)::bigint AS amount INTO h FROM farebox.holds l
    WHERE l.account_no = p_account AND l.type_no = v_type AND l.shard = p_shard AND l.state = 'live'
      AND l.expires_at > v_opened.o_now;
    IF h.holds > 0 THEN
      v_held := v_held || (SELECT jsonb_build_object('creditType', t.credit_type, 'holds', h.holds, 'amount', h.amount)
        FROM farebox.credit_types t WHERE t.type_no = v_type);
    END IF;
  END LOOP;
  IF v_held <> '[]' THEN RETURN v_held; END IF;
  DELETE FROM farebox.recurring r WHERE r.account_no = p_account AND r.shard = p_shard;
  -- Rolled once more: what comes next on each pool is no refresh.
  FOREACH v_type IN ARRAY v_types LOOP
    v_opened := farebox.open_pool(p_shard, p_account, v_type);
    PERFORM farebox.recall_others(v_opened.o_pool, 0, NULL, false);
  END LOOP;
  RETURN v_held;
END $$;
COMMENT ON FUNCTION farebox.close_pools IS
  'Called by instances. Prepares the pools of an account for its closing, or answers what keeps it open.';
