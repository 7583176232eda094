-- The verbs of administration, each on one pool, in one transaction, and with one effect however often it is repeated with the
-- same reference. Each returns what happened as data; `outcome` says whether it did.

-- Creates the pool if it is missing, locks it and brings it up to now, so that what was spent before is drawn from the grants
-- that were there before.
CREATE FUNCTION farebox.open_pool(
  p_shard integer, p_account text, p_type text, OUT o_pool farebox.pools, OUT o_now timestamptz
)
LANGUAGE plpgsql
SET enable_seqscan = off
AS $$
DECLARE
  x record;
BEGIN
  SELECT * INTO o_pool FROM farebox.pools p
  WHERE p.account_id = p_account AND p.credit_type = p_type AND p.shard = p_shard FOR UPDATE;
  IF NOT FOUND THEN
    PERFORM farebox.create_pools(p_shard, ARRAY[p_account], ARRAY[p_type]);
    SELECT * INTO STRICT o_pool FROM farebox.pools p
    WHERE p.account_id = p_account AND p.credit_type = p_type AND p.shard = p_shard FOR UPDATE;
  END IF;
  o_now := clock_timestamp();
  SELECT r.io_balance, r.io_held, r.io_drawn, r.io_last_seq, r.o_overdue, r.o_next_event_at INTO x
  FROM farebox.roll_pool_row(p_shard, p_account, p_type, o_now, o_pool.spent, o_pool.balance, o_pool.held, o_pool.drawn,
    o_pool.last_seq) r;
  o_pool.balance := x.io_balance; o_pool.held := x.io_held; o_pool.drawn := x.io_drawn; o_pool.last_seq := x.io_last_seq;
  o_pool.overdue := x.o_overdue; o_pool.next_event_at := x.o_next_event_at;
  PERFORM farebox.write_pool(o_pool);
END $$;

CREATE FUNCTION farebox.write_pool(p farebox.pools) RETURNS void
LANGUAGE sql
SET enable_seqscan = off
AS $$
  UPDATE farebox.pools t SET balance = p.balance, held = p.held, spent = p.spent, drawn = p.drawn, overdue = p.overdue,
    uncollected = p.uncollected, last_seq = p.last_seq, next_event_at = p.next_event_at
  WHERE t.account_id = p.account_id AND t.credit_type = p.credit_type AND t.shard = p.shard
$$;

CREATE FUNCTION farebox.roll_pool(p_shard integer, p_account text, p_type text) RETURNS void
LANGUAGE sql
AS $$ SELECT farebox.open_pool(p_shard, p_account, p_type) $$;

-- outcome: granted (also when it becomes effective later), repeated, conflict (the reference was used for another grant),
-- expired (it would be over before it began), too_large (the pool would hold more than a billion credits).
CREATE FUNCTION farebox.grant_credits(
  p_shard integer, p_account text, p_type text, p_grant_id text, p_amount bigint, p_priority integer,
  p_effective_at timestamptz, p_expires_at timestamptz, p_source text, p_reference text, p_reason text,
  OUT outcome text, OUT grant_id text, OUT balance bigint, OUT seq bigint
)
LANGUAGE plpgsql
SET enable_seqscan = off
AS $$
DECLARE
  max_balance CONSTANT bigint := 1000000000000000;
  v_opened record;
  v_pool farebox.pools;
  v_now timestamptz;
  v_old record;
