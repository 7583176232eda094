-- Charges whose amount depends on what the account was charged for before: by tiers, or by how much a number has grown. The amount is
-- decided here, under the pool's lock, so that it is exact in whatever order charges come. Both tables are read and written under it alone.

CREATE TABLE farebox.tier_counters (
  account_no integer NOT NULL,
  type_no smallint NOT NULL,
  -- The number of the endpoint, or of the counter's name.
  counter_no integer NOT NULL,
  shard smallint NOT NULL,
  -- The beginning of the period, in UTC, that `used` is of.
  period timestamptz NOT NULL,
  -- In millionths.
  used numeric NOT NULL CHECK (used >= 0),
  within text NOT NULL,
  PRIMARY KEY (account_no, type_no, counter_no, within, shard)
) WITH (fillfactor = 50);
COMMENT ON TABLE farebox.tier_counters IS 'What accounts have used in the present period of prices with tiers.';

CREATE TABLE farebox.running_totals (
  account_no integer NOT NULL,
  type_no smallint NOT NULL,
  endpoint_no integer NOT NULL,
  value text COLLATE "C" NOT NULL,
  shard smallint NOT NULL,
  -- The highest number that was charged, in millionths.
  charged numeric NOT NULL CHECK (charged >= 0),
  until timestamptz NOT NULL,
  PRIMARY KEY (account_no, type_no, endpoint_no, value, shard)
) WITH (fillfactor = 50);
COMMENT ON TABLE farebox.running_totals IS 'The highest number that was charged of each that grows, and until when it is known.';
CREATE INDEX running_totals_until ON farebox.running_totals (until, shard);

CREATE FUNCTION farebox.divide_up(p_value numeric, p_by numeric) RETURNS numeric LANGUAGE sql IMMUTABLE
RETURN div(p_value + p_by - 1, p_by);
COMMENT ON FUNCTION farebox.divide_up IS 'Internal. Whole numbers, rounded up.';

-- p_measured: {"units", "block", "round", "costs": [[over, cost], …], "whole", "counter": [number, within], "increase": [value, seconds],
-- "rest", "least", "most"}; see domain/prices/tiers.ts, which computes the same. Units are millionths, as texts.
CREATE FUNCTION farebox.measure_charge(
  p_pool farebox.pools, p_now timestamptz, p_endpoint integer, p_measured jsonb,
  OUT o_amount bigint, OUT o_quantity numeric, OUT o_units numeric
) LANGUAGE plpgsql STABLE SET enable_seqscan = off AS $$
DECLARE
  v_block CONSTANT numeric := (p_measured ->> 'block')::numeric;
  v_used numeric;
  v_charged numeric;
  v_sum numeric := 0;
  v_amount numeric;
  x record;
