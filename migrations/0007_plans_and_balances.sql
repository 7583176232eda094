-- Gives an account the recurring grants of a plan, the first at once; those of the plan it had before stop, and what they
-- granted stays. An item that the account has already keeps its anchor, so assigning the same plan again changes nothing.
-- p_items: [{"creditType", "amount", "every", "rollover": "none" | "all" | cap}], amounts in micro-credits.
CREATE FUNCTION farebox.assign_plan(p_account text, p_shard integer, p_plan text, p_items jsonb) RETURNS void
LANGUAGE plpgsql
AS $$
DECLARE
  v_type text;
  v_opened record;
  x record;
BEGIN
  -- Pools in the order of their keys.
  FOR v_type IN
    SELECT t.credit_type FROM (
      SELECT r.credit_type FROM farebox.recurring r WHERE r.account_id = p_account AND r.shard = p_shard
      UNION SELECT i.value ->> 'creditType' FROM jsonb_array_elements(p_items) i
    ) t ORDER BY t.credit_type COLLATE "C"
  LOOP
    v_opened := farebox.open_pool(p_shard, p_account, v_type);
    DELETE FROM farebox.recurring r
    WHERE r.account_id = p_account AND r.credit_type = v_type AND r.shard = p_shard
      AND r.item NOT IN (
        SELECT p_plan || '/' || i.n FROM jsonb_array_elements(p_items) WITH ORDINALITY i(value, n)
        WHERE i.value ->> 'creditType' = v_type
      );
    FOR x IN
      SELECT p_plan || '/' || i.n AS item, (i.value ->> 'amount')::bigint AS amount, i.value ->> 'every' AS every,
        CASE WHEN i.value ->> 'rollover' IN ('none', 'all') THEN i.value ->> 'rollover' ELSE 'cap' END AS rollover,
        CASE WHEN i.value ->> 'rollover' NOT IN ('none', 'all') THEN (i.value ->> 'rollover')::bigint END AS cap
      FROM jsonb_array_elements(p_items) WITH ORDINALITY i(value, n) WHERE i.value ->> 'creditType' = v_type
    LOOP
      -- Another interval counts from the next refresh on, which stays when it was.
      INSERT INTO farebox.recurring AS r (account_id, credit_type, item, shard, amount, rollover_cap, anchor_at, next_at,
        next_period, priority, every, rollover)
      VALUES (p_account, v_type, x.item, p_shard, x.amount, x.cap, v_opened.o_now, v_opened.o_now, 0, 100, x.every,
        x.rollover)
      ON CONFLICT (account_id, credit_type, item, shard) DO UPDATE
      SET amount = excluded.amount, rollover_cap = excluded.rollover_cap, rollover = excluded.rollover,
        every = excluded.every,
        anchor_at = CASE WHEN r.every = excluded.every THEN r.anchor_at ELSE r.next_at END,
        next_period = CASE WHEN r.every = excluded.every THEN r.next_period ELSE 0 END;
    END LOOP;
    PERFORM farebox.roll_pool(p_shard, p_account, v_type);
  END LOOP;
END $$;

-- All pools of an account as of now: what is due is counted, and nothing is written.
CREATE FUNCTION farebox.read_balances(p_shard integer, p_account text)
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
      SELECT jsonb_build_object('amount', i.amount, 'every', i.every, 'nextAt', extract(epoch FROM i.next_at) * 1000,
        'rollover', CASE WHEN i.rollover = 'cap' THEN to_jsonb(i.cap) ELSE to_jsonb(i.rollover) END)
      FROM unnest((r.v).r_amount, (r.v).r_every, (r.v).r_next, (r.v).r_rollover, (r.v).r_cap, (r.v).r_item)
        i(amount, every, next_at, rollover, cap, item)
      ORDER BY i.next_at, i.item LIMIT 1
    )
  FROM farebox.pools p
  CROSS JOIN LATERAL (
    SELECT farebox.plan_roll(p.shard, p.account_id, p.credit_type, clock_timestamp(), p.balance, p.held, p.spent, p.drawn) AS v
    OFFSET 0
  ) r
  WHERE p.account_id = p_account AND p.shard = p_shard
  ORDER BY p.credit_type
$$;
