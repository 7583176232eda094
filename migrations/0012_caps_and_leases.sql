-- What the general batch stands on: caps of keys and leases of instances, on a pool whose row is locked. A pool's row travels through
-- these functions as a value; whoever locked it writes it.

-- In a statement Postgres puts its body in its place.
CREATE FUNCTION farebox.spent_in(p_window timestamptz, p_spent bigint, p_start timestamptz) RETURNS bigint LANGUAGE sql IMMUTABLE
RETURN CASE WHEN p_window < p_start THEN 0 ELSE p_spent END;
COMMENT ON FUNCTION farebox.spent_in IS
  'Internal. What is spent in the window that began at p_start, when p_spent was counted in p_window: one that has ended counts nothing.';

CREATE FUNCTION farebox.cap_at(p_cap farebox.key_caps, p_now timestamptz) RETURNS farebox.key_caps LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
  v_day CONSTANT timestamptz := date_trunc('day', p_now, 'UTC');
  v_month CONSTANT timestamptz := date_trunc('month', p_now, 'UTC');
BEGIN
  p_cap.day_spent := farebox.spent_in(p_cap.day, p_cap.day_spent, v_day);
  p_cap.month_spent := farebox.spent_in(p_cap.month, p_cap.month_spent, v_month);
  p_cap.day := greatest(p_cap.day, v_day);
  p_cap.month := greatest(p_cap.month, v_month);
  RETURN p_cap;
END $$;
COMMENT ON FUNCTION farebox.cap_at IS 'Internal. A key''s caps as of a moment: a window that has ended begins again with nothing spent.';

CREATE FUNCTION farebox.cap_left(p_cap farebox.key_caps) RETURNS bigint LANGUAGE sql IMMUTABLE
RETURN least((p_cap).day_cap - (p_cap).day_spent, (p_cap).month_cap - (p_cap).month_spent, (p_cap).total_cap - (p_cap).total_spent);
COMMENT ON FUNCTION farebox.cap_left IS 'Internal. What the tightest cap leaves, before what is held under it. Null without a cap.';

-- The pool's row is locked, and so are its keys' caps with it. Not found: account_no is null.
CREATE FUNCTION farebox.find_cap(p_pool farebox.pools, p_key integer, p_now timestamptz) RETURNS farebox.key_caps
LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
  v_cap farebox.key_caps;
BEGIN
  IF NOT p_pool.capped THEN RETURN NULL; END IF;
  SELECT c.* INTO v_cap FROM farebox.key_caps c
  WHERE c.account_no = p_pool.account_no AND c.type_no = p_pool.type_no AND c.key_no = p_key AND c.shard = p_pool.shard;
  IF NOT FOUND THEN RETURN NULL; END IF;
  RETURN farebox.cap_at(v_cap, p_now);
END $$;
COMMENT ON FUNCTION farebox.find_cap IS 'Internal. A key''s caps on a locked pool, as of now.';

-- Found from the rows: what an instance charges that has not heard of a cap counts all the same.
CREATE FUNCTION farebox.spend_under_cap(p_pool farebox.pools, p_key integer, p_amount bigint, p_now timestamptz) RETURNS void
LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
  v_day CONSTANT timestamptz := date_trunc('day', p_now, 'UTC');
  v_month CONSTANT timestamptz := date_trunc('month', p_now, 'UTC');
BEGIN
  IF NOT p_pool.capped THEN RETURN; END IF;
  UPDATE farebox.key_caps c SET day = greatest(c.day, v_day), day_spent = farebox.spent_in(c.day, c.day_spent, v_day) + p_amount,
    month = greatest(c.month, v_month), month_spent = farebox.spent_in(c.month, c.month_spent, v_month) + p_amount,
    total_spent = c.total_spent + p_amount
  WHERE c.account_no = p_pool.account_no AND c.type_no = p_pool.type_no AND c.key_no = p_key AND c.shard = p_pool.shard;
END $$;
COMMENT ON FUNCTION farebox.spend_under_cap IS 'Internal. Counts what a key has spent, if it has caps.';

CREATE FUNCTION farebox.lease_of(p_pool farebox.pools, p_instance integer, p_key integer) RETURNS bigint
LANGUAGE plpgsql STABLE SET enable_seqscan = off AS $$
DECLARE
  v_amount bigint := 0;