BEGIN
  v_opened := farebox.open_pool(p_shard, p_account, p_type);
  v_pool := v_opened.o_pool; v_now := v_opened.o_now;
  balance := v_pool.balance;
  SELECT g.grant_id, g.credit_type, g.amount INTO v_old FROM farebox.grants g
  WHERE g.account_id = p_account AND g.reference = p_reference AND g.shard = p_shard;
  IF FOUND THEN
    grant_id := v_old.grant_id;
    outcome := CASE WHEN v_old.credit_type = p_type AND v_old.amount = p_amount THEN 'repeated' ELSE 'conflict' END;
    RETURN;
  END IF;
  grant_id := p_grant_id;
  p_effective_at := greatest(p_effective_at, v_now);
  IF p_expires_at <= p_effective_at THEN outcome := 'expired'; RETURN; END IF;
  IF v_pool.balance + p_amount > max_balance THEN outcome := 'too_large'; RETURN; END IF;
  INSERT INTO farebox.grants (account_id, credit_type, grant_id, shard, amount, remaining, effective_at, expires_at,
    created_at, priority, state, source, reference)
  VALUES (p_account, p_type, p_grant_id, p_shard, p_amount, p_amount, p_effective_at, p_expires_at,
    v_now, p_priority, CASE WHEN p_effective_at > v_now THEN 'pending' ELSE 'active' END, p_source, p_reference);
  IF p_effective_at > v_now THEN
    v_pool.next_event_at := least(v_pool.next_event_at, p_effective_at);
  ELSE
    v_pool.balance := v_pool.balance + p_amount;
    v_pool.last_seq := v_pool.last_seq + 1;
    v_pool.next_event_at := least(v_pool.next_event_at, p_expires_at);
    seq := v_pool.last_seq;
    INSERT INTO farebox.entries (account_id, credit_type, seq, shard, at, amount, balance, spent, kind, grant_id, reason)
    VALUES (p_account, p_type, v_pool.last_seq, p_shard, v_now, p_amount, v_pool.balance, v_pool.spent,
      CASE WHEN p_source IN ('adjustment', 'refund') THEN p_source ELSE 'grant' END, p_grant_id,
      coalesce(p_reason, p_source));
  END IF;
  PERFORM farebox.write_pool(v_pool);
  balance := v_pool.balance;
  outcome := 'granted';
END $$;

-- outcome: refunded, repeated, unknown (no such charge), exceeds (more than what is left of the charge).
-- p_amount null: all that is left, which may be 0.
CREATE FUNCTION farebox.refund_charge(
  p_shard integer, p_account text, p_type text, p_seq bigint, p_amount bigint, p_reason text, p_reference text,
  OUT outcome text, OUT refunded bigint, OUT balance bigint, OUT refund_seq bigint, OUT refundable bigint
)
LANGUAGE plpgsql
SET enable_seqscan = off
AS $$
DECLARE
  v_opened record;
  v_pool farebox.pools;
  v_now timestamptz;
  v_charge record;
  v_before bigint;
  v_position bigint;
  v_start bigint;
  v_part bigint;
  v_homeless bigint := 0;
  v_until timestamptz;
  d record;
