-- The sweep waits for nobody. It passes locked pools by, but waited for other rows as long as any statement does, 5 s for each pool: 20
-- pools whose roll-up met one locked row kept everything behind them waiting for 100 s. And a month whose partition cannot be made no
-- longer keeps the others from theirs, nor a start from starting.

-- As before; a row of its own that somebody has locked is told with the next heartbeat. It was waited for with the lane's row locked, so
-- that no batch of the shard could commit.
CREATE OR REPLACE FUNCTION farebox.heartbeat(p_shard smallint, p_instance integer) RETURNS jsonb
LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
  v_now CONSTANT timestamptz := clock_timestamp();
  v_recalls jsonb := '[]';
  x record;
BEGIN
  PERFORM FROM farebox.lanes l WHERE l.instance_no = p_instance AND l.shard = p_shard AND l.state = 'live';
  IF NOT FOUND THEN RETURN '{"alive": false, "recalls": []}'; END IF;
  PERFORM FROM farebox.lanes l WHERE l.instance_no = p_instance AND l.shard = p_shard AND l.state = 'live'
  FOR UPDATE SKIP LOCKED;
  IF FOUND THEN
    UPDATE farebox.lanes l SET seen_at = v_now WHERE l.instance_no = p_instance AND l.shard = p_shard;
  END IF;
  FOR x IN
    SELECT r.account_no, r.type_no FROM farebox.recalls r WHERE r.instance_no = p_instance AND r.shard = p_shard
    FOR UPDATE SKIP LOCKED
  LOOP
    DELETE FROM farebox.recalls r
    WHERE r.instance_no = p_instance AND r.account_no = x.account_no AND r.type_no = x.type_no AND r.shard = p_shard;
    v_recalls := v_recalls || (
      SELECT jsonb_build_array(jsonb_build_array(a.account_id, t.credit_type))
      FROM farebox.accounts a, farebox.credit_types t WHERE a.account_no = x.account_no AND t.type_no = x.type_no);
  END LOOP;
  RETURN jsonb_build_object('alive', true, 'recalls', v_recalls);
END $$;

-- False: the instance lives, another process was faster, or somebody has the pool locked: then a later call will do.
CREATE OR REPLACE FUNCTION farebox.release_stranded(p_shard smallint, p_instance integer, p_account integer, p_type smallint)
RETURNS boolean LANGUAGE plpgsql SET enable_seqscan = off
-- For what is locked besides the pool.
SET lock_timeout = '50ms'
AS $$
BEGIN
  PERFORM FROM farebox.pools p
  WHERE p.account_no = p_account AND p.type_no = p_type AND p.shard = p_shard FOR UPDATE SKIP LOCKED;
  IF NOT FOUND THEN RETURN false; END IF;
  PERFORM FROM farebox.active_pools a
  WHERE a.shard = p_shard AND a.instance_no = p_instance AND a.account_no = p_account AND a.type_no = p_type;
  RETURN FOUND AND farebox.release_pool_leases(p_shard, p_instance, p_account, p_type);
END $$;

-- False: nothing is due any more, or somebody has the pool locked and rolls it, as every verb does.
CREATE OR REPLACE FUNCTION farebox.roll_due_pool(p_shard smallint, p_account integer, p_type smallint) RETURNS boolean
LANGUAGE plpgsql SET enable_seqscan = off SET lock_timeout = '50ms' AS $$
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

-- Under the pool's lock, so that no refund comes in between. When it is not free, the next time will do.
CREATE OR REPLACE FUNCTION farebox.leave_sight(p_shard smallint, p_account integer, p_type smallint) RETURNS boolean
LANGUAGE plpgsql SET enable_seqscan = off SET lock_timeout = '50ms' AS $$
BEGIN
  PERFORM FROM farebox.pools p
  WHERE p.account_no = p_account AND p.type_no = p_type AND p.shard = p_shard FOR UPDATE SKIP LOCKED;
  IF NOT FOUND OR farebox.usage_behind(p_shard, p_account, p_type) > 0 THEN RETURN false; END IF;
  DELETE FROM farebox.active_pools a
  WHERE a.shard = p_shard AND a.instance_no = 0 AND a.account_no = p_account AND a.type_no = p_type;
  RETURN true;
