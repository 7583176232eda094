-- run_plain with one parameter less: what must be free for a lease follows from what a pool's leases lose.

DROP FUNCTION farebox.run_plain(
  smallint, integer, bigint, integer[], smallint[], integer[], integer[], bigint[], bigint[], bigint[], bigint[],
  integer[], integer[], integer[], bigint[], bigint[], uuid[], integer[], smallint[], integer[]
);

-- p_: pools, each once, in the order of their keys, which is the order of their locks. Pool i has p_count[i] charges, the last of which is
-- charge p_last[i]; they take p_total[i] off its balance. p_drawn[i] leaves its lease: what is charged and what is given back. p_moved[i] is
-- what lease and held become less by: p_drawn[i] without what is newly leased. A pool that has less than eight times that free, what
-- comes back counted, is left: the general batch leases as much as there is for all.
-- c_: charges, those of pool 1 first. c_rest is the sum of the charges of the same pool behind this one.
--
-- Every function, operator and parameter costs each batch again, because statements of functions are set up for each call: what the
-- instance can compute it has computed.
--
-- A pool that a guard holds back is left as it is, and so is one that does not exist or that the instance has never leased from:
-- its places in the answer are empty, and its items go through the general batch.
-- The answer, four lists parted by ';', of which the first three have a place for each pool and may end before the last: the number of its
-- last entry less p_last, its balance, and what is available. The fourth has pairs, the place of a pool that was newly leased from and the
-- milliseconds until something is due on it; a pool on which nothing is due is not in it, and without one the list is missing.
--
-- FB002 when this is not the lane's next batch: settle_batch then tells what happened. 55P03 when a pool stays locked.
CREATE FUNCTION farebox.run_plain(
  p_shard smallint, p_instance integer, p_number bigint,
  p_account integer[], p_type smallint[], p_count integer[], p_last integer[],
  p_total bigint[], p_drawn bigint[], p_moved bigint[],
  c_pool integer[], c_key integer[], c_endpoint integer[], c_amount bigint[], c_rest bigint[], c_request uuid[],
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
  -- Not empty: an empty array would begin with the first place that is written.
  v_seq bigint[] := '{NULL}'::bigint[]; v_balance bigint[] := '{NULL}'::bigint[]; v_spent bigint[] := '{NULL}'::bigint[];
  v_available bigint[] := '{NULL}'::bigint[]; v_at timestamptz[] := '{NULL}'::timestamptz[];
  v_next text;
  v_reply text;
  x record;
BEGIN
  FOR x IN
    UPDATE farebox.pools p
    SET balance = p.balance - u.total, spent = p.spent + u.total, last_seq = p.last_seq + p_count[u.i],
      -- The clock may have been set back, and may have run on while this statement waited for the row.
      last_at = greatest(p.last_at, v_now), held = p.held - u.moved,
      lease_amount[array_position(p.lease_owner, p_instance)] =
        p.lease_amount[array_position(p.lease_owner, p_instance)] - u.moved
    FROM unnest(p_account, p_type, p_total, p_moved) WITH ORDINALITY u(account, type, total, moved, i)
    WHERE p.account_no = u.account AND p.type_no = u.type AND p.shard = p_shard
      AND p.next_event_at > v_now AND p.overdue = 0 AND NOT p.capped
      AND p.lease_amount[array_position(p.lease_owner, p_instance)] >= p_drawn[u.i]
      AND p.balance - p.held >= 8 * (p_drawn[u.i] - u.moved) - (p_drawn[u.i] - u.total)
    RETURNING u.i, p.last_seq, p.balance, p.spent, p.balance - p.held AS available, p.last_at, p.next_event_at
  LOOP
    v_seq[x.i] := x.last_seq - p_last[x.i]; v_balance[x.i] := x.balance; v_spent[x.i] := x.spent;
    v_available[x.i] := x.available; v_at[x.i] := x.last_at;
    IF x.next_event_at < 'infinity' THEN
      IF p_drawn[x.i] > p_moved[x.i] THEN
        v_next := concat_ws(',', v_next, x.i, farebox.ms_until(x.next_event_at, v_now));
      END IF;
    END IF;
  END LOOP;
  INSERT INTO farebox.entries (account_no, type_no, shard, seq, at, amount, balance, spent, request, key_no, endpoint_no, units,
    price_list, status, kind)
  SELECT p_account[c.pool], p_type[c.pool], p_shard, v_seq[c.pool] + c.i, v_at[c.pool], -c_amount[c.i],
    v_balance[c.pool] + c_rest[c.i], v_spent[c.pool] - c_rest[c.i], c_request[c.i], c_key[c.i], c_endpoint[c.i], c_units[c.i],
    c_list[c.i], c_status[c.i], 'c'
  FROM unnest(c_pool) WITH ORDINALITY c(pool, i)
  WHERE v_seq[c.pool] IS NOT NULL;
  UPDATE farebox.lanes l
  SET last_batch = p_number, seen_at = v_now, reply = concat_ws(';', array_to_string(v_seq, ',', ''),
    array_to_string(v_balance, ',', ''), array_to_string(v_available, ',', ''), v_next)
  WHERE l.instance_no = p_instance AND l.shard = p_shard AND l.last_batch = p_number - 1 AND l.state = 'live'
  RETURNING l.reply INTO v_reply;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'batch % is not the next one of instance %', p_number, p_instance USING ERRCODE = 'FB002';
  END IF;
  RETURN v_reply;
END $$;
COMMENT ON FUNCTION farebox.run_plain IS
  'Called by instances: a batch of plain charges, returns and leases. What it cannot do it leaves, and says so. Answers four lists parted by '';'', with a place for each pool: the number of its last entry less p_last, its balance, what is available; and pairs of a pool newly leased from and the milliseconds until something is due on it. FB002: not the lane''s next batch. 55P03: a pool stays locked.';
