-- Charges of the general batch, on a locked pool: plain ones as a set, special ones one by one.

-- What charges of one source ask for in all, if it is there for the taking: else null, and each is looked at alone.
CREATE FUNCTION farebox.group_total(p_pool farebox.pools, p_instance integer, p_group jsonb) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
  v_total bigint;
BEGIN
  SELECT sum((c ->> 2)::bigint) INTO v_total FROM jsonb_array_elements(p_group -> 'charges') c;
  IF (p_group ->> 'lease')::boolean THEN
    IF v_total > farebox.lease_of(p_pool, p_instance, (p_group ->> 'key')::integer) THEN RETURN NULL; END IF;
  -- What a capped pool pays without a lease is looked at one by one: its key's cap may not allow it.
  ELSIF p_pool.capped OR v_total > p_pool.balance - p_pool.held THEN
    RETURN NULL;
  END IF;
  RETURN v_total;
END $$;
COMMENT ON FUNCTION farebox.group_total IS 'Internal.';

-- Answers {"seq", "balance"}: the pool's last number and balance before them; or {"each": […]} as special charges are answered.
CREATE FUNCTION farebox.charge_group(
  INOUT io_pool farebox.pools, p_instance integer, p_now timestamptz, p_group jsonb, OUT o_answer jsonb
) LANGUAGE plpgsql AS $$
DECLARE
  v_total CONSTANT bigint := farebox.group_total(io_pool, p_instance, p_group);
  v_each jsonb[] := '{}';
  v_one record;
  x record;
BEGIN
  IF v_total IS NULL THEN
    FOR x IN SELECT c FROM jsonb_array_elements(p_group -> 'charges') c LOOP
      v_one := farebox.charge_specially(io_pool, p_instance, p_now, 0,
        jsonb_build_object('charge', x.c, 'lease', p_group -> 'lease', 'key', p_group -> 'key'));
      io_pool := v_one.io_pool;
      v_each := v_each || v_one.o_answer;
    END LOOP;
    o_answer := jsonb_build_object('each', to_jsonb(v_each));
    RETURN;
  END IF;
  o_answer := jsonb_build_object('seq', io_pool.last_seq, 'balance', io_pool.balance);
  IF (p_group ->> 'lease')::boolean THEN
    io_pool := farebox.change_lease(io_pool, p_instance, (p_group ->> 'key')::integer, -v_total);
  END IF;
  INSERT INTO farebox.entries (account_no, type_no, shard, seq, at, amount, balance, spent, request, key_no, endpoint_no, units,
    price_list, status, kind)
  SELECT io_pool.account_no, io_pool.type_no, io_pool.shard, io_pool.last_seq + c.i, p_now, -c.amount,
    io_pool.balance - sum(c.amount) OVER w, io_pool.spent + sum(c.amount) OVER w, c.request, c.key, c.endpoint, c.units, c.list,
    c.status, 'c'
  FROM (
    SELECT u.i, (u.c ->> 0)::integer AS key, (u.c ->> 1)::integer AS endpoint, (u.c ->> 2)::bigint AS amount,
      (u.c ->> 3)::integer AS units, (u.c ->> 4)::smallint AS status, (u.c ->> 5)::integer AS list, (u.c ->> 6)::uuid AS request
    FROM jsonb_array_elements(p_group -> 'charges') WITH ORDINALITY u(c, i)
  ) c WINDOW w AS (ORDER BY c.i);
  io_pool.balance := io_pool.balance - v_total;
  io_pool.spent := io_pool.spent + v_total;
  io_pool.last_seq := io_pool.last_seq + jsonb_array_length(p_group -> 'charges');
  io_pool.last_at := p_now;
  IF NOT io_pool.capped THEN RETURN; END IF;
  FOR x IN
    SELECT (c ->> 0)::integer AS key, sum((c ->> 2)::bigint)::bigint AS amount FROM jsonb_array_elements(p_group -> 'charges') c
    GROUP BY 1 ORDER BY 1
  LOOP
    PERFORM farebox.spend_under_cap(io_pool, x.key, x.amount, p_now);
  END LOOP;
