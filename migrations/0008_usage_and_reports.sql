-- Usage, rolled up behind the charges: a background step sums the entries of one pool after the other, up to a number that it
-- keeps (usage_rolled.seq). Reports read the roll-up and the entries behind it in one snapshot, so they are exact. Measured: an
-- upsert per key and endpoint in each batch cost more than a tenth of it.

CREATE TABLE farebox.usage (
  account_no integer NOT NULL,
  type_no smallint NOT NULL,
  shard smallint NOT NULL,
  -- q: quarter of an hour, h: hour, d: UTC day. The same charges three times, so that a report reads few rows.
  span "char" NOT NULL CHECK (span IN ('q', 'h', 'd')),
  start timestamptz NOT NULL,
  key_no integer NOT NULL,
  endpoint_no integer NOT NULL,
  requests bigint NOT NULL,
  units bigint NOT NULL,
  credits bigint NOT NULL,
  -- The part of `credits` that refunds gave back, by now, of the charges of this time.
  refunded bigint NOT NULL DEFAULT 0,
  PRIMARY KEY (account_no, type_no, shard, span, start, key_no, endpoint_no),
  CONSTRAINT usage_refunds_within_credits CHECK (refunded >= 0 AND refunded <= credits)
) WITH (fillfactor = 50);
COMMENT ON TABLE farebox.usage IS 'Charges summed by time, key and endpoint, up to usage_rolled.seq of each pool.';
-- Reports over all accounts, which go shard by shard. On an expression, so that only they can use it: on a column, and on tables
-- that were never analysed, it was taken for look-ups of one account's rows, and all rows of that time were read for each.
CREATE INDEX usage_by_start ON farebox.usage (shard, span, (timezone('UTC', start)));

CREATE TABLE farebox.usage_rolled (
  account_no integer NOT NULL,
  type_no smallint NOT NULL,
  shard smallint NOT NULL,
  -- The last entry that usage and key_spend have in them, and its time: no entry behind it is older.
  seq bigint NOT NULL,
  at timestamptz NOT NULL,
  PRIMARY KEY (account_no, type_no, shard)
) WITH (fillfactor = 50);
COMMENT ON TABLE farebox.usage_rolled IS 'How far each pool''s usage is rolled up. Its row is what the step locks: never the pool.';

-- How many entries of a pool are not rolled up.
CREATE FUNCTION farebox.usage_behind(p_shard smallint, p_account integer, p_type smallint) RETURNS bigint
LANGUAGE plpgsql STABLE SET enable_seqscan = off
AS $$
BEGIN
  RETURN coalesce((SELECT p.last_seq FROM farebox.pools p
      WHERE p.account_no = p_account AND p.type_no = p_type AND p.shard = p_shard), 0)
    - coalesce((SELECT r.seq FROM farebox.usage_rolled r
      WHERE r.account_no = p_account AND r.type_no = p_type AND r.shard = p_shard), 0);
END $$;
COMMENT ON FUNCTION farebox.usage_behind IS 'How many entries of a pool are not rolled up. Locks nothing.';

-- Null when another process has it.
CREATE FUNCTION farebox.lock_usage(p_shard smallint, p_account integer, p_type smallint) RETURNS farebox.usage_rolled
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
COMMENT ON FUNCTION farebox.lock_usage IS
  'Internal. Locks how far a pool''s usage is rolled up; null when another process has it locked.';

