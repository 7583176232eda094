-- The general batch: everything that the plain one leaves. It has the same numbers: a lane's batches run one after the other, each
-- once, whichever of the two functions runs them.
--
-- Steps: open (fence the lane, lock the pools), then pool by pool: roll what is due, take back, plain charges, special charges, set
-- aside; then write. Locks are taken in one order: the lane, pools by key, `once` windows by key, Idempotency-Keys by key; all other
-- rows are those of locked pools. A pool's row travels through the steps as a value and is written once.
--
-- p_batch, a list with an object per pool, in the order of their keys. Keys are key_no, 0 where the pool's own lease is meant:
--   account, type   the pool
--   backs           [[key, amount], …]: goes back of the lease
--   releases        [hold id, …]
--   groups          [{"key", "lease", "charges"}, …]: plain charges that draw on one lease, or (lease false) on the pool. A charge is
--                   [key, endpoint, amount, units, status, price list, request]
--   specials        [{"charge": […], "lease", "key", "hold", "once": [value, seconds], "idempotency": {…}, "whole": true}, …]
--   leases          [[key, need, want], …]
--   holds           [[hold id, amount, seconds], …]
-- The answer has the same shape: see the functions.

-- Answers what was released.
CREATE FUNCTION farebox.release_hold(INOUT io_pool farebox.pools, p_hold text, OUT o_released bigint)
LANGUAGE plpgsql SET enable_seqscan = off AS $$
BEGIN
  SELECT h.amount INTO o_released FROM farebox.holds h
  WHERE h.account_no = io_pool.account_no AND h.type_no = io_pool.type_no AND h.hold_id = p_hold AND h.shard = io_pool.shard
    AND h.state = 'live';
  IF NOT FOUND THEN o_released := 0; RETURN; END IF;
  UPDATE farebox.holds h SET state = 'released', amount = 0
  WHERE h.account_no = io_pool.account_no AND h.type_no = io_pool.type_no AND h.hold_id = p_hold AND h.shard = io_pool.shard;
  io_pool.held := io_pool.held - o_released;
END $$;
COMMENT ON FUNCTION farebox.release_hold IS 'Internal. A client''s hold is not needed.';

