-- A call is found by its request's id, which has the time. Entries have no index on it: one would cost each charge, and calls are
-- looked for seldom.

-- The charges of a request in the pools of a shard that were charged about a time: by their usage of these quarters of an hour, or
-- by entries that are not rolled up yet. Answers {"pools": how many were looked through, at most p_most, "charges": [{"a": account_no,
-- "t": type_no, "s": seq}]}.
CREATE FUNCTION farebox.find_request(p_shard smallint, p_request uuid, p_from timestamptz, p_until timestamptz, p_most integer)
RETURNS jsonb
LANGUAGE plpgsql STABLE
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
AS $$
DECLARE
  v_pool record;
  v_seqs bigint[];
  v_pools integer := 0;
  v_charges jsonb := '[]';
BEGIN
  FOR v_pool IN
    SELECT c.account_no, c.type_no FROM (
      SELECT u.account_no, u.type_no FROM farebox.usage u
      WHERE u.shard = p_shard AND u.span = 'q'
        AND timezone('UTC', u.start) >= timezone('UTC', date_bin(interval '15 minutes', p_from, timestamptz '2000-01-01Z'))
        AND timezone('UTC', u.start) < timezone('UTC', p_until)
      UNION
      SELECT a.account_no, a.type_no FROM farebox.active_pools a
      CROSS JOIN LATERAL (
        SELECT p.last_seq, p.last_at FROM farebox.pools p
        WHERE p.account_no = a.account_no AND p.type_no = a.type_no AND p.shard = p_shard LIMIT 1
      ) p
      LEFT JOIN LATERAL (
        SELECT r.seq, r.at FROM farebox.usage_rolled r
        WHERE r.account_no = a.account_no AND r.type_no = a.type_no AND r.shard = p_shard LIMIT 1
      ) r ON true
      WHERE a.shard = p_shard AND p.last_seq > coalesce(r.seq, 0) AND p.last_at >= p_from AND coalesce(r.at, '-infinity') < p_until
    ) c LIMIT p_most
  LOOP
    v_pools := v_pools + 1;
    v_seqs := farebox.seqs_between(p_shard, v_pool.account_no, v_pool.type_no, p_from, p_until);
    v_charges := v_charges || coalesce((
      SELECT jsonb_agg(jsonb_build_object('a', v_pool.account_no, 't', v_pool.type_no, 's', e.seq) ORDER BY e.seq)
      FROM farebox.entries e
      WHERE e.account_no = v_pool.account_no AND e.type_no = v_pool.type_no AND e.shard = p_shard
        AND e.seq >= v_seqs[1] AND e.seq < v_seqs[2] AND e.at >= p_from AND e.at < p_until
        AND e.kind = 'c' AND e.request = p_request
    ), '[]');
  END LOOP;
  RETURN jsonb_build_object('pools', v_pools, 'charges', v_charges);
END $$;
COMMENT ON FUNCTION farebox.find_request IS
  'The charges of a request in all pools of a shard that were charged about a time. Locks nothing; its cost is that of the pools that were charged then.';
