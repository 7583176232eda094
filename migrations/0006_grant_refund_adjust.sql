-- The verbs of administration, each on one pool, in one transaction, and with one effect however often it is repeated with the
-- same reference. Each answers what happened as JSON; `outcome` says whether it did.

-- outcome: granted (also when it becomes effective later), repeated, conflict (the reference was used for another grant),
-- expired (it would be over before it began), too_large (the pool would hold more than a billion credits). seq: the entry, unless
-- the grant is for later.
CREATE FUNCTION farebox.grant_credits(
  p_shard smallint, p_account integer, p_type smallint, p_grant_id text, p_amount bigint, p_priority integer,
  p_effective_at timestamptz, p_expires_at timestamptz, p_source text, p_reference text, p_reason text
) RETURNS jsonb
LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
  max_balance CONSTANT bigint := 1000000000000000;
  v_opened CONSTANT record := farebox.open_pool(p_shard, p_account, p_type);
  v_now CONSTANT timestamptz := v_opened.o_now;
  v_pool farebox.pools := v_opened.o_pool;
  v_effective_at CONSTANT timestamptz := greatest(p_effective_at, v_now);
  v_refused text;
  v_seq bigint;
  v_old record;
BEGIN
  SELECT g.grant_id, g.type_no, g.amount INTO v_old FROM farebox.grants g
  WHERE g.account_no = p_account AND g.reference = p_reference AND g.shard = p_shard;
  IF FOUND THEN
    v_refused := CASE WHEN v_old.type_no = p_type AND v_old.amount = p_amount THEN 'repeated' ELSE 'conflict' END;
  ELSIF p_expires_at <= v_effective_at THEN v_refused := 'expired';
  ELSIF v_pool.balance + p_amount > max_balance THEN v_refused := 'too_large';
  END IF;
  IF v_refused IS NOT NULL THEN
    RETURN jsonb_build_object('outcome', v_refused, 'grantId', v_old.grant_id, 'balance', v_pool.balance, 'seq', NULL);
  END IF;

  INSERT INTO farebox.grants (account_no, type_no, grant_id, shard, amount, remaining, effective_at, expires_at, created_at,
    priority, state, source, reference)
  VALUES (p_account, p_type, p_grant_id, p_shard, p_amount, p_amount, v_effective_at, p_expires_at, v_now,
    p_priority, CASE WHEN v_effective_at > v_now THEN 'pending' ELSE 'active' END, p_source, p_reference);
  IF v_effective_at > v_now THEN
    v_pool.next_event_at := least(v_pool.next_event_at, v_effective_at);
  ELSE
    v_pool.balance := v_pool.balance + p_amount;
    v_pool.last_seq := v_pool.last_seq + 1; v_pool.last_at := v_now; v_seq := v_pool.last_seq;
    v_pool.next_event_at := least(v_pool.next_event_at, p_expires_at);
    INSERT INTO farebox.entries (account_no, type_no, shard, seq, at, amount, balance, spent, kind, grant_id, reason)
    VALUES (p_account, p_type, p_shard, v_seq, v_now, p_amount, v_pool.balance, v_pool.spent,
      CASE WHEN p_source = 'adjustment' THEN 'a' ELSE 'g' END, p_grant_id, coalesce(p_reason, p_source));
  END IF;
  PERFORM farebox.write_pool(v_pool);
  RETURN jsonb_build_object('outcome', 'granted', 'grantId', p_grant_id, 'balance', v_pool.balance, 'seq', v_seq);
END $$;
COMMENT ON FUNCTION farebox.grant_credits IS 'Called by instances. Adds a block of credits to a pool, once for its reference.';

CREATE FUNCTION farebox.return_to_grants(
  INOUT io_pool farebox.pools, p_now timestamptz, p_from_spent bigint, p_to_spent bigint, OUT o_homeless bigint
)
LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
  v_part bigint;
  v_until timestamptz;
  d record;