-- By upsert, which leaves no other plan: looked up, a row was searched for among all rows of its day. Refunds come second, when
-- the rows of their charges are there. What they propose has as many credits, which are not added: without them it would break
-- usage_refunds_within_credits before it meets the row that is there.
CREATE FUNCTION farebox.add_usage(
  p_shard smallint, p_account integer, p_type smallint, p_quarter timestamptz[], p_key integer[], p_endpoint integer[],
  p_requests bigint[], p_units bigint[], p_credits bigint[], p_refunded bigint[]
) RETURNS void
LANGUAGE plpgsql
AS $$
BEGIN
  INSERT INTO farebox.usage AS u (account_no, type_no, shard, span, start, key_no, endpoint_no, requests, units, credits)
  SELECT p_account, p_type, p_shard, w.span, date_bin(w.width, g.quarter, timestamptz '2000-01-01Z'), g.key_no, g.endpoint_no,
    sum(g.requests), sum(g.units), sum(g.credits)
  FROM unnest(p_quarter, p_key, p_endpoint, p_requests, p_units, p_credits) g(quarter, key_no, endpoint_no, requests, units, credits)
  CROSS JOIN (VALUES ('q'::"char", interval '15 minutes'), ('h', interval '1 hour'), ('d', interval '24 hours')) w(span, width)
  WHERE g.requests > 0
  GROUP BY 4, 5, 6, 7 ORDER BY 4, 5, 6, 7
  ON CONFLICT (account_no, type_no, shard, span, start, key_no, endpoint_no) DO UPDATE
  SET requests = u.requests + excluded.requests, units = u.units + excluded.units, credits = u.credits + excluded.credits;

  INSERT INTO farebox.usage AS u (account_no, type_no, shard, span, start, key_no, endpoint_no, requests, units, credits, refunded)
  SELECT p_account, p_type, p_shard, w.span, date_bin(w.width, g.quarter, timestamptz '2000-01-01Z'), g.key_no, g.endpoint_no,
    0, 0, sum(g.refunded), sum(g.refunded)
  FROM unnest(p_quarter, p_key, p_endpoint, p_refunded) g(quarter, key_no, endpoint_no, refunded)
  CROSS JOIN (VALUES ('q'::"char", interval '15 minutes'), ('h', interval '1 hour'), ('d', interval '24 hours')) w(span, width)
  WHERE g.refunded > 0
  GROUP BY 4, 5, 6, 7 ORDER BY 4, 5, 6, 7
  ON CONFLICT (account_no, type_no, shard, span, start, key_no, endpoint_no) DO UPDATE
  SET refunded = u.refunded + excluded.refunded;
END $$;
COMMENT ON FUNCTION farebox.add_usage IS
  'Internal. Adds sums of quarters of an hour to a pool''s usage, also by hour and day.';

-- The windows are those of the key's latest charge: a later window begins with 0, and a refund lowers what was spent in it only
-- when its charge lies in it.
CREATE FUNCTION farebox.add_key_spend(
  p_shard smallint, p_account integer, p_type smallint, p_quarter timestamptz[], p_key integer[], p_credits bigint[],
  p_refunded bigint[]
) RETURNS void
LANGUAGE plpgsql SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
AS $$
BEGIN
  INSERT INTO farebox.key_spend (account_no, type_no, shard, key_no, day, day_spent, month, month_spent, total_spent)
  SELECT p_account, p_type, p_shard, d.key_no, d.last,
    coalesce(sum(d.spent) FILTER (WHERE d.day = d.last), 0) + CASE WHEN d.old_day = d.last THEN d.old_day_spent ELSE 0 END,
    date_trunc('month', d.last, 'UTC'),
    coalesce(sum(d.spent) FILTER (WHERE d.day >= date_trunc('month', d.last, 'UTC')), 0)
      + CASE WHEN d.old_month = date_trunc('month', d.last, 'UTC') THEN d.old_month_spent ELSE 0 END,
    sum(d.spent) + coalesce(d.old_total, 0)
  FROM (
    SELECT s.*, o.*, greatest(o.old_day, max(s.day) OVER (PARTITION BY s.key_no)) AS last
    FROM (
      SELECT g.key_no, date_trunc('day', g.quarter, 'UTC') AS day, sum(g.credits - g.refunded)::bigint AS spent
      FROM unnest(p_quarter, p_key, p_credits, p_refunded) g(quarter, key_no, credits, refunded) GROUP BY 1, 2
    ) s
    LEFT JOIN LATERAL (
      SELECT k.day AS old_day, k.day_spent AS old_day_spent, k.month AS old_month, k.month_spent AS old_month_spent,
        k.total_spent AS old_total
      FROM farebox.key_spend k
      WHERE k.account_no = p_account AND k.type_no = p_type AND k.shard = p_shard AND k.key_no = s.key_no LIMIT 1
    ) o ON true
  ) d
  GROUP BY d.key_no, d.last, d.old_day, d.old_day_spent, d.old_month, d.old_month_spent, d.old_total
  ORDER BY d.key_no
  ON CONFLICT (account_no, type_no, key_no, shard) DO UPDATE
  SET day = excluded.day, day_spent = excluded.day_spent, month = excluded.month, month_spent = excluded.month_spent,
    total_spent = excluded.total_spent;
