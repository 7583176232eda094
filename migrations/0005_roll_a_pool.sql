-- A roll read (`compute_roll`, which writes nothing) and a roll written (`roll`, on a pool whose row the caller has locked); and the
-- balances that are read with it.

CREATE FUNCTION farebox.compute_roll(p_pool farebox.pools, p_now timestamptz) RETURNS farebox.roll_state
LANGUAGE plpgsql STABLE AS $$
BEGIN
  RETURN farebox.pass_time(farebox.draw_spent(farebox.load_roll(p_pool, p_now)), p_now);
END $$;
COMMENT ON FUNCTION farebox.compute_roll IS 'Internal. What a roll would do, and what the pool would then be. Writes nothing.';

-- Row by row: mostly there are one or two.
CREATE FUNCTION farebox.write_roll(p farebox.roll_state) RETURNS void
LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
  v_pool CONSTANT farebox.pools := p.pool;
  v_loaded farebox.open_grant[] := p.loaded;
  v_grants farebox.open_grant[] := p.grants;
  v_recurring farebox.recurring_item[] := p.recurring;
  v_seq bigint := v_pool.last_seq - cardinality(p.entries);
  d farebox.new_draw;
  g farebox.open_grant;
  e farebox.new_entry;
  r farebox.recurring_item;
BEGIN
  FOREACH d IN ARRAY p.draws LOOP
    INSERT INTO farebox.draws (account_no, type_no, shard, from_spent, to_spent, grant_id)
    VALUES (v_pool.account_no, v_pool.type_no, v_pool.shard, d.from_spent, d.to_spent, d.grant_id);
  END LOOP;
  FOR k IN 1..cardinality(v_grants) LOOP
    CONTINUE WHEN v_grants[k] IS NOT DISTINCT FROM v_loaded[k];
    g := v_grants[k];
    IF k <= cardinality(v_loaded) THEN
      UPDATE farebox.grants o SET remaining = g.remaining, overdue = g.overdue, state = g.state
      WHERE o.account_no = v_pool.account_no AND o.type_no = v_pool.type_no AND o.grant_id = g.grant_id AND o.shard = v_pool.shard;
    ELSE
      INSERT INTO farebox.grants (account_no, type_no, grant_id, shard, amount, remaining, overdue, effective_at, expires_at,
        created_at, priority, state, source, item, reference)
      VALUES (v_pool.account_no, v_pool.type_no, g.grant_id, v_pool.shard, g.amount, g.remaining, g.overdue, g.effective_at,
        g.expires_at, v_pool.last_at, g.priority, g.state, g.source, g.item, g.reference);
    END IF;
  END LOOP;
  FOREACH e IN ARRAY p.entries LOOP
    v_seq := v_seq + 1;
    INSERT INTO farebox.entries (account_no, type_no, shard, seq, at, amount, balance, spent, kind, grant_id, reason)
    VALUES (v_pool.account_no, v_pool.type_no, v_pool.shard, v_seq, v_pool.last_at, e.amount, e.balance, v_pool.spent, e.kind,
      e.grant_id, e.reason);
  END LOOP;
  FOR k IN 1..p.holds_ended LOOP
    UPDATE farebox.holds h SET amount = 0, state = 'expired'
    WHERE h.account_no = v_pool.account_no AND h.type_no = v_pool.type_no AND h.hold_id = p.holds[k].hold_id
      AND h.shard = v_pool.shard;
  END LOOP;
  FOR k IN 1..cardinality(v_recurring) LOOP
    r := v_recurring[k];
    CONTINUE WHEN NOT r.is_refreshed;
    UPDATE farebox.recurring o SET next_period = r.next_period, next_at = r.next_at
    WHERE o.account_no = v_pool.account_no AND o.type_no = v_pool.type_no AND o.item = r.item AND o.shard = v_pool.shard;
  END LOOP;
END $$;
COMMENT ON FUNCTION farebox.write_roll IS 'Internal. Writes what a roll did, but for the pool''s row.';

CREATE FUNCTION farebox.roll(INOUT io_pool farebox.pools, p_now timestamptz)
LANGUAGE plpgsql AS $$
DECLARE
  -- A server's clock may step back; a pool's time does not.
  v CONSTANT farebox.roll_state := farebox.compute_roll(io_pool, greatest(p_now, io_pool.last_at));
BEGIN
  PERFORM farebox.write_roll(v);
  io_pool := v.pool;
END $$;
COMMENT ON FUNCTION farebox.roll IS
  'Internal. Brings a pool whose row is locked up to a moment, a thousand events at most, and returns what the caller then writes into its row.';

-- `at` of entries never falls within a pool, so the time of a verb is never before the last entry's.
CREATE FUNCTION farebox.open_pool(
  p_shard smallint, p_account integer, p_type smallint, OUT o_pool farebox.pools, OUT o_now timestamptz
)
LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
  v_before farebox.pools;
BEGIN
  SELECT * INTO v_before FROM farebox.pools p
  WHERE p.account_no = p_account AND p.type_no = p_type AND p.shard = p_shard FOR UPDATE;
  IF NOT FOUND THEN
    PERFORM farebox.create_pools(p_shard, ARRAY[p_account], ARRAY[p_type]);
    SELECT * INTO STRICT v_before FROM farebox.pools p
    WHERE p.account_no = p_account AND p.type_no = p_type AND p.shard = p_shard FOR UPDATE;
  END IF;
  o_now := greatest(clock_timestamp(), v_before.last_at);
  o_pool := farebox.roll(v_before, o_now);
  IF o_pool IS DISTINCT FROM v_before THEN PERFORM farebox.write_pool(o_pool); END IF;