BEGIN
  o_homeless := 0;
  FOR d IN
    SELECT w.from_spent, w.to_spent, w.grant_id FROM farebox.draws w
    WHERE w.account_no = io_pool.account_no AND w.type_no = io_pool.type_no AND w.from_spent < p_to_spent AND w.shard = io_pool.shard
    ORDER BY w.from_spent DESC
  LOOP
    EXIT WHEN d.to_spent <= p_from_spent;
    v_part := least(d.to_spent, p_to_spent) - greatest(d.from_spent, p_from_spent);
    UPDATE farebox.grants g SET remaining = g.remaining + v_part, state = 'active'
    WHERE g.account_no = io_pool.account_no AND g.type_no = io_pool.type_no AND g.grant_id = d.grant_id AND g.shard = io_pool.shard
      AND (g.expires_at IS NULL OR g.expires_at > p_now)
    RETURNING g.expires_at INTO v_until;
    IF FOUND THEN
      io_pool.next_event_at := least(io_pool.next_event_at, v_until);
    ELSE
      o_homeless := o_homeless + v_part;
    END IF;
  END LOOP;
END $$;
COMMENT ON FUNCTION farebox.return_to_grants IS
  'Internal. Gives a range of the pool''s spending back to the grants that paid for it; o_homeless is what belongs to expired ones.';

-- It lives as long as the pool's longest-lived grant; for ever when one of them, or none, does.
CREATE FUNCTION farebox.add_refund_grant(INOUT io_pool farebox.pools, p_now timestamptz, p_amount bigint, p_seq bigint)
LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
  v_until timestamptz;
  v_account text;
  v_reference text;
BEGIN
  SELECT CASE WHEN count(*) = count(g.expires_at) THEN max(g.expires_at) END INTO v_until FROM farebox.grants g
  WHERE g.account_no = io_pool.account_no AND g.type_no = io_pool.type_no AND g.shard = io_pool.shard AND g.state <> 'ended'
    AND (g.expires_at IS NULL OR g.expires_at > p_now);
  SELECT a.account_id, format('refund:%s:%s', t.credit_type, p_seq) INTO v_account, v_reference
  FROM farebox.accounts a CROSS JOIN farebox.credit_types t
  WHERE a.account_no = io_pool.account_no AND t.type_no = io_pool.type_no;
  INSERT INTO farebox.grants (account_no, type_no, grant_id, shard, amount, remaining, effective_at, expires_at, created_at,
    priority, state, source, reference)
  VALUES (io_pool.account_no, io_pool.type_no, farebox.derived_grant_id(v_account || '/' || v_reference), io_pool.shard,
    p_amount, p_amount, p_now, v_until, p_now, 100, 'active', 'refund', v_reference);
  io_pool.next_event_at := least(io_pool.next_event_at, v_until);
END $$;
COMMENT ON FUNCTION farebox.add_refund_grant IS
  'Internal. A grant for what a refund (p_seq is its entry) cannot give back to expired grants.';

-- In the windows in which it was charged. What was refunded may be spent again. The windows are compared before the row is written:
-- Citus refuses a time plus an interval in a statement that writes.
CREATE FUNCTION farebox.free_cap(p_pool farebox.pools, p_key integer, p_charged_at timestamptz, p_amount bigint) RETURNS void
LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
  v_cap record;
BEGIN
  IF NOT p_pool.capped THEN RETURN; END IF;
  SELECT c.* INTO v_cap FROM farebox.key_caps c
  WHERE c.account_no = p_pool.account_no AND c.type_no = p_pool.type_no AND c.key_no = p_key AND c.shard = p_pool.shard;
  IF NOT FOUND THEN RETURN; END IF;
  v_cap.total_spent := greatest(0, v_cap.total_spent - p_amount);
  IF p_charged_at >= v_cap.day AND p_charged_at < v_cap.day + interval '24 hours' THEN
    v_cap.day_spent := greatest(0, v_cap.day_spent - p_amount);
  END IF;
  IF p_charged_at >= v_cap.month AND p_charged_at < farebox.period_start(v_cap.month, 'month', 1) THEN
    v_cap.month_spent := greatest(0, v_cap.month_spent - p_amount);
  END IF;
  UPDATE farebox.key_caps c
  SET total_spent = v_cap.total_spent, day_spent = v_cap.day_spent, month_spent = v_cap.month_spent
  WHERE c.account_no = p_pool.account_no AND c.type_no = p_pool.type_no AND c.key_no = p_key AND c.shard = p_pool.shard;
