-- The hot path: charges that the instance's lease covers, what goes back of leases, and leases of pools that have plenty; on
-- pools on which nothing is due and no key has a cap. Everything else goes through the general batch (the next migration),
-- which has the same numbers and the same rules.

-- A millisecond less than it seems: PGlite's clock has whole ones only, and shows up to one less than it is.
CREATE FUNCTION farebox.ms_until(p_at timestamptz, p_now timestamptz) RETURNS bigint LANGUAGE sql IMMUTABLE
RETURN CASE WHEN p_at < 'infinity' THEN greatest(0, floor(extract(epoch FROM p_at - p_now) * 1000) - 1) END;
COMMENT ON FUNCTION farebox.ms_until IS 'Internal. How long a lease may be trusted: until something is due on its pool. Null: for ever.';

-- p_: pools, each once, in the order of their keys, which is the order of their locks. p_first has one element more than there are
-- pools: charges p_first[i] + 1 to p_first[i + 1] are those of pool i, p_total[i] is their sum. p_back goes back of the lease,
-- p_lease is added to it (0: nothing).
-- c_: charges. c_running is the sum of a pool's charges up to this one.
--
-- A pool that a guard holds back is left as it is, and so is one that does not exist or that the instance has never leased from:
-- its places in the answer are empty, and its items go through the general batch. A lease passes if the pool has eight times as
-- much: the end of a pool is shared out by the general batch.
-- The answer, four lists parted by ';': per pool the number of its last entry and its balance before the charges, what is available
-- at the end, and the milliseconds until something is due (empty: nothing is).
--
-- FB002 when this is not the lane's next batch: settle_batch then tells what happened. 55P03 when a pool stays locked.
CREATE FUNCTION farebox.run_plain(
  p_shard smallint, p_instance integer, p_number bigint,
  p_account integer[], p_type smallint[], p_first integer[], p_total bigint[], p_back bigint[], p_lease bigint[],
  c_pool integer[], c_key integer[], c_endpoint integer[], c_amount bigint[], c_running bigint[], c_request uuid[],
  c_units integer[], c_status smallint[], c_list integer[]
) RETURNS text
LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
-- A plan is kept for the life of a connection. Made on small tables it read the whole index for a batch, and still did when they
-- had grown; when look-ups cost nothing each pool is looked up by its key.
SET random_page_cost = 0
-- Longer than a batch takes: a pool that other instances charge too is waited for. One that somebody keeps is passed by.
SET lock_timeout = '50ms'
AS $$
DECLARE
  v_now CONSTANT timestamptz := clock_timestamp();
  v_none CONSTANT bigint[] := array_fill(NULL::bigint, ARRAY[cardinality(p_account)]);
  v_seq bigint[] := v_none; v_balance bigint[] := v_none; v_spent bigint[] := v_none; v_available bigint[] := v_none;
  v_next bigint[] := v_none;
  v_at timestamptz[];
  v_reply text;
  x record;
BEGIN
  FOR x IN
    UPDATE farebox.pools p
    SET balance = p.balance - u.total, spent = p.spent + u.total, last_seq = p.last_seq + u.count,
      -- The clock may have been set back, and may have run on while this statement waited for the row.
      last_at = CASE WHEN u.count > 0 THEN greatest(p.last_at, v_now) ELSE p.last_at END,
      held = p.held - u.total - u.back + u.lease,
      lease_amount[array_position(p.lease_owner, p_instance)] =
        p.lease_amount[array_position(p.lease_owner, p_instance)] - u.total - u.back + u.lease
    FROM (
      SELECT k.*, p_first[k.i + 1] - p_first[k.i] AS count
      FROM unnest(p_account, p_type, p_total, p_back, p_lease) WITH ORDINALITY k(account, type, total, back, lease, i)
    ) u
    WHERE p.account_no = u.account AND p.type_no = u.type AND p.shard = p_shard
      AND p.next_event_at > v_now AND p.overdue = 0 AND NOT p.capped
      AND p.lease_amount[array_position(p.lease_owner, p_instance)] >= u.total + u.back
      AND (u.lease = 0 OR p.balance - p.held + u.back >= 8 * u.lease)
    RETURNING u.i, u.lease, p.last_seq - u.count AS seq, p.balance + u.total AS balance, p.spent - u.total AS spent,
      p.balance - p.held AS available, p.last_at, p.next_event_at
  LOOP
    v_seq[x.i] := x.seq; v_balance[x.i] := x.balance; v_spent[x.i] := x.spent; v_available[x.i] := x.available;
    v_at[x.i] := x.last_at;
    IF x.lease > 0 AND x.next_event_at < 'infinity' THEN
      v_next[x.i] := farebox.ms_until(x.next_event_at, v_now);
    END IF;
  END LOOP;
  INSERT INTO farebox.entries (account_no, type_no, shard, seq, at, amount, balance, spent, request, key_no, endpoint_no, units,
    price_list, status, kind)
  SELECT p_account[c.pool], p_type[c.pool], p_shard, v_seq[c.pool] + c.i - p_first[c.pool], v_at[c.pool], -c.amount,
    v_balance[c.pool] - c.running, v_spent[c.pool] + c.running, c.request, c.key, c.endpoint, c.units, c.list, c.status, 'c'
  FROM unnest(c_pool, c_key, c_endpoint, c_amount, c_running, c_request, c_units, c_status, c_list)
    WITH ORDINALITY c(pool, key, endpoint, amount, running, request, units, status, list, i)
  WHERE v_seq[c.pool] IS NOT NULL;
  v_reply := array_to_string(v_seq, ',', '') || ';' || array_to_string(v_balance, ',', '') || ';'
    || array_to_string(v_available, ',', '') || ';' || array_to_string(v_next, ',', '');
  UPDATE farebox.lanes l SET last_batch = p_number, reply = v_reply, seen_at = v_now
  WHERE l.instance_no = p_instance AND l.shard = p_shard AND l.last_batch = p_number - 1 AND l.state = 'live';
  IF NOT FOUND THEN
    RAISE EXCEPTION 'batch % is not the next one of instance %', p_number, p_instance USING ERRCODE = 'FB002';
  END IF;
  RETURN v_reply;
END $$;
COMMENT ON FUNCTION farebox.run_plain IS
  'Called by instances: a batch of plain charges, returns and leases. What it cannot do it leaves, and says so.';
