-- Keys that may spend only so much: per UTC day, per month, in total.

CREATE TABLE farebox.key_caps (
  account_no integer NOT NULL,
  type_no smallint NOT NULL,
  key_no integer NOT NULL,
  shard smallint NOT NULL,
  day_cap bigint CHECK (day_cap >= 0),
  month_cap bigint CHECK (month_cap >= 0),
  total_cap bigint CHECK (total_cap >= 0),
  -- The windows in which the sums below were spent. A later window begins with 0.
  day timestamptz NOT NULL,
  day_spent bigint NOT NULL CHECK (day_spent >= 0),
  month timestamptz NOT NULL,
  month_spent bigint NOT NULL CHECK (month_spent >= 0),
  total_spent bigint NOT NULL CHECK (total_spent >= 0),
  -- The key's leases, of all instances: what is held under a cap is as good as spent.
  held bigint NOT NULL DEFAULT 0 CHECK (held >= 0),
  -- Whose cap it is: its own, or its account's plan's.
  source text NOT NULL CHECK (source IN ('key', 'plan')),
  PRIMARY KEY (account_no, type_no, key_no, shard),
  CONSTRAINT key_caps_cap_given CHECK (num_nonnulls(day_cap, month_cap, total_cap) > 0)
) WITH (fillfactor = 50);
COMMENT ON TABLE farebox.key_caps IS 'Caps of keys on a pool and what was spent under them, exact at each commit. Locked by the pool''s row.';

CREATE TABLE farebox.key_leases (
  account_no integer NOT NULL,
  type_no smallint NOT NULL,
  key_no integer NOT NULL,
  instance_no integer NOT NULL,
  shard smallint NOT NULL,
  amount bigint NOT NULL CHECK (amount >= 0),
  PRIMARY KEY (account_no, type_no, key_no, instance_no, shard)
) WITH (fillfactor = 50);
COMMENT ON TABLE farebox.key_leases IS 'Leases of capped keys, held against the pool and the cap together. Locked by the pool''s row.';

CREATE TABLE farebox.key_spend (
  account_no integer NOT NULL,
  type_no smallint NOT NULL,
  key_no integer NOT NULL,
  shard smallint NOT NULL,
  -- As in key_caps, less refunds, up to usage_rolled.seq of the pool.
  day timestamptz NOT NULL,
  day_spent bigint NOT NULL,
  month timestamptz NOT NULL,
  month_spent bigint NOT NULL,
  total_spent bigint NOT NULL,
  PRIMARY KEY (account_no, type_no, key_no, shard)
) WITH (fillfactor = 50);
COMMENT ON TABLE farebox.key_spend IS
  'What each key has spent, rolled up behind the charges: a new cap starts from it, without reading the key''s history.';

-- What keys have spent on a pool, less refunds, in the day and the month that began at p_day and p_month, and in all: the
-- roll-up, and the entries behind it. The pool must be locked, so that no entry comes meanwhile. One statement, so that a
-- roll-up that commits meanwhile is in both or in neither. A refund counts in the windows of its charge: one of yesterday's
-- charge frees nothing today.
CREATE FUNCTION farebox.sum_key_spend(
  p_shard smallint, p_account integer, p_type smallint, p_keys integer[], p_day timestamptz, p_month timestamptz
) RETURNS TABLE (key_no integer, day_spent bigint, month_spent bigint, total_spent bigint)
LANGUAGE plpgsql STABLE SET enable_seqscan = off AS $$
BEGIN
  RETURN QUERY
  SELECT s.key_no, greatest(0, sum(s.day))::bigint, greatest(0, sum(s.month))::bigint, greatest(0, sum(s.total))::bigint
  FROM (
    SELECT k.key_no, CASE WHEN k.day = p_day THEN k.day_spent ELSE 0 END AS day,
      CASE WHEN k.month = p_month THEN k.month_spent ELSE 0 END AS month, k.total_spent AS total
    FROM farebox.key_spend k
    WHERE k.account_no = p_account AND k.type_no = p_type AND k.shard = p_shard AND k.key_no = ANY (p_keys)
    UNION ALL
    SELECT e.key_no, CASE WHEN c.at >= p_day THEN -e.amount ELSE 0 END,
      CASE WHEN c.at >= p_month THEN -e.amount ELSE 0 END, -e.amount
    FROM farebox.entries e, LATERAL (
      SELECT CASE WHEN e.kind = 'c' THEN e.at ELSE (
        SELECT o.at FROM farebox.entries o
        WHERE o.account_no = p_account AND o.type_no = p_type AND o.shard = p_shard AND o.seq = e.refund_of
          AND o.at <= e.at LIMIT 1
      ) END AS at
    ) c
    WHERE e.account_no = p_account AND e.type_no = p_type AND e.shard = p_shard
      AND e.seq > coalesce((
        SELECT r.seq FROM farebox.usage_rolled r
        WHERE r.account_no = p_account AND r.type_no = p_type AND r.shard = p_shard
      ), 0)
      -- Partitions of earlier months are not looked at.
      AND e.at >= coalesce((
        SELECT r.at FROM farebox.usage_rolled r
        WHERE r.account_no = p_account AND r.type_no = p_type AND r.shard = p_shard
      ), '-infinity')
      AND e.kind IN ('c', 'r') AND e.key_no = ANY (p_keys)
  ) s GROUP BY s.key_no;
