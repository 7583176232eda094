-- Four kinds of old rows went in one transaction: one kind that somebody had locked, or whose deletion failed, kept the three others. Each is
-- a step of its own now, and waits for nobody.

DROP FUNCTION farebox.forget_old(smallint, integer);

-- A resolved hold is kept for an hour after it would have expired: so long its charge may be repeated.
CREATE FUNCTION farebox.forget_holds(p_shard smallint, p_limit integer) RETURNS integer
LANGUAGE plpgsql SET enable_seqscan = off SET lock_timeout = '100ms' AS $$
DECLARE
  v_now CONSTANT timestamptz := clock_timestamp();
  v_gone integer := 0;
  x record;
BEGIN
  FOR x IN
    SELECT h.account_no, h.type_no, h.hold_id FROM farebox.holds h
    WHERE h.expires_at < v_now - interval '1 hour' AND h.shard = p_shard AND h.state <> 'live'
    ORDER BY h.expires_at LIMIT p_limit FOR UPDATE SKIP LOCKED
  LOOP
    DELETE FROM farebox.holds h
    WHERE h.account_no = x.account_no AND h.type_no = x.type_no AND h.hold_id = x.hold_id AND h.shard = p_shard;
    v_gone := v_gone + 1;
  END LOOP;
  RETURN v_gone;
END $$;
COMMENT ON FUNCTION farebox.forget_holds IS 'Called by the sweep. Deletes holds an hour after their time, once they are resolved.';

-- What was paid for once and is over.
CREATE FUNCTION farebox.forget_windows(p_shard smallint, p_limit integer) RETURNS integer
LANGUAGE plpgsql SET enable_seqscan = off SET lock_timeout = '100ms' AS $$
DECLARE
  v_now CONSTANT timestamptz := clock_timestamp();
  v_gone integer := 0;
  x record;
BEGIN
  FOR x IN
    SELECT w.account_no, w.endpoint_no, w.value FROM farebox.once_windows w
    WHERE w.until < v_now AND w.shard = p_shard ORDER BY w.until LIMIT p_limit FOR UPDATE SKIP LOCKED
  LOOP
    DELETE FROM farebox.once_windows w
    WHERE w.account_no = x.account_no AND w.endpoint_no = x.endpoint_no AND w.value = x.value AND w.shard = p_shard;
    v_gone := v_gone + 1;
  END LOOP;
  RETURN v_gone;
END $$;
COMMENT ON FUNCTION farebox.forget_windows IS 'Called by the sweep. Deletes `once` windows that are over.';

-- A dead instance may come back and ask for its last batch; after a month it does not.
CREATE FUNCTION farebox.forget_lanes(p_shard smallint, p_limit integer) RETURNS integer
LANGUAGE plpgsql SET enable_seqscan = off SET lock_timeout = '100ms' AS $$
DECLARE
  v_now CONSTANT timestamptz := clock_timestamp();
  v_gone integer := 0;
  x record;
BEGIN
  FOR x IN
    SELECT l.instance_no, l.nth FROM farebox.lanes l
    WHERE l.shard = p_shard AND l.state = 'dead' AND l.dead_at < v_now - interval '30 days'
      AND NOT EXISTS (SELECT FROM farebox.active_pools a WHERE a.shard = p_shard AND a.instance_no = l.instance_no)
    LIMIT p_limit FOR UPDATE SKIP LOCKED
  LOOP
    DELETE FROM farebox.lanes l WHERE l.instance_no = x.instance_no AND l.shard = p_shard AND l.nth = x.nth;
    v_gone := v_gone + 1;
  END LOOP;
  RETURN v_gone;
END $$;
COMMENT ON FUNCTION farebox.forget_lanes IS 'Called by the sweep. Deletes lanes of instances that died a month ago and have nothing to give back.';

-- What a dead instance is asked to give back, it gives back dead.
CREATE FUNCTION farebox.forget_recalls(p_shard smallint, p_limit integer) RETURNS integer
LANGUAGE plpgsql SET enable_seqscan = off SET lock_timeout = '100ms' AS $$
DECLARE
  v_gone integer := 0;
  x record;
BEGIN
  FOR x IN
    SELECT r.instance_no, r.account_no, r.type_no FROM farebox.recalls r
    WHERE r.shard = p_shard AND NOT EXISTS (
      SELECT FROM farebox.lanes l WHERE l.instance_no = r.instance_no AND l.shard = p_shard AND l.state = 'live'
    ) LIMIT p_limit FOR UPDATE SKIP LOCKED
  LOOP
    DELETE FROM farebox.recalls r
    WHERE r.shard = p_shard AND r.instance_no = x.instance_no AND r.account_no = x.account_no AND r.type_no = x.type_no;
    v_gone := v_gone + 1;
  END LOOP;
  RETURN v_gone;
END $$;
COMMENT ON FUNCTION farebox.forget_recalls IS 'Called by the sweep. Deletes what dead instances are asked to give back.';
