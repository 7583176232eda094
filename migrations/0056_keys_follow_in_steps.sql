-- An account with some 300,000 keys could not follow its plan, be suspended or get prices of its own: all of its keys change with it, in one
-- transaction, which was given up after 20 s, every time. The first keys change with the account now, and the others behind it, step by step.

-- The last key, in the order of keys_by_account, that is up to date with the account; '' is none. Null: all are.
ALTER TABLE farebox.accounts ADD COLUMN keys_behind text COLLATE "C";
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX accounts_by_keys_behind ON farebox.accounts (account_id) WHERE keys_behind IS NOT NULL;

-- Both functions below as before, but of the keys that are asked for they read the caps of these alone: not those of all keys of the
-- account, under the pool's lock, for each five thousand.

-- Gives keys of an account caps, each {"type", "day", "month", "total"} with amounts in micro-credits or null: the only ones
-- that they have from now on. p_source: 'key' for a key's own, 'plan' for those of its account's plan, which do not replace
-- own ones. The caller has locked the account, so that its keys' caps change one after the other.
CREATE OR REPLACE FUNCTION farebox.set_key_caps(p_shard smallint, p_account integer, p_keys integer[], p_source text, p_caps jsonb)
RETURNS void
LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
  v_types CONSTANT smallint[] := ARRAY(
    SELECT (i.value ->> 'type')::smallint FROM jsonb_array_elements(p_caps) i
    UNION SELECT c.type_no FROM farebox.key_caps c
    WHERE c.account_no = p_account AND c.shard = p_shard AND c.key_no = ANY (p_keys)
    ORDER BY 1
  );
  v_now timestamptz[] := '{}';
  v_keys integer[];
  v_type smallint;
  v_pool farebox.pools;
BEGIN
  -- All pools before anything is decided, in the order of their keys.
  FOREACH v_type IN ARRAY v_types LOOP
    v_now := v_now || (farebox.open_pool(p_shard, p_account, v_type)).o_now;
  END LOOP;
  v_keys := ARRAY(
    SELECT k.no FROM unnest(p_keys) k(no)
    EXCEPT SELECT c.key_no FROM farebox.key_caps c
    WHERE c.account_no = p_account AND c.type_no = ANY (v_types) AND c.key_no = ANY (p_keys) AND c.shard = p_shard
      AND c.source = 'key' AND p_source = 'plan'
  );
  FOR k IN 1..cardinality(v_types) LOOP
    SELECT * INTO v_pool FROM farebox.pools p
    WHERE p.account_no = p_account AND p.type_no = v_types[k] AND p.shard = p_shard;
    PERFORM farebox.write_key_caps(v_pool, v_now[k], v_keys, p_source, (
      SELECT i.value FROM jsonb_array_elements(p_caps) i WHERE (i.value ->> 'type')::smallint = v_types[k]
    ));
    UPDATE farebox.pools p SET capped = NOT p.capped
    WHERE p.account_no = p_account AND p.type_no = v_types[k] AND p.shard = p_shard AND p.capped <> EXISTS (
      SELECT FROM farebox.key_caps c WHERE c.account_no = p_account AND c.type_no = v_types[k] AND c.shard = p_shard
    );
  END LOOP;
END $$;
COMMENT ON FUNCTION farebox.set_key_caps IS 'Called by instances. Gives keys of one account their caps, the only ones that they have from now on.';

-- As before; what a key's long holds hold is held under the new cap.
CREATE OR REPLACE FUNCTION farebox.write_key_caps(p_pool farebox.pools, p_now timestamptz, p_keys integer[], p_source text, p_cap jsonb)
RETURNS void
LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
  c_most_behind CONSTANT bigint := 20000;
  v_day CONSTANT timestamptz := date_trunc('day', p_now, 'UTC');
  v_month CONSTANT timestamptz := date_trunc('month', p_now, 'UTC');
  v_behind bigint;
  v_key integer[]; v_day_spent bigint[]; v_month_spent bigint[]; v_total_spent bigint[];
  x record;