BEGIN
  v_opened := farebox.open_pool(p_shard, p_account, p_type);
  v_pool := v_opened.o_pool; v_now := v_opened.o_now;
  balance := v_pool.balance;
  SELECT r.amount, r.balance_after, r.refund_seq INTO d FROM farebox.refunds r
  WHERE r.account_id = p_account AND r.credit_type = p_type AND r.seq = p_seq AND r.reference = p_reference
    AND r.shard = p_shard;
  IF FOUND THEN
    outcome := 'repeated'; refunded := d.amount; balance := d.balance_after; refund_seq := d.refund_seq;
    RETURN;
  END IF;
  SELECT e.at, -e.amount AS amount, e.spent, e.key_id, e.endpoint, e.request_id INTO v_charge FROM farebox.entries e
  WHERE e.account_id = p_account AND e.credit_type = p_type AND e.seq = p_seq AND e.shard = p_shard AND e.kind = 'charge';
  IF NOT FOUND THEN outcome := 'unknown'; refunded := 0; RETURN; END IF;
  SELECT coalesce(sum(r.amount), 0) INTO v_before FROM farebox.refunds r
  WHERE r.account_id = p_account AND r.credit_type = p_type AND r.seq = p_seq AND r.shard = p_shard;
  refundable := v_charge.amount - v_before;
  IF p_amount > refundable THEN outcome := 'exceeds'; refunded := 0; RETURN; END IF;
  refunded := coalesce(p_amount, refundable);
  outcome := 'refunded';
  IF refunded = 0 THEN RETURN; END IF;

  -- Back to the grants that the charge drew from, the newest drawn first; an expired one cannot take it back.
  v_position := v_charge.spent - v_before;
  v_start := v_position - refunded;
  FOR d IN
    SELECT w.from_spent, w.to_spent, w.grant_id FROM farebox.draws w
    WHERE w.account_id = p_account AND w.credit_type = p_type AND w.from_spent < v_position AND w.shard = p_shard
    ORDER BY w.from_spent DESC
  LOOP
    EXIT WHEN d.to_spent <= v_start;
    v_part := least(d.to_spent, v_position) - greatest(d.from_spent, v_start);
    UPDATE farebox.grants g SET remaining = g.remaining + v_part, state = 'active'
    WHERE g.account_id = p_account AND g.credit_type = p_type AND g.grant_id = d.grant_id AND g.shard = p_shard
      AND (g.expires_at IS NULL OR g.expires_at > v_now)
    RETURNING g.expires_at INTO v_until;
    IF FOUND THEN
      v_pool.next_event_at := least(v_pool.next_event_at, v_until);
    ELSE
      v_homeless := v_homeless + v_part;
    END IF;
  END LOOP;
  v_pool.balance := v_pool.balance + refunded;
  v_pool.last_seq := v_pool.last_seq + 1;
  refund_seq := v_pool.last_seq;
  IF v_homeless > 0 THEN
    -- As long as the pool's longest-lived grant; for ever when one of them, or none, is.
    SELECT CASE WHEN count(*) = count(g.expires_at) THEN max(g.expires_at) END INTO v_until FROM farebox.grants g
    WHERE g.account_id = p_account AND g.credit_type = p_type AND g.shard = p_shard AND g.state <> 'ended'
      AND (g.expires_at IS NULL OR g.expires_at > v_now);
    INSERT INTO farebox.grants (account_id, credit_type, grant_id, shard, amount, remaining, effective_at, expires_at,
      created_at, priority, state, source, reference)
    VALUES (p_account, p_type, farebox.derived_grant_id(format('%s/refund:%s:%s', p_account, p_type, refund_seq)), p_shard,
      v_homeless, v_homeless, v_now, v_until, v_now, 100, 'active', 'refund', format('refund:%s:%s', p_type, refund_seq));
    v_pool.next_event_at := least(v_pool.next_event_at, v_until);
  END IF;
  INSERT INTO farebox.entries (account_id, credit_type, seq, shard, at, amount, balance, spent, refund_of, kind, request_id,
    key_id, endpoint, reason)
  VALUES (p_account, p_type, refund_seq, p_shard, v_now, refunded, v_pool.balance, v_pool.spent, p_seq, 'refund',
    v_charge.request_id, v_charge.key_id, v_charge.endpoint, p_reason);
  INSERT INTO farebox.refunds (account_id, credit_type, seq, reference, shard, amount, refund_seq, balance_after)
  VALUES (p_account, p_type, p_seq, p_reference, p_shard, refunded, refund_seq, v_pool.balance);
  UPDATE farebox.usage u SET refunded = u.refunded + refund_charge.refunded
  WHERE u.account_id = p_account AND u.credit_type = p_type AND u.hour = date_trunc('hour', v_charge.at, 'UTC')
    AND u.key_id = v_charge.key_id AND u.endpoint = v_charge.endpoint AND u.shard = p_shard;
  PERFORM farebox.write_pool(v_pool);
  balance := v_pool.balance;
END $$;