END $$;
COMMENT ON FUNCTION farebox.free_cap IS 'Internal. Gives a key''s caps the room back that a refunded charge took.';

-- Usage learns of it when it is rolled up behind the entries; a refund's entry carries its charge's request, key and endpoint.
CREATE FUNCTION farebox.refund_in_pool(
  INOUT io_pool farebox.pools, p_now timestamptz, p_seq bigint, p_amount bigint, p_reason text, p_reference text,
  OUT o_reply jsonb
)
LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
  v_before bigint;
  v_refunded bigint;
  v_returned record;
  c record;
  d record;
BEGIN
  SELECT r.amount, r.asked, r.balance_after, r.refund_seq INTO d FROM farebox.refunds r
  WHERE r.account_no = io_pool.account_no AND r.type_no = io_pool.type_no AND r.seq = p_seq AND r.reference = p_reference
    AND r.shard = io_pool.shard;
  IF FOUND THEN
    o_reply := jsonb_build_object('outcome', CASE WHEN d.asked IS NOT DISTINCT FROM p_amount THEN 'repeated' ELSE 'conflict' END,
      'refunded', d.amount, 'balance', d.balance_after, 'seq', d.refund_seq);
    RETURN;
  END IF;
  SELECT e.at, -e.amount AS amount, e.spent, e.request, e.key_no, e.endpoint_no INTO c FROM farebox.entries e
  WHERE e.account_no = io_pool.account_no AND e.type_no = io_pool.type_no AND e.seq = p_seq AND e.shard = io_pool.shard
    AND e.kind = 'c';
  IF NOT FOUND THEN o_reply := jsonb_build_object('outcome', 'unknown'); RETURN; END IF;
  SELECT coalesce(sum(r.amount), 0) INTO v_before FROM farebox.refunds r
  WHERE r.account_no = io_pool.account_no AND r.type_no = io_pool.type_no AND r.seq = p_seq AND r.shard = io_pool.shard;
  v_refunded := coalesce(p_amount, c.amount - v_before);
  IF v_refunded > c.amount - v_before THEN
    o_reply := jsonb_build_object('outcome', 'exceeds', 'refundable', c.amount - v_before);
    RETURN;
  END IF;

  IF v_refunded > 0 THEN
    io_pool.balance := io_pool.balance + v_refunded;
    io_pool.last_seq := io_pool.last_seq + 1; io_pool.last_at := p_now;
    -- What was refunded of the charge before was the end of what it drew.
    v_returned := farebox.return_to_grants(io_pool, p_now, c.spent - v_before - v_refunded, c.spent - v_before);
    io_pool := v_returned.io_pool;
    IF v_returned.o_homeless > 0 THEN
      io_pool := farebox.add_refund_grant(io_pool, p_now, v_returned.o_homeless, io_pool.last_seq);
    END IF;
    INSERT INTO farebox.entries (account_no, type_no, shard, seq, at, amount, balance, spent, request, key_no, endpoint_no, kind,
      refund_of, reason)
    VALUES (io_pool.account_no, io_pool.type_no, io_pool.shard, io_pool.last_seq, p_now, v_refunded, io_pool.balance,
      io_pool.spent, c.request, c.key_no, c.endpoint_no, 'r', p_seq, p_reason);
    PERFORM farebox.free_cap(io_pool, c.key_no, c.at, v_refunded);
    PERFORM farebox.keep_in_sight(io_pool.shard, io_pool.account_no, io_pool.type_no);
  END IF;
  -- One that found nothing left is remembered too, so that it finds nothing when it is repeated.
  INSERT INTO farebox.refunds (account_no, type_no, seq, reference, shard, amount, asked, refund_seq, balance_after)
  VALUES (io_pool.account_no, io_pool.type_no, p_seq, p_reference, io_pool.shard, v_refunded, p_amount,
    CASE WHEN v_refunded > 0 THEN io_pool.last_seq END, io_pool.balance);
  o_reply := jsonb_build_object('outcome', 'refunded', 'refunded', v_refunded, 'balance', io_pool.balance,
    'seq', CASE WHEN v_refunded > 0 THEN io_pool.last_seq END);