END $$;
COMMENT ON FUNCTION farebox.add_key_spend IS 'Internal. Adds sums of quarters of an hour to what keys have spent.';

-- Sums the next p_most entries behind what is rolled up and returns how many there were. 0: nothing is behind, or another process
-- is at it.
--
-- It takes no lock of the pool and waits for none. It may, because the entries that a snapshot sees are a prefix without gaps:
-- numbers are given under the pool's lock, which is held until the commit, so that none becomes visible before those below it.
-- To be safe the step stops where a number is missing, and fails when that is the next one: the books are broken then.
CREATE FUNCTION farebox.roll_usage(p_shard smallint, p_account integer, p_type smallint, p_most integer) RETURNS integer
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
  v_rolled := farebox.lock_usage(p_shard, p_account, p_type);
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
  UPDATE farebox.usage_rolled r SET seq = v_rolled.seq + v_count, at = v_until
  WHERE r.account_no = p_account AND r.type_no = p_type AND r.shard = p_shard;
  RETURN v_count;
END $$;
COMMENT ON FUNCTION farebox.roll_usage IS
  'Called by the background, one pool a transaction: sums the next entries behind the roll-up. Waits for nobody who uses the pool, and none of them for it.';

-- Pools with 500 entries or more behind their roll-up; those with fewer whose roll-up ends five minutes ago or earlier, so that
-- keys' spending and reports over all accounts are never far behind; and nobody's that need not be in sight any more.
CREATE FUNCTION farebox.list_behind(p_shard smallint, p_limit integer) RETURNS jsonb
LANGUAGE plpgsql STABLE
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
AS $$
DECLARE
  v_old CONSTANT timestamptz := clock_timestamp() - interval '5 minutes';
BEGIN
  RETURN coalesce((
    SELECT jsonb_agg(jsonb_build_object('accountNo', b.account_no, 'typeNo', b.type_no, 'isNobodys', b.is_nobodys) ORDER BY b.at)
    FROM (
      SELECT a.account_no, a.type_no, a.is_nobodys, coalesce(r.at, '-infinity') AS at
      FROM (
        SELECT o.account_no, o.type_no, bool_or(o.instance_no = 0) AS is_nobodys FROM farebox.active_pools o
        WHERE o.shard = p_shard GROUP BY 1, 2
      ) a
      CROSS JOIN LATERAL (
        SELECT p.last_seq FROM farebox.pools p
        WHERE p.account_no = a.account_no AND p.type_no = a.type_no AND p.shard = p_shard LIMIT 1
      ) p
      LEFT JOIN LATERAL (
        SELECT u.seq, u.at FROM farebox.usage_rolled u
        WHERE u.account_no = a.account_no AND u.type_no = a.type_no AND u.shard = p_shard LIMIT 1
      ) r ON true
      WHERE p.last_seq - coalesce(r.seq, 0) >= 500
        OR (p.last_seq > coalesce(r.seq, 0) AND coalesce(r.at, '-infinity') < v_old)
        OR (p.last_seq <= r.seq AND a.is_nobodys)
      ORDER BY 4 LIMIT p_limit
    ) b
  ), '[]');
