-- Usage is rolled up by the quarter of an hour, because a day begins at a half or a quarter hour of UTC where a third of the
-- world's people live; and keys have caps on what they spend, decided in the same statement as the pool.

CREATE FUNCTION farebox.quarter_of(p_at timestamptz) RETURNS timestamptz
LANGUAGE sql IMMUTABLE
RETURN date_bin(interval '15 minutes', p_at, timestamptz '2000-01-01 00:00:00Z');

-- squawk-ignore renaming-column
ALTER TABLE farebox.usage RENAME COLUMN hour TO quarter;
-- What was rolled up by the hour so far is rolled up again from the entries.
DELETE FROM farebox.usage;
INSERT INTO farebox.usage (account_id, credit_type, quarter, key_id, endpoint, shard, requests, units, credits, refunded)
SELECT c.account_id, c.credit_type, farebox.quarter_of(c.at), c.key_id, c.endpoint, c.shard, count(*), sum(c.units),
  -sum(c.amount), coalesce(sum(r.amount), 0)
FROM farebox.entries c
LEFT JOIN LATERAL (
  SELECT sum(f.amount) AS amount FROM farebox.refunds f
  WHERE f.account_id = c.account_id AND f.credit_type = c.credit_type AND f.seq = c.seq AND f.shard = c.shard
) r ON true
WHERE c.kind = 'charge'
GROUP BY 1, 2, 3, 4, 5, 6;
-- For reports over all accounts. A block range index is small, and rows are written in the order of time.
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX usage_by_quarter ON farebox.usage USING brin (quarter);

-- Usage by the UTC hour and day, of days that are over. A row is the exact sum of its quarters, whatever is refunded later.
CREATE TABLE farebox.usage_sums (
  account_id text COLLATE "C" NOT NULL,
  credit_type text COLLATE "C" NOT NULL,
  span text COLLATE "C" NOT NULL CHECK (span IN ('hour', 'day')),
  start timestamptz NOT NULL,
  key_id text COLLATE "C" NOT NULL,
  endpoint text COLLATE "C" NOT NULL,
  shard integer NOT NULL,
  requests bigint NOT NULL,
  units bigint NOT NULL,
  credits bigint NOT NULL,
  refunded bigint NOT NULL,
  PRIMARY KEY (account_id, credit_type, span, start, key_id, endpoint, shard)
);
-- For reports over all accounts. Nothing on the path of a charge writes here.
CREATE INDEX usage_sums_by_start ON farebox.usage_sums (span, start);

-- What keys may spend at most, and what they have spent. A row is read and written only under its pool's lock.
CREATE TABLE farebox.key_caps (
  account_id text COLLATE "C" NOT NULL,
  credit_type text COLLATE "C" NOT NULL,
  key_id text COLLATE "C" NOT NULL,
  shard integer NOT NULL,
  -- The most that may be spent in a UTC day, in a UTC month and in all. Null: no such cap.
  day_cap bigint CHECK (day_cap >= 0),
  month_cap bigint CHECK (month_cap >= 0),
  total_cap bigint CHECK (total_cap >= 0),
  -- Charges less refunds: in the day and the month that begin at `day` and `month`, and in all.
  day timestamptz NOT NULL,
  day_spent bigint NOT NULL CHECK (day_spent >= 0),
  month timestamptz NOT NULL,
  month_spent bigint NOT NULL CHECK (month_spent >= 0),
  total_spent bigint NOT NULL CHECK (total_spent >= 0),
  -- Sum of the leases of this key, which are held against the pool and the caps together.
  held bigint NOT NULL DEFAULT 0 CHECK (held >= 0),
  -- Whether the caps are the key's own or its account's plan's.
  source text NOT NULL CHECK (source IN ('key', 'plan')),
  PRIMARY KEY (account_id, credit_type, key_id, shard),
  CONSTRAINT key_caps_cap_given CHECK (num_nonnulls(day_cap, month_cap, total_cap) > 0)
) WITH (fillfactor = 50);

-- Whether any key has a cap on this pool: pools without one look for none.
ALTER TABLE farebox.pools ADD COLUMN capped boolean NOT NULL DEFAULT false;

-- As in 0004, with what keys' caps need. New among the parameters:
--   k_ leases of capped keys, each once: what goes back of it, and what plain charges draw from it
--   c_source, s_source: 0 pool, -1 the pool's lease, -1 - n the key's lease n, n hold n     l_key: 0, or the key's lease n
-- Caps are found by the rows of key_caps and not by what the instance believes: a charge counts towards its key's caps also
-- when the instance that admitted it had not yet heard of them. That happens under the pool's lock, so a pool and the caps of
-- its keys are one decision. g_ are the caps in play; they are looked up only on pools that are marked as capped.
DROP FUNCTION farebox.run_batch;
CREATE FUNCTION farebox.run_batch(
  p_shard integer, p_owner text, p_number bigint, p_keep_seconds integer,
  p_account text[], p_type text[], p_back bigint[], p_lease_total bigint[], p_pool_total bigint[], p_count integer[],
  k_pool integer[], k_key text[], k_back bigint[], k_total bigint[],
  d_pool integer[], d_key text[], d_endpoint text[], d_count integer[], d_units bigint[], d_credits bigint[],
  c_dim integer[], c_source integer[], c_amount bigint[], c_running bigint[], c_nth integer[], c_request text[],
  c_units integer[], c_status integer[], c_list integer[],
  s_dim integer[], s_source integer[], s_amount bigint[], s_request text[], s_units integer[], s_status integer[],
  s_list integer[], s_once integer[], s_idempotency integer[],
  h_pool integer[], h_id text[],
  o_pool integer[], o_endpoint text[], o_value text[], o_seconds integer[],
  i_pool integer[], i_key text[], i_owner text[], i_status integer[], i_headers text[], i_body text[],
  r_hold integer[],
  l_pool integer[], l_key integer[], l_need bigint[], l_want bigint[],
  n_hold integer[], n_amount bigint[], n_seconds integer[],
  f_pool integer[]
) RETURNS text
LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
AS $$
DECLARE
  v_lease_id CONSTANT text := 'lease:' || p_owner;
  v_pools CONSTANT integer := cardinality(p_account);
  v_last bigint; v_state text; v_reply text;
  v_now timestamptz; v_quarter timestamptz; v_found integer; v_all_fast boolean := true;
  v_balance bigint[]; v_held bigint[]; v_spent bigint[]; v_drawn bigint[]; v_overdue bigint[]; v_uncollected bigint[];
  v_seq bigint[]; v_next timestamptz[];
  v_lease bigint[]; v_lease_before bigint[]; k_lease bigint[]; k_lease_before bigint[];
  v_capped boolean[]; v_day timestamptz; v_month timestamptz;
  g_pool integer[] := '{}'; g_key text[]; g_day_cap bigint[]; g_month_cap bigint[]; g_total_cap bigint[]; g_source text[];
  g_day timestamptz[]; g_day_spent bigint[]; g_month timestamptz[]; g_month_spent bigint[]; g_total_spent bigint[];
  g_held bigint[]; g_touched boolean[]; d_cap integer[]; k_cap integer[];
  b_balance bigint[]; b_seq bigint[]; b_spent bigint[]; b_fast boolean[]; b_freed boolean[];
  h_state text[]; h_amount bigint[]; h_asked bigint[]; h_expires timestamptz[]; h_seq bigint[]; h_charged bigint[];
  h_uncollected bigint[]; h_balance bigint[]; h_touched boolean[]; h_created timestamptz[];
  o_until timestamptz[]; o_touched boolean[];
  i_state text[]; i_touched boolean[];
  e_dim integer[] := '{}'; e_seq bigint[] := '{}'; e_amount bigint[] := '{}'; e_balance bigint[] := '{}';
  e_spent bigint[] := '{}'; e_uncollected bigint[] := '{}'; e_request text[] := '{}'; e_units integer[] := '{}';
  e_status integer[] := '{}'; e_list integer[] := '{}';
  x_kind text[] := '{}'; x_seq bigint[] := '{}'; x_charged bigint[] := '{}'; x_uncollected bigint[] := '{}';
  x_balance bigint[] := '{}';
  y_released bigint[] := '{}';
  y_granted bigint[] := '{}'; y_available bigint[] := '{}'; y_balance bigint[] := '{}'; y_next bigint[] := '{}';
  y_window integer[] := '{}'; y_cap bigint[] := '{}'; y_reset bigint[] := '{}';
  z_kind text[] := '{}'; z_available bigint[] := '{}'; z_expires bigint[] := '{}';
  -- Refused leases and holds: the pool, what was asked to grow (-1 a hold, 0 the pool's lease, n the key's lease n), and
  -- whether a cap refused it.
  v_refused integer[] := '{}'; v_refused_key integer[] := '{}'; v_refused_by_cap boolean[] := '{}'; v_recalled integer[] := '{}';
  i integer; h integer; g integer; v_take bigint; v_from_pool bigint; v_back bigint; v_wanted boolean; v_left bigint;
  x record;