-- outcome: adjusted, repeated, conflict (the reference was used with another amount), insufficient (more than `available`),
-- too_large. A positive adjustment is a grant that never expires; a negative one is taken from the grants as a charge would.
CREATE FUNCTION farebox.adjust_pool(
  p_shard integer, p_account text, p_type text, p_amount bigint, p_reason text, p_reference text,
  OUT outcome text, OUT balance bigint, OUT seq bigint, OUT available bigint
)
LANGUAGE plpgsql
SET enable_seqscan = off
AS $$
DECLARE
  v_opened record;
  v_pool farebox.pools;
  v_now timestamptz;
  v_left bigint := -p_amount;
  v_granted record;
  d record;
BEGIN
  v_opened := farebox.open_pool(p_shard, p_account, p_type);
  v_pool := v_opened.o_pool; v_now := v_opened.o_now;
  balance := v_pool.balance;
  available := v_pool.balance - v_pool.held;
  SELECT a.amount, a.balance_after, a.adjustment_seq INTO d FROM farebox.adjustments a
  WHERE a.account_id = p_account AND a.credit_type = p_type AND a.reference = p_reference AND a.shard = p_shard;
  IF FOUND THEN
    outcome := CASE WHEN d.amount = p_amount THEN 'repeated' ELSE 'conflict' END;
    balance := d.balance_after; seq := d.adjustment_seq;
    RETURN;
  END IF;
  IF p_amount > 0 THEN
    SELECT g.outcome, g.balance, g.seq INTO v_granted FROM farebox.grant_credits(p_shard, p_account, p_type,
      farebox.derived_grant_id(format('%s/adjustment:%s:%s', p_account, p_type, p_reference)), p_amount, 100, NULL, NULL,
      'adjustment', format('adjustment:%s:%s', p_type, p_reference), p_reason) g;
    balance := v_granted.balance; seq := v_granted.seq;
    IF v_granted.outcome <> 'granted' THEN outcome := v_granted.outcome; RETURN; END IF;
    available := available + p_amount;
  ELSE
    IF v_left > available THEN outcome := 'insufficient'; RETURN; END IF;
    FOR d IN
      SELECT g.grant_id, g.remaining FROM farebox.grants g
      WHERE g.account_id = p_account AND g.credit_type = p_type AND g.shard = p_shard AND g.state <> 'ended'
        AND g.state = 'active'
      ORDER BY g.priority, g.expires_at NULLS LAST, g.effective_at, g.grant_id
    LOOP
      EXIT WHEN v_left = 0;
      UPDATE farebox.grants g SET remaining = g.remaining - least(v_left, d.remaining),
        overdue = g.overdue - least(g.overdue, v_left, d.remaining),
        state = CASE WHEN d.remaining <= v_left THEN 'ended' ELSE 'active' END
      WHERE g.account_id = p_account AND g.credit_type = p_type AND g.grant_id = d.grant_id AND g.shard = p_shard;
      v_left := v_left - least(v_left, d.remaining);
    END LOOP;
    SELECT coalesce(sum(g.overdue), 0) INTO v_pool.overdue FROM farebox.grants g
    WHERE g.account_id = p_account AND g.credit_type = p_type AND g.shard = p_shard AND g.state <> 'ended';
    v_pool.balance := v_pool.balance + p_amount;
    v_pool.last_seq := v_pool.last_seq + 1;
    balance := v_pool.balance; seq := v_pool.last_seq; available := available + p_amount;
    INSERT INTO farebox.entries (account_id, credit_type, seq, shard, at, amount, balance, spent, kind, reason)
    VALUES (p_account, p_type, seq, p_shard, v_now, p_amount, balance, v_pool.spent, 'adjustment', p_reason);
    PERFORM farebox.write_pool(v_pool);
  END IF;
  INSERT INTO farebox.adjustments (account_id, credit_type, reference, shard, amount, adjustment_seq, balance_after)
  VALUES (p_account, p_type, p_reference, p_shard, p_amount, seq, balance);
  outcome := 'adjusted';
END $$;