END $$;
COMMENT ON FUNCTION farebox.list_behind IS
  'Called by the background: the pools of a shard whose usage is to be rolled up, the longest behind first.';

-- A refund may come when no instance uses its pool any more, and an instance may die: then nobody's row (instance 0) says that
-- there is something to roll up.
CREATE FUNCTION farebox.keep_in_sight(p_shard smallint, p_account integer, p_type smallint) RETURNS void
LANGUAGE plpgsql
AS $$
BEGIN
  INSERT INTO farebox.active_pools (instance_no, account_no, type_no, shard) VALUES (0, p_account, p_type, p_shard)
  ON CONFLICT DO NOTHING;
END $$;
COMMENT ON FUNCTION farebox.keep_in_sight IS
  'Internal. Under the pool''s lock: enters it into active_pools as nobody''s until its usage is rolled up.';

-- Under the pool's lock, so that no refund comes in between. When it is not free, the next time will do.
CREATE FUNCTION farebox.leave_sight(p_shard smallint, p_account integer, p_type smallint) RETURNS boolean
LANGUAGE plpgsql SET enable_seqscan = off
AS $$
BEGIN
  PERFORM FROM farebox.pools p
  WHERE p.account_no = p_account AND p.type_no = p_type AND p.shard = p_shard FOR UPDATE SKIP LOCKED;
  IF NOT FOUND OR farebox.usage_behind(p_shard, p_account, p_type) > 0 THEN RETURN false; END IF;
  DELETE FROM farebox.active_pools a
  WHERE a.shard = p_shard AND a.instance_no = 0 AND a.account_no = p_account AND a.type_no = p_type;
  RETURN true;
END $$;
COMMENT ON FUNCTION farebox.leave_sight IS
  'Called by the background when a pool''s usage is rolled up: takes nobody''s row out of active_pools.';

-- Statements, refunds by period and price simulations read a range of a pool's entries; entries have no index on time.
-- The number of the pool's first entry at or after a moment; last_seq + 1 when there is none yet, 1 when there is no pool.
-- Numbers have no gaps and times run in their order, so it is found by halving: 20 look-ups among a million entries. Two periods
-- that meet never share an entry, nor lose one between them.
CREATE FUNCTION farebox.first_seq_at(p_shard smallint, p_account integer, p_type smallint, p_at timestamptz) RETURNS bigint
LANGUAGE plpgsql STABLE SET enable_seqscan = off
AS $$
DECLARE
  v_low bigint := 1;
  v_high bigint;
  v_middle bigint;
  v_at timestamptz;
BEGIN
  SELECT p.last_seq + 1 INTO v_high FROM farebox.pools p
  WHERE p.account_no = p_account AND p.type_no = p_type AND p.shard = p_shard;
  WHILE v_low < v_high LOOP
    v_middle := (v_low + v_high) / 2;
    SELECT e.at INTO v_at FROM farebox.entries e
    WHERE e.account_no = p_account AND e.type_no = p_type AND e.shard = p_shard AND e.seq = v_middle;
    -- Not found: its month was taken out of the table, which happens to the oldest only.
    IF v_at >= p_at THEN v_high := v_middle; ELSE v_low := v_middle + 1; END IF;
  END LOOP;
  RETURN v_low;
END $$;
COMMENT ON FUNCTION farebox.first_seq_at IS 'The number of a pool''s first entry at or after a moment.';

CREATE FUNCTION farebox.seqs_between(
  p_shard smallint, p_account integer, p_type smallint, p_from timestamptz, p_until timestamptz
) RETURNS bigint[]
LANGUAGE plpgsql STABLE
AS $$
BEGIN
  RETURN ARRAY[farebox.first_seq_at(p_shard, p_account, p_type, p_from), farebox.first_seq_at(p_shard, p_account, p_type, p_until)];
END $$;
COMMENT ON FUNCTION farebox.seqs_between IS
  'The numbers of a pool''s entries in [p_from, p_until): from the first on, before the second.';