END $$;

-- Deletes expired Idempotency-Keys among the oldest p_limit of the shard; returns how many. The expired ones are the oldest,
-- but for runs that hang, so one that deletes few has caught up. One that is locked stays for the next time.
CREATE OR REPLACE FUNCTION farebox.forget_idempotency(p_shard smallint, p_limit integer) RETURNS integer
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
    PERFORM FROM farebox.idempotency_keys i
    WHERE i.account_no = x.account_no AND i.key = x.key AND i.shard = p_shard AND i.expires_at <= v_now FOR UPDATE SKIP LOCKED;
    CONTINUE WHEN NOT FOUND;
    DELETE FROM farebox.idempotency_keys i WHERE i.account_no = x.account_no AND i.key = x.key AND i.shard = p_shard;
    v_gone := v_gone + 1;
  END LOOP;
  RETURN v_gone;
END $$;

-- What there is of a month already. `covers`: a partition, whatever its name, that has all of it; else it keeps this one from being
-- made, because it has a part of the month, or is a table of its name.
CREATE FUNCTION farebox.find_partition(p_name text, p_from timestamptz, p_to timestamptz, OUT o_found text, OUT o_covers boolean)
LANGUAGE plpgsql STABLE AS $$
BEGIN
  SELECT q.relname, q.bounds[1]::timestamptz <= p_from AND q.bounds[2]::timestamptz >= p_to INTO o_found, o_covers
  FROM (
    SELECT c.relname, regexp_match(pg_get_expr(c.relpartbound, c.oid), $re$FROM \('([^']+)'\) TO \('([^']+)'\)$re$) AS bounds
    FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = 'farebox.entries'::regclass
  ) q
  WHERE q.bounds[1]::timestamptz < p_to AND q.bounds[2]::timestamptz > p_from
  ORDER BY 1 LIMIT 1;
  IF NOT FOUND THEN
    SELECT c.relname, false INTO o_found, o_covers FROM pg_class c
    WHERE c.relnamespace = 'farebox'::regnamespace AND c.relname = p_name;
  END IF;
END $$;
COMMENT ON FUNCTION farebox.find_partition IS 'Internal. Whether a month has its partition, or what stands in its way.';

-- Makes the partitions of this month and of the three that follow. Returns what stands in the way of those that are missing,
-- and tries nothing that cannot succeed: a table that is created in vain leaves dead rows in the catalogue, every time.
-- Of several processes one is at it. What is charged meanwhile in a month without a partition lands in the default one.
CREATE OR REPLACE FUNCTION farebox.ensure_partitions() RETURNS text[]
LANGUAGE plpgsql SET lock_timeout = '1s' AS $$
DECLARE
  v_first CONSTANT timestamp := date_trunc('month', clock_timestamp() AT TIME ZONE 'UTC');
  v_problems text[] := '{}';
  v_from timestamptz;
  v_to timestamptz;
  v_name text;
  v_found record;
BEGIN
  IF NOT pg_try_advisory_xact_lock(hashtext('farebox.ensure_partitions')) THEN RETURN v_problems; END IF;
  FOR k IN 0..3 LOOP
    v_from := (v_first + make_interval(months => k)) AT TIME ZONE 'UTC';
    v_to := (v_first + make_interval(months => k + 1)) AT TIME ZONE 'UTC';
    v_name := to_char(v_from AT TIME ZONE 'UTC', '"entries_"YYYY_MM');
    v_found := farebox.find_partition(v_name, v_from, v_to);
    CONTINUE WHEN v_found.o_covers;
    IF v_found.o_found IS NOT NULL THEN
      v_problems := v_problems || format('%s cannot be made: farebox.%s is in its place, and is no partition of all of its month',
        v_name, v_found.o_found);
      CONTINUE;
    END IF;
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