END $$;
COMMENT ON FUNCTION farebox.sum_key_spend IS 'Internal. What keys have spent by now: the roll-up, and the entries behind it.';

-- Gives keys their caps on one pool, which is locked; p_cap null takes them away. What a key spent before it had a cap here
-- counts; a changed cap keeps what was counted under the one before. FB425: more entries than a lock should last for lie
-- behind the roll-up, so it must be rolled up first.
CREATE FUNCTION farebox.write_key_caps(p_pool farebox.pools, p_now timestamptz, p_keys integer[], p_source text, p_cap jsonb)
RETURNS void
LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
  c_most_behind CONSTANT bigint := 20000;
  v_day CONSTANT timestamptz := date_trunc('day', p_now, 'UTC');
  v_month CONSTANT timestamptz := date_trunc('month', p_now, 'UTC');
  v_behind bigint;
  v_key integer[]; v_day_spent bigint[]; v_month_spent bigint[]; v_total_spent bigint[];
  x record;
BEGIN
  IF p_cap IS NULL THEN
    DELETE FROM farebox.key_caps c
    WHERE c.account_no = p_pool.account_no AND c.type_no = p_pool.type_no AND c.shard = p_pool.shard AND c.key_no = ANY (p_keys);
    RETURN;
  END IF;
  UPDATE farebox.key_caps c SET day_cap = (p_cap ->> 'day')::bigint, month_cap = (p_cap ->> 'month')::bigint,
    total_cap = (p_cap ->> 'total')::bigint, source = p_source
  WHERE c.account_no = p_pool.account_no AND c.type_no = p_pool.type_no AND c.shard = p_pool.shard AND c.key_no = ANY (p_keys)
    AND (c.day_cap, c.month_cap, c.total_cap, c.source) IS DISTINCT FROM
      ((p_cap ->> 'day')::bigint, (p_cap ->> 'month')::bigint, (p_cap ->> 'total')::bigint, p_source);
  p_keys := ARRAY(
    SELECT k.no FROM unnest(p_keys) k(no)
    EXCEPT SELECT c.key_no FROM farebox.key_caps c
    WHERE c.account_no = p_pool.account_no AND c.type_no = p_pool.type_no AND c.shard = p_pool.shard
  );
  IF p_keys = '{}' THEN RETURN; END IF;
  v_behind := p_pool.last_seq - coalesce((
    SELECT r.seq FROM farebox.usage_rolled r
    WHERE r.account_no = p_pool.account_no AND r.type_no = p_pool.type_no AND r.shard = p_pool.shard
  ), 0);
  IF v_behind > c_most_behind THEN
    RAISE EXCEPTION '% entries of the pool are not rolled up', v_behind USING ERRCODE = 'FB425';
  END IF;
  -- Of its own: Citus runs no function that reads a spread table inside a statement on another.
  SELECT array_agg(s.key_no), array_agg(s.day_spent), array_agg(s.month_spent), array_agg(s.total_spent)
  INTO v_key, v_day_spent, v_month_spent, v_total_spent
  FROM farebox.sum_key_spend(p_pool.shard, p_pool.account_no, p_pool.type_no, p_keys, v_day, v_month) s;
  INSERT INTO farebox.key_caps (account_no, type_no, key_no, shard, day_cap, month_cap, total_cap, day, day_spent, month,
    month_spent, total_spent, held, source)
  SELECT p_pool.account_no, p_pool.type_no, k.no, p_pool.shard, (p_cap ->> 'day')::bigint, (p_cap ->> 'month')::bigint,
    (p_cap ->> 'total')::bigint, v_day, coalesce(v_day_spent[k.place], 0), v_month, coalesce(v_month_spent[k.place], 0),
    coalesce(v_total_spent[k.place], 0), 0, p_source
  FROM (SELECT u.no, array_position(v_key, u.no) AS place FROM unnest(p_keys) u(no)) k
  ORDER BY k.no;
  -- Leases of the keys that outlived an earlier cap.
  FOR x IN
    SELECT l.key_no, sum(l.amount) AS amount FROM farebox.key_leases l
    WHERE l.account_no = p_pool.account_no AND l.type_no = p_pool.type_no AND l.shard = p_pool.shard AND l.key_no = ANY (p_keys)
    GROUP BY l.key_no HAVING sum(l.amount) > 0
  LOOP
    UPDATE farebox.key_caps c SET held = x.amount
    WHERE c.account_no = p_pool.account_no AND c.type_no = p_pool.type_no AND c.key_no = x.key_no AND c.shard = p_pool.shard;
  END LOOP;