BEGIN
  IF p_key = 0 THEN RETURN coalesce(p_pool.lease_amount[array_position(p_pool.lease_owner, p_instance)], 0); END IF;
  SELECT k.amount INTO v_amount FROM farebox.key_leases k
  WHERE k.account_no = p_pool.account_no AND k.type_no = p_pool.type_no AND k.key_no = p_key AND k.instance_no = p_instance
    AND k.shard = p_pool.shard;
  RETURN coalesce(v_amount, 0);
END $$;
COMMENT ON FUNCTION farebox.lease_of IS 'Internal. What an instance has leased of a locked pool; with a key, under the key''s caps.';

-- The instance is in the pool's lease_owner (see enter_pool). For a key, what its caps hold changes with it.
CREATE FUNCTION farebox.change_lease(INOUT io_pool farebox.pools, p_instance integer, p_key integer, p_by bigint)
LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
  v_place CONSTANT integer := array_position(io_pool.lease_owner, p_instance);
BEGIN
  IF p_by = 0 THEN RETURN; END IF;
  io_pool.held := io_pool.held + p_by;
  IF p_key = 0 THEN
    io_pool.lease_amount[v_place] := io_pool.lease_amount[v_place] + p_by;
    RETURN;
  END IF;
  UPDATE farebox.key_leases k SET amount = k.amount + p_by
  WHERE k.account_no = io_pool.account_no AND k.type_no = io_pool.type_no AND k.key_no = p_key AND k.instance_no = p_instance
    AND k.shard = io_pool.shard;
  IF NOT FOUND THEN
    INSERT INTO farebox.key_leases (account_no, type_no, key_no, instance_no, shard, amount)
    VALUES (io_pool.account_no, io_pool.type_no, p_key, p_instance, io_pool.shard, p_by);
  END IF;
  UPDATE farebox.key_caps c SET held = c.held + p_by
  WHERE c.account_no = io_pool.account_no AND c.type_no = io_pool.type_no AND c.key_no = p_key AND c.shard = io_pool.shard;
END $$;
COMMENT ON FUNCTION farebox.change_lease IS 'Internal. Enlarges a lease, or takes from it.';

CREATE FUNCTION farebox.enter_pool(INOUT io_pool farebox.pools, p_instance integer) LANGUAGE plpgsql AS $$
BEGIN
  IF p_instance = ANY (io_pool.lease_owner) THEN RETURN; END IF;
  INSERT INTO farebox.active_pools (instance_no, account_no, type_no, shard)
  VALUES (p_instance, io_pool.account_no, io_pool.type_no, io_pool.shard) ON CONFLICT DO NOTHING;
  io_pool.lease_owner := io_pool.lease_owner || p_instance;
  io_pool.lease_amount := io_pool.lease_amount || 0::bigint;
END $$;
COMMENT ON FUNCTION farebox.enter_pool IS 'Internal. Before an instance first charges a pool or leases from it: its leases must be found when it dies.';

-- Every other lease of the pool that has something left, those of this very instance too; for a cap, the leases of its key only.
-- What is asked for a lease was given back of it before, so that lease itself is not: p_own is its key, null for a client's hold.
CREATE FUNCTION farebox.recall_others(p_pool farebox.pools, p_instance integer, p_own integer, p_by_cap boolean) RETURNS boolean
LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
  v_found boolean := false;
  x record;
BEGIN
  FOR x IN
    SELECT DISTINCT l.instance FROM (
      SELECT u.instance, 0 AS key, u.amount FROM unnest(p_pool.lease_owner, p_pool.lease_amount) u(instance, amount)
      UNION ALL
      SELECT k.instance_no, k.key_no, k.amount FROM farebox.key_leases k
      WHERE k.account_no = p_pool.account_no AND k.type_no = p_pool.type_no AND k.shard = p_pool.shard
    ) l
    WHERE l.amount > 0 AND NOT (l.instance = p_instance AND l.key IS NOT DISTINCT FROM p_own) AND (NOT p_by_cap OR l.key = p_own)
    ORDER BY l.instance
  LOOP
    v_found := true;
    INSERT INTO farebox.recalls (instance_no, account_no, type_no, shard)
    VALUES (x.instance, p_pool.account_no, p_pool.type_no, p_pool.shard) ON CONFLICT DO NOTHING;
  END LOOP;
  RETURN v_found;
END $$;
COMMENT ON FUNCTION farebox.recall_others IS 'Internal. Asks instances for what they lease of a pool; false when nobody leases anything.';
