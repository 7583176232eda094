-- What is tidied up behind the requests, by the database's clock. Correctness needs none of it: a request that meets something
-- due applies it first. Each function concerns one shard and few rows; what touches a pool touches one, in a transaction of its
-- own, and passes a locked one by. Any number of processes may be at it at once.

CREATE TABLE farebox.sweep_steps (
  step text COLLATE "C" PRIMARY KEY,
  succeeded_at timestamptz,
  failed_at timestamptz,
  -- What was said when it failed last.
  failure text
);
COMMENT ON TABLE farebox.sweep_steps IS
  'When each step of the sweep last succeeded and last failed, on any instance. Up to a minute old. A reference table on Citus.';

-- The one question of an idle shard. 'dead': instances that are silent, or died not long ago and have pools. 'due': pools on
-- which something is due. 'active': pools that instances touched, whose usage is to be rolled up.
CREATE FUNCTION farebox.work_due(p_shard smallint, p_dead_after interval) RETURNS text[]
LANGUAGE plpgsql STABLE
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
AS $$
DECLARE
  -- A constant, because clock_timestamp() in a condition cannot be looked up in an index.
  v_now CONSTANT timestamptz := clock_timestamp();
  v_due text[] := '{}';
BEGIN
  IF EXISTS (SELECT FROM farebox.active_pools a WHERE a.shard = p_shard) THEN v_due := v_due || 'active'::text; END IF;
  IF EXISTS (
    SELECT FROM farebox.lanes l WHERE l.shard = p_shard AND l.state = 'live' AND l.seen_at < v_now - p_dead_after
  ) OR v_due <> '{}' AND EXISTS (
    SELECT FROM farebox.lanes l
    WHERE l.shard = p_shard AND l.state = 'dead' AND l.dead_at > v_now - interval '10 minutes'
      AND EXISTS (SELECT FROM farebox.active_pools a WHERE a.shard = p_shard AND a.instance_no = l.instance_no)
  ) THEN
    v_due := v_due || 'dead'::text;
  END IF;
  IF EXISTS (
    SELECT FROM farebox.pools p
    WHERE p.next_event_at <= v_now AND p.next_event_at < 'infinity' AND p.shard = p_shard
  ) THEN
    v_due := v_due || 'due'::text;
  END IF;
  RETURN v_due;
END $$;
COMMENT ON FUNCTION farebox.work_due IS 'Called by the sweep. What there may be to do in a shard; nearly always nothing.';

-- Marks the instances that the database has not heard of for so long. One whose lane is locked has a batch in flight, and lives.
CREATE FUNCTION farebox.find_dead_lanes(p_shard smallint, p_dead_after interval) RETURNS integer[]
LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
  v_now CONSTANT timestamptz := clock_timestamp();
  v_dead integer[] := '{}';
  v_instance integer;
BEGIN
  FOR v_instance IN
    SELECT l.instance_no FROM farebox.lanes l
    WHERE l.shard = p_shard AND l.state = 'live' AND l.seen_at < v_now - p_dead_after
    ORDER BY l.instance_no FOR UPDATE SKIP LOCKED
  LOOP
    UPDATE farebox.lanes l SET state = 'dead', dead_at = v_now WHERE l.instance_no = v_instance AND l.shard = p_shard;
    v_dead := v_dead || v_instance;
  END LOOP;
  RETURN v_dead;
END $$;
COMMENT ON FUNCTION farebox.find_dead_lanes IS 'Called by the sweep. Declares silent instances dead in a shard; returns them.';

-- [[instance, account, type], …]: pools that dead instances had leased from; release_stranded takes one of them.
CREATE FUNCTION farebox.list_stranded(p_shard smallint, p_limit integer, p_skip integer) RETURNS jsonb
LANGUAGE plpgsql STABLE
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
AS $$
BEGIN
  RETURN (
    SELECT coalesce(jsonb_agg(jsonb_build_array(q.instance_no, q.account_no, q.type_no)), '[]') FROM (
      SELECT a.instance_no, a.account_no, a.type_no
      FROM farebox.lanes l
      JOIN farebox.active_pools a ON a.shard = l.shard AND a.instance_no = l.instance_no
      WHERE l.shard = p_shard AND l.state = 'dead'
      ORDER BY a.instance_no, a.account_no, a.type_no OFFSET p_skip LIMIT p_limit
    ) q
  );
