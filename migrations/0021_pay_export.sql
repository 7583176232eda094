-- Citus refuses an interval that is made of a column in an UPDATE: the moment is computed before.

-- Of a locked pool and a locked export that is ready. Answers {"outcome": "charged"} or {"outcome": "short", …}; then what was set
-- aside is free again. Nobody else can charge it: its state changes in the same transaction.
CREATE OR REPLACE FUNCTION farebox.pay_export(
  INOUT io_pool farebox.pools, p_export farebox.exports, p_now timestamptz, OUT o_answer jsonb
) LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
  -- See hold_for_export.
  v_amount CONSTANT bigint := least(p_export.records::numeric * p_export.price, 2000000000000000);
  -- What was paid for can be had for the whole time.
  v_until CONSTANT timestamptz := p_now + make_interval(secs => p_export.keep_seconds);
  v_held bigint := 0;
  v_available bigint;
  v_paid record;
BEGIN
  IF p_export.hold_id IS NOT NULL THEN
    SELECT h.amount INTO v_held FROM farebox.holds h
    WHERE h.account_no = p_export.account_no AND h.type_no = p_export.type_no AND h.hold_id = p_export.hold_id
      AND h.shard = p_export.shard AND h.state = 'live';
    v_held := coalesce(v_held, 0);
  END IF;
  v_available := farebox.available_to(io_pool, p_export.key_no, v_held, p_now);
  IF v_amount > v_available THEN
    IF v_held > 0 THEN
      SELECT r.* INTO v_paid FROM farebox.release_hold(io_pool, p_export.hold_id) r;
      io_pool := v_paid.io_pool;
    END IF;
    o_answer := jsonb_build_object('outcome', 'short', 'needed', v_amount, 'available', v_available,
      'recalled', farebox.recall_others(io_pool, 0, NULL, false));
    RETURN;
  END IF;
  SELECT t.* INTO v_paid FROM farebox.take_charge(io_pool, 0, p_now, jsonb_build_object('lease', false, 'charge',
    jsonb_build_array(p_export.key_no, p_export.endpoint_no, v_amount, p_export.records, 200, p_export.price_list,
      p_export.export_id)), v_held) t;
  io_pool := v_paid.io_pool;
  IF v_paid.o_charged <> v_amount THEN
    RAISE EXCEPTION 'the export % was charged % instead of %', p_export.export_id, v_paid.o_charged, v_amount
      USING ERRCODE = 'FB001';
  END IF;
  UPDATE farebox.holds h SET state = 'charged', amount = 0, charged_seq = v_paid.o_seq, charged = v_amount, uncollected = 0,
    balance_after = io_pool.balance
  WHERE h.account_no = p_export.account_no AND h.type_no = p_export.type_no AND h.hold_id = p_export.hold_id
    AND h.shard = p_export.shard AND h.state = 'live';
  UPDATE farebox.exports x SET state = 'charged', charged = v_amount, charged_seq = v_paid.o_seq, balance_after = io_pool.balance,
    charged_at = p_now,
    expires_at = v_until, clean_at = v_until
  WHERE x.export_id = p_export.export_id AND x.shard = p_export.shard;
  -- Its usage is rolled up later, whichever instance made it.
  PERFORM farebox.keep_in_sight(p_export.shard, p_export.account_no, p_export.type_no);
  o_answer := '{"outcome": "charged"}';
END $$;
COMMENT ON FUNCTION farebox.pay_export IS 'Internal. Charges a ready export exactly, or not at all.';