END $$;
COMMENT ON FUNCTION farebox.refund_in_pool IS
  'Internal. Refunds a charge of a pool that is open, and answers as refund_charge does. The caller writes the pool''s row.';

-- outcome: refunded, repeated, conflict (the reference was used for this charge with another amount), unknown (no such charge),
-- exceeds (more than what is left of the charge: `refundable`). p_amount null: all that is left, which may be 0; seq is null then.
CREATE FUNCTION farebox.refund_charge(
  p_shard smallint, p_account integer, p_type smallint, p_seq bigint, p_amount bigint, p_reason text, p_reference text
) RETURNS jsonb
LANGUAGE plpgsql AS $$
DECLARE
  v_opened CONSTANT record := farebox.open_pool(p_shard, p_account, p_type);
  v record;
BEGIN
  v := farebox.refund_in_pool(v_opened.o_pool, v_opened.o_now, p_seq, p_amount, p_reason, p_reference);
  IF v.io_pool IS DISTINCT FROM v_opened.o_pool THEN PERFORM farebox.write_pool(v.io_pool); END IF;
  RETURN v.o_reply;
END $$;
COMMENT ON FUNCTION farebox.refund_charge IS
  'Called by instances. Gives back all or part of a charge, once for its reference: to the grants that it drew from, the newest drawn first; what belongs to expired ones to a grant of its own.';

-- Answers how many of them were refunded now, and how much. One that this reference has refunded before counts as one with
-- nothing left.
CREATE FUNCTION farebox.refund_charges(
  p_shard smallint, p_account integer, p_type smallint, p_seqs bigint[], p_reason text, p_reference text
) RETURNS jsonb
LANGUAGE plpgsql AS $$
DECLARE
  v_opened CONSTANT record := farebox.open_pool(p_shard, p_account, p_type);
  v_pool farebox.pools := v_opened.o_pool;
  v_refunded integer := 0;
  v_credits bigint := 0;
  v_seq bigint;
  v record;
BEGIN
  FOREACH v_seq IN ARRAY p_seqs LOOP
    v := farebox.refund_in_pool(v_pool, v_opened.o_now, v_seq, NULL, p_reason, p_reference);
    v_pool := v.io_pool;
    IF v.o_reply ->> 'outcome' = 'refunded' AND (v.o_reply ->> 'refunded')::bigint > 0 THEN
      v_refunded := v_refunded + 1;
      v_credits := v_credits + (v.o_reply ->> 'refunded')::bigint;
    END IF;
  END LOOP;
  PERFORM farebox.write_pool(v_pool);
  RETURN jsonb_build_object('refunded', v_refunded, 'credits', v_credits);
END $$;
COMMENT ON FUNCTION farebox.refund_charges IS 'Called by background work. Refunds what is left of some charges of one pool.';

CREATE FUNCTION farebox.take_from_grants(INOUT io_pool farebox.pools, p_amount bigint)
LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
  v_left bigint := p_amount;
  v_take bigint;
  v_overdue bigint;
  d record;
