-- What grows without end is not read under a pool's lock. Refunds of charges that expired grants had paid made a grant each, and every
-- roll reads all open grants: 10,000 of them made a step of 50 refunds take 0.3 s, a million would have stopped their shard at every
-- event. And an account of very many capped keys had the leases of all of them read for each lease that its pool refused (22 ms with
-- 100,000), and given back in one transaction when an instance died.

-- As before; what one that is open and lives as long has room for is added to it.
CREATE OR REPLACE FUNCTION farebox.add_refund_grant(INOUT io_pool farebox.pools, p_now timestamptz, p_amount bigint, p_seq bigint)
LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
  max_amount CONSTANT bigint := 1000000000000000;
  v_until timestamptz;
  v_account text;
  v_reference text;
  v_open text;
BEGIN
  SELECT CASE WHEN count(*) = count(g.expires_at) THEN max(g.expires_at) END INTO v_until FROM farebox.grants g
  WHERE g.account_no = io_pool.account_no AND g.type_no = io_pool.type_no AND g.shard = io_pool.shard AND g.state <> 'ended'
    AND (g.expires_at IS NULL OR g.expires_at > p_now);
  SELECT g.grant_id INTO v_open FROM farebox.grants g
  WHERE g.account_no = io_pool.account_no AND g.type_no = io_pool.type_no AND g.shard = io_pool.shard AND g.state <> 'ended'
    AND g.state = 'active' AND g.source = 'refund' AND g.expires_at IS NOT DISTINCT FROM v_until
    AND g.amount <= max_amount - p_amount
  ORDER BY g.effective_at, g.grant_id LIMIT 1;
  IF FOUND THEN
    UPDATE farebox.grants g SET amount = g.amount + p_amount, remaining = g.remaining + p_amount
    WHERE g.account_no = io_pool.account_no AND g.type_no = io_pool.type_no AND g.grant_id = v_open AND g.shard = io_pool.shard;
    RETURN;
  END IF;
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
  'Internal. What a refund (p_seq is its entry) cannot give back to expired grants: into the refund grant that lives as long as the pool''s longest-lived grant.';

-- Every other lease of the pool that has something left, those of this very instance too; for a cap, the leases of its key only.
-- What is asked for a lease was given back of it before, so that lease itself is not: p_own is its key, null for a client's hold.
-- Instances that lease for keys stand in lease_owner too, so keys' leases, of which there may be very many, are read only when
-- something is held beside the pool's own leases, and another instance may have it.
CREATE OR REPLACE FUNCTION farebox.recall_others(p_pool farebox.pools, p_instance integer, p_own integer, p_by_cap boolean)
RETURNS boolean LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
  v_found integer[];
  v_instance integer;
BEGIN
  IF p_by_cap THEN
    v_found := ARRAY(
      SELECT k.instance_no FROM farebox.key_leases k
      WHERE k.account_no = p_pool.account_no AND k.type_no = p_pool.type_no AND k.key_no = p_own AND k.shard = p_pool.shard
        AND k.amount > 0 AND k.instance_no <> p_instance
    );
  ELSE
    v_found := ARRAY(
      SELECT u.instance FROM unnest(p_pool.lease_owner, p_pool.lease_amount) u(instance, amount)
      WHERE u.amount > 0 AND NOT (u.instance = p_instance AND p_own IS NOT DISTINCT FROM 0)
    );
    IF NOT p_pool.lease_owner <@ v_found AND p_pool.held > (SELECT coalesce(sum(u), 0) FROM unnest(p_pool.lease_amount) u) THEN
      v_found := v_found || ARRAY(
        SELECT DISTINCT k.instance_no FROM farebox.key_leases k
        WHERE k.account_no = p_pool.account_no AND k.type_no = p_pool.type_no AND k.shard = p_pool.shard AND k.amount > 0
          AND NOT (k.instance_no = p_instance AND k.key_no IS NOT DISTINCT FROM p_own) AND k.instance_no <> ALL (v_found)
      );
    END IF;
  END IF;
  FOREACH v_instance IN ARRAY ARRAY(SELECT u FROM unnest(v_found) u ORDER BY u) LOOP
    INSERT INTO farebox.recalls (instance_no, account_no, type_no, shard)
    VALUES (v_instance, p_pool.account_no, p_pool.type_no, p_pool.shard) ON CONFLICT DO NOTHING;
  END LOOP;
  RETURN cardinality(v_found) > 0;
