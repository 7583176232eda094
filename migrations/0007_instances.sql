-- Running processes: the lane that each has in each shard, and the pools that it has touched.

CREATE TABLE farebox.instances (
  instance_no integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  instance_id text COLLATE "C" NOT NULL UNIQUE,
  started_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE farebox.instances IS 'The number of each process that ever served. A reference table on Citus.';

CREATE TABLE farebox.lanes (
  instance_no integer NOT NULL,
  shard smallint NOT NULL,
  -- Moves in the transaction of the batch: a batch that is sent twice is run once.
  last_batch bigint NOT NULL DEFAULT 0,
  seen_at timestamptz NOT NULL,
  dead_at timestamptz,
  state text NOT NULL DEFAULT 'live' CHECK (state IN ('live', 'dead')),
  -- The last batch's answer, for when it got lost on its way.
  reply text,
  PRIMARY KEY (instance_no, shard)
) WITH (fillfactor = 20);
COMMENT ON TABLE farebox.lanes IS 'An instance in a shard: its last batch, and when the database last heard of it.';

CREATE TABLE farebox.active_pools (
  instance_no integer NOT NULL,
  account_no integer NOT NULL,
  type_no smallint NOT NULL,
  shard smallint NOT NULL,
  PRIMARY KEY (shard, instance_no, account_no, type_no)
);
COMMENT ON TABLE farebox.active_pools IS
  'The pools that an instance has leased from or charged since they were last at rest: where its leases are found when it dies, and which usage is to be rolled up. An instance in a pool''s lease_owner always has its row here.';

CREATE TABLE farebox.recalls (
  instance_no integer NOT NULL,
  account_no integer NOT NULL,
  type_no smallint NOT NULL,
  shard smallint NOT NULL,
  PRIMARY KEY (shard, instance_no, account_no, type_no)
);
COMMENT ON TABLE farebox.recalls IS 'Leases that others want back: told with the next heartbeat.';

CREATE FUNCTION farebox.register_lane(p_shard smallint, p_instance integer) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
  v_now CONSTANT timestamptz := clock_timestamp();
BEGIN
  INSERT INTO farebox.lanes (instance_no, shard, seen_at) VALUES (p_instance, p_shard, v_now) ON CONFLICT DO NOTHING;
END $$;
COMMENT ON FUNCTION farebox.register_lane IS 'An instance begins to serve a shard. Safe to repeat.';

-- {"alive": true, "recalls": [[account id, credit type], …]}. A lane whose batch is under way is not waited for: the batch says
-- that the instance lives.
CREATE FUNCTION farebox.heartbeat(p_shard smallint, p_instance integer) RETURNS jsonb
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
    DELETE FROM farebox.recalls r WHERE r.instance_no = p_instance AND r.shard = p_shard RETURNING r.account_no, r.type_no
  LOOP
    v_recalls := v_recalls || (
      SELECT jsonb_build_array(jsonb_build_array(a.account_id, t.credit_type))
      FROM farebox.accounts a, farebox.credit_types t WHERE a.account_no = x.account_no AND t.type_no = x.type_no);
  END LOOP;
  RETURN jsonb_build_object('alive', true, 'recalls', v_recalls);
END $$;
COMMENT ON FUNCTION farebox.heartbeat IS 'An instance says that it lives, and hears which of its leases others want back.';

CREATE FUNCTION farebox.end_lane(p_shard smallint, p_instance integer) RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE
  v_now CONSTANT timestamptz := clock_timestamp();
BEGIN
  UPDATE farebox.lanes l SET state = 'dead', dead_at = v_now
  WHERE l.instance_no = p_instance AND l.shard = p_shard AND l.state = 'live';
  RETURN FOUND;
END $$;
COMMENT ON FUNCTION farebox.end_lane IS 'No batch of this lane runs any more; its leases can be released.';

-- Takes an instance out of a pool whose row is locked, with what it still leased of it.
CREATE FUNCTION farebox.without_lease(p_pool farebox.pools, p_instance integer) RETURNS farebox.pools
LANGUAGE plpgsql AS $$
DECLARE
  v_place CONSTANT integer := array_position(p_pool.lease_owner, p_instance);
BEGIN
  IF v_place IS NULL THEN RETURN p_pool; END IF;
  p_pool.held := p_pool.held - p_pool.lease_amount[v_place];
  p_pool.lease_owner := p_pool.lease_owner[:v_place - 1] || p_pool.lease_owner[v_place + 1:];
  p_pool.lease_amount := p_pool.lease_amount[:v_place - 1] || p_pool.lease_amount[v_place + 1:];
  RETURN p_pool;
END $$;
COMMENT ON FUNCTION farebox.without_lease IS 'Internal. A pool''s row without one instance.';

CREATE FUNCTION farebox.list_active_pools(p_shard smallint, p_instance integer, p_limit integer) RETURNS jsonb
LANGUAGE plpgsql STABLE AS $$
BEGIN
  RETURN (
    SELECT coalesce(jsonb_agg(jsonb_build_array(l.account_no, l.type_no)), '[]') FROM (
      SELECT a.account_no, a.type_no FROM farebox.active_pools a
      WHERE a.shard = p_shard AND a.instance_no = p_instance ORDER BY a.account_no, a.type_no LIMIT p_limit
    ) l
  );
END $$;
COMMENT ON FUNCTION farebox.list_active_pools IS 'The first pools of an instance, as [[account_no, type_no], …].';

-- Null when the instance is not dead: its batches might still draw on the leases. False when somebody else was faster. Batches of a dead one are fenced, and nobody
-- else touches its leases, so one pool after the other can be done by anyone, at any time, twice.
CREATE FUNCTION farebox.release_pool_leases(p_shard smallint, p_instance integer, p_account integer, p_type smallint)
RETURNS boolean LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
  v_pool farebox.pools;
  v_now timestamptz;
  x record;
BEGIN
  PERFORM FROM farebox.lanes l WHERE l.instance_no = p_instance AND l.shard = p_shard AND l.state = 'dead';
  IF NOT FOUND THEN RETURN NULL; END IF;
  SELECT p.* INTO v_pool FROM farebox.pools p
  WHERE p.account_no = p_account AND p.type_no = p_type AND p.shard = p_shard FOR UPDATE;
  v_now := greatest(clock_timestamp(), v_pool.last_at);
  v_pool := farebox.without_lease(v_pool, p_instance);
  FOR x IN
    DELETE FROM farebox.key_leases k
    WHERE k.account_no = p_account AND k.type_no = p_type AND k.instance_no = p_instance AND k.shard = p_shard
    RETURNING k.key_no, k.amount
  LOOP
    v_pool.held := v_pool.held - x.amount;
    UPDATE farebox.key_caps c SET held = c.held - x.amount
    WHERE c.account_no = p_account AND c.type_no = p_type AND c.key_no = x.key_no AND c.shard = p_shard;
  END LOOP;
  -- What expired while it was set aside goes now.
  IF v_pool.overdue > 0 OR v_pool.next_event_at <= v_now THEN v_pool := farebox.roll(v_pool, v_now); END IF;
  PERFORM farebox.write_pool(v_pool);
  UPDATE farebox.pools p SET lease_owner = v_pool.lease_owner, lease_amount = v_pool.lease_amount
  WHERE p.account_no = p_account AND p.type_no = p_type AND p.shard = p_shard;
  -- The usage of what it charged may not be rolled up yet.
  PERFORM farebox.keep_in_sight(p_shard, p_account, p_type);
  DELETE FROM farebox.active_pools a
  WHERE a.shard = p_shard AND a.instance_no = p_instance AND a.account_no = p_account AND a.type_no = p_type;
  RETURN FOUND;
END $$;
COMMENT ON FUNCTION farebox.release_pool_leases IS 'Gives back what a dead instance leased of one pool, its keys'' leases included.';

-- False when the pool is not at rest: the instance leases something of it, or usage is not rolled up. Does not wait for a pool
-- that is being charged.
CREATE FUNCTION farebox.rest_pool(p_shard smallint, p_instance integer, p_account integer, p_type smallint)
RETURNS boolean LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
  v_pool farebox.pools;
BEGIN
  SELECT p.* INTO v_pool FROM farebox.pools p
  WHERE p.account_no = p_account AND p.type_no = p_type AND p.shard = p_shard FOR UPDATE SKIP LOCKED;
  IF NOT FOUND OR v_pool.lease_amount[array_position(v_pool.lease_owner, p_instance)] > 0 THEN RETURN false; END IF;
  PERFORM FROM farebox.key_leases k
  WHERE k.account_no = p_account AND k.type_no = p_type AND k.instance_no = p_instance AND k.shard = p_shard AND k.amount > 0;
  IF FOUND THEN RETURN false; END IF;
  PERFORM FROM farebox.usage_rolled u
  WHERE u.account_no = p_account AND u.type_no = p_type AND u.shard = p_shard AND u.seq = v_pool.last_seq;
  IF NOT FOUND THEN RETURN false; END IF;
  v_pool := farebox.without_lease(v_pool, p_instance);
  UPDATE farebox.pools p SET lease_owner = v_pool.lease_owner, lease_amount = v_pool.lease_amount
  WHERE p.account_no = p_account AND p.type_no = p_type AND p.shard = p_shard;
  DELETE FROM farebox.key_leases k
  WHERE k.account_no = p_account AND k.type_no = p_type AND k.instance_no = p_instance AND k.shard = p_shard;
  DELETE FROM farebox.active_pools a
  WHERE a.shard = p_shard AND a.instance_no = p_instance AND a.account_no = p_account AND a.type_no = p_type;
  RETURN true;
END $$;
COMMENT ON FUNCTION farebox.rest_pool IS 'Takes an instance out of a pool that it no longer uses, so that what is active stays a short list.';

-- For a batch whose outcome is not known: its answer if it was run; '{"s":"void"}' if it was not, and never will be, because this call
-- has taken its number; '{"s":"fenced"}' when the lane is dead: it was not run, and never will be. FB002: a later one was run already.
CREATE FUNCTION farebox.settle_batch(p_shard smallint, p_instance integer, p_number bigint) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
  v_lane farebox.lanes;
BEGIN
  SELECT l.* INTO v_lane FROM farebox.lanes l WHERE l.instance_no = p_instance AND l.shard = p_shard FOR UPDATE;
  IF v_lane.last_batch = p_number THEN RETURN v_lane.reply; END IF;
  IF v_lane.state IS DISTINCT FROM 'live' THEN RETURN '{"s":"fenced"}'; END IF;
  IF v_lane.last_batch > p_number THEN
    RAISE EXCEPTION 'batch % of instance % was sent after batch %', p_number, p_instance, v_lane.last_batch
      USING ERRCODE = 'FB002';
  END IF;
  UPDATE farebox.lanes l SET last_batch = p_number, reply = '{"s":"void"}' WHERE l.instance_no = p_instance AND l.shard = p_shard;
  RETURN '{"s":"void"}';
END $$;
COMMENT ON FUNCTION farebox.settle_batch IS 'Called by instances: makes an unknown outcome known, without running the batch.';
