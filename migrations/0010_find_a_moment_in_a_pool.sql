-- Statements, refunds by period and price simulations read a range of a pool's entries; entries have no index on time.

-- The number of the pool's first entry at or after a moment; last_seq + 1 when there is none yet, 1 when there is no pool.
-- Numbers have no gaps and times run in their order (each verb takes the time under the pool's lock), so it is found by
-- halving: 20 look-ups among a million entries. Two periods that meet never share an entry, nor lose one between them.
CREATE FUNCTION farebox.first_seq_at(p_shard integer, p_account text, p_type text, p_at timestamptz) RETURNS bigint
LANGUAGE plpgsql STABLE
SET enable_seqscan = off
AS $$
DECLARE
  v_low bigint := 1;
  v_high bigint;
  v_middle bigint;
  v_at timestamptz;
BEGIN
  SELECT p.last_seq + 1 INTO v_high FROM farebox.pools p
  WHERE p.account_id = p_account AND p.credit_type = p_type AND p.shard = p_shard;
  WHILE v_low < v_high LOOP
    v_middle := (v_low + v_high) / 2;
    SELECT e.at INTO v_at FROM farebox.entries e
    WHERE e.account_id = p_account AND e.credit_type = p_type AND e.seq = v_middle AND e.shard = p_shard;
    -- Not found: its month was taken out of the table, which happens to the oldest only.
    IF v_at >= p_at THEN v_high := v_middle; ELSE v_low := v_middle + 1; END IF;
  END LOOP;
  RETURN v_low;
END $$;
