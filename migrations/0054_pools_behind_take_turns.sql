-- Two hundred pools whose usage could not be rolled up stood in front of all others: nobody's usage of the shard was.

DROP FUNCTION farebox.list_behind(smallint, integer);

-- Pools with 500 entries or more behind their roll-up; those with fewer whose roll-up ends five minutes ago or earlier, so that
-- keys' spending and reports over all accounts are never far behind; and nobody's that need not be in sight any more.
-- Without the first p_skip: those that could not be rolled up.
CREATE FUNCTION farebox.list_behind(p_shard smallint, p_limit integer, p_skip integer) RETURNS jsonb
LANGUAGE plpgsql STABLE
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
AS $$
DECLARE
  v_old CONSTANT timestamptz := clock_timestamp() - interval '5 minutes';
BEGIN
  RETURN coalesce((
    SELECT jsonb_agg(jsonb_build_object('accountNo', b.account_no, 'typeNo', b.type_no, 'isNobodys', b.is_nobodys) ORDER BY b.at)
    FROM (
      SELECT a.account_no, a.type_no, a.is_nobodys, coalesce(r.at, '-infinity') AS at
      FROM (
        SELECT o.account_no, o.type_no, bool_or(o.instance_no = 0) AS is_nobodys FROM farebox.active_pools o
        WHERE o.shard = p_shard GROUP BY 1, 2
      ) a
      CROSS JOIN LATERAL (
        SELECT p.last_seq FROM farebox.pools p
        WHERE p.account_no = a.account_no AND p.type_no = a.type_no AND p.shard = p_shard LIMIT 1
      ) p
      LEFT JOIN LATERAL (
        SELECT u.seq, u.at FROM farebox.usage_rolled u
        WHERE u.account_no = a.account_no AND u.type_no = a.type_no AND u.shard = p_shard LIMIT 1
      ) r ON true
      WHERE p.last_seq - coalesce(r.seq, 0) >= 500
        OR (p.last_seq > coalesce(r.seq, 0) AND coalesce(r.at, '-infinity') < v_old)
        OR (p.last_seq <= r.seq AND a.is_nobodys)
      ORDER BY 4, 1, 2 OFFSET p_skip LIMIT p_limit
    ) b
  ), '[]');
END $$;
COMMENT ON FUNCTION farebox.list_behind IS 'Called by the background: the pools of a shard whose usage is to be rolled up, the longest behind first.';

-- Expired keys are looked for among the oldest, by the time of their making, in 10 ms. There may be keys among them that live on (they were
-- to be kept for longer then), or that somebody has locked: twenty times as many are looked at as are deleted at a time.
CREATE OR REPLACE FUNCTION farebox.forget_idempotency(p_shard smallint, p_limit integer) RETURNS integer
LANGUAGE plpgsql SET enable_seqscan = off SET lock_timeout = '100ms' AS $$
DECLARE
  v_now CONSTANT timestamptz := clock_timestamp();
  v_gone integer := 0;
  x record;
BEGIN
  FOR x IN
    SELECT q.account_no, q.key FROM (
      SELECT i.account_no, i.key, i.expires_at FROM farebox.idempotency_keys i
      WHERE i.shard = p_shard ORDER BY i.created_at LIMIT 20 * p_limit
    ) q WHERE q.expires_at <= v_now
  LOOP
    -- It may have been taken over since.
    PERFORM FROM farebox.idempotency_keys i
    WHERE i.account_no = x.account_no AND i.key = x.key AND i.shard = p_shard AND i.expires_at <= v_now FOR UPDATE SKIP LOCKED;
    CONTINUE WHEN NOT FOUND;
    DELETE FROM farebox.idempotency_keys i WHERE i.account_no = x.account_no AND i.key = x.key AND i.shard = p_shard;
    v_gone := v_gone + 1;
    EXIT WHEN v_gone >= p_limit;
  END LOOP;
  RETURN v_gone;
END $$;
COMMENT ON FUNCTION farebox.forget_idempotency IS 'Called by the sweep. Deletes Idempotency-Keys that have expired.';