BEGIN
  SELECT n.last_batch, n.state, n.reply INTO v_last, v_state, v_reply
  FROM farebox.instances n WHERE n.owner = p_owner AND n.shard = p_shard FOR UPDATE;
  IF NOT FOUND THEN RETURN '{"s":"fenced"}'; END IF;
  IF p_number = v_last THEN RETURN v_reply; END IF;
  IF p_number < v_last THEN
    RAISE EXCEPTION 'batch % of % was sent after batch %', p_number, p_owner, v_last USING ERRCODE = 'FB002';
  END IF;
  IF v_state <> 'live' THEN RETURN '{"s":"fenced"}'; END IF;

  -- One look-up by primary key after the other, in the order of the keys: LATERAL with FOR UPDATE leaves no other plan.
  SELECT count(*), array_agg(q.balance), array_agg(q.held), array_agg(q.spent), array_agg(q.drawn), array_agg(q.overdue),
    array_agg(q.uncollected), array_agg(q.last_seq), array_agg(q.next_event_at), array_agg(q.capped)
  INTO v_found, v_balance, v_held, v_spent, v_drawn, v_overdue, v_uncollected, v_seq, v_next, v_capped
  FROM (
    SELECT u.i, p.* FROM (
      SELECT * FROM unnest(p_account, p_type) WITH ORDINALITY k(a, t, i) ORDER BY k.a COLLATE "C", k.t COLLATE "C" OFFSET 0
    ) u CROSS JOIN LATERAL (
      SELECT o.balance, o.held, o.spent, o.drawn, o.overdue, o.uncollected, o.last_seq, o.next_event_at,
        o.capped
      FROM farebox.pools o WHERE o.account_id = u.a AND o.credit_type = u.t AND o.shard = p_shard FOR UPDATE
    ) p ORDER BY u.i
  ) q;
  -- Nothing was written, so the caller creates them in a transaction of its own and sends the batch again. Created here, a
  -- new row could wait for another batch's new row while that one waits for a lock held here.
  IF v_found < v_pools THEN RETURN '{"s":"missing"}'; END IF;
  -- Taken after the locks, so that times run in the order of the numbers of a pool's entries.
  v_now := clock_timestamp();
  v_quarter := farebox.quarter_of(v_now);

  SELECT array_agg((
    SELECT l.amount FROM farebox.holds l
    WHERE l.account_id = u.a AND l.credit_type = u.t AND l.hold_id = v_lease_id AND l.shard = p_shard
  )) INTO v_lease_before
  FROM unnest(p_account, p_type) u(a, t);
  v_lease := v_lease_before;
  IF cardinality(k_pool) > 0 THEN
    SELECT array_agg((
      SELECT l.amount FROM farebox.holds l
      WHERE l.account_id = p_account[u.p] AND l.credit_type = p_type[u.p] AND l.hold_id = v_lease_id || '/' || u.key
        AND l.shard = p_shard
    )) INTO k_lease_before
    FROM unnest(k_pool, k_key) u(p, key);
    k_lease := k_lease_before;
  END IF;
  IF true = ANY (v_capped) THEN
    v_day := date_trunc('day', v_now, 'UTC'); v_month := date_trunc('month', v_now, 'UTC');
    d_cap := array_fill(NULL::integer, ARRAY[cardinality(d_pool)]);
    k_cap := array_fill(NULL::integer, ARRAY[cardinality(k_pool)]);
    -- One row per key with what refers to it: a search of one list for each item of another would grow with their product.
    FOR x IN
      SELECT u.p, u.key, u.dims, u.leases, c.* FROM (
        SELECT o.p, o.key, coalesce(array_agg(o.dim) FILTER (WHERE o.dim IS NOT NULL), '{}') AS dims,
          coalesce(array_agg(o.lease) FILTER (WHERE o.lease IS NOT NULL), '{}') AS leases
        FROM (
          SELECT d.p, d.key, d.i AS dim, NULL::bigint AS lease FROM unnest(d_pool, d_key) WITH ORDINALITY d(p, key, i)
          WHERE v_capped[d.p]
          UNION ALL SELECT k.p, k.key, NULL, k.i FROM unnest(k_pool, k_key) WITH ORDINALITY k(p, key, i) WHERE v_capped[k.p]
        ) o GROUP BY o.p, o.key
      ) u CROSS JOIN LATERAL (
        SELECT * FROM farebox.key_caps o
        WHERE o.account_id = p_account[u.p] AND o.credit_type = p_type[u.p] AND o.key_id = u.key AND o.shard = p_shard
        LIMIT 1
      ) c
    LOOP
      g := cardinality(g_pool) + 1;
      g_pool[g] := x.p; g_key[g] := x.key; g_source[g] := x.source; g_held[g] := x.held; g_touched[g] := false;
      g_day_cap[g] := x.day_cap; g_month_cap[g] := x.month_cap; g_total_cap[g] := x.total_cap;
      g_day[g] := greatest(x.day, v_day); g_day_spent[g] := CASE WHEN x.day < v_day THEN 0 ELSE x.day_spent END;
      g_month[g] := greatest(x.month, v_month);
      g_month_spent[g] := CASE WHEN x.month < v_month THEN 0 ELSE x.month_spent END;
      g_total_spent[g] := x.total_spent;
      FOREACH i IN ARRAY x.dims LOOP d_cap[i] := g; END LOOP;
      FOREACH i IN ARRAY x.leases LOOP k_cap[i] := g; END LOOP;
    END LOOP;
  END IF;
  b_balance := v_balance; b_seq := v_seq; b_spent := v_spent;
  b_fast := array_fill(true, ARRAY[v_pools]); b_freed := array_fill(false, ARRAY[v_pools]);

  FOR i IN 1..v_pools LOOP
    IF v_next[i] <= v_now OR v_overdue[i] > 0 THEN
      SELECT r.io_balance, r.io_held, r.io_drawn, r.io_last_seq, r.o_overdue, r.o_next_event_at INTO x
      FROM farebox.roll_pool_row(p_shard, p_account[i], p_type[i], v_now, v_spent[i], v_balance[i], v_held[i], v_drawn[i],
        v_seq[i]) r;
      v_balance[i] := x.io_balance; v_held[i] := x.io_held; v_drawn[i] := x.io_drawn; v_seq[i] := x.io_last_seq;
      v_overdue[i] := x.o_overdue; v_next[i] := x.o_next_event_at;
    END IF;
    IF p_back[i] > 0 THEN
      v_take := least(p_back[i], coalesce(v_lease[i], 0));
      v_lease[i] := v_lease[i] - v_take; v_held[i] := v_held[i] - v_take; b_freed[i] := true;
    END IF;
  END LOOP;
  FOR k IN 1..cardinality(k_pool) LOOP
    CONTINUE WHEN k_back[k] = 0;
    i := k_pool[k]; g := k_cap[k]; v_take := least(k_back[k], coalesce(k_lease[k], 0));
    k_lease[k] := k_lease[k] - v_take; v_held[i] := v_held[i] - v_take; b_freed[i] := true;
    IF g IS NOT NULL THEN g_held[g] := g_held[g] - v_take; g_touched[g] := true; END IF;
  END LOOP;
  IF cardinality(h_pool) > 0 THEN
    -- After the rolls, which expire what is due: next_event_at is never later than a live hold's expiry.
    SELECT array_agg(q.state), array_agg(q.amount), array_agg(q.asked), array_agg(q.expires_at), array_agg(q.charged_seq),
      array_agg(q.charged), array_agg(q.uncollected), array_agg(q.balance_after), array_agg(q.created_at)
    INTO h_state, h_amount, h_asked, h_expires, h_seq, h_charged, h_uncollected, h_balance, h_created
    FROM unnest(h_pool, h_id) u(p, id)
    LEFT JOIN LATERAL (
      SELECT * FROM farebox.holds k
      WHERE k.account_id = p_account[u.p] AND k.credit_type = p_type[u.p] AND k.hold_id = u.id AND k.shard = p_shard
      LIMIT 1
    ) q ON true;
    h_touched := array_fill(false, ARRAY[cardinality(h_pool)]);
  END IF;
  FOREACH h IN ARRAY r_hold LOOP
    v_take := 0;
    IF h_state[h] = 'live' THEN
      i := h_pool[h]; v_take := h_amount[h];
      v_held[i] := v_held[i] - v_take; b_freed[i] := true;
      h_state[h] := 'released'; h_amount[h] := 0; h_touched[h] := true;
    END IF;
    y_released := y_released || v_take;
  END LOOP;

  -- Plain charges, where leases and pool cover all of a pool's: one insert, one update and one upsert for all of them.
  FOR k IN 1..cardinality(k_pool) LOOP
    IF k_total[k] > coalesce(k_lease[k], 0) THEN b_fast[k_pool[k]] := false; v_all_fast := false; END IF;
  END LOOP;
  FOR i IN 1..v_pools LOOP
    IF p_count[i] > 0 THEN
      -- What a capped pool pays without a lease is looked at one by one: its key's cap may not allow it.
      IF b_fast[i] AND p_lease_total[i] <= coalesce(v_lease[i], 0) AND p_pool_total[i] <= v_balance[i] - v_held[i]
        AND NOT (v_capped[i] AND p_pool_total[i] > 0)
      THEN
        b_balance[i] := v_balance[i]; b_seq[i] := v_seq[i]; b_spent[i] := v_spent[i];
        v_take := p_lease_total[i];
        IF v_take > 0 THEN v_lease[i] := v_lease[i] - v_take; v_held[i] := v_held[i] - v_take; END IF;
        v_take := v_take + p_pool_total[i];
        v_balance[i] := v_balance[i] - v_take; v_spent[i] := v_spent[i] + v_take;
        v_seq[i] := v_seq[i] + p_count[i];
      ELSE
        b_fast[i] := false; v_all_fast := false;
      END IF;
    END IF;
  END LOOP;
  FOR k IN 1..cardinality(k_pool) LOOP
    i := k_pool[k]; g := k_cap[k]; v_take := k_total[k];
    CONTINUE WHEN v_take = 0 OR NOT b_fast[i];
    k_lease[k] := k_lease[k] - v_take; v_held[i] := v_held[i] - v_take;
    v_balance[i] := v_balance[i] - v_take; v_spent[i] := v_spent[i] + v_take;
    IF g IS NOT NULL THEN g_held[g] := g_held[g] - v_take; END IF;
  END LOOP;
  IF cardinality(g_pool) > 0 THEN
    FOR k IN 1..cardinality(d_pool) LOOP
      g := d_cap[k];
      CONTINUE WHEN g IS NULL OR d_count[k] = 0 OR NOT b_fast[d_pool[k]];
      g_day_spent[g] := g_day_spent[g] + d_credits[k]; g_month_spent[g] := g_month_spent[g] + d_credits[k];
      g_total_spent[g] := g_total_spent[g] + d_credits[k]; g_touched[g] := true;
    END LOOP;
  END IF;
  IF cardinality(c_dim) > 0 THEN
    INSERT INTO farebox.entries (account_id, credit_type, seq, shard, at, amount, balance, spent, units, price_list, status,
      kind, request_id, key_id, endpoint)
    SELECT p_account[d_pool[c.dim]], p_type[d_pool[c.dim]], b_seq[d_pool[c.dim]] + c.nth, p_shard, v_now, -c.amount,
      b_balance[d_pool[c.dim]] - c.running, b_spent[d_pool[c.dim]] + c.running, c.units, c.list, c.status, 'charge',
      c.request, d_key[c.dim], d_endpoint[c.dim]
    FROM unnest(c_dim, c_amount, c_running, c_nth, c_request, c_units, c_status, c_list)
      c(dim, amount, running, nth, request, units, status, list)
    WHERE v_all_fast OR b_fast[d_pool[c.dim]];
    INSERT INTO farebox.usage AS g (account_id, credit_type, quarter, key_id, endpoint, shard, requests, units, credits)
    SELECT p_account[d.pool], p_type[d.pool], v_quarter, d.key, d.endpoint, p_shard, d.count,
      d.units, d.credits
    FROM unnest(d_pool, d_key, d_endpoint, d_count, d_units, d_credits) d(pool, key, endpoint, count, units, credits)
    WHERE d.count > 0 AND (v_all_fast OR b_fast[d.pool])
    ON CONFLICT (account_id, credit_type, quarter, key_id, endpoint, shard) DO UPDATE
    SET requests = g.requests + excluded.requests, units = g.units + excluded.units, credits = g.credits + excluded.credits;
  END IF;

  -- All other charges, one after the other, on the arrays; the writes follow in sets.
  IF NOT v_all_fast OR cardinality(s_dim) > 0 THEN
    IF cardinality(o_pool) > 0 THEN
      -- A row to lock, for values not seen before. A conflicting insert waits, so it is made in the order of the keys.
      INSERT INTO farebox.once_windows (account_id, endpoint, value, shard, until)
      SELECT p_account[u.p], u.e, u.v, p_shard, '-infinity' FROM unnest(o_pool, o_endpoint, o_value) u(p, e, v)
      ORDER BY p_account[u.p] COLLATE "C", u.e COLLATE "C", u.v COLLATE "C"
      ON CONFLICT DO NOTHING;
      SELECT array_agg(q.until) INTO o_until
      FROM (
        SELECT w.until FROM (
          SELECT * FROM unnest(o_pool, o_endpoint, o_value) WITH ORDINALITY k(p, e, v, n)
          ORDER BY p_account[k.p] COLLATE "C", k.e COLLATE "C", k.v COLLATE "C" OFFSET 0
        ) u CROSS JOIN LATERAL (
          SELECT o.until FROM farebox.once_windows o
          WHERE o.account_id = p_account[u.p] AND o.endpoint = u.e AND o.value = u.v AND o.shard = p_shard FOR UPDATE
        ) w ORDER BY u.n
      ) q;
      IF cardinality(o_until) <> cardinality(o_pool) THEN
        -- A sweep deleted one between the two statements: the same batch again finds a new one.
        RAISE EXCEPTION 'a once window vanished' USING ERRCODE = 'serialization_failure';
      END IF;
      o_touched := array_fill(false, ARRAY[cardinality(o_pool)]);
    END IF;
    IF cardinality(i_pool) > 0 THEN
      -- A key that nobody has any more, or that another run has begun again, does not stop the charge: the work was done.
      i_state := array_fill('gone'::text, ARRAY[cardinality(i_pool)]);
      FOR x IN
        SELECT u.n, k.state FROM (
          SELECT * FROM unnest(i_pool, i_key) WITH ORDINALITY o(p, key, n)
          ORDER BY p_account[o.p] COLLATE "C", o.key COLLATE "C" OFFSET 0
        ) u CROSS JOIN LATERAL (
          SELECT o.state FROM farebox.idempotency_keys o
          WHERE o.account_id = p_account[u.p] AND o.key = u.key AND o.shard = p_shard FOR UPDATE
        ) k
      LOOP i_state[x.n] := x.state; END LOOP;
      i_touched := array_fill(false, ARRAY[cardinality(i_pool)]);
    END IF;

    FOR x IN
      SELECT c.dim, c.source, c.amount, c.request, c.units, c.status, c.list, 0 AS once, 0 AS idempotency
      FROM unnest(c_dim, c_source, c_amount, c_request, c_units, c_status, c_list)
        c(dim, source, amount, request, units, status, list)
      WHERE NOT v_all_fast AND NOT b_fast[d_pool[c.dim]]
      UNION ALL
      SELECT * FROM unnest(s_dim, s_source, s_amount, s_request, s_units, s_status, s_list, s_once, s_idempotency)
    LOOP
      i := d_pool[x.dim]; h := x.source; v_back := 0; v_take := 0; g := d_cap[x.dim];
      IF h > 0 THEN
        IF h_state[h] IS NULL OR h_state[h] = 'charged' OR h_charged[h] IS NOT NULL THEN
          x_kind := x_kind || CASE WHEN h_state[h] IS NULL THEN 'unknown' ELSE 'charged' END; x_seq := x_seq || h_seq[h];
          x_charged := x_charged || coalesce(h_charged[h], 0); x_uncollected := x_uncollected || coalesce(h_uncollected[h], 0);
          x_balance := x_balance || coalesce(h_balance[h], v_balance[i]);
          CONTINUE;
        END IF;
        v_back := h_amount[h];
      END IF;
      v_wanted := true;
      IF x.idempotency > 0 AND i_state[x.idempotency] = 'done' THEN
        v_wanted := false; x_kind := x_kind || 'superseded'::text;
      ELSIF x.once > 0 AND o_until[x.once] > v_now THEN
        v_wanted := false; x_kind := x_kind || 'repeat'::text;
      ELSE
        x_kind := x_kind || 'charged'::text;
      END IF;
      v_from_pool := 0;
      IF v_wanted THEN
        -- First what was set aside for it, then what the pool has to spare; the rest is recorded as uncollected.
        v_take := least(x.amount, CASE WHEN h = 0 THEN 0 WHEN h = -1 THEN coalesce(v_lease[i], 0)
          WHEN h < 0 THEN coalesce(k_lease[-1 - h], 0) ELSE v_back END);
        IF h = -1 THEN v_lease[i] := v_lease[i] - v_take; v_back := v_take; END IF;
        IF h < -1 THEN
          k_lease[-1 - h] := k_lease[-1 - h] - v_take; v_back := v_take;
          IF g IS NOT NULL THEN g_held[g] := g_held[g] - v_take; END IF;
        END IF;
        v_from_pool := least(x.amount - v_take, v_balance[i] - v_held[i] + v_back - v_take);
        IF g IS NOT NULL THEN
          v_from_pool := least(v_from_pool, greatest(0, least(g_day_cap[g] - g_day_spent[g], g_month_cap[g] - g_month_spent[g],
            g_total_cap[g] - g_total_spent[g]) - g_held[g] - v_take));
          g_day_spent[g] := g_day_spent[g] + v_take + v_from_pool;
          g_month_spent[g] := g_month_spent[g] + v_take + v_from_pool;
          g_total_spent[g] := g_total_spent[g] + v_take + v_from_pool; g_touched[g] := true;
        END IF;
      END IF;
      v_held[i] := v_held[i] - v_back;
      IF v_back > v_take THEN b_freed[i] := true; END IF;
      v_take := v_take + v_from_pool;
      v_balance[i] := v_balance[i] - v_take; v_spent[i] := v_spent[i] + v_take;
      IF v_wanted AND x.amount > 0 THEN
        v_seq[i] := v_seq[i] + 1;
        v_uncollected[i] := v_uncollected[i] + x.amount - v_take;
        e_dim := e_dim || x.dim; e_seq := e_seq || v_seq[i]; e_amount := e_amount || -v_take;
        e_balance := e_balance || v_balance[i]; e_spent := e_spent || v_spent[i];
        e_uncollected := e_uncollected || (x.amount - v_take); e_request := e_request || x.request;
        e_units := e_units || x.units; e_status := e_status || x.status; e_list := e_list || x.list;
        x_seq := x_seq || v_seq[i]; x_uncollected := x_uncollected || (x.amount - v_take);
      ELSE
        x_seq := x_seq || NULL::bigint; x_uncollected := x_uncollected || 0::bigint;
      END IF;
      x_charged := x_charged || v_take; x_balance := x_balance || v_balance[i];
      IF x.once > 0 AND v_take > 0 THEN
        o_until[x.once] := v_now + make_interval(secs => o_seconds[x.once]); o_touched[x.once] := true;
      END IF;
      IF x.idempotency > 0 AND i_state[x.idempotency] <> 'done' THEN
        i_touched[x.idempotency] := i_state[x.idempotency] = 'running'; i_state[x.idempotency] := 'done';
      END IF;
      IF h > 0 THEN
        -- An expired or released hold stays what it is; the charge that came too late is remembered with it.
        IF h_state[h] = 'live' THEN h_state[h] := 'charged'; END IF;
        h_amount[h] := 0; h_seq[h] := x_seq[cardinality(x_seq)]; h_charged[h] := v_take;
        h_uncollected[h] := x_uncollected[cardinality(x_uncollected)]; h_balance[h] := v_balance[i]; h_touched[h] := true;
      END IF;
    END LOOP;

    IF cardinality(e_dim) > 0 THEN
      INSERT INTO farebox.entries (account_id, credit_type, seq, shard, at, amount, balance, spent, uncollected, units,
        price_list, status, kind, request_id, key_id, endpoint)
      SELECT p_account[d_pool[e.dim]], p_type[d_pool[e.dim]], e.seq, p_shard, v_now, e.amount, e.balance, e.spent,
        e.uncollected, e.units, e.list, e.status, 'charge', e.request, d_key[e.dim], d_endpoint[e.dim]
      FROM unnest(e_dim, e_seq, e_amount, e_balance, e_spent, e_uncollected, e_request, e_units, e_status, e_list)
        e(dim, seq, amount, balance, spent, uncollected, request, units, status, list);
      INSERT INTO farebox.usage AS g (account_id, credit_type, quarter, key_id, endpoint, shard, requests, units, credits)
      SELECT p_account[d_pool[e.dim]], p_type[d_pool[e.dim]], v_quarter, d_key[e.dim],
        d_endpoint[e.dim], p_shard, count(*), sum(e.units), -sum(e.amount)
      FROM unnest(e_dim, e_units, e_amount) e(dim, units, amount) GROUP BY e.dim
      ON CONFLICT (account_id, credit_type, quarter, key_id, endpoint, shard) DO UPDATE
      SET requests = g.requests + excluded.requests, units = g.units + excluded.units, credits = g.credits + excluded.credits;
    END IF;
    FOR k IN 1..cardinality(o_pool) LOOP
      CONTINUE WHEN NOT o_touched[k];
      UPDATE farebox.once_windows w SET until = o_until[k]
      WHERE w.account_id = p_account[o_pool[k]] AND w.endpoint = o_endpoint[k] AND w.value = o_value[k]
        AND w.shard = p_shard;
    END LOOP;
    FOR k IN 1..cardinality(i_pool) LOOP
      CONTINUE WHEN NOT i_touched[k];
      UPDATE farebox.idempotency_keys y SET state = 'done', owner = i_owner[k], status = i_status[k],
        headers = i_headers[k]::jsonb, body = decode(i_body[k], 'base64'),
        expires_at = v_now + make_interval(secs => p_keep_seconds)
      WHERE y.account_id = p_account[i_pool[k]] AND y.key = i_key[k] AND y.shard = p_shard;
    END LOOP;
  END IF;

  -- What this batch set free may have expired meanwhile; it must not be handed out below.
  FOR i IN 1..v_pools LOOP
    IF v_overdue[i] > 0 AND b_freed[i] THEN
      SELECT r.io_balance, r.io_held, r.io_drawn, r.io_last_seq, r.o_overdue, r.o_next_event_at INTO x
      FROM farebox.roll_pool_row(p_shard, p_account[i], p_type[i], v_now, v_spent[i], v_balance[i], v_held[i], v_drawn[i],
        v_seq[i]) r;
      v_balance[i] := x.io_balance; v_held[i] := x.io_held; v_drawn[i] := x.io_drawn; v_seq[i] := x.io_last_seq;
      v_overdue[i] := x.o_overdue; v_next[i] := x.o_next_event_at;
    END IF;
  END LOOP;

  -- Leases and holds, greedy in order: what does not fit is refused, a later smaller one may still fit.
  FOR k IN 1..cardinality(l_pool) LOOP
    i := l_pool[k]; h := l_key[k]; g := CASE WHEN h > 0 THEN k_cap[h] END;
    v_take := v_balance[i] - v_held[i];
    v_left := least(g_day_cap[g] - g_day_spent[g], g_month_cap[g] - g_month_spent[g], g_total_cap[g] - g_total_spent[g]);
    IF v_left - g_held[g] < v_take THEN
      -- A cap allows less than the pool has: it decides, and the answer says which one and until when.
      v_take := greatest(0, v_left - g_held[g]);
      y_window := y_window || CASE v_left WHEN g_total_cap[g] - g_total_spent[g] THEN 3
        WHEN g_month_cap[g] - g_month_spent[g] THEN 2 ELSE 1 END;
    ELSE
      y_window := y_window || 0;
    END IF;
    y_cap := y_cap || CASE y_window[k] WHEN 1 THEN g_day_cap[g] WHEN 2 THEN g_month_cap[g] WHEN 3 THEN g_total_cap[g] END;
    y_reset := y_reset || CASE y_window[k] WHEN 1 THEN ceil(extract(epoch FROM g_day[g] + interval '24 hours' - v_now) * 1000)
      WHEN 2 THEN ceil(extract(epoch FROM farebox.period_start(g_month[g], 'month', 1) - v_now) * 1000) END::bigint;
    IF v_take < l_need[k] THEN
      v_refused := v_refused || i; v_refused_key := v_refused_key || h;
      v_refused_by_cap := v_refused_by_cap || (y_window[k] > 0);
      y_available := y_available || v_take;
      v_take := 0;
    ELSE
      -- At most an eighth, so that the end of a pool, or of a cap, is not stranded in the lease of one instance.
      v_from_pool := v_take;
      v_take := greatest(l_need[k], least(l_want[k], v_take / 8));
      v_held[i] := v_held[i] + v_take;
      IF h = 0 THEN v_lease[i] := coalesce(v_lease[i], 0) + v_take; ELSE k_lease[h] := coalesce(k_lease[h], 0) + v_take; END IF;
      IF g IS NOT NULL THEN g_held[g] := g_held[g] + v_take; g_touched[g] := true; END IF;
      y_available := y_available || (v_from_pool - v_take);
    END IF;
    y_granted := y_granted || v_take;
    y_balance := y_balance || v_balance[i];
    -- A millisecond less than it seems: PGlite's clock has whole ones only, and shows up to one less than it is.
    y_next := y_next || CASE WHEN v_next[i] IS NOT NULL
      THEN greatest(0, floor(extract(epoch FROM v_next[i] - v_now) * 1000) - 1)::bigint END;
  END LOOP;
  FOR k IN 1..cardinality(n_hold) LOOP
    h := n_hold[k]; i := h_pool[h]; v_take := v_balance[i] - v_held[i];
    IF h_state[h] IS NULL AND v_take < n_amount[k] THEN
      z_kind := z_kind || 'insufficient'::text;
      v_refused := v_refused || i; v_refused_key := v_refused_key || -1; v_refused_by_cap := v_refused_by_cap || false;
    ELSIF h_state[h] IS NULL THEN
      h_state[h] := 'live'; h_amount[h] := n_amount[k]; h_asked[h] := n_amount[k];
      h_created[h] := v_now; h_touched[h] := true;
      h_expires[h] := v_now + make_interval(secs => n_seconds[k]);
      v_held[i] := v_held[i] + n_amount[k];
      v_next[i] := least(v_next[i], h_expires[h]);
      z_kind := z_kind || 'held'::text;
    ELSIF h_state[h] = 'live' AND h_asked[h] = n_amount[k] THEN
      z_kind := z_kind || 'held'::text;
    ELSE
      z_kind := z_kind || h_state[h];
    END IF;
    z_available := z_available || (v_balance[i] - v_held[i]);
    z_expires := z_expires || (extract(epoch FROM h_expires[h]) * 1000)::bigint;
  END LOOP;
  IF cardinality(v_refused) > 0 THEN
    -- Every other lease of the pool is called back, those of this very instance too; for a cap, the leases of its key. What a
    -- book asks for a lease it has given back of it, so that lease itself is not.
    FOR x IN
      SELECT DISTINCT u.i, l.owner FROM unnest(v_refused, v_refused_key, v_refused_by_cap) u(i, k, by_cap)
      CROSS JOIN LATERAL (
        SELECT o.owner, o.hold_id, o.amount FROM farebox.holds o
        WHERE o.account_id = p_account[u.i] AND o.credit_type = p_type[u.i]
          AND o.hold_id >= 'lease:' AND o.hold_id < 'lease;' AND o.shard = p_shard
        OFFSET 0
      ) l
      LEFT JOIN LATERAL (
        SELECT q.n FROM unnest(k_pool, k_key) WITH ORDINALITY q(p, key, n)
        WHERE q.p = u.i AND l.hold_id = v_lease_id || '/' || q.key
      ) own ON true
      WHERE CASE WHEN l.hold_id = v_lease_id THEN v_lease[u.i] WHEN own.n IS NOT NULL THEN k_lease[own.n] ELSE l.amount END > 0
        AND l.hold_id <> CASE u.k WHEN -1 THEN '' WHEN 0 THEN v_lease_id ELSE v_lease_id || '/' || k_key[u.k] END
        AND (NOT u.by_cap OR split_part(l.hold_id, '/', 2) = k_key[u.k])
      ORDER BY u.i, l.owner
    LOOP
      v_recalled := v_recalled || x.i;
      INSERT INTO farebox.recalls (owner, account_id, credit_type, shard)
      VALUES (x.owner, p_account[x.i], p_type[x.i], p_shard) ON CONFLICT DO NOTHING;
    END LOOP;
  END IF;

  -- Upserts, although the rows are there: an upsert looks each row up by its primary key. An UPDATE that joins was planned,
  -- while the table was small, as a scan of the whole index for each row, and stayed so when it had grown.
  INSERT INTO farebox.holds AS l (account_id, credit_type, hold_id, shard, amount, asked, created_at, owner, kind)
  SELECT u.a, u.t, v_lease_id, p_shard, v_lease[u.i], 0, v_now, p_owner, 'lease'
  FROM unnest(p_account, p_type) WITH ORDINALITY u(a, t, i)
  WHERE v_lease[u.i] IS DISTINCT FROM v_lease_before[u.i]
  ON CONFLICT (account_id, credit_type, hold_id, shard) DO UPDATE SET amount = excluded.amount;
  IF cardinality(k_pool) > 0 THEN
    INSERT INTO farebox.holds AS l (account_id, credit_type, hold_id, shard, amount, asked, created_at, owner, kind)
    SELECT p_account[u.p], p_type[u.p], v_lease_id || '/' || u.key, p_shard, k_lease[u.n], 0, v_now, p_owner, 'lease'
    FROM unnest(k_pool, k_key) WITH ORDINALITY u(p, key, n)
    WHERE k_lease[u.n] IS DISTINCT FROM k_lease_before[u.n]
    ON CONFLICT (account_id, credit_type, hold_id, shard) DO UPDATE SET amount = excluded.amount;
  END IF;
  IF cardinality(g_pool) > 0 THEN
    INSERT INTO farebox.key_caps AS c (account_id, credit_type, key_id, shard, day_cap, month_cap, total_cap, day, day_spent,
      month, month_spent, total_spent, held, source)
    SELECT p_account[u.p], p_type[u.p], u.key, p_shard, g_day_cap[u.n], g_month_cap[u.n], g_total_cap[u.n], g_day[u.n],
      g_day_spent[u.n], g_month[u.n], g_month_spent[u.n], g_total_spent[u.n], g_held[u.n], g_source[u.n]
    FROM unnest(g_pool, g_key) WITH ORDINALITY u(p, key, n) WHERE g_touched[u.n]
    ON CONFLICT (account_id, credit_type, key_id, shard) DO UPDATE
    SET day = excluded.day, day_spent = excluded.day_spent, month = excluded.month, month_spent = excluded.month_spent,
      total_spent = excluded.total_spent, held = excluded.held;
  END IF;
  IF cardinality(h_pool) > 0 THEN
    INSERT INTO farebox.holds AS k (account_id, credit_type, hold_id, shard, amount, asked, created_at, expires_at,
      charged_seq, charged, uncollected, balance_after, kind, state)
    SELECT p_account[u.p], p_type[u.p], u.id, p_shard, h_amount[u.n], h_asked[u.n], h_created[u.n], h_expires[u.n],
      h_seq[u.n], h_charged[u.n], h_uncollected[u.n], h_balance[u.n], 'hold', h_state[u.n]
    FROM unnest(h_pool, h_id) WITH ORDINALITY u(p, id, n) WHERE h_touched[u.n]
    ON CONFLICT (account_id, credit_type, hold_id, shard) DO UPDATE
    SET amount = excluded.amount, state = excluded.state, charged_seq = excluded.charged_seq, charged = excluded.charged,
      uncollected = excluded.uncollected, balance_after = excluded.balance_after;
  END IF;
  INSERT INTO farebox.pools AS p (account_id, credit_type, shard, balance, held, spent, drawn, overdue, uncollected,
    last_seq, next_event_at)
  SELECT u.a, u.t, p_shard, v_balance[u.i], v_held[u.i], v_spent[u.i], v_drawn[u.i], v_overdue[u.i], v_uncollected[u.i],
    v_seq[u.i], v_next[u.i]
  FROM unnest(p_account, p_type) WITH ORDINALITY u(a, t, i)
  ON CONFLICT (account_id, credit_type, shard) DO UPDATE
  SET balance = excluded.balance, held = excluded.held, spent = excluded.spent, drawn = excluded.drawn,
    overdue = excluded.overdue, uncollected = excluded.uncollected, last_seq = excluded.last_seq,
    next_event_at = excluded.next_event_at;

  v_reply := '{"s":"done","seq":[' || array_to_string(b_seq, ',') || '],"balance":[' || array_to_string(b_balance, ',')
    || '],"slow":[' || CASE WHEN v_all_fast THEN '' ELSE
      (SELECT string_agg(u.i::text, ',') FROM unnest(b_fast) WITH ORDINALITY u(fast, i) WHERE NOT u.fast) END
    || '],"charges":[["' || array_to_string(x_kind, '","') || '"],[' || array_to_string(x_seq, ',', 'null') || '],['
    || array_to_string(x_charged, ',') || '],[' || array_to_string(x_uncollected, ',') || '],['
    || array_to_string(x_balance, ',') || ']],"released":[' || array_to_string(y_released, ',')
    || '],"leases":[[' || array_to_string(y_granted, ',') || '],[' || array_to_string(y_available, ',') || '],['
    || array_to_string(y_balance, ',') || '],[' || array_to_string(y_next, ',', 'null') || '],['
    || array_to_string(y_window, ',') || '],[' || array_to_string(y_cap, ',', 'null') || '],['
    || array_to_string(y_reset, ',', 'null')
    || ']],"holds":[["' || array_to_string(z_kind, '","') || '"],[' || array_to_string(z_available, ',') || '],['
    || array_to_string(z_expires, ',', 'null') || ']],"recalled":[' || array_to_string(v_recalled, ',')
    || '],"final":[' || coalesce((SELECT string_agg(v_balance[f.i] || ',' || (v_balance[f.i] - v_held[f.i]), ',' ORDER BY f.n)
      FROM unnest(f_pool) WITH ORDINALITY f(i, n)), '')
    || ']}';
  UPDATE farebox.instances n SET last_batch = p_number, reply = v_reply, seen_at = v_now
  WHERE n.owner = p_owner AND n.shard = p_shard;
  RETURN v_reply;
