-- What is due on a pool happens before a dead instance's leases go back to it, as in a batch: what they cover of a grant that has expired
-- expires when they are gone, by an entry of its own. Until now the order of the two was another one on this way alone, so that the same
-- history made one entry or two.

-- Null when the instance is not dead: its batches might still draw on the leases. False when somebody else was faster. Batches of a dead
-- one are fenced, and nobody else touches its leases, so one pool after the other can be done by anyone, at any time, twice.
CREATE OR REPLACE FUNCTION farebox.release_pool_leases(p_shard smallint, p_instance integer, p_account integer, p_type smallint)
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
  IF v_pool.next_event_at <= v_now THEN v_pool := farebox.roll(v_pool, v_now); END IF;
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
  IF v_pool.overdue > 0 THEN v_pool := farebox.roll(v_pool, v_now); END IF;
  PERFORM farebox.write_pool(v_pool);
  UPDATE farebox.pools p SET lease_owner = v_pool.lease_owner, lease_amount = v_pool.lease_amount
  WHERE p.account_no = p_account AND p.type_no = p_type AND p.shard = p_shard;
  -- The usage of what it charged may not be rolled up yet.
  PERFORM farebox.keep_in_sight(p_shard, p_account, p_type);
  DELETE FROM farebox.active_pools a
  WHERE a.shard = p_shard AND a.instance_no = p_instance AND a.account_no = p_account AND a.type_no = p_type;
  RETURN FOUND;
END $$;