BEGIN
  o_units := (p_measured ->> 'units')::numeric;
  IF p_measured ? 'increase' THEN
    SELECT t.charged INTO v_charged FROM farebox.running_totals t
    WHERE t.account_no = p_pool.account_no AND t.type_no = p_pool.type_no AND t.endpoint_no = p_endpoint
      AND t.value = p_measured #>> '{increase,0}' AND t.shard = p_pool.shard AND t.until > p_now;
    o_units := greatest(0, o_units - coalesce(v_charged, 0));
  END IF;
  o_quantity := CASE WHEN p_measured ->> 'round' = 'block' THEN farebox.divide_up(o_units, v_block) * v_block ELSE o_units END;
  IF p_measured ? 'counter' THEN
    SELECT c.used INTO v_used FROM farebox.tier_counters c
    WHERE c.account_no = p_pool.account_no AND c.type_no = p_pool.type_no
      AND c.counter_no = (p_measured #>> '{counter,0}')::integer AND c.within = p_measured #>> '{counter,1}' AND c.shard = p_pool.shard
      AND c.period = date_trunc(p_measured #>> '{counter,1}', p_now, 'UTC');
  END IF;
  v_used := coalesce(v_used, 0);
  FOR x IN
    SELECT (c ->> 0)::numeric AS over, (c ->> 1)::numeric AS cost,
      lead((c ->> 0)::numeric, 1, 'infinity') OVER (ORDER BY (c ->> 0)::numeric) AS next
    FROM jsonb_array_elements(p_measured -> 'costs') c
  LOOP
    IF (p_measured ->> 'whole')::boolean THEN
      IF v_used >= x.over AND v_used < x.next THEN v_sum := o_quantity * x.cost; END IF;
    ELSE
      v_sum := v_sum + greatest(0, least(v_used + o_quantity, x.next) - greatest(v_used, x.over)) * x.cost;
    END IF;
  END LOOP;
  v_amount := farebox.divide_up(v_sum, v_block);
  IF p_measured ->> 'round' = 'credit' THEN v_amount := farebox.divide_up(v_amount, 1000000) * 1000000; END IF;
  v_amount := greatest(v_amount + (p_measured ->> 'rest')::numeric, (p_measured ->> 'least')::numeric);
  -- No charge is more than a pool can hold.
  o_amount := least(v_amount, (p_measured ->> 'most')::numeric, 1000000000000000);
END $$;
COMMENT ON FUNCTION farebox.measure_charge IS 'Internal. What a measured charge costs now, what it counts in its tiers, and how many units it is for.';

CREATE FUNCTION farebox.count_measured(
  p_pool farebox.pools, p_now timestamptz, p_endpoint integer, p_measured jsonb, p_quantity numeric
) RETURNS void LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
  v_until timestamptz;
  v_period timestamptz;
BEGIN
  IF p_measured ? 'counter' THEN
    v_period := date_trunc(p_measured #>> '{counter,1}', p_now, 'UTC');
    INSERT INTO farebox.tier_counters AS c (account_no, type_no, counter_no, within, shard, period, used)
    VALUES (p_pool.account_no, p_pool.type_no, (p_measured #>> '{counter,0}')::integer, p_measured #>> '{counter,1}', p_pool.shard,
      v_period, p_quantity)
    ON CONFLICT (account_no, type_no, counter_no, within, shard) DO UPDATE
    SET used = CASE WHEN c.period = excluded.period THEN c.used ELSE 0 END + excluded.used, period = excluded.period;
  END IF;
  IF p_measured ? 'increase' THEN
    v_until := p_now + make_interval(secs => (p_measured #>> '{increase,1}')::integer);
    INSERT INTO farebox.running_totals AS t (account_no, type_no, endpoint_no, value, shard, charged, until)
    VALUES (p_pool.account_no, p_pool.type_no, p_endpoint, p_measured #>> '{increase,0}', p_pool.shard,
      (p_measured ->> 'units')::numeric, v_until)
    ON CONFLICT (account_no, type_no, endpoint_no, value, shard) DO UPDATE
    SET charged = CASE WHEN t.until > p_now THEN greatest(t.charged, excluded.charged) ELSE excluded.charged END, until = excluded.until;
  END IF;
END $$;
COMMENT ON FUNCTION farebox.count_measured IS 'Internal. A measured charge was made: the next one begins behind it.';

-- Answers [kind, seq, charged, uncollected, balance]; kind as judge_charge, or unknown: no such hold; or short, with a sixth element:
-- the charge was to be made whole, is not covered (see find_shortage), and nothing was written. Of a measured charge a seventh says how many
-- units it is for. What was measured is counted where the charge was made, also where not all of it was collected.
CREATE OR REPLACE FUNCTION farebox.charge_specially(
  INOUT io_pool farebox.pools, p_instance integer, p_now timestamptz, p_keep integer, p_special jsonb, OUT o_answer jsonb
) LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
  v_hold farebox.holds;
  v_kind text;
  v_short jsonb;
  v_set_aside bigint := 0;
  v_uncollected bigint := 0;
  v_special jsonb := p_special;
  v_measured record;
  x record;
BEGIN
  IF p_special ? 'hold' THEN
    SELECT h.* INTO v_hold FROM farebox.holds h
    WHERE h.account_no = io_pool.account_no AND h.type_no = io_pool.type_no AND h.hold_id = p_special ->> 'hold'
      AND h.shard = io_pool.shard;
    IF NOT FOUND OR v_hold.charged IS NOT NULL THEN
      o_answer := jsonb_build_array(CASE WHEN v_hold.hold_id IS NULL THEN 'unknown' ELSE 'charged' END, v_hold.charged_seq,
        coalesce(v_hold.charged, 0), coalesce(v_hold.uncollected, 0), coalesce(v_hold.balance_after, io_pool.balance));
      RETURN;
    END IF;
    v_set_aside := v_hold.amount;
  ELSIF (p_special ->> 'lease')::boolean THEN
    v_set_aside := farebox.lease_of(io_pool, p_instance, (p_special ->> 'key')::integer);
  END IF;
  v_kind := farebox.judge_charge(io_pool, p_now, p_special);
  IF v_kind = 'charged' AND p_special ? 'measured' THEN
    v_measured := farebox.measure_charge(io_pool, p_now, (p_special #>> '{charge,1}')::integer, p_special -> 'measured');
    v_special := jsonb_set(jsonb_set(p_special, '{charge,2}', to_jsonb(v_measured.o_amount)), '{charge,3}',
      to_jsonb(least(ceil(v_measured.o_units / 1000000), 2147483647)::integer));
  END IF;
  IF v_kind = 'charged' AND p_special ? 'whole' THEN
    v_short := farebox.find_shortage(io_pool, p_now, (p_special #>> '{charge,0}')::integer, (v_special #>> '{charge,2}')::bigint);
    IF v_short IS NOT NULL THEN
      o_answer := jsonb_build_array('short', NULL, 0, 0, io_pool.balance, v_short);
      RETURN;
    END IF;
  END IF;
  IF v_kind = 'charged' THEN
    x := farebox.take_charge(io_pool, p_instance, p_now, v_special, v_set_aside);
    io_pool := x.io_pool;
    v_uncollected := (v_special #>> '{charge,2}')::bigint - x.o_charged;
    IF p_special ? 'measured' THEN
      PERFORM farebox.count_measured(io_pool, p_now, (p_special #>> '{charge,1}')::integer, p_special -> 'measured', v_measured.o_quantity);
    END IF;
  ELSE
    IF p_special ? 'hold' THEN io_pool.held := io_pool.held - v_set_aside; END IF;
    SELECT 0::bigint AS o_charged, NULL::bigint AS o_seq INTO x;
  END IF;
  PERFORM farebox.complete_claims(io_pool, p_now, p_keep, p_special, x.o_charged);
  o_answer := jsonb_build_array(v_kind, x.o_seq, x.o_charged, v_uncollected, io_pool.balance);
  IF p_special ? 'measured' THEN
    o_answer := o_answer || jsonb_build_array(NULL,
      CASE WHEN v_kind = 'charged' THEN (v_special #>> '{charge,3}')::integer ELSE 0 END);
  END IF;
  IF p_special ? 'hold' THEN
    -- A hold that expired or was released stays so; the charge that came too late is remembered with it.
    UPDATE farebox.holds h SET state = CASE WHEN h.state = 'live' THEN 'charged' ELSE h.state END, amount = 0, charged_seq = x.o_seq,
      charged = x.o_charged, uncollected = v_uncollected, balance_after = io_pool.balance
    WHERE h.account_no = io_pool.account_no AND h.type_no = io_pool.type_no AND h.hold_id = v_hold.hold_id
      AND h.shard = io_pool.shard;
  END IF;
END $$;
COMMENT ON FUNCTION farebox.charge_specially IS
  'Internal. A charge with a client''s hold, `once` or an Idempotency-Key, of which not all is set aside, or which is made whole.';

-- Numbers that do not grow any more. Called again while it forgets as many as it may.
CREATE FUNCTION farebox.forget_totals(p_shard smallint, p_limit integer) RETURNS integer
LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
  v_now CONSTANT timestamptz := clock_timestamp();
  v_gone integer := 0;
  x record;
BEGIN
  FOR x IN
    SELECT t.account_no, t.type_no, t.endpoint_no, t.value FROM farebox.running_totals t
    WHERE t.until < v_now AND t.shard = p_shard ORDER BY t.until LIMIT p_limit FOR UPDATE SKIP LOCKED
  LOOP
    DELETE FROM farebox.running_totals t
    WHERE t.account_no = x.account_no AND t.type_no = x.type_no AND t.endpoint_no = x.endpoint_no AND t.value = x.value
      AND t.shard = p_shard;
    v_gone := v_gone + 1;
  END LOOP;
  RETURN v_gone;
END $$;
COMMENT ON FUNCTION farebox.forget_totals IS 'Called by the sweep. Forgets the highest numbers that were charged, when their time is over.';