END $$;
COMMENT ON FUNCTION farebox.list_stranded IS 'Called by the sweep. Pools that dead instances had leased from.';

-- False: the instance lives, another process was faster, or somebody has the pool locked: then a later call will do.
CREATE FUNCTION farebox.release_stranded(p_shard smallint, p_instance integer, p_account integer, p_type smallint) RETURNS boolean
LANGUAGE plpgsql SET enable_seqscan = off AS $$
BEGIN
  PERFORM FROM farebox.pools p
  WHERE p.account_no = p_account AND p.type_no = p_type AND p.shard = p_shard FOR UPDATE SKIP LOCKED;
  IF NOT FOUND THEN RETURN false; END IF;
  PERFORM FROM farebox.active_pools a
  WHERE a.shard = p_shard AND a.instance_no = p_instance AND a.account_no = p_account AND a.type_no = p_type;
  RETURN FOUND AND farebox.release_pool_leases(p_shard, p_instance, p_account, p_type);
END $$;
COMMENT ON FUNCTION farebox.release_stranded IS
  'Called by the sweep. Gives back what a dead instance leased of one pool, unless others have it locked.';

-- [[account, type], …]: pools on which something is due, the longest due first, without the first p_skip of them: those whose
-- books contradict each other stay due, and must not keep the others from their refresh.
CREATE FUNCTION farebox.list_due_pools(p_shard smallint, p_limit integer, p_skip integer) RETURNS jsonb
LANGUAGE plpgsql STABLE SET enable_seqscan = off AS $$
DECLARE
  v_now CONSTANT timestamptz := clock_timestamp();
BEGIN
  RETURN (
    SELECT coalesce(jsonb_agg(jsonb_build_array(q.account_no, q.type_no)), '[]') FROM (
      SELECT p.account_no, p.type_no FROM farebox.pools p
      WHERE p.next_event_at <= v_now AND p.next_event_at < 'infinity' AND p.shard = p_shard
      ORDER BY p.next_event_at, p.account_no, p.type_no OFFSET p_skip LIMIT p_limit
    ) q
  );
END $$;
COMMENT ON FUNCTION farebox.list_due_pools IS 'Called by the sweep. Pools on which something is due.';

-- False: nothing is due any more, or somebody has the pool locked and rolls it, as every verb does.
CREATE FUNCTION farebox.roll_due_pool(p_shard smallint, p_account integer, p_type smallint) RETURNS boolean
LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
  v_now CONSTANT timestamptz := clock_timestamp();
BEGIN
  PERFORM FROM farebox.pools p
  WHERE p.account_no = p_account AND p.type_no = p_type AND p.shard = p_shard AND p.next_event_at <= v_now
  FOR UPDATE SKIP LOCKED;
  IF NOT FOUND THEN RETURN false; END IF;
  PERFORM farebox.roll_pool(p_shard, p_account, p_type);
  RETURN true;
END $$;
COMMENT ON FUNCTION farebox.roll_due_pool IS 'Called by the sweep. Brings one pool up to now, unless others are at it.';

-- [[instance, account, type], …]: pools of which an instance leases nothing, where nothing happened for so long and all usage
-- is rolled up; rest_pool takes one of them.
CREATE FUNCTION farebox.list_resting(p_shard smallint, p_idle interval, p_limit integer, p_skip integer) RETURNS jsonb
LANGUAGE plpgsql STABLE
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
AS $$
DECLARE
  v_now CONSTANT timestamptz := clock_timestamp();
