-- Who serves, who died, and what must be tidied up by the database's clock.

CREATE FUNCTION farebox.register_instance(p_owner text, p_shards integer[]) RETURNS void
LANGUAGE sql
AS $$
  INSERT INTO farebox.instances (owner, shard, seen_at)
  SELECT p_owner, s, clock_timestamp() FROM unnest(p_shards) s ORDER BY s
  ON CONFLICT DO NOTHING
$$;

-- Says that the instance lives, in this shard, and fetches (once) the pools whose leases others want back.
-- A row that a batch has locked is skipped: the batch moves seen_at itself, and waiting for it would hold the other shards up.
CREATE FUNCTION farebox.heartbeat(
  p_shard integer, p_owner text, OUT o_alive boolean, OUT o_accounts text[], OUT o_types text[]
)
LANGUAGE plpgsql
SET enable_seqscan = off
AS $$
BEGIN
  o_alive := EXISTS (
    SELECT FROM farebox.instances n WHERE n.owner = p_owner AND n.shard = p_shard AND n.state = 'live'
  );
  IF o_alive THEN
    PERFORM FROM farebox.instances n WHERE n.owner = p_owner AND n.shard = p_shard AND n.state = 'live'
    FOR UPDATE SKIP LOCKED;
    IF FOUND THEN
      UPDATE farebox.instances n SET seen_at = clock_timestamp() WHERE n.owner = p_owner AND n.shard = p_shard;
    END IF;
  END IF;
  WITH gone AS (
    DELETE FROM farebox.recalls r WHERE r.owner = p_owner AND r.shard = p_shard RETURNING r.account_id, r.credit_type
  )
  SELECT coalesce(array_agg(g.account_id), '{}'), coalesce(array_agg(g.credit_type), '{}') INTO o_accounts, o_types
  FROM gone g;
END $$;

-- Marks an instance as dead in this shard. After that commit no batch of it can change anything, and its leases are released.
-- False when it is marked already, or a batch of it is running right now.
CREATE FUNCTION farebox.end_instance(p_shard integer, p_owner text) RETURNS boolean
LANGUAGE plpgsql
AS $$
BEGIN
  UPDATE farebox.instances n SET state = 'dead', dead_at = clock_timestamp()
  WHERE n.owner = p_owner AND n.shard = p_shard AND n.state = 'live';
  RETURN FOUND;
END $$;

-- Marks the instances that the database has not seen for so long. One with a batch in flight lives.
CREATE FUNCTION farebox.find_dead_instances(p_shard integer, p_dead_after interval) RETURNS SETOF text
LANGUAGE plpgsql
AS $$
DECLARE
  v_owner text;
BEGIN
  FOR v_owner IN
    SELECT n.owner FROM farebox.instances n
    WHERE n.shard = p_shard AND n.state = 'live' AND n.seen_at < clock_timestamp() - p_dead_after
    ORDER BY n.owner FOR UPDATE SKIP LOCKED
  LOOP
    UPDATE farebox.instances n SET state = 'dead', dead_at = clock_timestamp()
    WHERE n.owner = v_owner AND n.shard = p_shard;
  END LOOP;
  RETURN QUERY SELECT n.owner FROM farebox.instances n
  WHERE n.shard = p_shard AND n.state = 'dead'
    AND EXISTS (SELECT FROM farebox.holds h WHERE h.owner = n.owner AND h.shard = p_shard AND h.kind = 'lease');
END $$;

-- Gives the leases of a dead instance back to their pools, at most p_limit of them. Returns how many rows went.
CREATE FUNCTION farebox.release_leases(p_shard integer, p_owner text, p_limit integer) RETURNS integer
LANGUAGE plpgsql
SET enable_seqscan = off
AS $$
DECLARE
  v_account text[];
  v_type text[];
  v_amount bigint;
  v_overdue bigint;
  v_done integer := 0;
BEGIN
  PERFORM FROM farebox.instances n WHERE n.owner = p_owner AND n.shard = p_shard AND n.state = 'dead';
  IF NOT FOUND THEN RETURN 0; END IF;
  -- Most leases of an instance that served many accounts are empty. They change no pool, so none is locked for them: batches
  -- of a dead instance are fenced, and nobody else touches its leases.
  DELETE FROM farebox.holds h WHERE h.owner = p_owner AND h.shard = p_shard AND h.kind = 'lease' AND h.amount = 0;
  SELECT coalesce(array_agg(l.account_id), '{}'), coalesce(array_agg(l.credit_type), '{}') INTO v_account, v_type
  FROM (
    SELECT h.account_id, h.credit_type FROM farebox.holds h
    WHERE h.owner = p_owner AND h.shard = p_shard AND h.kind = 'lease'
    ORDER BY h.account_id, h.credit_type LIMIT p_limit
  ) l;
  FOR k IN 1..cardinality(v_account) LOOP
    SELECT (p.o_pool).overdue INTO v_overdue FROM farebox.open_pool(p_shard, v_account[k], v_type[k]) p;
    DELETE FROM farebox.holds h
    WHERE h.account_id = v_account[k] AND h.credit_type = v_type[k] AND h.hold_id = 'lease:' || p_owner AND h.shard = p_shard
    RETURNING h.amount INTO v_amount;
    -- Another process may have been faster; the pool's lock made this one wait for it.
    IF NOT FOUND THEN CONTINUE; END IF;
    v_done := v_done + 1;
    IF v_amount > 0 THEN
      UPDATE farebox.pools p SET held = p.held - v_amount
      WHERE p.account_id = v_account[k] AND p.credit_type = v_type[k] AND p.shard = p_shard;
      -- What expired while it was set aside goes now.
      IF v_overdue > 0 THEN PERFORM farebox.roll_pool(p_shard, v_account[k], v_type[k]); END IF;
    END IF;
  END LOOP;
  IF v_done = 0 AND cardinality(v_account) = 0 THEN
    DELETE FROM farebox.recalls r WHERE r.owner = p_owner AND r.shard = p_shard;
  END IF;
  RETURN v_done;
