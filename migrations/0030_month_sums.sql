-- What was sold, burned and refunded in each month of UTC, summed with the usage: by the same step, up to the same number of each pool
-- (usage_rolled.seq). Of one shard all pools share rows, so that a report over a million accounts reads some hundred. Not only
-- charges and refunds are summed now, so every pool with an entry behind its roll-up is kept in sight.

CREATE TABLE farebox.month_sums (
  type_no smallint NOT NULL,
  -- The month's first moment in UTC; an entry counts to the month of its own time, a refund's too.
  month timestamptz NOT NULL,
  -- Of eight, by the account: steps of other pools need not wait for one row.
  slot smallint NOT NULL,
  shard smallint NOT NULL,
  charges bigint NOT NULL,
  burned bigint NOT NULL,
  uncollected bigint NOT NULL,
  refunded bigint NOT NULL,
  expired bigint NOT NULL,
  -- Signed.
  adjusted bigint NOT NULL,
  -- Grants by their source.
  recurring bigint NOT NULL,
  promo bigint NOT NULL,
  topup bigint NOT NULL,
  PRIMARY KEY (type_no, month, slot, shard)
) WITH (fillfactor = 50);
COMMENT ON TABLE farebox.month_sums IS 'All entries of a shard summed by month and credit type, up to usage_rolled.seq of each pool.';

-- Nothing is rolled up until this is committed. A step that waits here goes on with the function that it began, which calls
-- lock_usage: that one is gone, so it fails, and the next one is the new one.
LOCK TABLE farebox.usage_rolled IN ACCESS EXCLUSIVE MODE;

-- What is rolled up already. Ten million entries take about a minute.
INSERT INTO farebox.month_sums (type_no, month, slot, shard, charges, burned, uncollected, refunded, expired, adjusted, recurring,
  promo, topup)
SELECT e.type_no, date_trunc('month', e.at, 'UTC'), e.account_no % 8, e.shard,
    count(*) FILTER (WHERE e.kind = 'c'), coalesce(-sum(e.amount) FILTER (WHERE e.kind = 'c'), 0)::bigint,
    coalesce(sum(e.uncollected) FILTER (WHERE e.kind = 'c'), 0)::bigint, coalesce(sum(e.amount) FILTER (WHERE e.kind = 'r'), 0)::bigint,
    coalesce(-sum(e.amount) FILTER (WHERE e.kind = 'x'), 0)::bigint, coalesce(sum(e.amount) FILTER (WHERE e.kind = 'a'), 0)::bigint,
    coalesce(sum(e.amount) FILTER (WHERE e.kind = 'g' AND g.source = 'recurring'), 0)::bigint,
    coalesce(sum(e.amount) FILTER (WHERE e.kind = 'g' AND g.source = 'promo'), 0)::bigint,
    -- All other grants, so that nothing is in no sum.
    coalesce(sum(e.amount) FILTER (WHERE e.kind = 'g' AND g.source IS DISTINCT FROM 'recurring' AND g.source IS DISTINCT FROM 'promo'), 0)::bigint
FROM farebox.usage_rolled r
JOIN farebox.entries e ON e.account_no = r.account_no AND e.type_no = r.type_no AND e.shard = r.shard AND e.seq <= r.seq
LEFT JOIN farebox.grants g ON g.account_no = e.account_no AND g.type_no = e.type_no AND g.grant_id = e.grant_id AND g.shard = e.shard
GROUP BY 1, 2, 3, 4;

INSERT INTO farebox.active_pools (instance_no, account_no, type_no, shard)
SELECT 0, p.account_no, p.type_no, p.shard FROM farebox.pools p
LEFT JOIN farebox.usage_rolled r ON r.account_no = p.account_no AND r.type_no = p.type_no AND r.shard = p.shard
WHERE p.last_seq > coalesce(r.seq, 0)
ON CONFLICT DO NOTHING;

DROP FUNCTION farebox.lock_usage;

-- Null when another process has it.
CREATE FUNCTION farebox.lock_rolled(p_shard smallint, p_account integer, p_type smallint) RETURNS farebox.usage_rolled
LANGUAGE plpgsql SET enable_seqscan = off
AS $$
DECLARE
  v_rolled farebox.usage_rolled;