END $$;

-- As in 0006, for the leases of keys too: they are held against their key's caps as well.
CREATE OR REPLACE FUNCTION farebox.release_leases(p_shard integer, p_owner text, p_limit integer) RETURNS integer
LANGUAGE plpgsql
SET enable_seqscan = off
AS $$
DECLARE
  v_account text[];
  v_type text[];
  v_freed bigint;
  v_overdue bigint;
  v_done integer := 0;
  x record;
BEGIN
  PERFORM FROM farebox.instances n WHERE n.owner = p_owner AND n.shard = p_shard AND n.state = 'dead';
  IF NOT FOUND THEN RETURN 0; END IF;
  -- Most leases of an instance that served many accounts are empty. They change no pool, so none is locked for them: batches
  -- of a dead instance are fenced, and nobody else touches its leases.
  DELETE FROM farebox.holds h WHERE h.owner = p_owner AND h.shard = p_shard AND h.kind = 'lease' AND h.amount = 0;
  SELECT coalesce(array_agg(l.account_id), '{}'), coalesce(array_agg(l.credit_type), '{}') INTO v_account, v_type
  FROM (
    SELECT DISTINCT h.account_id, h.credit_type FROM farebox.holds h
    WHERE h.owner = p_owner AND h.shard = p_shard AND h.kind = 'lease'
    ORDER BY h.account_id, h.credit_type LIMIT p_limit
  ) l;
  FOR k IN 1..cardinality(v_account) LOOP
    SELECT (p.o_pool).overdue INTO v_overdue FROM farebox.open_pool(p_shard, v_account[k], v_type[k]) p;
    v_freed := 0;
    -- Another process may have been faster; the pool's lock made this one wait for it. '0' follows '/': the pool's lease and
    -- those of its keys.
    FOR x IN
      DELETE FROM farebox.holds h
      WHERE h.account_id = v_account[k] AND h.credit_type = v_type[k] AND h.hold_id >= 'lease:' || p_owner
        AND h.hold_id < 'lease:' || p_owner || '0' AND h.shard = p_shard
      RETURNING h.hold_id, h.amount
    LOOP
      v_done := v_done + 1; v_freed := v_freed + x.amount;
      UPDATE farebox.key_caps c SET held = c.held - x.amount
      WHERE c.account_id = v_account[k] AND c.credit_type = v_type[k] AND c.key_id = split_part(x.hold_id, '/', 2)
        AND c.shard = p_shard;
    END LOOP;
    IF v_freed > 0 THEN
      UPDATE farebox.pools p SET held = p.held - v_freed
      WHERE p.account_id = v_account[k] AND p.credit_type = v_type[k] AND p.shard = p_shard;
      -- What expired while it was set aside goes now.
      IF v_overdue > 0 THEN PERFORM farebox.roll_pool(p_shard, v_account[k], v_type[k]); END IF;
    END IF;
  END LOOP;
  IF v_done = 0 AND cardinality(v_account) = 0 THEN
    DELETE FROM farebox.recalls r WHERE r.owner = p_owner AND r.shard = p_shard;
  END IF;
  RETURN v_done;
