-- A charge that tiers decided about says which: an explanation of it must not depend on a counter that has moved on. Null is not stored,
-- so that other entries are as small as before.

ALTER TABLE farebox.entries ADD COLUMN measured jsonb;
COMMENT ON COLUMN farebox.entries.measured IS
  'Of a charge by tiers or by a growing number: {"counter": [number, within], "used": before it, "tiers": [[over, cost, units], …], "grown": [charged before, reported]}; units are millionths.';

-- Its answer has one member more.
DROP FUNCTION farebox.measure_charge(farebox.pools, timestamptz, integer, jsonb);

-- p_measured: {"units", "block", "round", "costs": [[over, cost], …], "whole", "counter": [number, within], "increase": [value, seconds],
-- "rest", "least", "most"}; see domain/prices/tiers.ts, which computes the same. Units are millionths, as texts.
-- o_told is what `entries.measured` keeps.
CREATE FUNCTION farebox.measure_charge(
  p_pool farebox.pools, p_now timestamptz, p_endpoint integer, p_measured jsonb,
  OUT o_amount bigint, OUT o_quantity numeric, OUT o_units numeric, OUT o_told jsonb
) LANGUAGE plpgsql STABLE SET enable_seqscan = off AS $$
DECLARE
  v_block CONSTANT numeric := (p_measured ->> 'block')::numeric;
  v_used numeric;
  v_charged numeric;
  v_sum numeric := 0;
  v_amount numeric;
  v_in numeric;
  v_tiers jsonb := '[]';
  x record;