BEGIN
  RETURN (
    SELECT coalesce(jsonb_agg(jsonb_build_array(q.instance_no, q.account_no, q.type_no)), '[]') FROM (
      SELECT a.instance_no, a.account_no, a.type_no
      FROM farebox.active_pools a
      JOIN farebox.pools p ON p.account_no = a.account_no AND p.type_no = a.type_no AND p.shard = a.shard
      LEFT JOIN farebox.usage_rolled r ON r.account_no = a.account_no AND r.type_no = a.type_no AND r.shard = a.shard
      WHERE a.shard = p_shard AND a.instance_no > 0 AND p.last_at < v_now - p_idle AND coalesce(r.seq, 0) >= p.last_seq
        AND coalesce(p.lease_amount[array_position(p.lease_owner, a.instance_no)], 0) = 0
        AND NOT EXISTS (
          SELECT FROM farebox.key_leases k
          WHERE k.account_no = a.account_no AND k.type_no = a.type_no AND k.shard = p_shard AND k.instance_no = a.instance_no
            AND k.amount > 0
        )
      ORDER BY a.instance_no, a.account_no, a.type_no OFFSET p_skip LIMIT p_limit
    ) q
  );
END $$;
COMMENT ON FUNCTION farebox.list_resting IS 'Called by the sweep. Pools that instances have left: see rest_pool.';

-- Deletes what nobody can ask for any more, at most p_limit rows of each kind. Returns how many went. Rows that a batch has
-- locked are in use and stay.
CREATE FUNCTION farebox.forget_old(p_shard smallint, p_limit integer) RETURNS integer
LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
  v_now CONSTANT timestamptz := clock_timestamp();
  v_gone integer := 0;
  x record;
BEGIN
  -- A resolved hold is kept for an hour after it would have expired: so long its charge may be repeated.
  FOR x IN
    SELECT h.account_no, h.type_no, h.hold_id FROM farebox.holds h
    WHERE h.expires_at < v_now - interval '1 hour' AND h.shard = p_shard AND h.state <> 'live'
    ORDER BY h.expires_at LIMIT p_limit FOR UPDATE SKIP LOCKED
  LOOP
    DELETE FROM farebox.holds h
    WHERE h.account_no = x.account_no AND h.type_no = x.type_no AND h.hold_id = x.hold_id AND h.shard = p_shard;
    v_gone := v_gone + 1;
  END LOOP;
  FOR x IN
    SELECT w.account_no, w.endpoint_no, w.value FROM farebox.once_windows w
    WHERE w.until < v_now AND w.shard = p_shard ORDER BY w.until LIMIT p_limit FOR UPDATE SKIP LOCKED
  LOOP
    DELETE FROM farebox.once_windows w
    WHERE w.account_no = x.account_no AND w.endpoint_no = x.endpoint_no AND w.value = x.value AND w.shard = p_shard;
    v_gone := v_gone + 1;
  END LOOP;
  -- A dead instance may come back and ask for its last batch; after a month it does not.
  FOR x IN
    SELECT l.instance_no FROM farebox.lanes l
    WHERE l.shard = p_shard AND l.state = 'dead' AND l.dead_at < v_now - interval '30 days'
      AND NOT EXISTS (SELECT FROM farebox.active_pools a WHERE a.shard = p_shard AND a.instance_no = l.instance_no)
    LIMIT p_limit FOR UPDATE SKIP LOCKED
  LOOP
    DELETE FROM farebox.lanes l WHERE l.instance_no = x.instance_no AND l.shard = p_shard;
    v_gone := v_gone + 1;
  END LOOP;
  -- What a dead instance is asked to give back, it gives back dead.
  FOR x IN
    SELECT r.instance_no, r.account_no, r.type_no FROM farebox.recalls r
    WHERE r.shard = p_shard AND NOT EXISTS (
      SELECT FROM farebox.lanes l WHERE l.instance_no = r.instance_no AND l.shard = p_shard AND l.state = 'live'
    ) LIMIT p_limit FOR UPDATE SKIP LOCKED
  LOOP
    DELETE FROM farebox.recalls r
    WHERE r.shard = p_shard AND r.instance_no = x.instance_no AND r.account_no = x.account_no AND r.type_no = x.type_no;
    v_gone := v_gone + 1;
  END LOOP;
  RETURN v_gone;
END $$;
COMMENT ON FUNCTION farebox.forget_old IS
  'Called by the sweep. Deletes resolved holds, once windows that are over, and instances that died a month ago.';