END $$;

-- Rolls pools that nobody touches and on which something is due. Returns how many it rolled.
CREATE FUNCTION farebox.roll_due_pools(p_shard integer, p_limit integer) RETURNS integer
LANGUAGE plpgsql
SET enable_seqscan = off
AS $$
DECLARE
  -- A constant, because clock_timestamp() in a condition cannot be looked up in an index.
  v_now CONSTANT timestamptz := clock_timestamp();
  v_account text[];
  v_type text[];
  v_rolled integer := 0;
BEGIN
  SELECT coalesce(array_agg(q.account_id ORDER BY q.account_id, q.credit_type), '{}'),
    coalesce(array_agg(q.credit_type ORDER BY q.account_id, q.credit_type), '{}')
  INTO v_account, v_type
  FROM (
    SELECT p.account_id, p.credit_type FROM farebox.pools p
    WHERE p.next_event_at <= v_now AND p.shard = p_shard ORDER BY p.next_event_at LIMIT p_limit
  ) q;
  FOR k IN 1..cardinality(v_account) LOOP
    BEGIN
      PERFORM farebox.roll_pool(p_shard, v_account[k], v_type[k]);
      v_rolled := v_rolled + 1;
    EXCEPTION WHEN SQLSTATE 'FB001' THEN
      -- Books that contradict each other: the audit names the pool. It must not keep the others from their refresh.
      CONTINUE;
    END;
  END LOOP;
  RETURN v_rolled;
END $$;

-- Deletes what nobody can ask for any more, at most p_limit rows of each kind. Returns how many went. Rows that a batch has
-- locked are in use and stay.
CREATE FUNCTION farebox.forget_old(p_shard integer, p_limit integer) RETURNS integer
LANGUAGE plpgsql
SET enable_seqscan = off
AS $$
DECLARE
  v_now CONSTANT timestamptz := clock_timestamp();
  v_gone integer := 0;
  x record;
BEGIN
  -- A resolved hold is kept for an hour after it would have expired: so long its charge may be repeated.
  FOR x IN
    SELECT h.account_id, h.credit_type, h.hold_id FROM farebox.holds h
    WHERE h.kind = 'hold' AND h.expires_at < v_now - interval '1 hour' AND h.shard = p_shard AND h.state <> 'live'
    ORDER BY h.expires_at LIMIT p_limit FOR UPDATE SKIP LOCKED
  LOOP
    DELETE FROM farebox.holds h
    WHERE h.account_id = x.account_id AND h.credit_type = x.credit_type AND h.hold_id = x.hold_id AND h.shard = p_shard;
    v_gone := v_gone + 1;
  END LOOP;
  FOR x IN
    SELECT w.account_id, w.endpoint, w.value FROM farebox.once_windows w
    WHERE w.until < v_now AND w.shard = p_shard ORDER BY w.until LIMIT p_limit FOR UPDATE SKIP LOCKED
  LOOP
    DELETE FROM farebox.once_windows w
    WHERE w.account_id = x.account_id AND w.endpoint = x.endpoint AND w.value = x.value AND w.shard = p_shard;
    v_gone := v_gone + 1;
  END LOOP;
  -- A dead instance may come back and ask for its last batch; after a month it does not.
  FOR x IN
    SELECT n.owner FROM farebox.instances n
    WHERE n.shard = p_shard AND n.state = 'dead' AND n.dead_at < v_now - interval '30 days'
      AND NOT EXISTS (SELECT FROM farebox.holds h WHERE h.owner = n.owner AND h.shard = p_shard AND h.kind = 'lease')
    LIMIT p_limit
  LOOP
    DELETE FROM farebox.instances n WHERE n.owner = x.owner AND n.shard = p_shard;
    v_gone := v_gone + 1;
  END LOOP;
  RETURN v_gone;
END $$;

-- Makes the partitions of this month and of the three that follow. A month that cannot be had now, because a long report
-- reads the default partition, is made by a later call; its rows, if it comes to that, land in the default partition.
CREATE FUNCTION farebox.ensure_partitions() RETURNS integer
LANGUAGE plpgsql
SET lock_timeout = '2s'
AS $$
DECLARE
  v_month timestamptz;
  v_name text;
  v_made integer := 0;
BEGIN
  FOR k IN 0..3 LOOP
    v_month := date_trunc('month', clock_timestamp() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC';
    v_month := farebox.period_start(v_month, 'month', k);
    v_name := 'entries_' || to_char(v_month AT TIME ZONE 'UTC', 'YYYY_MM');
    CONTINUE WHEN to_regclass('farebox.' || v_name) IS NOT NULL;
    PERFORM pg_advisory_xact_lock(hashtext('farebox.ensure_partitions'));
    CONTINUE WHEN to_regclass('farebox.' || v_name) IS NOT NULL;
    BEGIN
      -- Attached rather than created as a partition: that locks out only other changes of the table, not charges.
      EXECUTE format('CREATE TABLE farebox.%I (LIKE farebox.entries INCLUDING ALL)', v_name);
      EXECUTE format('ALTER TABLE farebox.entries ATTACH PARTITION farebox.%I FOR VALUES FROM (%L) TO (%L)', v_name, v_month,
        farebox.period_start(v_month, 'month', 1));
      v_made := v_made + 1;
    EXCEPTION WHEN lock_not_available OR check_violation OR deadlock_detected THEN
      NULL;
    END;
  END LOOP;
  RETURN v_made;
END $$;

SELECT farebox.ensure_partitions();
