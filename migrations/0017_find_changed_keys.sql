-- What caches of keys are told with each heartbeat, as a function, because a plan made while the table was small reads all
-- of it: 27 ms a heartbeat with 100,000 keys, until statistics were gathered.

-- The database's clock, and with it every hash of each key that changed after p_since less the overlap: of its present text
-- and of those from before rotations. Without a change, or a p_since, one row with the clock alone.
CREATE FUNCTION farebox.changed_keys(p_since timestamptz, p_overlap interval)
RETURNS TABLE (o_now timestamptz, o_hash bytea, o_changed_at timestamptz)
LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
AS $$
DECLARE
  -- Before the keys are read: a change that is stamped later is found by the next call.
  v_now CONSTANT timestamptz := clock_timestamp();
BEGIN
  RETURN QUERY
  SELECT v_now, h.hash, k.changed_at FROM farebox.keys k, LATERAL (
    SELECT k.hash UNION ALL SELECT s.hash FROM farebox.rotated_secrets s WHERE s.key_id = k.key_id
  ) h
  WHERE k.changed_at > p_since - p_overlap;
  IF NOT FOUND THEN
    RETURN QUERY SELECT v_now, NULL::bytea, NULL::timestamptz;
  END IF;
END $$;