BEGIN
  FOR v_try IN 1 .. 2 LOOP
    SELECT * INTO v_rolled FROM farebox.usage_rolled r
    WHERE r.account_no = p_account AND r.type_no = p_type AND r.shard = p_shard FOR UPDATE SKIP LOCKED;
    EXIT WHEN FOUND OR v_try = 2 OR EXISTS (SELECT FROM farebox.usage_rolled r
      WHERE r.account_no = p_account AND r.type_no = p_type AND r.shard = p_shard);
    -- Once in a pool's life. Of two at once the second waits for the first one's step.
    INSERT INTO farebox.usage_rolled (account_no, type_no, shard, seq, at) VALUES (p_account, p_type, p_shard, 0, '-infinity')
    ON CONFLICT DO NOTHING;
  END LOOP;
  RETURN v_rolled;
END $$;
COMMENT ON FUNCTION farebox.lock_rolled IS
  'Internal. Locks how far a pool''s usage is rolled up; null when another process has it locked.';

-- The sums of a pool's entries behind p_after, up to p_last, by month. None of them is older than p_at.
CREATE FUNCTION farebox.sum_months(
  p_shard smallint, p_account integer, p_type smallint, p_after bigint, p_last bigint, p_at timestamptz
) RETURNS SETOF farebox.month_sums
LANGUAGE plpgsql STABLE SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
AS $$
BEGIN
  RETURN QUERY SELECT p_type, date_trunc('month', e.at, 'UTC'), (p_account % 8)::smallint, p_shard,
    count(*) FILTER (WHERE e.kind = 'c'), coalesce(-sum(e.amount) FILTER (WHERE e.kind = 'c'), 0)::bigint,
    coalesce(sum(e.uncollected) FILTER (WHERE e.kind = 'c'), 0)::bigint, coalesce(sum(e.amount) FILTER (WHERE e.kind = 'r'), 0)::bigint,
    coalesce(-sum(e.amount) FILTER (WHERE e.kind = 'x'), 0)::bigint, coalesce(sum(e.amount) FILTER (WHERE e.kind = 'a'), 0)::bigint,
    coalesce(sum(e.amount) FILTER (WHERE e.kind = 'g' AND g.source = 'recurring'), 0)::bigint,
    coalesce(sum(e.amount) FILTER (WHERE e.kind = 'g' AND g.source = 'promo'), 0)::bigint,
    -- All other grants, so that nothing is in no sum.
    coalesce(sum(e.amount) FILTER (WHERE e.kind = 'g' AND g.source IS DISTINCT FROM 'recurring' AND g.source IS DISTINCT FROM 'promo'), 0)::bigint
  FROM (
    SELECT o.at, o.kind, o.amount, o.uncollected, o.grant_id FROM farebox.entries o
    WHERE o.account_no = p_account AND o.type_no = p_type AND o.shard = p_shard AND o.seq > p_after AND o.seq <= p_last
      AND o.at >= p_at
    OFFSET 0
  ) e
  LEFT JOIN LATERAL (
    SELECT s.source FROM farebox.grants s
    WHERE s.account_no = p_account AND s.type_no = p_type AND s.grant_id = e.grant_id AND s.shard = p_shard LIMIT 1
  ) g ON e.kind = 'g'
  GROUP BY 2;
END $$;
COMMENT ON FUNCTION farebox.sum_months IS 'Internal. A range of a pool''s entries, summed by month.';

CREATE FUNCTION farebox.add_month_sums(
  p_shard smallint, p_account integer, p_type smallint, p_after bigint, p_last bigint, p_at timestamptz
) RETURNS void
LANGUAGE plpgsql
AS $$
BEGIN
  -- In the order of the rows: two steps that add to the same ones wait for one another, and not in a circle.
  INSERT INTO farebox.month_sums AS m (type_no, month, slot, shard, charges, burned, uncollected, refunded, expired, adjusted,
    recurring, promo, topup)
  SELECT s.type_no, s.month, s.slot, p_shard, s.charges, s.burned, s.uncollected, s.refunded, s.expired, s.adjusted, s.recurring,
    s.promo, s.topup
  FROM farebox.sum_months(p_shard, p_account, p_type, p_after, p_last, p_at) s ORDER BY s.month
  ON CONFLICT (type_no, month, slot, shard) DO UPDATE
  SET charges = m.charges + excluded.charges, burned = m.burned + excluded.burned, uncollected = m.uncollected + excluded.uncollected,
    refunded = m.refunded + excluded.refunded, expired = m.expired + excluded.expired, adjusted = m.adjusted + excluded.adjusted,
    recurring = m.recurring + excluded.recurring, promo = m.promo + excluded.promo, topup = m.topup + excluded.topup;