BEGIN
  o_units := (p_measured ->> 'units')::numeric;
  IF p_measured ? 'increase' THEN
    SELECT t.charged INTO v_charged FROM farebox.running_totals t
    WHERE t.account_no = p_pool.account_no AND t.type_no = p_pool.type_no AND t.endpoint_no = p_endpoint
      AND t.value = p_measured #>> '{increase,0}' AND t.shard = p_pool.shard AND t.until > p_now;
    o_units := greatest(0, o_units - coalesce(v_charged, 0));
  END IF;
  o_quantity := CASE WHEN p_measured ->> 'round' = 'block' THEN farebox.divide_up(o_units, v_block) * v_block ELSE o_units END;
  IF p_measured ? 'counter' THEN
    SELECT c.used INTO v_used FROM farebox.tier_counters c
    WHERE c.account_no = p_pool.account_no AND c.type_no = p_pool.type_no
      AND c.counter_no = (p_measured #>> '{counter,0}')::integer AND c.within = p_measured #>> '{counter,1}' AND c.shard = p_pool.shard
      AND c.period = date_trunc(p_measured #>> '{counter,1}', p_now, 'UTC');
  END IF;
  v_used := coalesce(v_used, 0);
  FOR x IN
    SELECT (c ->> 0)::numeric AS over, (c ->> 1)::numeric AS cost,
      lead((c ->> 0)::numeric, 1, 'infinity') OVER (ORDER BY (c ->> 0)::numeric) AS next
    FROM jsonb_array_elements(p_measured -> 'costs') c
  LOOP
    v_in := CASE WHEN NOT (p_measured ->> 'whole')::boolean
        THEN greatest(0, least(v_used + o_quantity, x.next) - greatest(v_used, x.over))
      WHEN v_used >= x.over AND v_used < x.next THEN o_quantity ELSE 0 END;
    v_sum := v_sum + v_in * x.cost;
    IF v_in > 0 THEN v_tiers := v_tiers || jsonb_build_array(jsonb_build_array(x.over, x.cost, v_in)); END IF;
  END LOOP;
  v_amount := farebox.divide_up(v_sum, v_block);
  IF p_measured ->> 'round' = 'credit' THEN v_amount := farebox.divide_up(v_amount, 1000000) * 1000000; END IF;
  v_amount := greatest(v_amount + (p_measured ->> 'rest')::numeric, (p_measured ->> 'least')::numeric);
  -- No charge is more than a pool can hold.
  o_amount := least(v_amount, (p_measured ->> 'most')::numeric, 1000000000000000);
  o_told := jsonb_strip_nulls(jsonb_build_object(
    'counter', p_measured -> 'counter',
    'used', CASE WHEN p_measured ? 'counter' THEN v_used END,
    'tiers', CASE WHEN p_measured ? 'counter' THEN v_tiers END,
    'grown', CASE WHEN p_measured ? 'increase' THEN jsonb_build_array(coalesce(v_charged, 0), p_measured -> 'units') END));
END $$;
COMMENT ON FUNCTION farebox.measure_charge IS 'Internal. What a measured charge costs now, what it counts in its tiers, how many units it is for, and what is told of that.';

-- First what was set aside for it (p_set_aside, of a lease: p_lease), then what the pool and the key's caps have to spare; the rest
-- is recorded as uncollected, and so is what is above the most that the caller allows (p_special ->> 'most'). Writes the entry and counts
-- the caps. `told` is what its tiers made of it.
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
    price_list, status, kind, uncollected, measured)
  VALUES (io_pool.account_no, io_pool.type_no, io_pool.shard, o_seq, p_now, -o_charged, io_pool.balance, io_pool.spent,
    (v_charge ->> 6)::uuid, (v_charge ->> 0)::integer, (v_charge ->> 1)::integer, (v_charge ->> 3)::integer,
    (v_charge ->> 5)::integer, (v_charge ->> 4)::smallint, 'c', nullif(v_amount - o_charged, 0),
    p_special -> 'told');
END $$;
COMMENT ON FUNCTION farebox.take_charge IS 'Internal. One charge, from what is set aside and from the pool.';

-- Answers [kind, seq, charged, uncollected, balance]; kind as judge_charge, or unknown: no such hold; or short, with a sixth element:
-- the charge was to be made whole, is not covered (see find_shortage), and nothing was written. Of a measured charge a seventh says how many
-- units it is for. What was measured is counted where the charge was made, also where not all of it was collected.
CREATE OR REPLACE FUNCTION farebox.charge_specially(
  INOUT io_pool farebox.pools, p_instance integer, p_now timestamptz, p_keep integer, p_special jsonb, OUT o_answer jsonb
) LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
  v_hold farebox.holds;
  v_kind text;
  v_short jsonb;
  v_set_aside bigint := 0;
  v_uncollected bigint := 0;
  v_special jsonb := p_special;
  v_measured record;
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
  IF v_kind = 'charged' AND p_special ? 'measured' THEN
    v_measured := farebox.measure_charge(io_pool, p_now, (p_special #>> '{charge,1}')::integer, p_special -> 'measured');
    v_special := jsonb_set(jsonb_set(p_special, '{charge,2}', to_jsonb(v_measured.o_amount)), '{charge,3}',
      to_jsonb(least(ceil(v_measured.o_units / 1000000), 2147483647)::integer)) || jsonb_build_object('told', v_measured.o_told);
  END IF;
  IF v_kind = 'charged' AND p_special ? 'whole' THEN
    v_short := farebox.find_shortage(io_pool, p_now, (p_special #>> '{charge,0}')::integer, (v_special #>> '{charge,2}')::bigint);
    IF v_short IS NOT NULL THEN
      o_answer := jsonb_build_array('short', NULL, 0, 0, io_pool.balance, v_short);
      RETURN;
    END IF;
  END IF;
  IF v_kind = 'charged' THEN
    x := farebox.take_charge(io_pool, p_instance, p_now, v_special, v_set_aside);
    io_pool := x.io_pool;
    v_uncollected := (v_special #>> '{charge,2}')::bigint - x.o_charged;
    IF p_special ? 'measured' THEN
      PERFORM farebox.count_measured(io_pool, p_now, (p_special #>> '{charge,1}')::integer, p_special -> 'measured', v_measured.o_quantity);
    END IF;
  ELSE
    IF p_special ? 'hold' THEN io_pool.held := io_pool.held - v_set_aside; END IF;
    SELECT 0::bigint AS o_charged, NULL::bigint AS o_seq INTO x;
  END IF;
  PERFORM farebox.complete_claims(io_pool, p_now, p_keep, p_special, x.o_charged);
  o_answer := jsonb_build_array(v_kind, x.o_seq, x.o_charged, v_uncollected, io_pool.balance);
  IF p_special ? 'measured' THEN
    o_answer := o_answer || jsonb_build_array(NULL,
      CASE WHEN v_kind = 'charged' THEN (v_special #>> '{charge,3}')::integer ELSE 0 END);
  END IF;
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