-- Answers [granted, available, balance, ms until something is due, window of the cap that leaves less than the pool has (0 none,
-- 1 day, 2 month, 3 total), that cap, ms until its window ends, whether other leases were recalled].
CREATE FUNCTION farebox.lease_credits(
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
    v_recalled := farebox.recall_others(io_pool, p_instance, p_key, v_window > 0);
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
COMMENT ON FUNCTION farebox.lease_credits IS 'Internal. Enlarges a lease by what is needed, in full or not at all.';

-- For a charge that is made whole or not at all: a price is decided on the upstream's answer, nothing was set aside for it, and what is
-- not paid for is not sent. Answers what lease_credits does to who asks for as much. Null: the pool and the key's caps cover it.
CREATE FUNCTION farebox.find_shortage(p_pool farebox.pools, p_now timestamptz, p_key integer, p_amount bigint) RETURNS jsonb
LANGUAGE plpgsql AS $$
DECLARE
  v_cap CONSTANT farebox.key_caps := farebox.find_cap(p_pool, p_key, p_now);
  v_left CONSTANT bigint := farebox.cap_left(v_cap) - v_cap.held;
  v_asked record;
BEGIN
  IF p_amount = 0 OR (p_amount <= p_pool.balance - p_pool.held AND (v_left IS NULL OR p_amount <= v_left)) THEN RETURN NULL; END IF;
  -- In the name of instance 0, which is nobody: the caller's own lease is recalled like all others, because nothing of it was given
  -- back for this. There is less than the amount, so nothing is leased.
  v_asked := farebox.lease_credits(p_pool, 0, p_now, p_key, p_amount, p_amount);
  RETURN v_asked.o_answer;
END $$;
COMMENT ON FUNCTION farebox.find_shortage IS 'Internal. Why a charge cannot be made whole; recalls the leases that keep it from it.';

-- Answers [held | insufficient | the state of a hold that has this id already, available, expiry (unix ms), recalled].
CREATE FUNCTION farebox.hold_credits(
  INOUT io_pool farebox.pools, p_instance integer, p_now timestamptz, p_hold text, p_amount bigint, p_seconds integer,
  OUT o_answer jsonb
) LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
  v_hold farebox.holds;
  v_kind text := 'held';
  v_recalled boolean := false;
BEGIN
  SELECT h.* INTO v_hold FROM farebox.holds h
  WHERE h.account_no = io_pool.account_no AND h.type_no = io_pool.type_no AND h.hold_id = p_hold AND h.shard = io_pool.shard;
  IF FOUND THEN
    IF v_hold.state <> 'live' OR v_hold.asked <> p_amount THEN v_kind := v_hold.state; END IF;
  ELSIF io_pool.balance - io_pool.held < p_amount THEN
    v_kind := 'insufficient';
    v_recalled := farebox.recall_others(io_pool, p_instance, NULL, false);
  ELSE
    v_hold.expires_at := p_now + make_interval(secs => p_seconds);
    INSERT INTO farebox.holds (account_no, type_no, hold_id, shard, amount, asked, created_at, expires_at)
    VALUES (io_pool.account_no, io_pool.type_no, p_hold, io_pool.shard, p_amount, p_amount, p_now, v_hold.expires_at);
    io_pool.held := io_pool.held + p_amount;
    io_pool.next_event_at := least(io_pool.next_event_at, v_hold.expires_at);
  END IF;
  o_answer := jsonb_build_array(v_kind, io_pool.balance - io_pool.held, (extract(epoch FROM v_hold.expires_at) * 1000)::bigint,
    v_recalled);
END $$;
COMMENT ON FUNCTION farebox.hold_credits IS 'Internal. Sets credits aside for a client under an id.';

-- In the order of the keys. With p_skip a pool that somebody has locked is left out: its place is null. A pool that does not exist:
-- all is null. It is not created here, where a new row could wait for another batch's new row while that one waits for a lock of ours.
CREATE FUNCTION farebox.open_batch(p_shard smallint, p_skip boolean, p_batch jsonb) RETURNS farebox.pools[]
LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
  v_pools farebox.pools[] := '{}';
  v_pool farebox.pools;
  x record;
BEGIN
  FOR x IN
    SELECT (p ->> 'account')::integer AS account, (p ->> 'type')::smallint AS type FROM jsonb_array_elements(p_batch) p
  LOOP
    v_pool := NULL;
    IF p_skip THEN
      SELECT p.* INTO v_pool FROM farebox.pools p
      WHERE p.account_no = x.account AND p.type_no = x.type AND p.shard = p_shard FOR UPDATE SKIP LOCKED;
    ELSE
      SELECT p.* INTO v_pool FROM farebox.pools p
      WHERE p.account_no = x.account AND p.type_no = x.type AND p.shard = p_shard FOR UPDATE;
    END IF;
    IF NOT FOUND THEN
      PERFORM FROM farebox.pools p WHERE p.account_no = x.account AND p.type_no = x.type AND p.shard = p_shard;
      IF NOT FOUND THEN RETURN NULL; END IF;
    END IF;
    v_pools := v_pools || v_pool;
  END LOOP;
  RETURN v_pools;
END $$;
COMMENT ON FUNCTION farebox.open_batch IS 'Internal. Locks a batch''s pools.';

CREATE FUNCTION farebox.write_batch_pool(p_pool farebox.pools) RETURNS void LANGUAGE plpgsql SET enable_seqscan = off AS $$
BEGIN
  -- As write_pool, and the leases: one statement, of which a batch has as many as pools.
  UPDATE farebox.pools p SET capped = p_pool.capped, balance = p_pool.balance, held = p_pool.held, spent = p_pool.spent,
    drawn = p_pool.drawn, overdue = p_pool.overdue, uncollected = p_pool.uncollected, last_seq = p_pool.last_seq,
    last_at = p_pool.last_at, next_event_at = p_pool.next_event_at, lease_owner = p_pool.lease_owner,
    lease_amount = p_pool.lease_amount
  WHERE p.account_no = p_pool.account_no AND p.type_no = p_pool.type_no AND p.shard = p_pool.shard;
END $$;
COMMENT ON FUNCTION farebox.write_batch_pool IS 'Internal.';

-- All charges of a pool, in the order in which they were asked for within each kind. Lists are walked by their numbers: a query for
-- each, mostly of an empty one, was a tenth of a batch's cost, and so was an answer that grew by copying.
CREATE FUNCTION farebox.charge_pool(
  INOUT io_pool farebox.pools, p_instance integer, p_now timestamptz, p_keep integer, p_work jsonb,
  OUT o_groups jsonb[], OUT o_specials jsonb[]
) LANGUAGE plpgsql AS $$
DECLARE
  v_groups CONSTANT jsonb := p_work -> 'groups';
  v_specials CONSTANT jsonb := p_work -> 'specials';
  v_one record;
BEGIN
  FOR i IN 0..jsonb_array_length(v_groups) - 1 LOOP
    v_one := farebox.charge_group(io_pool, p_instance, p_now, v_groups -> i);
    io_pool := v_one.io_pool;
    o_groups := o_groups || v_one.o_answer;
  END LOOP;
  FOR i IN 0..jsonb_array_length(v_specials) - 1 LOOP
    v_one := farebox.charge_specially(io_pool, p_instance, p_now, p_keep, v_specials -> i);
    io_pool := v_one.io_pool;
    o_specials := o_specials || v_one.o_answer;
  END LOOP;
END $$;
COMMENT ON FUNCTION farebox.charge_pool IS 'Internal. The charges of one pool of a batch.';

-- Leases and holds, greedy in order: what does not fit is refused, a later smaller one may still fit.
CREATE FUNCTION farebox.set_aside(
  INOUT io_pool farebox.pools, p_instance integer, p_now timestamptz, p_work jsonb, OUT o_leases jsonb[], OUT o_holds jsonb[]
) LANGUAGE plpgsql AS $$
DECLARE
  v_leases CONSTANT jsonb := p_work -> 'leases';
  v_holds CONSTANT jsonb := p_work -> 'holds';
  v_one record;
  v jsonb;
BEGIN
  FOR i IN 0..jsonb_array_length(v_leases) - 1 LOOP
    v := v_leases -> i;
    v_one := farebox.lease_credits(io_pool, p_instance, p_now, (v ->> 0)::integer, (v ->> 1)::bigint, (v ->> 2)::bigint);
    io_pool := v_one.io_pool;
    o_leases := o_leases || v_one.o_answer;
  END LOOP;
  FOR i IN 0..jsonb_array_length(v_holds) - 1 LOOP
    v := v_holds -> i;
    v_one := farebox.hold_credits(io_pool, p_instance, p_now, v ->> 0, (v ->> 1)::bigint, (v ->> 2)::integer);
    io_pool := v_one.io_pool;
    o_holds := o_holds || v_one.o_answer;
  END LOOP;
END $$;
COMMENT ON FUNCTION farebox.set_aside IS 'Internal. The leases and holds of one pool of a batch.';

-- What goes back of leases, and clients' holds that are not needed. Answers what each hold set free.
CREATE FUNCTION farebox.take_back(INOUT io_pool farebox.pools, p_instance integer, p_work jsonb, OUT o_released jsonb[])
LANGUAGE plpgsql AS $$
DECLARE
  v_backs CONSTANT jsonb := p_work -> 'backs';
  v_releases CONSTANT jsonb := p_work -> 'releases';
  v_key integer;
  v_one record;
BEGIN
  FOR i IN 0..jsonb_array_length(v_backs) - 1 LOOP
    v_key := (v_backs #>> ARRAY[i::text, '0'])::integer;
    io_pool := farebox.change_lease(io_pool, p_instance, v_key,
      -least((v_backs #>> ARRAY[i::text, '1'])::bigint, farebox.lease_of(io_pool, p_instance, v_key)));
  END LOOP;
  FOR i IN 0..jsonb_array_length(v_releases) - 1 LOOP
    v_one := farebox.release_hold(io_pool, v_releases ->> i);
    io_pool := v_one.io_pool;
    o_released := o_released || to_jsonb(v_one.o_released);
  END LOOP;
END $$;
COMMENT ON FUNCTION farebox.take_back IS 'Internal. The returns and releases of one pool of a batch.';

-- Answers {"released", "groups", "specials", "leases", "holds", "balance", "available"}.
CREATE FUNCTION farebox.run_batch_pool(p_pool farebox.pools, p_instance integer, p_keep integer, p_work jsonb) RETURNS jsonb
LANGUAGE plpgsql AS $$
DECLARE
  -- After the lock, and never before the pool's last entry.
  v_now CONSTANT timestamptz := greatest(clock_timestamp(), p_pool.last_at);
  c_none CONSTANT jsonb[] := '{}';
  v_pool farebox.pools := p_pool;
  v_back record;
  v_charged record;
  v_aside record;
BEGIN
  IF v_pool.next_event_at <= v_now OR v_pool.overdue > 0 THEN v_pool := farebox.roll(v_pool, v_now); END IF;
  IF jsonb_array_length(p_work -> 'groups') + jsonb_array_length(p_work -> 'specials') + jsonb_array_length(p_work -> 'leases') > 0
  THEN
    v_pool := farebox.enter_pool(v_pool, p_instance);
  END IF;
  -- After the roll, which ends the holds that are over: next_event_at is never later than a live hold's expiry.
  v_back := farebox.take_back(v_pool, p_instance, p_work);
  v_charged := farebox.charge_pool(v_back.io_pool, p_instance, v_now, p_keep, p_work);
  v_pool := v_charged.io_pool;
  -- What this batch set free may have expired meanwhile; it must not be handed out below.
  IF v_pool.overdue > 0 THEN v_pool := farebox.roll(v_pool, v_now); END IF;
  v_aside := farebox.set_aside(v_pool, p_instance, v_now, p_work);
  v_pool := v_aside.io_pool;
  PERFORM farebox.write_batch_pool(v_pool);
  RETURN jsonb_build_object('released', coalesce(v_back.o_released, c_none), 'groups', coalesce(v_charged.o_groups, c_none),
    'specials', coalesce(v_charged.o_specials, c_none), 'leases', coalesce(v_aside.o_leases, c_none),
    'holds', coalesce(v_aside.o_holds, c_none), 'balance', v_pool.balance, 'available', v_pool.balance - v_pool.held);
END $$;
COMMENT ON FUNCTION farebox.run_batch_pool IS 'Internal. One pool of a batch, from its lock to its write.';

-- Answers {"s": "done", "pools": […]}, a pool that was passed by being null; {"s": "missing"}: nothing was done, a pool does not exist;
-- {"s": "fenced"}: nothing was done, nor ever will be, the instance was declared dead. FB002 for a number that is not the last's next.
-- p_skip: pass pools by that are locked, instead of failing with 55P03. p_keep: seconds for which a response can be replayed.
CREATE FUNCTION farebox.run_batch(
  p_shard smallint, p_instance integer, p_number bigint, p_skip boolean, p_keep integer, p_batch jsonb
) RETURNS text
LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
-- See run_plain.
SET lock_timeout = '50ms'
AS $$
DECLARE
  v_lane farebox.lanes;
  v_pools farebox.pools[];
  v_answers text[] := '{}';
  v_reply text;
  v_now timestamptz;
BEGIN
  SELECT l.* INTO v_lane FROM farebox.lanes l WHERE l.instance_no = p_instance AND l.shard = p_shard FOR UPDATE;
  IF p_number = v_lane.last_batch THEN RETURN v_lane.reply; END IF;
  IF v_lane.state IS DISTINCT FROM 'live' THEN RETURN '{"s":"fenced"}'; END IF;
  IF p_number <> v_lane.last_batch + 1 THEN
    RAISE EXCEPTION 'batch % of instance % was sent after batch %', p_number, p_instance, v_lane.last_batch USING ERRCODE = 'FB002';
  END IF;
  v_pools := farebox.open_batch(p_shard, p_skip, p_batch);
  IF v_pools IS NULL THEN RETURN '{"s":"missing"}'; END IF;
  PERFORM farebox.lock_claims(p_shard, p_batch);
  FOR i IN 1..cardinality(v_pools) LOOP
    IF v_pools[i].account_no IS NULL THEN
      v_answers := v_answers || NULL::text;
    ELSE
      v_answers := v_answers || farebox.run_batch_pool(v_pools[i], p_instance, p_keep, p_batch -> (i - 1))::text;
    END IF;
  END LOOP;
  v_reply := '{"s":"done","pools":[' || array_to_string(v_answers, ',', 'null') || ']}';
  v_now := clock_timestamp();
  UPDATE farebox.lanes l SET last_batch = p_number, reply = v_reply, seen_at = v_now
  WHERE l.instance_no = p_instance AND l.shard = p_shard;
  RETURN v_reply;
END $$;
COMMENT ON FUNCTION farebox.run_batch IS 'Called by instances: a batch of anything, in one transaction.';