END $$;
COMMENT ON FUNCTION farebox.add_month_sums IS 'Internal. Adds a range of a pool''s entries to the sums of its shard''s months.';

-- The sums of what is not rolled up, of all pools of a shard: with month_sums, in one snapshot, they are those of all entries.
CREATE FUNCTION farebox.read_month_tails(p_shard smallint) RETURNS jsonb
LANGUAGE plpgsql STABLE SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
AS $$
DECLARE
  v_pool record;
  v_sums farebox.month_sums[] := '{}';
BEGIN
  FOR v_pool IN
    SELECT a.account_no, a.type_no, p.last_seq, coalesce(r.seq, 0) AS seq, coalesce(r.at, '-infinity') AS at
    FROM (SELECT DISTINCT o.account_no, o.type_no FROM farebox.active_pools o WHERE o.shard = p_shard) a
    CROSS JOIN LATERAL (
      SELECT q.last_seq FROM farebox.pools q
      WHERE q.account_no = a.account_no AND q.type_no = a.type_no AND q.shard = p_shard LIMIT 1
    ) p
    LEFT JOIN LATERAL (
      SELECT u.seq, u.at FROM farebox.usage_rolled u
      WHERE u.account_no = a.account_no AND u.type_no = a.type_no AND u.shard = p_shard LIMIT 1
    ) r ON true
    WHERE p.last_seq > coalesce(r.seq, 0)
  LOOP
    v_sums := v_sums || ARRAY(SELECT s FROM farebox.sum_months(p_shard, v_pool.account_no, v_pool.type_no, v_pool.seq,
      v_pool.last_seq, v_pool.at) s);
  END LOOP;
  RETURN coalesce((
    SELECT jsonb_agg(jsonb_build_object('typeNo', g.type_no, 'month', g.month, 'charges', g.charges::text, 'burned', g.burned::text,
      'uncollected', g.uncollected::text, 'refunded', g.refunded::text, 'expired', g.expired::text, 'adjusted', g.adjusted::text,
      'recurring', g.recurring::text, 'promo', g.promo::text, 'topup', g.topup::text))
    FROM (
      SELECT s.type_no, s.month, sum(s.charges) AS charges, sum(s.burned) AS burned, sum(s.uncollected) AS uncollected,
        sum(s.refunded) AS refunded, sum(s.expired) AS expired, sum(s.adjusted) AS adjusted, sum(s.recurring) AS recurring,
        sum(s.promo) AS promo, sum(s.topup) AS topup
      FROM unnest(v_sums) s GROUP BY 1, 2
    ) g
  ), '[]');
END $$;
COMMENT ON FUNCTION farebox.read_month_tails IS
  'The sums by month of the entries of a shard that are not rolled up. Its cost is that of these entries.';

-- As before; sums the months too.
CREATE OR REPLACE FUNCTION farebox.roll_usage(p_shard smallint, p_account integer, p_type smallint, p_most integer) RETURNS integer
LANGUAGE plpgsql
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
AS $$
DECLARE
  v_rolled farebox.usage_rolled; v_last bigint; v_count integer; v_until timestamptz;
  v_quarter timestamptz[]; v_key integer[]; v_endpoint integer[];
  v_requests bigint[]; v_units bigint[]; v_credits bigint[]; v_refunded bigint[];