END $$;

-- Gives a key caps, each {"creditType", "day", "month", "total"} with amounts in micro-credits or null: the only ones it has
-- from now on. What the key has spent before counts: in a credit type that had no cap it is summed up from its usage.
-- p_source: 'key' for its own, 'plan' for those of its account's plan, which do not replace own ones.
CREATE FUNCTION farebox.set_key_caps(p_shard integer, p_account text, p_key text, p_source text, p_caps jsonb) RETURNS void
LANGUAGE plpgsql
SET enable_seqscan = off
AS $$
DECLARE
  v_type text;
  v_cap jsonb;
  v_opened record;
  v_day timestamptz;
  v_month timestamptz;
BEGIN
  IF p_source = 'plan' AND EXISTS (
    SELECT FROM farebox.key_caps c
    WHERE c.account_id = p_account AND c.key_id = p_key AND c.shard = p_shard AND c.source = 'key'
  ) THEN RETURN; END IF;
  -- Pools in the order of their keys.
  FOR v_type IN
    SELECT t.credit_type FROM (
      SELECT c.credit_type FROM farebox.key_caps c
      WHERE c.account_id = p_account AND c.key_id = p_key AND c.shard = p_shard
      UNION SELECT i.value ->> 'creditType' FROM jsonb_array_elements(p_caps) i
    ) t ORDER BY t.credit_type COLLATE "C"
  LOOP
    v_opened := farebox.open_pool(p_shard, p_account, v_type);
    v_day := date_trunc('day', v_opened.o_now, 'UTC');
    v_month := date_trunc('month', v_opened.o_now, 'UTC');
    SELECT i.value INTO v_cap FROM jsonb_array_elements(p_caps) i WHERE i.value ->> 'creditType' = v_type;
    IF FOUND THEN
      INSERT INTO farebox.key_caps AS c (account_id, credit_type, key_id, shard, day_cap, month_cap, total_cap, day, day_spent,
        month, month_spent, total_spent, held, source)
      SELECT p_account, v_type, p_key, p_shard, (v_cap ->> 'day')::bigint, (v_cap ->> 'month')::bigint,
        (v_cap ->> 'total')::bigint, v_day, coalesce(sum(u.credits - u.refunded) FILTER (WHERE u.quarter >= v_day), 0),
        v_month, coalesce(sum(u.credits - u.refunded) FILTER (WHERE u.quarter >= v_month), 0),
        coalesce(sum(u.credits - u.refunded), 0),
        -- Leases of the key that outlived an earlier cap.
        (
          SELECT coalesce(sum(h.amount), 0) FROM farebox.holds h
          WHERE h.account_id = p_account AND h.credit_type = v_type AND h.hold_id >= 'lease:' AND h.hold_id < 'lease;'
            AND h.shard = p_shard AND split_part(h.hold_id, '/', 2) = p_key
        ), p_source
      FROM farebox.usage u
      WHERE u.account_id = p_account AND u.credit_type = v_type AND u.key_id = p_key AND u.shard = p_shard
      ON CONFLICT (account_id, credit_type, key_id, shard) DO UPDATE
      SET day_cap = excluded.day_cap, month_cap = excluded.month_cap, total_cap = excluded.total_cap, source = excluded.source;
    ELSE
      DELETE FROM farebox.key_caps c
      WHERE c.account_id = p_account AND c.credit_type = v_type AND c.key_id = p_key AND c.shard = p_shard;
    END IF;
    UPDATE farebox.pools p SET capped = EXISTS (
      SELECT FROM farebox.key_caps c
      WHERE c.account_id = p_account AND c.credit_type = v_type AND c.shard = p_shard
    )
    WHERE p.account_id = p_account AND p.credit_type = v_type AND p.shard = p_shard;
  END LOOP;
  UPDATE farebox.keys k SET changed_at = clock_timestamp() WHERE k.key_id = p_key;