BEGIN
  FOR d IN
    SELECT g.grant_id, g.remaining, g.overdue FROM farebox.grants g
    WHERE g.account_no = io_pool.account_no AND g.type_no = io_pool.type_no AND g.shard = io_pool.shard AND g.state <> 'ended'
      AND g.state = 'active'
    ORDER BY g.priority, g.expires_at NULLS LAST, g.effective_at, g.grant_id
  LOOP
    EXIT WHEN v_left = 0;
    v_take := least(v_left, d.remaining);
    v_overdue := least(v_take, d.overdue);
    UPDATE farebox.grants g SET remaining = d.remaining - v_take, overdue = d.overdue - v_overdue,
      state = CASE WHEN d.remaining = v_take THEN 'ended' ELSE 'active' END
    WHERE g.account_no = io_pool.account_no AND g.type_no = io_pool.type_no AND g.grant_id = d.grant_id
      AND g.shard = io_pool.shard;
    io_pool.overdue := io_pool.overdue - v_overdue;
    v_left := v_left - v_take;
  END LOOP;
END $$;
COMMENT ON FUNCTION farebox.take_from_grants IS 'Internal. Takes credits from the grants of a pool that is open, as a charge would.';

-- outcome: adjusted, repeated, conflict (the reference was used with another amount), insufficient (more than `available`),
-- too_large.
CREATE FUNCTION farebox.adjust_pool(
  p_shard smallint, p_account integer, p_type smallint, p_amount bigint, p_reason text, p_reference text
) RETURNS jsonb
LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
  v_opened CONSTANT record := farebox.open_pool(p_shard, p_account, p_type);
  v_pool farebox.pools := v_opened.o_pool;
  v_reply jsonb;
  d record;
BEGIN
  SELECT a.amount, a.balance_after, a.adjustment_seq INTO d FROM farebox.adjustments a
  WHERE a.account_no = p_account AND a.type_no = p_type AND a.reference = p_reference AND a.shard = p_shard;
  IF FOUND THEN
    RETURN jsonb_build_object('outcome', CASE WHEN d.amount = p_amount THEN 'repeated' ELSE 'conflict' END,
      'balance', d.balance_after, 'seq', d.adjustment_seq);
  END IF;
  IF p_amount > 0 THEN
    SELECT a.account_id, t.credit_type INTO d FROM farebox.accounts a CROSS JOIN farebox.credit_types t
    WHERE a.account_no = p_account AND t.type_no = p_type;
    v_reply := farebox.grant_credits(p_shard, p_account, p_type,
      farebox.derived_grant_id(format('%s/adjustment:%s:%s', d.account_id, d.credit_type, p_reference)), p_amount, 100, NULL,
      NULL, 'adjustment', format('adjustment:%s:%s', d.credit_type, p_reference), p_reason);
    IF v_reply ->> 'outcome' <> 'granted' THEN RETURN v_reply; END IF;
  ELSIF -p_amount > v_pool.balance - v_pool.held THEN
    RETURN jsonb_build_object('outcome', 'insufficient', 'available', v_pool.balance - v_pool.held);
  ELSE
    v_pool := farebox.take_from_grants(v_pool, -p_amount);
    v_pool.balance := v_pool.balance + p_amount;
    v_pool.last_seq := v_pool.last_seq + 1; v_pool.last_at := v_opened.o_now;
    INSERT INTO farebox.entries (account_no, type_no, shard, seq, at, amount, balance, spent, kind, reason)
    VALUES (p_account, p_type, p_shard, v_pool.last_seq, v_pool.last_at, p_amount, v_pool.balance, v_pool.spent, 'a', p_reason);
    PERFORM farebox.write_pool(v_pool);
    v_reply := jsonb_build_object('balance', v_pool.balance, 'seq', v_pool.last_seq);
  END IF;
  INSERT INTO farebox.adjustments (account_no, type_no, reference, shard, amount, adjustment_seq, balance_after)
  VALUES (p_account, p_type, p_reference, p_shard, p_amount, (v_reply ->> 'seq')::bigint, (v_reply ->> 'balance')::bigint);
  RETURN v_reply || '{"outcome": "adjusted"}';
END $$;
COMMENT ON FUNCTION farebox.adjust_pool IS
  'Called by instances. Corrects a pool by hand, once for its reference: what is added is a grant that never expires, what is taken is taken from the grants as a charge would be.';