BEGIN
  -- Nearly always: nothing is locked, nothing is written.
  IF farebox.usage_behind(p_shard, p_account, p_type) <= 0 THEN RETURN 0; END IF;
  v_rolled := farebox.lock_rolled(p_shard, p_account, p_type);
  SELECT p.last_seq INTO v_last FROM farebox.pools p
  WHERE p.account_no = p_account AND p.type_no = p_type AND p.shard = p_shard;
  -- Another process holds the row, or has been here meanwhile.
  IF v_rolled.seq IS NULL OR v_last <= v_rolled.seq THEN RETURN 0; END IF;

  -- By the quarter of an hour of the charge: hours, days and the keys' windows are made of quarters. What is neither a charge
  -- nor a refund is a group without a time. Of two with one number the second is left out, for the audit to find.
  SELECT sum(g.entries), max(g.last_at), array_agg(g.quarter) FILTER (WHERE g.quarter IS NOT NULL),
    array_agg(g.key_no) FILTER (WHERE g.quarter IS NOT NULL), array_agg(g.endpoint_no) FILTER (WHERE g.quarter IS NOT NULL),
    array_agg(g.requests) FILTER (WHERE g.quarter IS NOT NULL), array_agg(g.units) FILTER (WHERE g.quarter IS NOT NULL),
    array_agg(g.credits) FILTER (WHERE g.quarter IS NOT NULL), array_agg(g.refunded) FILTER (WHERE g.quarter IS NOT NULL)
  INTO v_count, v_until, v_quarter, v_key, v_endpoint, v_requests, v_units, v_credits, v_refunded
  FROM (
    SELECT count(*) AS entries, max(q.at) AS last_at, date_bin(interval '15 minutes', q.used_at, timestamptz '2000-01-01Z') AS quarter,
      q.key_no, q.endpoint_no, count(*) FILTER (WHERE q.kind = 'c') AS requests,
      coalesce(sum(q.units) FILTER (WHERE q.kind = 'c'), 0)::bigint AS units,
      coalesce(-sum(q.amount) FILTER (WHERE q.kind = 'c'), 0)::bigint AS credits,
      coalesce(sum(q.amount) FILTER (WHERE q.kind = 'r'), 0)::bigint AS refunded
    FROM (
      SELECT e.*, row_number() OVER (ORDER BY e.seq) AS n, CASE WHEN e.kind = 'c' THEN e.at
        -- A charge has a lower number than its refund: it is rolled up already, or in this step.
        WHEN e.kind = 'r' THEN (SELECT c.at FROM farebox.entries c WHERE c.account_no = p_account AND c.type_no = p_type
          AND c.shard = p_shard AND c.seq = e.refund_of AND c.at <= e.at LIMIT 1) END AS used_at
      FROM (
        SELECT o.seq, o.at, o.kind, o.amount, o.units, o.key_no, o.endpoint_no, o.refund_of FROM farebox.entries o
        WHERE o.account_no = p_account AND o.type_no = p_type AND o.shard = p_shard AND o.seq > v_rolled.seq
          AND o.at >= v_rolled.at
        ORDER BY o.seq LIMIT p_most
      ) e
    ) q WHERE q.seq = v_rolled.seq + q.n
    GROUP BY 3, 4, 5
  ) g;
  IF v_count IS NULL THEN
    RAISE EXCEPTION 'entry % of pool (%, %) is missing: its usage cannot be rolled up', v_rolled.seq + 1, p_account, p_type
      USING ERRCODE = 'FB004';
  END IF;
  IF v_quarter IS NOT NULL THEN
    PERFORM farebox.add_usage(p_shard, p_account, p_type, v_quarter, v_key, v_endpoint, v_requests, v_units, v_credits, v_refunded);
    PERFORM farebox.add_key_spend(p_shard, p_account, p_type, v_quarter, v_key, v_credits, v_refunded);
  END IF;
  PERFORM farebox.add_month_sums(p_shard, p_account, p_type, v_rolled.seq, v_rolled.seq + v_count, v_rolled.at);
  UPDATE farebox.usage_rolled r SET seq = v_rolled.seq + v_count, at = v_until
  WHERE r.account_no = p_account AND r.type_no = p_type AND r.shard = p_shard;
  RETURN v_count;
END $$;

-- As before; keeps the pool in sight when it wrote an entry.
CREATE OR REPLACE FUNCTION farebox.write_roll(p farebox.roll_state) RETURNS void
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
  IF cardinality(p.entries) > 0 THEN
    PERFORM farebox.keep_in_sight(v_pool.shard, v_pool.account_no, v_pool.type_no);
  END IF;
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

-- As before; keeps the pool in sight.
CREATE OR REPLACE FUNCTION farebox.grant_credits(
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
    PERFORM farebox.keep_in_sight(p_shard, p_account, p_type);
  END IF;
  PERFORM farebox.write_pool(v_pool);
  RETURN jsonb_build_object('outcome', 'granted', 'grantId', p_grant_id, 'balance', v_pool.balance, 'seq', v_seq);
END $$;

-- As before; keeps the pool in sight.
CREATE OR REPLACE FUNCTION farebox.adjust_pool(
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
    PERFORM farebox.keep_in_sight(p_shard, p_account, p_type);
    PERFORM farebox.write_pool(v_pool);
    v_reply := jsonb_build_object('balance', v_pool.balance, 'seq', v_pool.last_seq);
  END IF;
  INSERT INTO farebox.adjustments (account_no, type_no, reference, shard, amount, adjustment_seq, balance_after)
  VALUES (p_account, p_type, p_reference, p_shard, p_amount, (v_reply ->> 'seq')::bigint, (v_reply ->> 'balance')::bigint);
  RETURN v_reply || '{"outcome": "adjusted"}';
END $$;