END $$;

-- Gives these caps (as in set_key_caps) to all active keys of an account that have none of their own.
CREATE FUNCTION farebox.apply_default_caps(p_shard integer, p_account text, p_caps jsonb) RETURNS void
LANGUAGE plpgsql
SET enable_seqscan = off
AS $$
DECLARE
  v_type text;
  v_key text;
BEGIN
  -- All pools first, in the order of their keys: one key's caps may be on another pool than the next one's.
  FOR v_type IN
    SELECT t.credit_type FROM (
      SELECT c.credit_type FROM farebox.key_caps c WHERE c.account_id = p_account AND c.shard = p_shard
      UNION SELECT i.value ->> 'creditType' FROM jsonb_array_elements(p_caps) i
    ) t ORDER BY t.credit_type COLLATE "C"
  LOOP
    PERFORM farebox.open_pool(p_shard, p_account, v_type);
  END LOOP;
  FOR v_key IN
    SELECT k.key_id FROM farebox.keys k WHERE k.account_id = p_account AND k.state = 'active' ORDER BY k.key_id
  LOOP
    PERFORM farebox.set_key_caps(p_shard, p_account, v_key, 'plan', p_caps);
  END LOOP;
END $$;

-- The caps of an account's keys as of now: a window that is over counts nothing.
CREATE FUNCTION farebox.read_key_caps(p_shard integer, p_account text, p_keys text[])
RETURNS TABLE (key_id text, credit_type text, day_cap bigint, month_cap bigint, total_cap bigint, day_spent bigint,
  month_spent bigint, total_spent bigint, held bigint, day_ends_at timestamptz, month_ends_at timestamptz, source text)
