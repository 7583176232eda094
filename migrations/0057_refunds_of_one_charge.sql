-- A refund sums the earlier ones of its charge under the pool's lock: with 100,000 small ones of one charge each next one stopped all charges of
-- the pool for some 30 ms. A charge has 10,000 refunds at the most now, in 3 ms; what is left of it can always be refunded at once.

-- Usage learns of it when it is rolled up behind the entries; a refund's entry carries its charge's request, key and endpoint.
-- too_many: it has been refunded c_most times; then only all of the rest is given back.
CREATE OR REPLACE FUNCTION farebox.refund_in_pool(
  INOUT io_pool farebox.pools, p_now timestamptz, p_seq bigint, p_amount bigint, p_reason text, p_reference text,
  OUT o_reply jsonb
)
LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
  c_most CONSTANT bigint := 10000;
  v_before bigint;
  v_count bigint;
  v_refunded bigint;
  v_returned record;
  c record;
  d record;
BEGIN
  SELECT r.amount, r.asked, r.balance_after, r.refund_seq INTO d FROM farebox.refunds r
  WHERE r.account_no = io_pool.account_no AND r.type_no = io_pool.type_no AND r.seq = p_seq AND r.reference = p_reference
    AND r.shard = io_pool.shard;
  IF FOUND THEN
    o_reply := jsonb_build_object('outcome', CASE WHEN d.asked IS NOT DISTINCT FROM p_amount THEN 'repeated' ELSE 'conflict' END,
      'refunded', d.amount, 'balance', d.balance_after, 'seq', d.refund_seq);
    RETURN;
  END IF;
  SELECT e.at, -e.amount AS amount, e.spent, e.request, e.key_no, e.endpoint_no INTO c FROM farebox.entries e
  WHERE e.account_no = io_pool.account_no AND e.type_no = io_pool.type_no AND e.seq = p_seq AND e.shard = io_pool.shard
    AND e.kind = 'c';
  IF NOT FOUND THEN o_reply := jsonb_build_object('outcome', 'unknown'); RETURN; END IF;
  SELECT coalesce(sum(r.amount), 0), count(*) INTO v_before, v_count FROM farebox.refunds r
  WHERE r.account_no = io_pool.account_no AND r.type_no = io_pool.type_no AND r.seq = p_seq AND r.shard = io_pool.shard;
  v_refunded := coalesce(p_amount, c.amount - v_before);
  IF v_refunded > c.amount - v_before THEN
    o_reply := jsonb_build_object('outcome', 'exceeds', 'refundable', c.amount - v_before);
    RETURN;
  END IF;
  IF v_count >= c_most AND p_amount IS NOT NULL THEN
    o_reply := jsonb_build_object('outcome', 'too_many', 'most', c_most, 'refundable', c.amount - v_before);
    RETURN;
  ELSIF v_count >= c_most AND v_refunded = 0 THEN
    -- Nothing is left, nor ever will be: it answers the same again without being remembered.
    o_reply := jsonb_build_object('outcome', 'refunded', 'refunded', 0, 'balance', io_pool.balance, 'seq', NULL);
    RETURN;
  END IF;

  IF v_refunded > 0 THEN
    io_pool.balance := io_pool.balance + v_refunded;
    io_pool.last_seq := io_pool.last_seq + 1; io_pool.last_at := p_now;
    -- What was refunded of the charge before was the end of what it drew.
    v_returned := farebox.return_to_grants(io_pool, p_now, c.spent - v_before - v_refunded, c.spent - v_before);
    io_pool := v_returned.io_pool;
    IF v_returned.o_homeless > 0 THEN
      io_pool := farebox.add_refund_grant(io_pool, p_now, v_returned.o_homeless, io_pool.last_seq);
    END IF;
    INSERT INTO farebox.entries (account_no, type_no, shard, seq, at, amount, balance, spent, request, key_no, endpoint_no, kind,
      refund_of, reason)
    VALUES (io_pool.account_no, io_pool.type_no, io_pool.shard, io_pool.last_seq, p_now, v_refunded, io_pool.balance,
      io_pool.spent, c.request, c.key_no, c.endpoint_no, 'r', p_seq, p_reason);
    PERFORM farebox.free_cap(io_pool, c.key_no, c.at, v_refunded);
    PERFORM farebox.keep_in_sight(io_pool.shard, io_pool.account_no, io_pool.type_no);
  END IF;
  -- One that found nothing left is remembered too, so that it finds nothing when it is repeated.
  INSERT INTO farebox.refunds (account_no, type_no, seq, reference, shard, amount, asked, refund_seq, balance_after)
  VALUES (io_pool.account_no, io_pool.type_no, p_seq, p_reference, io_pool.shard, v_refunded, p_amount,
    CASE WHEN v_refunded > 0 THEN io_pool.last_seq END, io_pool.balance);
  o_reply := jsonb_build_object('outcome', 'refunded', 'refunded', v_refunded, 'balance', io_pool.balance,
    'seq', CASE WHEN v_refunded > 0 THEN io_pool.last_seq END);
END $$;
COMMENT ON FUNCTION farebox.refund_in_pool IS 'Internal. Refunds a charge of a pool that is open, and answers as refund_charge does. The caller writes the pool''s row.';