BEGIN
  IF p_cap IS NULL THEN
    DELETE FROM farebox.key_caps c
    WHERE c.account_no = p_pool.account_no AND c.type_no = p_pool.type_no AND c.shard = p_pool.shard AND c.key_no = ANY (p_keys);
    RETURN;
  END IF;
  UPDATE farebox.key_caps c SET day_cap = (p_cap ->> 'day')::bigint, month_cap = (p_cap ->> 'month')::bigint,
    total_cap = (p_cap ->> 'total')::bigint, source = p_source
  WHERE c.account_no = p_pool.account_no AND c.type_no = p_pool.type_no AND c.shard = p_pool.shard AND c.key_no = ANY (p_keys)
    AND (c.day_cap, c.month_cap, c.total_cap, c.source) IS DISTINCT FROM
      ((p_cap ->> 'day')::bigint, (p_cap ->> 'month')::bigint, (p_cap ->> 'total')::bigint, p_source);
  p_keys := ARRAY(
    SELECT k.no FROM unnest(p_keys) k(no)
    EXCEPT SELECT c.key_no FROM farebox.key_caps c
    WHERE c.account_no = p_pool.account_no AND c.type_no = p_pool.type_no AND c.shard = p_pool.shard AND c.key_no = ANY (p_keys)
  );
  IF p_keys = '{}' THEN RETURN; END IF;
  v_behind := p_pool.last_seq - coalesce((
    SELECT r.seq FROM farebox.usage_rolled r
    WHERE r.account_no = p_pool.account_no AND r.type_no = p_pool.type_no AND r.shard = p_pool.shard
  ), 0);
  IF v_behind > c_most_behind THEN
    RAISE EXCEPTION '% entries of the pool are not rolled up', v_behind USING ERRCODE = 'FB425';
  END IF;
  -- Of its own: Citus runs no function that reads a spread table inside a statement on another.
  SELECT array_agg(s.key_no), array_agg(s.day_spent), array_agg(s.month_spent), array_agg(s.total_spent)
  INTO v_key, v_day_spent, v_month_spent, v_total_spent
  FROM farebox.sum_key_spend(p_pool.shard, p_pool.account_no, p_pool.type_no, p_keys, v_day, v_month) s;
  INSERT INTO farebox.key_caps (account_no, type_no, key_no, shard, day_cap, month_cap, total_cap, day, day_spent, month,
    month_spent, total_spent, held, source)
  SELECT p_pool.account_no, p_pool.type_no, k.no, p_pool.shard, (p_cap ->> 'day')::bigint, (p_cap ->> 'month')::bigint,
    (p_cap ->> 'total')::bigint, v_day, coalesce(v_day_spent[k.place], 0), v_month, coalesce(v_month_spent[k.place], 0),
    coalesce(v_total_spent[k.place], 0), 0, p_source
  FROM (SELECT u.no, array_position(v_key, u.no) AS place FROM unnest(p_keys) u(no)) k
  ORDER BY k.no;
  -- Leases of the keys that outlived an earlier cap, and their long holds. The pool is rolled: none is over.
  FOR x IN
    SELECT l.key_no, l.amount FROM farebox.key_leases l
    WHERE l.account_no = p_pool.account_no AND l.type_no = p_pool.type_no AND l.shard = p_pool.shard AND l.key_no = ANY (p_keys)
    UNION ALL
    SELECT h.key_no, h.amount FROM farebox.holds h
    WHERE h.account_no = p_pool.account_no AND h.type_no = p_pool.type_no AND h.shard = p_pool.shard AND h.state = 'live'
      AND h.key_no = ANY (p_keys)
  LOOP
    UPDATE farebox.key_caps c SET held = c.held + x.amount
    WHERE c.account_no = p_pool.account_no AND c.type_no = p_pool.type_no AND c.key_no = x.key_no AND c.shard = p_pool.shard;
  END LOOP;
END $$;
COMMENT ON FUNCTION farebox.write_key_caps IS 'Internal. Gives keys their caps on one locked pool, or takes them away.';