LANGUAGE sql STABLE
AS $$
  SELECT c.key_id, c.credit_type, c.day_cap, c.month_cap, c.total_cap,
    CASE WHEN c.day < n.day THEN 0 ELSE c.day_spent END, CASE WHEN c.month < n.month THEN 0 ELSE c.month_spent END,
    c.total_spent, c.held, greatest(c.day, n.day) + interval '24 hours',
    farebox.period_start(greatest(c.month, n.month), 'month', 1), c.source
  FROM farebox.key_caps c, (
    SELECT date_trunc('day', clock_timestamp(), 'UTC') AS day, date_trunc('month', clock_timestamp(), 'UTC') AS month
  ) n
  WHERE c.account_id = p_account AND c.shard = p_shard AND c.key_id = ANY (p_keys)
  ORDER BY c.key_id, c.credit_type
$$;

-- outcome: refunded, repeated, unknown (no such charge), exceeds (more than what is left of the charge).
-- p_amount null: all that is left, which may be 0.
CREATE OR REPLACE FUNCTION farebox.refund_charge(
  p_shard integer, p_account text, p_type text, p_seq bigint, p_amount bigint, p_reason text, p_reference text,
  OUT outcome text, OUT refunded bigint, OUT balance bigint, OUT refund_seq bigint, OUT refundable bigint
)
LANGUAGE plpgsql
SET enable_seqscan = off
AS $$
DECLARE
  v_opened record;
  v_pool farebox.pools;
  v_now timestamptz;
  v_charge record;
  v_before bigint;
  v_position bigint;
  v_start bigint;
  v_part bigint;
  v_homeless bigint := 0;
  v_until timestamptz;
  d record;