END $$;

-- Answers as lease_credits does; the last is null when the pool refused it: the caller recalls other leases, once for many.
CREATE FUNCTION farebox.try_lease(
  INOUT io_pool farebox.pools, p_instance integer, p_now timestamptz, p_key integer, p_need bigint, p_want bigint,
  OUT o_answer jsonb
) LANGUAGE plpgsql AS $$
DECLARE
  v_cap CONSTANT farebox.key_caps := farebox.find_cap(io_pool, p_key, p_now);
  v_left CONSTANT bigint := farebox.cap_left(v_cap);
  v_window integer := 0;
  v_available bigint := io_pool.balance - io_pool.held;
  v_granted bigint := 0;
  v_recalled boolean := false;
BEGIN
  IF v_left - v_cap.held < v_available THEN
    v_available := greatest(0, v_left - v_cap.held);
    v_window := CASE v_left WHEN v_cap.total_cap - v_cap.total_spent THEN 3 WHEN v_cap.month_cap - v_cap.month_spent THEN 2 ELSE 1 END;
  END IF;
  IF v_available < p_need THEN
    v_recalled := CASE WHEN v_window > 0 THEN farebox.recall_others(io_pool, p_instance, p_key, true) END;
  ELSE
    -- At most an eighth beyond the need, so that the end of a pool, or of a cap, is not stranded in the lease of one instance.
    v_granted := greatest(p_need, least(p_want, v_available / 8));
    io_pool := farebox.change_lease(io_pool, p_instance, p_key, v_granted);
  END IF;
  o_answer := jsonb_build_array(v_granted, v_available - v_granted, io_pool.balance, farebox.ms_until(io_pool.next_event_at, p_now),
    v_window,
    CASE v_window WHEN 1 THEN v_cap.day_cap WHEN 2 THEN v_cap.month_cap WHEN 3 THEN v_cap.total_cap END,
    CASE v_window WHEN 1 THEN ceil(extract(epoch FROM v_cap.day + interval '24 hours' - p_now) * 1000)
      WHEN 2 THEN ceil(extract(epoch FROM farebox.period_start(v_cap.month, 'month', 1) - p_now) * 1000) END,
    v_recalled);
END $$;
COMMENT ON FUNCTION farebox.try_lease IS 'Internal. Enlarges a lease by what is needed, in full or not at all; whether the pool''s other leases are recalled is the caller''s.';

-- Answers [granted, available, balance, ms until something is due, window of the cap that leaves less than the pool has (0 none,
-- 1 day, 2 month, 3 total), that cap, ms until its window ends, whether other leases were recalled].
CREATE OR REPLACE FUNCTION farebox.lease_credits(
  INOUT io_pool farebox.pools, p_instance integer, p_now timestamptz, p_key integer, p_need bigint, p_want bigint,
  OUT o_answer jsonb
) LANGUAGE plpgsql AS $$
DECLARE
  v_tried CONSTANT record := farebox.try_lease(io_pool, p_instance, p_now, p_key, p_need, p_want);
BEGIN
  io_pool := v_tried.io_pool;
  o_answer := v_tried.o_answer;
  IF o_answer ->> 7 IS NULL THEN
    o_answer := jsonb_set(o_answer, '{7}', to_jsonb(farebox.recall_others(io_pool, p_instance, p_key, false)));
  END IF;
END $$;

-- Leases and holds, greedy in order: what does not fit is refused, a later smaller one may still fit. Leases that the pool refuses
-- recall the others once: of one key those that are not its own, of several keys each other's too.
CREATE OR REPLACE FUNCTION farebox.set_aside(
  INOUT io_pool farebox.pools, p_instance integer, p_now timestamptz, p_work jsonb, OUT o_leases jsonb[], OUT o_holds jsonb[]
) LANGUAGE plpgsql AS $$
DECLARE
  v_leases CONSTANT jsonb := p_work -> 'leases';
  v_holds CONSTANT jsonb := p_work -> 'holds';
  v_refused integer[] := '{}';
  v_keys integer[];
  v_recalled jsonb;
  v_one record;
  v jsonb;
  k integer;