END $$;
COMMENT ON FUNCTION farebox.charge_group IS 'Internal. Charges that draw on one lease, or on the pool: one insert for all, when it covers them.';

-- Locks what several batches may want, in the order of its keys: the rows of `once` windows, made for values not seen before, and
-- of Idempotency-Keys. A conflicting insert waits, so it is made in that order too.
CREATE FUNCTION farebox.lock_claims(p_shard smallint, p_batch jsonb) RETURNS void
LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
  v_now CONSTANT timestamptz := clock_timestamp();
  x record;
BEGIN
  FOR x IN
    SELECT DISTINCT (p ->> 'account')::integer AS account, (s #>> '{charge,1}')::integer AS endpoint,
      (s #>> '{once,0}') COLLATE "C" AS value
    FROM jsonb_array_elements(p_batch) p, jsonb_array_elements(p -> 'specials') s WHERE s ? 'once' ORDER BY 1, 2, 3
  LOOP
    INSERT INTO farebox.once_windows (account_no, endpoint_no, value, shard, until)
    VALUES (x.account, x.endpoint, x.value, p_shard, '-infinity') ON CONFLICT DO NOTHING;
    PERFORM FROM farebox.once_windows w
    WHERE w.account_no = x.account AND w.endpoint_no = x.endpoint AND w.value = x.value AND w.shard = p_shard FOR UPDATE;
    IF NOT FOUND THEN
      -- The sweep deleted it between the two statements: the same batch again finds a new one.
      RAISE EXCEPTION 'a once window vanished' USING ERRCODE = 'serialization_failure';
    END IF;
  END LOOP;
  FOR x IN
    SELECT DISTINCT (p ->> 'account')::integer AS account, (s #>> '{idempotency,key}') COLLATE "C" AS key
    FROM jsonb_array_elements(p_batch) p, jsonb_array_elements(p -> 'specials') s WHERE s ? 'idempotency' ORDER BY 1, 2
  LOOP
    PERFORM FROM farebox.idempotency_keys i
    WHERE i.account_no = x.account AND i.key = x.key AND i.shard = p_shard FOR UPDATE;
  END LOOP;
END $$;
COMMENT ON FUNCTION farebox.lock_claims IS 'Internal. The last of a batch''s locks.';

-- charged: go on. repeat: within a `once` window. superseded: another run of the same request completed the key. A key that nobody
-- has any more, or that another request has taken over, does not stop the charge: the work was done.
CREATE FUNCTION farebox.judge_charge(p_pool farebox.pools, p_now timestamptz, p_special jsonb) RETURNS text
LANGUAGE plpgsql STABLE SET enable_seqscan = off AS $$
BEGIN
  IF p_special ? 'idempotency' THEN
    PERFORM FROM farebox.idempotency_keys i
    WHERE i.account_no = p_pool.account_no AND i.key = p_special #>> '{idempotency,key}' AND i.shard = p_pool.shard
      AND i.state = 'done' AND i.request_hash = p_special #>> '{idempotency,requestHash}';
    IF FOUND THEN RETURN 'superseded'; END IF;
  END IF;
  IF p_special ? 'once' THEN
    PERFORM FROM farebox.once_windows w
    WHERE w.account_no = p_pool.account_no AND w.endpoint_no = (p_special #>> '{charge,1}')::integer
      AND w.value = p_special #>> '{once,0}' AND w.shard = p_pool.shard AND w.until > p_now;
    IF FOUND THEN RETURN 'repeat'; END IF;
  END IF;
  RETURN 'charged';
END $$;
COMMENT ON FUNCTION farebox.judge_charge IS 'Internal. Whether a special charge is to be made.';

-- Opens the `once` window of a charge that cost something, and completes the Idempotency-Key: also when another run of the same
-- request has taken it over meanwhile (that one is then superseded, and only one is charged), but not when another request has: its
-- answer would be replayed to the wrong one.
CREATE FUNCTION farebox.complete_claims(p_pool farebox.pools, p_now timestamptz, p_keep integer, p_special jsonb, p_charged bigint)
RETURNS void LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
  v_response CONSTANT jsonb := p_special -> 'idempotency';
BEGIN
  IF p_special ? 'once' AND p_charged > 0 THEN
    UPDATE farebox.once_windows w SET until = p_now + make_interval(secs => (p_special #>> '{once,1}')::integer)
    WHERE w.account_no = p_pool.account_no AND w.endpoint_no = (p_special #>> '{charge,1}')::integer
      AND w.value = p_special #>> '{once,0}' AND w.shard = p_pool.shard;
  END IF;
  IF v_response IS NULL THEN RETURN; END IF;
  UPDATE farebox.idempotency_keys i SET state = 'done', owner = v_response ->> 'owner', status = (v_response ->> 'status')::integer,
    headers = v_response -> 'headers', body = decode(v_response ->> 'body', 'base64'),
    expires_at = p_now + make_interval(secs => p_keep)
  WHERE i.account_no = p_pool.account_no AND i.key = v_response ->> 'key' AND i.shard = p_pool.shard
    AND i.state = 'running' AND i.request_hash = v_response ->> 'requestHash';
END $$;
COMMENT ON FUNCTION farebox.complete_claims IS 'Internal. In the charge''s own transaction.';

-- First what was set aside for it (p_set_aside, of a lease: p_lease), then what the pool and the key's caps have to spare; the rest
-- is recorded as uncollected. Writes the entry and counts the caps.
CREATE FUNCTION farebox.take_charge(
  INOUT io_pool farebox.pools, p_instance integer, p_now timestamptz, p_special jsonb, p_set_aside bigint,
  OUT o_charged bigint, OUT o_seq bigint
) LANGUAGE plpgsql AS $$
DECLARE
  v_charge CONSTANT jsonb := p_special -> 'charge';
  v_amount CONSTANT bigint := (v_charge ->> 2)::bigint;
  v_take CONSTANT bigint := least(v_amount, p_set_aside);
  v_rest bigint;
  v_cap farebox.key_caps;
BEGIN
  IF (p_special ->> 'lease')::boolean THEN
    io_pool := farebox.change_lease(io_pool, p_instance, (p_special ->> 'key')::integer, -v_take);
  ELSE
    -- A client's hold ends here whole; what it does not need is free again.
    io_pool.held := io_pool.held - p_set_aside;
  END IF;
  v_rest := least(v_amount - v_take, io_pool.balance - io_pool.held - v_take);
  v_cap := farebox.find_cap(io_pool, (v_charge ->> 0)::integer, p_now);
  IF v_cap.account_no IS NOT NULL THEN
    v_rest := least(v_rest, greatest(0, farebox.cap_left(v_cap) - v_cap.held - v_take));
  END IF;
  o_charged := v_take + v_rest;
  io_pool.balance := io_pool.balance - o_charged;
  io_pool.spent := io_pool.spent + o_charged;
  IF v_amount = 0 THEN RETURN; END IF;
  PERFORM farebox.spend_under_cap(io_pool, (v_charge ->> 0)::integer, o_charged, p_now);
  io_pool.uncollected := io_pool.uncollected + v_amount - o_charged;
  io_pool.last_seq := io_pool.last_seq + 1;
  io_pool.last_at := p_now;
  o_seq := io_pool.last_seq;
  INSERT INTO farebox.entries (account_no, type_no, shard, seq, at, amount, balance, spent, request, key_no, endpoint_no, units,
    price_list, status, kind, uncollected)
  VALUES (io_pool.account_no, io_pool.type_no, io_pool.shard, o_seq, p_now, -o_charged, io_pool.balance, io_pool.spent,
    (v_charge ->> 6)::uuid, (v_charge ->> 0)::integer, (v_charge ->> 1)::integer, (v_charge ->> 3)::integer,
    (v_charge ->> 5)::integer, (v_charge ->> 4)::smallint, 'c', nullif(v_amount - o_charged, 0));
END $$;
COMMENT ON FUNCTION farebox.take_charge IS 'Internal. One charge, from what is set aside and from the pool.';

-- Answers [kind, seq, charged, uncollected, balance]; kind as judge_charge, or unknown: no such hold; or short, with a sixth element:
-- the charge was to be made whole, is not covered (see find_shortage), and nothing was written.
CREATE FUNCTION farebox.charge_specially(
  INOUT io_pool farebox.pools, p_instance integer, p_now timestamptz, p_keep integer, p_special jsonb, OUT o_answer jsonb
) LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
  v_hold farebox.holds;
  v_kind text;
  v_short jsonb;
  v_set_aside bigint := 0;
  v_uncollected bigint := 0;
  x record;
BEGIN
  IF p_special ? 'hold' THEN
    SELECT h.* INTO v_hold FROM farebox.holds h
    WHERE h.account_no = io_pool.account_no AND h.type_no = io_pool.type_no AND h.hold_id = p_special ->> 'hold'
      AND h.shard = io_pool.shard;
    IF NOT FOUND OR v_hold.charged IS NOT NULL THEN
      o_answer := jsonb_build_array(CASE WHEN v_hold.hold_id IS NULL THEN 'unknown' ELSE 'charged' END, v_hold.charged_seq,
        coalesce(v_hold.charged, 0), coalesce(v_hold.uncollected, 0), coalesce(v_hold.balance_after, io_pool.balance));
      RETURN;
    END IF;
    v_set_aside := v_hold.amount;
  ELSIF (p_special ->> 'lease')::boolean THEN
    v_set_aside := farebox.lease_of(io_pool, p_instance, (p_special ->> 'key')::integer);
  END IF;
  v_kind := farebox.judge_charge(io_pool, p_now, p_special);
  IF v_kind = 'charged' AND p_special ? 'whole' THEN
    v_short := farebox.find_shortage(io_pool, p_now, (p_special #>> '{charge,0}')::integer, (p_special #>> '{charge,2}')::bigint);
    IF v_short IS NOT NULL THEN
      o_answer := jsonb_build_array('short', NULL, 0, 0, io_pool.balance, v_short);
      RETURN;
    END IF;
  END IF;
  IF v_kind = 'charged' THEN
    x := farebox.take_charge(io_pool, p_instance, p_now, p_special, v_set_aside);
    io_pool := x.io_pool;
    v_uncollected := (p_special #>> '{charge,2}')::bigint - x.o_charged;
  ELSE
    IF p_special ? 'hold' THEN io_pool.held := io_pool.held - v_set_aside; END IF;
    SELECT 0::bigint AS o_charged, NULL::bigint AS o_seq INTO x;
  END IF;
  PERFORM farebox.complete_claims(io_pool, p_now, p_keep, p_special, x.o_charged);
  o_answer := jsonb_build_array(v_kind, x.o_seq, x.o_charged, v_uncollected, io_pool.balance);
  IF p_special ? 'hold' THEN
    -- A hold that expired or was released stays so; the charge that came too late is remembered with it.
    UPDATE farebox.holds h SET state = CASE WHEN h.state = 'live' THEN 'charged' ELSE h.state END, amount = 0, charged_seq = x.o_seq,
      charged = x.o_charged, uncollected = v_uncollected, balance_after = io_pool.balance
    WHERE h.account_no = io_pool.account_no AND h.type_no = io_pool.type_no AND h.hold_id = v_hold.hold_id
      AND h.shard = io_pool.shard;
  END IF;
END $$;
COMMENT ON FUNCTION farebox.charge_specially IS
  'Internal. A charge with a client''s hold, `once` or an Idempotency-Key, of which not all is set aside, or which is made whole.';