END $$;
COMMENT ON FUNCTION farebox.write_key_caps IS 'Internal. Gives keys their caps on one locked pool, or takes them away.';

-- Gives keys of an account caps, each {"type", "day", "month", "total"} with amounts in micro-credits or null: the only ones
-- that they have from now on. p_source: 'key' for a key's own, 'plan' for those of its account's plan, which do not replace
-- own ones. The caller has locked the account, so that its keys' caps change one after the other.
CREATE FUNCTION farebox.set_key_caps(p_shard smallint, p_account integer, p_keys integer[], p_source text, p_caps jsonb)
RETURNS void
LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
  v_types CONSTANT smallint[] := ARRAY(
    SELECT (i.value ->> 'type')::smallint FROM jsonb_array_elements(p_caps) i
    UNION SELECT c.type_no FROM farebox.key_caps c
    WHERE c.account_no = p_account AND c.shard = p_shard AND c.key_no = ANY (p_keys)
    ORDER BY 1
  );
  v_now timestamptz[] := '{}';
  v_keys integer[];
  v_type smallint;
  v_pool farebox.pools;
BEGIN
  -- All pools before anything is decided, in the order of their keys.
  FOREACH v_type IN ARRAY v_types LOOP
    v_now := v_now || (farebox.open_pool(p_shard, p_account, v_type)).o_now;
  END LOOP;
  v_keys := ARRAY(
    SELECT k.no FROM unnest(p_keys) k(no)
    EXCEPT SELECT c.key_no FROM farebox.key_caps c
    WHERE c.account_no = p_account AND c.shard = p_shard AND c.source = 'key' AND p_source = 'plan'
  );
  FOR k IN 1..cardinality(v_types) LOOP
    SELECT * INTO v_pool FROM farebox.pools p
    WHERE p.account_no = p_account AND p.type_no = v_types[k] AND p.shard = p_shard;
    PERFORM farebox.write_key_caps(v_pool, v_now[k], v_keys, p_source, (
      SELECT i.value FROM jsonb_array_elements(p_caps) i WHERE (i.value ->> 'type')::smallint = v_types[k]
    ));
    UPDATE farebox.pools p SET capped = NOT p.capped
    WHERE p.account_no = p_account AND p.type_no = v_types[k] AND p.shard = p_shard AND p.capped <> EXISTS (
      SELECT FROM farebox.key_caps c WHERE c.account_no = p_account AND c.type_no = v_types[k] AND c.shard = p_shard
    );
  END LOOP;
END $$;
COMMENT ON FUNCTION farebox.set_key_caps IS
  'Called by instances. Gives keys of one account their caps, the only ones that they have from now on.';