BEGIN
  FOR i IN 0..jsonb_array_length(v_leases) - 1 LOOP
    v := v_leases -> i;
    v_one := farebox.try_lease(io_pool, p_instance, p_now, (v ->> 0)::integer, (v ->> 1)::bigint, (v ->> 2)::bigint);
    io_pool := v_one.io_pool;
    o_leases := o_leases || v_one.o_answer;
    IF v_one.o_answer ->> 7 IS NULL THEN
      v_refused := v_refused || (i + 1);
      v_keys := v_keys || (v ->> 0)::integer;
    END IF;
  END LOOP;
  IF v_refused <> '{}' THEN
    v_recalled := to_jsonb(farebox.recall_others(io_pool, p_instance,
      CASE WHEN v_keys <@ v_keys[1:1] THEN v_keys[1] END, false));
    FOREACH k IN ARRAY v_refused LOOP o_leases[k] := jsonb_set(o_leases[k], '{7}', v_recalled); END LOOP;
  END IF;
  FOR i IN 0..jsonb_array_length(v_holds) - 1 LOOP
    v := v_holds -> i;
    v_one := farebox.hold_credits(io_pool, p_instance, p_now, v ->> 0, (v ->> 1)::bigint, (v ->> 2)::integer);
    io_pool := v_one.io_pool;
    o_holds := o_holds || v_one.o_answer;
  END LOOP;
END $$;

-- Null when the instance is not dead: its batches might still draw on the leases. False when somebody else was faster. Batches of a dead
-- one are fenced, and nobody else touches its leases, so one pool after the other can be done by anyone, at any time, twice. Of very
-- many keys only so many go back at once: then the instance stays in the pool, for whoever comes next.
CREATE OR REPLACE FUNCTION farebox.release_pool_leases(p_shard smallint, p_instance integer, p_account integer, p_type smallint)
RETURNS boolean LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
  c_keys CONSTANT integer := 2000;
  v_pool farebox.pools;
  v_place integer;
  v_now timestamptz;
  v_keys integer := 0;
  x record;
BEGIN
  PERFORM FROM farebox.lanes l WHERE l.instance_no = p_instance AND l.shard = p_shard AND l.state = 'dead';
  IF NOT FOUND THEN RETURN NULL; END IF;
  SELECT p.* INTO v_pool FROM farebox.pools p
  WHERE p.account_no = p_account AND p.type_no = p_type AND p.shard = p_shard FOR UPDATE;
  v_now := greatest(clock_timestamp(), v_pool.last_at);
  IF v_pool.next_event_at <= v_now THEN v_pool := farebox.roll(v_pool, v_now); END IF;
  v_place := array_position(v_pool.lease_owner, p_instance);
  IF v_place IS NOT NULL THEN
    v_pool.held := v_pool.held - v_pool.lease_amount[v_place];
    v_pool.lease_amount[v_place] := 0;
  END IF;
  FOR x IN
    SELECT k.key_no, k.amount FROM farebox.key_leases k
    WHERE k.account_no = p_account AND k.type_no = p_type AND k.instance_no = p_instance AND k.shard = p_shard
    ORDER BY k.key_no LIMIT c_keys
  LOOP
    v_keys := v_keys + 1;
    DELETE FROM farebox.key_leases k
    WHERE k.account_no = p_account AND k.type_no = p_type AND k.key_no = x.key_no AND k.instance_no = p_instance AND k.shard = p_shard;
    CONTINUE WHEN x.amount = 0;
    v_pool.held := v_pool.held - x.amount;
    UPDATE farebox.key_caps c SET held = c.held - x.amount
    WHERE c.account_no = p_account AND c.type_no = p_type AND c.key_no = x.key_no AND c.shard = p_shard;
  END LOOP;
  IF v_keys < c_keys THEN v_pool := farebox.without_lease(v_pool, p_instance); END IF;
  -- What expired while it was set aside goes now.
  IF v_pool.overdue > 0 THEN v_pool := farebox.roll(v_pool, v_now); END IF;
  PERFORM farebox.write_pool(v_pool);
  UPDATE farebox.pools p SET lease_owner = v_pool.lease_owner, lease_amount = v_pool.lease_amount
  WHERE p.account_no = p_account AND p.type_no = p_type AND p.shard = p_shard;
  IF v_keys = c_keys THEN RETURN true; END IF;
  -- The usage of what it charged may not be rolled up yet.
  PERFORM farebox.keep_in_sight(p_shard, p_account, p_type);
  DELETE FROM farebox.active_pools a
  WHERE a.shard = p_shard AND a.instance_no = p_instance AND a.account_no = p_account AND a.type_no = p_type;
  RETURN FOUND;
END $$;
