-- Each grant of a balance was found by counting from the first: 10,000 open ones took 2.6 s, and 100,000 more than a statement may, so that
-- their account had no balance to read. And each grant to a pool read all that were there, also when nothing had been spent since the last
-- one and nothing was due: 100,000 in a row took hours.

-- Grants in the order in which they are drawn.
CREATE OR REPLACE FUNCTION farebox.render_balance(p farebox.roll_state, p_type text, p_plan text)
RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE
AS $$
DECLARE
  -- As a variable: a part of a parameter is copied for each look into it.
  v_grants farebox.open_grant[] := p.grants;
  v_rendered jsonb[] := '{}';
  g farebox.open_grant;
  k integer;
BEGIN
  FOREACH k IN ARRAY p.draw_order LOOP
    g := v_grants[k];
    v_rendered := v_rendered || jsonb_build_object('grantId', g.grant_id, 'amount', g.amount, 'remaining', g.remaining,
      'source', g.source, 'grantedAt', extract(epoch FROM g.effective_at) * 1000,
      'expiresAt', extract(epoch FROM g.expires_at) * 1000);
  END LOOP;
  RETURN jsonb_build_object('creditType', p_type, 'balance', (p.pool).balance, 'held', (p.pool).held, 'spent', (p.pool).spent,
    'grants', to_jsonb(v_rendered),
    'recurring', (
      SELECT jsonb_build_object('amount', r.amount, 'every', r.every,
        'startedAt', extract(epoch FROM farebox.period_start(r.anchor_at, r.every, r.next_period - 1)) * 1000,
        'nextAt', (SELECT extract(epoch FROM min(n.next_at)) * 1000 FROM unnest(p.recurring) n
          WHERE n.next_at < coalesce(n.until, 'infinity')),
        'rollover', CASE WHEN r.rollover = 'cap' THEN to_jsonb(r.rollover_cap) ELSE to_jsonb(r.rollover) END)
      FROM unnest(p.recurring) r WHERE r.item = p_plan
    ));
END $$;
COMMENT ON FUNCTION farebox.render_balance IS 'Internal. A pool as its owner sees it.';

-- `at` of entries never falls within a pool, so the time of a verb is never before the last entry's.
-- A roll changes nothing where all that was spent is drawn and nothing is due, so none is made: it reads all open grants.
CREATE OR REPLACE FUNCTION farebox.open_pool(
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
  IF v_before.spent = v_before.drawn AND v_before.overdue = 0 AND v_before.next_event_at > o_now THEN
    o_pool := v_before;
    RETURN;
  END IF;
  o_pool := farebox.roll(v_before, o_now);
  IF o_pool IS DISTINCT FROM v_before THEN PERFORM farebox.write_pool(o_pool); END IF;
END $$;
COMMENT ON FUNCTION farebox.open_pool IS 'Internal. Creates the pool if it is missing, locks it and brings it up to now, so that what was spent before is drawn from the grants that were there before.';