END $$;
COMMENT ON FUNCTION farebox.open_pool IS
  'Internal. Creates the pool if it is missing, locks it and brings it up to now, so that what was spent before is drawn from the grants that were there before.';

CREATE FUNCTION farebox.write_pool(p_pool farebox.pools) RETURNS void
LANGUAGE plpgsql SET enable_seqscan = off AS $$
BEGIN
  UPDATE farebox.pools p SET capped = p_pool.capped, balance = p_pool.balance, held = p_pool.held, spent = p_pool.spent,
    drawn = p_pool.drawn, overdue = p_pool.overdue, uncollected = p_pool.uncollected, last_seq = p_pool.last_seq,
    last_at = p_pool.last_at, next_event_at = p_pool.next_event_at
  WHERE p.account_no = p_pool.account_no AND p.type_no = p_pool.type_no AND p.shard = p_pool.shard;
END $$;
COMMENT ON FUNCTION farebox.write_pool IS 'Internal. Writes a locked pool''s row, but for the leases of instances.';

CREATE FUNCTION farebox.roll_pool(p_shard smallint, p_account integer, p_type smallint) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
  PERFORM farebox.open_pool(p_shard, p_account, p_type);
END $$;
COMMENT ON FUNCTION farebox.roll_pool IS 'Internal. Brings one pool up to now, in a transaction of its own.';

-- `recurring` is what the plan of now grants; its next refresh may be the first of the plan that follows, and is null when nothing
-- follows.
CREATE FUNCTION farebox.render_balance(p farebox.roll_state, p_type text, p_plan text) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
  RETURN jsonb_build_object('creditType', p_type, 'balance', (p.pool).balance, 'held', (p.pool).held,
    'grants', (
      SELECT coalesce(jsonb_agg(jsonb_build_object('grantId', g.grant_id, 'amount', g.amount, 'remaining', g.remaining,
        'source', g.source, 'expiresAt', extract(epoch FROM g.expires_at) * 1000) ORDER BY o.ordinality), '[]')
      FROM unnest(p.draw_order) WITH ORDINALITY o(which, ordinality)
      CROSS JOIN LATERAL (SELECT (p.grants[o.which]).*) g
    ),
    'recurring', (
      SELECT jsonb_build_object('amount', r.amount, 'every', r.every,
        'nextAt', (SELECT extract(epoch FROM min(n.next_at)) * 1000 FROM unnest(p.recurring) n
          WHERE n.next_at < coalesce(n.until, 'infinity')),
        'rollover', CASE WHEN r.rollover = 'cap' THEN to_jsonb(r.rollover_cap) ELSE to_jsonb(r.rollover) END)
      FROM unnest(p.recurring) r WHERE r.item = p_plan
    ));
END $$;
COMMENT ON FUNCTION farebox.render_balance IS 'Internal. A pool as its owner sees it.';

-- By the account's id, which its plan is looked up by anyway: one query reads a balance.
CREATE FUNCTION farebox.read_balances(p_shard smallint, p_account_id text) RETURNS jsonb
LANGUAGE plpgsql STABLE SET enable_seqscan = off AS $$
DECLARE
  v_now CONSTANT timestamptz := clock_timestamp();
  v_account integer;
  v_plan text;
  v_type text;
  v_pool farebox.pools;
  v_balances jsonb := '[]';
BEGIN
  SELECT a.account_no, CASE WHEN a.next_plan_at <= v_now THEN a.next_plan ELSE a.plan END INTO v_account, v_plan
  FROM farebox.accounts a WHERE a.account_id = p_account_id;
  FOR v_pool IN
    SELECT p.* FROM farebox.pools p JOIN farebox.credit_types t ON t.type_no = p.type_no
    WHERE p.account_no = v_account AND p.shard = p_shard ORDER BY t.credit_type
  LOOP
    SELECT t.credit_type INTO v_type FROM farebox.credit_types t WHERE t.type_no = v_pool.type_no;
    v_balances := v_balances || farebox.render_balance(
      farebox.compute_roll(v_pool, greatest(v_now, v_pool.last_at)), v_type, v_plan);
  END LOOP;
  RETURN v_balances;
END $$;
COMMENT ON FUNCTION farebox.read_balances IS
  'Called by instances. All pools of an account as of now, by credit type: what is due is counted, nothing is written.';

CREATE FUNCTION farebox.sum_balances(p_shard smallint, p_account_ids text[]) RETURNS jsonb
LANGUAGE plpgsql STABLE SET enable_seqscan = off AS $$
DECLARE
  v_now CONSTANT timestamptz := clock_timestamp();
  v_id text;
  v_account integer;
  v_type text;
  v_pool farebox.pools;
  v_balances jsonb[] := '{}';
BEGIN
  FOREACH v_id IN ARRAY p_account_ids LOOP
    SELECT a.account_no INTO v_account FROM farebox.accounts a WHERE a.account_id = v_id;
    FOR v_pool IN
      SELECT p.* FROM farebox.pools p WHERE p.account_no = v_account AND p.shard = p_shard ORDER BY p.type_no
    LOOP
      IF v_pool.next_event_at <= v_now OR v_pool.overdue > 0 THEN
        v_pool := (farebox.compute_roll(v_pool, greatest(v_now, v_pool.last_at))).pool;
      END IF;
      SELECT t.credit_type INTO v_type FROM farebox.credit_types t WHERE t.type_no = v_pool.type_no;
      v_balances := v_balances || jsonb_build_array(v_id, v_type, v_pool.balance, v_pool.held);
    END LOOP;
  END LOOP;
  RETURN to_jsonb(v_balances);
END $$;
COMMENT ON FUNCTION farebox.sum_balances IS
  'Called by instances. [account, credit type, balance, held] of all pools of some accounts as of now; nothing is written.';
