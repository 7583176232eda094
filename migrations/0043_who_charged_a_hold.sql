-- Of several instances that charge one hold at the same moment one does: the others are told so. What they count beside the books counts it
-- once.

-- Answers [kind, seq, charged, uncollected, balance]; kind as judge_charge, or unknown: no such hold; or short, with a sixth element:
-- the charge was to be made whole, is not covered (see find_shortage), and nothing was written. Of a measured charge a seventh says how many
-- units it is for. An eighth, true, says that the hold was charged before: what is answered is that charge. What was measured is counted where the charge was made, also where not all of it was collected.
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
        coalesce(v_hold.charged, 0), coalesce(v_hold.uncollected, 0), coalesce(v_hold.balance_after, io_pool.balance), NULL, NULL,
        v_hold.hold_id IS NOT NULL);
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