-- Deletes expired Idempotency-Keys among the oldest p_limit of the shard; returns how many. The expired ones are the oldest,
-- but for runs that hang, so one that deletes few has caught up.
CREATE FUNCTION farebox.forget_idempotency(p_shard smallint, p_limit integer) RETURNS integer
LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
  v_now CONSTANT timestamptz := clock_timestamp();
  v_gone integer := 0;
  x record;
BEGIN
  FOR x IN
    SELECT q.account_no, q.key FROM (
      SELECT i.account_no, i.key, i.expires_at FROM farebox.idempotency_keys i
      WHERE i.shard = p_shard ORDER BY i.created_at LIMIT p_limit
    ) q WHERE q.expires_at <= v_now
  LOOP
    -- It may have been taken over since.
    DELETE FROM farebox.idempotency_keys i
    WHERE i.account_no = x.account_no AND i.key = x.key AND i.shard = p_shard AND i.expires_at <= v_now;
    IF FOUND THEN v_gone := v_gone + 1; END IF;
  END LOOP;
  RETURN v_gone;
END $$;
COMMENT ON FUNCTION farebox.forget_idempotency IS 'Called by the sweep. Deletes Idempotency-Keys that have expired.';

-- Makes the partitions of this month and of the three that follow. Returns what stands in the way of those that are missing,
-- and tries nothing that cannot succeed: a table that is created in vain leaves dead rows in the catalogue, every time.
-- Of several processes one is at it. What is charged meanwhile in a month without a partition lands in the default one.
CREATE FUNCTION farebox.ensure_partitions() RETURNS text[]
LANGUAGE plpgsql SET lock_timeout = '1s' AS $$
DECLARE
  v_first CONSTANT timestamp := date_trunc('month', clock_timestamp() AT TIME ZONE 'UTC');
  v_problems text[] := '{}';
  v_from timestamptz;
  v_to timestamptz;
  v_name text;
BEGIN
  IF NOT pg_try_advisory_xact_lock(hashtext('farebox.ensure_partitions')) THEN RETURN v_problems; END IF;
  FOR k IN 0..3 LOOP
    v_from := (v_first + make_interval(months => k)) AT TIME ZONE 'UTC';
    v_to := (v_first + make_interval(months => k + 1)) AT TIME ZONE 'UTC';
    v_name := to_char(v_from AT TIME ZONE 'UTC', '"entries_"YYYY_MM');
    CONTINUE WHEN EXISTS (
      SELECT FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
      WHERE i.inhparent = 'farebox.entries'::regclass AND c.relname = v_name
    );
    IF NOT has_schema_privilege('farebox', 'CREATE')
      OR NOT (SELECT pg_has_role(c.relowner, 'USAGE') FROM pg_class c WHERE c.oid = 'farebox.entries'::regclass)
    THEN
      RETURN v_problems || format('the role %s may not create %s: it must own farebox.entries and may create in its schema',
        current_user, v_name);
    END IF;
    IF EXISTS (SELECT 1 FROM farebox.entries_default e WHERE e.at >= v_from AND e.at < v_to) THEN
      v_problems := v_problems || format('farebox.entries_default has entries of the month of %s', v_name);
      CONTINUE;
    END IF;
    BEGIN
      -- Before anything is created. Attaching a table locks out other changes of entries and readers of the default
      -- partition, not charges.
      LOCK TABLE ONLY farebox.entries IN SHARE UPDATE EXCLUSIVE MODE;
      LOCK TABLE farebox.entries_default IN ACCESS EXCLUSIVE MODE;
    EXCEPTION WHEN lock_not_available OR deadlock_detected THEN
      RETURN v_problems || format('%s cannot be made now: farebox.entries is being read', v_name);
    END;
    EXECUTE format('CREATE TABLE farebox.%I (LIKE farebox.entries INCLUDING ALL)', v_name);
    EXECUTE format('ALTER TABLE farebox.entries ATTACH PARTITION farebox.%I FOR VALUES FROM (%L) TO (%L)', v_name, v_from, v_to);
  END LOOP;
  RETURN v_problems;
END $$;
COMMENT ON FUNCTION farebox.ensure_partitions IS
  'Called by migrate and by the sweep. Makes the partitions of the months to come; returns what stands in the way.';
