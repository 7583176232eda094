-- First what was set aside for it (p_set_aside, of a lease: p_lease), then what the pool and the key's caps have to spare; the rest
-- is recorded as uncollected, and so is what is above the most that the caller allows (p_special ->> 'most'). Writes the entry and counts the caps.
CREATE OR REPLACE FUNCTION farebox.take_charge(
  INOUT io_pool farebox.pools, p_instance integer, p_now timestamptz, p_special jsonb, p_set_aside bigint,
  OUT o_charged bigint, OUT o_seq bigint
) LANGUAGE plpgsql AS $$
DECLARE
  v_charge CONSTANT jsonb := p_special -> 'charge';
  v_amount CONSTANT bigint := (v_charge ->> 2)::bigint;
  v_most CONSTANT bigint := least(v_amount, (p_special ->> 'most')::bigint);
  v_take CONSTANT bigint := least(v_most, p_set_aside);
  v_rest bigint;
  v_cap farebox.key_caps;
BEGIN
  IF (p_special ->> 'lease')::boolean THEN
    io_pool := farebox.change_lease(io_pool, p_instance, (p_special ->> 'key')::integer, -v_take);
  ELSE
    -- A client's hold ends here whole; what it does not need is free again.
    io_pool.held := io_pool.held - p_set_aside;
  END IF;
  v_rest := least(v_most - v_take, io_pool.balance - io_pool.held - v_take);
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
