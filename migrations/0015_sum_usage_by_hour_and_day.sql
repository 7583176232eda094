-- Reports over months and years add up hours and days instead of quarters of an hour: 96 times fewer rows. The table is in 0008,
-- where refunds find the sums of their charge's hour and day.

-- How far a shard is summed: all its pools before `until`; those up to (after_account, after_type) before `next_until` too.
CREATE TABLE farebox.usage_summed (
  shard integer PRIMARY KEY,
  until timestamptz NOT NULL,
  next_until timestamptz,
  after_account text COLLATE "C" NOT NULL DEFAULT '',
  after_type text COLLATE "C" NOT NULL DEFAULT ''
);

-- Sums the next pools of a shard and returns how many it looked at; fewer than p_most: nothing is left to sum. A day is
-- summed twelve hours after its end, so that no charge can still come into it, not even when the server's clock is put back.
-- Each pool is locked, as by every verb that writes usage: a refund comes before its day is summed, or finds the sum.
CREATE FUNCTION farebox.sum_usage(p_shard integer, p_most integer) RETURNS integer
LANGUAGE plpgsql
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
AS $$
DECLARE
  v_state farebox.usage_summed;
  v_closed timestamptz := date_bin(interval '24 hours', clock_timestamp() - interval '12 hours', timestamptz '2000-01-01Z');
  v_count integer := 0;
  p record;
BEGIN
  -- Nearly always: nothing is locked, nothing written.
  IF EXISTS (SELECT FROM farebox.usage_summed s WHERE s.shard = p_shard AND s.next_until IS NULL AND s.until >= v_closed) THEN
    RETURN 0;
  END IF;
  IF NOT EXISTS (SELECT FROM farebox.usage_summed s WHERE s.shard = p_shard) THEN
    INSERT INTO farebox.usage_summed (shard, until)
    SELECT p_shard, coalesce(date_bin(interval '24 hours', min(u.quarter), timestamptz '2000-01-01Z'), v_closed)
    FROM farebox.usage u WHERE u.shard = p_shard
    ON CONFLICT (shard) DO NOTHING;
  END IF;
  SELECT * INTO v_state FROM farebox.usage_summed s WHERE s.shard = p_shard FOR UPDATE SKIP LOCKED;
  -- Another process sums this shard.
  IF NOT FOUND THEN RETURN 0; END IF;
  IF v_state.next_until IS NULL THEN
    -- A month at a time where much is to be made up for.
    v_state.next_until := least(v_closed, v_state.until + interval '720 hours');
    IF v_state.next_until <= v_state.until THEN RETURN 0; END IF;
  END IF;
  FOR p IN
    SELECT t.account_id, t.credit_type FROM farebox.pools t
    WHERE (t.account_id, t.credit_type) > (v_state.after_account, v_state.after_type) AND t.shard = p_shard
    ORDER BY t.account_id, t.credit_type LIMIT p_most
  LOOP
    v_count := v_count + 1;
    v_state.after_account := p.account_id; v_state.after_type := p.credit_type;
    CONTINUE WHEN NOT EXISTS (
      SELECT FROM farebox.usage u
      WHERE u.account_id = p.account_id AND u.credit_type = p.credit_type AND u.shard = p_shard
        AND u.quarter >= v_state.until AND u.quarter < v_state.next_until);
    PERFORM FROM farebox.pools t
    WHERE t.account_id = p.account_id AND t.credit_type = p.credit_type AND t.shard = p_shard FOR UPDATE;
    INSERT INTO farebox.usage_sums AS s (account_id, credit_type, span, start, key_id, endpoint, shard, requests, units,
      credits, refunded)
    SELECT u.account_id, u.credit_type, w.span, date_bin(w.width, u.quarter, timestamptz '2000-01-01Z'), u.key_id,
      u.endpoint, p_shard, sum(u.requests), sum(u.units), sum(u.credits), sum(u.refunded)
    FROM farebox.usage u, (VALUES ('hour', interval '1 hour'), ('day', interval '24 hours')) w(span, width)
    WHERE u.account_id = p.account_id AND u.credit_type = p.credit_type AND u.shard = p_shard
      AND u.quarter >= v_state.until AND u.quarter < v_state.next_until
    GROUP BY 1, 2, 3, 4, 5, 6
    ON CONFLICT (account_id, credit_type, span, start, key_id, endpoint, shard) DO UPDATE
    SET requests = excluded.requests, units = excluded.units, credits = excluded.credits, refunded = excluded.refunded;
  END LOOP;
  IF v_count < p_most THEN
    v_state.until := v_state.next_until; v_state.next_until := NULL;
    v_state.after_account := ''; v_state.after_type := '';
    -- Block ranges that are not summarized are read by every report over all accounts; PGlite has no autovacuum that does it.
    PERFORM brin_summarize_new_values('farebox.usage_by_quarter');
  END IF;
  UPDATE farebox.usage_summed s SET until = v_state.until, next_until = v_state.next_until,
    after_account = v_state.after_account, after_type = v_state.after_type
  WHERE s.shard = p_shard;
  -- One more range may be left when this one has ended.
  RETURN greatest(v_count, CASE WHEN v_state.next_until IS NULL AND v_state.until < v_closed THEN p_most ELSE 0 END);
END $$;