BEGIN
  v_opened := farebox.open_pool(p_shard, p_account, p_type);
  v_pool := v_opened.o_pool; v_now := v_opened.o_now;
  balance := v_pool.balance;
  SELECT r.amount, r.balance_after, r.refund_seq INTO d FROM farebox.refunds r
  WHERE r.account_id = p_account AND r.credit_type = p_type AND r.seq = p_seq AND r.reference = p_reference
    AND r.shard = p_shard;
  IF FOUND THEN
    outcome := 'repeated'; refunded := d.amount; balance := d.balance_after; refund_seq := d.refund_seq;
    RETURN;
  END IF;
  SELECT e.at, -e.amount AS amount, e.spent, e.key_id, e.endpoint, e.request_id INTO v_charge FROM farebox.entries e
  WHERE e.account_id = p_account AND e.credit_type = p_type AND e.seq = p_seq AND e.shard = p_shard AND e.kind = 'charge';
  IF NOT FOUND THEN outcome := 'unknown'; refunded := 0; RETURN; END IF;
  SELECT coalesce(sum(r.amount), 0) INTO v_before FROM farebox.refunds r
  WHERE r.account_id = p_account AND r.credit_type = p_type AND r.seq = p_seq AND r.shard = p_shard;
  refundable := v_charge.amount - v_before;
  IF p_amount > refundable THEN outcome := 'exceeds'; refunded := 0; RETURN; END IF;
  refunded := coalesce(p_amount, refundable);
  outcome := 'refunded';
  IF refunded = 0 THEN RETURN; END IF;

  -- Back to the grants that the charge drew from, the newest drawn first; an expired one cannot take it back.
  v_position := v_charge.spent - v_before;
  v_start := v_position - refunded;
  FOR d IN
    SELECT w.from_spent, w.to_spent, w.grant_id FROM farebox.draws w
    WHERE w.account_id = p_account AND w.credit_type = p_type AND w.from_spent < v_position AND w.shard = p_shard
    ORDER BY w.from_spent DESC
  LOOP
    EXIT WHEN d.to_spent <= v_start;
    v_part := least(d.to_spent, v_position) - greatest(d.from_spent, v_start);
    UPDATE farebox.grants g SET remaining = g.remaining + v_part, state = 'active'
    WHERE g.account_id = p_account AND g.credit_type = p_type AND g.grant_id = d.grant_id AND g.shard = p_shard
      AND (g.expires_at IS NULL OR g.expires_at > v_now)
    RETURNING g.expires_at INTO v_until;
    IF FOUND THEN
      v_pool.next_event_at := least(v_pool.next_event_at, v_until);
    ELSE
      v_homeless := v_homeless + v_part;
    END IF;
  END LOOP;
  v_pool.balance := v_pool.balance + refunded;
  v_pool.last_seq := v_pool.last_seq + 1;
  refund_seq := v_pool.last_seq;
  IF v_homeless > 0 THEN
    -- As long as the pool's longest-lived grant; for ever when one of them, or none, is.
    SELECT CASE WHEN count(*) = count(g.expires_at) THEN max(g.expires_at) END INTO v_until FROM farebox.grants g
    WHERE g.account_id = p_account AND g.credit_type = p_type AND g.shard = p_shard AND g.state <> 'ended'
      AND (g.expires_at IS NULL OR g.expires_at > v_now);
    INSERT INTO farebox.grants (account_id, credit_type, grant_id, shard, amount, remaining, effective_at, expires_at,
      created_at, priority, state, source, reference)
    VALUES (p_account, p_type, farebox.derived_grant_id(format('%s/refund:%s:%s', p_account, p_type, refund_seq)), p_shard,
      v_homeless, v_homeless, v_now, v_until, v_now, 100, 'active', 'refund', format('refund:%s:%s', p_type, refund_seq));
    v_pool.next_event_at := least(v_pool.next_event_at, v_until);
  END IF;
  INSERT INTO farebox.entries (account_id, credit_type, seq, shard, at, amount, balance, spent, refund_of, kind, request_id,
    key_id, endpoint, reason)
  VALUES (p_account, p_type, refund_seq, p_shard, v_now, refunded, v_pool.balance, v_pool.spent, p_seq, 'refund',
    v_charge.request_id, v_charge.key_id, v_charge.endpoint, p_reason);
  INSERT INTO farebox.refunds (account_id, credit_type, seq, reference, shard, amount, refund_seq, balance_after)
  VALUES (p_account, p_type, p_seq, p_reference, p_shard, refunded, refund_seq, v_pool.balance);
  UPDATE farebox.usage u SET refunded = u.refunded + refund_charge.refunded
  WHERE u.account_id = p_account AND u.credit_type = p_type AND u.quarter = farebox.quarter_of(v_charge.at)
    AND u.key_id = v_charge.key_id AND u.endpoint = v_charge.endpoint AND u.shard = p_shard;
  -- The sums of the charge's hour and day, if that day is summed. Two statements: of one with both rows the planner makes a scan
  -- of all sums of the pool.
  UPDATE farebox.usage_sums s SET refunded = s.refunded + refund_charge.refunded
  WHERE s.account_id = p_account AND s.credit_type = p_type AND s.span = 'hour'
    AND s.start = date_bin(interval '1 hour', v_charge.at, timestamptz '2000-01-01Z')
    AND s.key_id = v_charge.key_id AND s.endpoint = v_charge.endpoint AND s.shard = p_shard;
  UPDATE farebox.usage_sums s SET refunded = s.refunded + refund_charge.refunded
  WHERE s.account_id = p_account AND s.credit_type = p_type AND s.span = 'day'
    AND s.start = date_bin(interval '24 hours', v_charge.at, timestamptz '2000-01-01Z')
    AND s.key_id = v_charge.key_id AND s.endpoint = v_charge.endpoint AND s.shard = p_shard;
  -- What was refunded may be spent again, in the windows in which it was charged.
  UPDATE farebox.key_caps c SET total_spent = greatest(0, c.total_spent - refund_charge.refunded),
    day_spent = CASE WHEN v_charge.at >= c.day AND v_charge.at < c.day + interval '24 hours'
      THEN greatest(0, c.day_spent - refund_charge.refunded) ELSE c.day_spent END,
    month_spent = CASE WHEN v_charge.at >= c.month AND v_charge.at < farebox.period_start(c.month, 'month', 1)
      THEN greatest(0, c.month_spent - refund_charge.refunded) ELSE c.month_spent END
  WHERE v_pool.capped AND c.account_id = p_account AND c.credit_type = p_type AND c.key_id = v_charge.key_id
    AND c.shard = p_shard;
  PERFORM farebox.write_pool(v_pool);
  balance := v_pool.balance;
END $$;
