-- A lane whose row somebody keeps locked (a person's SELECT … FOR UPDATE, an UPDATE that is never committed) stopped all charges of its shard
-- for as long. An instance then goes on with a spare lane: another row, with numbers of its own. Leases stay as they are, because they are
-- the instance's and no lane's.
--
-- Exactly once: the numbers of lane n begin at n * 2^40, so that a batch's number says whose row remembers it, and no two lanes ever use the
-- same. An instance changes lanes only when it knows what became of its last batch.
--
-- Dead or live are all lanes of an instance in a shard together: who makes one and who declares them dead take turns by an advisory lock.

ALTER TABLE farebox.lanes ADD COLUMN nth smallint NOT NULL DEFAULT 0;
ALTER TABLE farebox.lanes DROP CONSTRAINT lanes_pkey;
-- A few rows for each instance.
-- squawk-ignore adding-serial-primary-key-field, constraint-missing-not-valid
ALTER TABLE farebox.lanes ADD CONSTRAINT lanes_pkey PRIMARY KEY (instance_no, shard, nth);
COMMENT ON TABLE farebox.lanes IS 'An instance in a shard: its last batch, and when the database last heard of it. More rows than the one of nth 0 are spare lanes: see pass_lane.';

-- p_number: the last that was used, whose batch's outcome is known. Null: its lane is not locked. Else the last number of another lane of the
-- instance, which nobody has locked. 55P03: all of its lanes are locked, or their table is; then nothing can be done but wait.
--
-- At most eight spare ones: who locks one after the other, or each as it comes, is somebody else's fault.
CREATE FUNCTION farebox.pass_lane(p_shard smallint, p_instance integer, p_number bigint) RETURNS bigint
LANGUAGE plpgsql SET enable_seqscan = off SET lock_timeout = '50ms' AS $$
DECLARE
  c_spare CONSTANT smallint := 8;
  v_now CONSTANT timestamptz := clock_timestamp();
  v_last bigint;
  v_most smallint;
  v_dead boolean;
BEGIN
  PERFORM FROM farebox.lanes l
  WHERE l.instance_no = p_instance AND l.shard = p_shard AND l.nth = (p_number >> 40)::smallint FOR UPDATE SKIP LOCKED;
  IF FOUND THEN
    -- Waits when the table is locked against changes, as by the making of an index.
    UPDATE farebox.lanes l SET seen_at = v_now
    WHERE l.instance_no = p_instance AND l.shard = p_shard AND l.nth = (p_number >> 40)::smallint AND l.state = 'live';
    RETURN NULL;
  END IF;
  SELECT l.last_batch INTO v_last FROM farebox.lanes l
  WHERE l.instance_no = p_instance AND l.shard = p_shard AND l.state = 'live' ORDER BY l.nth LIMIT 1 FOR UPDATE SKIP LOCKED;
  IF FOUND THEN RETURN v_last; END IF;
  PERFORM pg_advisory_xact_lock(hashtextextended('farebox lanes of ' || p_instance, p_shard));
  SELECT max(l.nth), bool_or(l.state = 'dead') INTO v_most, v_dead FROM farebox.lanes l
  WHERE l.instance_no = p_instance AND l.shard = p_shard;
  -- The next batch hears it.
  IF v_most IS NULL OR v_dead THEN RETURN NULL; END IF;
  IF v_most >= c_spare THEN
    RAISE EXCEPTION 'all lanes of instance % in shard % are locked', p_instance, p_shard USING ERRCODE = 'lock_not_available';
  END IF;
  v_last := (v_most + 1)::bigint << 40;
  INSERT INTO farebox.lanes (instance_no, shard, nth, last_batch, seen_at) VALUES (p_instance, p_shard, v_most + 1, v_last, v_now);
  RETURN v_last;
END $$;
COMMENT ON FUNCTION farebox.pass_lane IS 'Called by instances whose batch met a lock. Null when its lane is free; else the number after which to go on, in a spare lane. 55P03: there is none.';

-- Answers {"s": "done", "pools": […]}, a pool that was passed by being null; {"s": "missing"}: nothing was done, a pool does not exist;
-- {"s": "fenced"}: nothing was done, nor ever will be, the instance was declared dead. FB002 for a number that is not the last's next.
-- p_skip: pass pools by that are locked, instead of failing with 55P03. p_keep: seconds for which a response can be replayed.
-- The number says in which lane; see the top of this file.
CREATE OR REPLACE FUNCTION farebox.run_batch(
  p_shard smallint, p_instance integer, p_number bigint, p_skip boolean, p_keep integer, p_batch jsonb
) RETURNS text
LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
SET lock_timeout = '50ms'
AS $$
DECLARE
  v_lane farebox.lanes;
  v_pools farebox.pools[];
  v_answers text[] := '{}';
  v_reply text;
  v_now timestamptz;
BEGIN
  SELECT l.* INTO v_lane FROM farebox.lanes l
  WHERE l.instance_no = p_instance AND l.shard = p_shard AND l.nth = (p_number >> 40)::smallint FOR UPDATE;
  IF p_number = v_lane.last_batch THEN RETURN v_lane.reply; END IF;
  IF v_lane.state IS DISTINCT FROM 'live' THEN RETURN '{"s":"fenced"}'; END IF;
  IF p_number <> v_lane.last_batch + 1 THEN
    RAISE EXCEPTION 'batch % of instance % was sent after batch %', p_number, p_instance, v_lane.last_batch USING ERRCODE = 'FB002';
  END IF;
  v_pools := farebox.open_batch(p_shard, p_skip, p_batch);
  IF v_pools IS NULL THEN RETURN '{"s":"missing"}'; END IF;
  PERFORM farebox.lock_claims(p_shard, p_batch);
  FOR i IN 1..cardinality(v_pools) LOOP
    IF v_pools[i].account_no IS NULL THEN
      v_answers := v_answers || NULL::text;
    ELSE
      v_answers := v_answers || farebox.run_batch_pool(v_pools[i], p_instance, p_keep, p_batch -> (i - 1))::text;
    END IF;
  END LOOP;
  v_reply := '{"s":"done","pools":[' || array_to_string(v_answers, ',', 'null') || ']}';
  v_now := clock_timestamp();
  UPDATE farebox.lanes l SET last_batch = p_number, reply = v_reply, seen_at = v_now
  WHERE l.instance_no = p_instance AND l.shard = p_shard AND l.nth = v_lane.nth;
  RETURN v_reply;
END $$;
COMMENT ON FUNCTION farebox.run_batch IS 'Called by instances: a batch of anything, in one transaction. Answers {"s": "done", "pools": […]}, null for a pool that was passed by; {"s": "missing"} or {"s": "fenced"} when nothing was done. FB002: not the lane''s next batch. 55P03: something stays locked.';

-- As before, in the lane of the number. That a batch was committed is read without a lock: it stays so until the instance sends the next one.
CREATE OR REPLACE FUNCTION farebox.settle_batch(p_shard smallint, p_instance integer, p_number bigint) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
  v_lane farebox.lanes;
BEGIN
  SELECT l.* INTO v_lane FROM farebox.lanes l
  WHERE l.instance_no = p_instance AND l.shard = p_shard AND l.nth = (p_number >> 40)::smallint;
  IF v_lane.last_batch = p_number THEN RETURN v_lane.reply; END IF;
  SELECT l.* INTO v_lane FROM farebox.lanes l
  WHERE l.instance_no = p_instance AND l.shard = p_shard AND l.nth = (p_number >> 40)::smallint FOR UPDATE;
  IF v_lane.last_batch = p_number THEN RETURN v_lane.reply; END IF;
  IF v_lane.state IS DISTINCT FROM 'live' THEN RETURN '{"s":"fenced"}'; END IF;
  IF v_lane.last_batch > p_number THEN
    RAISE EXCEPTION 'batch % of instance % was sent after batch %', p_number, p_instance, v_lane.last_batch
      USING ERRCODE = 'FB002';
  END IF;
  UPDATE farebox.lanes l SET last_batch = p_number, reply = '{"s":"void"}'
  WHERE l.instance_no = p_instance AND l.shard = p_shard AND l.nth = v_lane.nth;
  RETURN '{"s":"void"}';
END $$;
COMMENT ON FUNCTION farebox.settle_batch IS 'Called by instances: makes an unknown outcome known, without running the batch.';

-- As before, for all lanes of the instance that nobody has locked.
CREATE OR REPLACE FUNCTION farebox.heartbeat(p_shard smallint, p_instance integer) RETURNS jsonb
LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
  v_now CONSTANT timestamptz := clock_timestamp();
  v_recalls jsonb := '[]';
  x record;
BEGIN
  PERFORM FROM farebox.lanes l WHERE l.instance_no = p_instance AND l.shard = p_shard AND l.state = 'live';
  IF NOT FOUND THEN RETURN '{"alive": false, "recalls": []}'; END IF;
  FOR x IN
    SELECT l.nth FROM farebox.lanes l WHERE l.instance_no = p_instance AND l.shard = p_shard AND l.state = 'live'
    FOR UPDATE SKIP LOCKED
  LOOP
    UPDATE farebox.lanes l SET seen_at = v_now WHERE l.instance_no = p_instance AND l.shard = p_shard AND l.nth = x.nth;
  END LOOP;
  FOR x IN
    SELECT r.account_no, r.type_no FROM farebox.recalls r WHERE r.instance_no = p_instance AND r.shard = p_shard
    FOR UPDATE SKIP LOCKED
  LOOP
    DELETE FROM farebox.recalls r
    WHERE r.instance_no = p_instance AND r.account_no = x.account_no AND r.type_no = x.type_no AND r.shard = p_shard;
    v_recalls := v_recalls || (
      SELECT jsonb_build_array(jsonb_build_array(a.account_id, t.credit_type))
      FROM farebox.accounts a, farebox.credit_types t WHERE a.account_no = x.account_no AND t.type_no = x.type_no);
  END LOOP;
  RETURN jsonb_build_object('alive', true, 'recalls', v_recalls);
END $$;
COMMENT ON FUNCTION farebox.heartbeat IS 'Called by instances. An instance says that it lives, and hears which of its leases others want back. Waits for nobody.';

-- All lanes of the instance in the shard; see the top of this file. Waits for one that is locked.
CREATE OR REPLACE FUNCTION farebox.end_lane(p_shard smallint, p_instance integer) RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE
  v_now timestamptz;
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended('farebox lanes of ' || p_instance, p_shard));
  v_now := clock_timestamp();
  UPDATE farebox.lanes l SET state = 'dead', dead_at = v_now
  WHERE l.instance_no = p_instance AND l.shard = p_shard AND l.state = 'live';
  RETURN FOUND;
END $$;
COMMENT ON FUNCTION farebox.end_lane IS 'Called by instances that stop. No batch of theirs runs any more in this shard; their leases can be released.';

-- Marks the instances that the database has not heard of for so long, with all of their lanes. One of which a lane is locked has a batch in
-- flight, and lives; or somebody else has it locked, and then a batch that comes late could not be fenced.
CREATE OR REPLACE FUNCTION farebox.find_dead_lanes(p_shard smallint, p_dead_after interval) RETURNS integer[]
LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
  v_now CONSTANT timestamptz := clock_timestamp();
  v_dead integer[] := '{}';
  v_instance integer;
  v_live bigint;
  v_silent bigint;
BEGIN
  FOR v_instance IN
    SELECT l.instance_no FROM farebox.lanes l WHERE l.shard = p_shard AND l.state = 'live'
    GROUP BY l.instance_no HAVING max(l.seen_at) < v_now - p_dead_after ORDER BY l.instance_no
  LOOP
    CONTINUE WHEN NOT pg_try_advisory_xact_lock(hashtextextended('farebox lanes of ' || v_instance, p_shard));
    v_live := (
      SELECT count(*) FROM farebox.lanes l WHERE l.instance_no = v_instance AND l.shard = p_shard AND l.state = 'live');
    v_silent := (SELECT count(*) FROM (
      SELECT FROM farebox.lanes l
      WHERE l.instance_no = v_instance AND l.shard = p_shard AND l.state = 'live' AND l.seen_at < v_now - p_dead_after
      FOR UPDATE SKIP LOCKED
    ) s);
    CONTINUE WHEN v_silent = 0 OR v_silent < v_live;
    UPDATE farebox.lanes l SET state = 'dead', dead_at = v_now WHERE l.instance_no = v_instance AND l.shard = p_shard;
    v_dead := v_dead || v_instance;
  END LOOP;
  RETURN v_dead;
END $$;
COMMENT ON FUNCTION farebox.find_dead_lanes IS 'Called by the sweep. Declares silent instances dead in a shard; returns them.';

-- As before. The number is remembered by the first lane alone, so that what was counted is added once whichever lane is in use.
-- p_counts: [[code, credit type or null, requests], …], each pair once. False: these counts are added already, or the instance is forgotten.
CREATE OR REPLACE FUNCTION farebox.add_refusals(p_shard smallint, p_instance integer, p_number bigint, p_counts jsonb) RETURNS boolean
LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
  v_month CONSTANT timestamptz := date_trunc('month', clock_timestamp(), 'UTC');
  v_last bigint;
  v_type smallint;
  x record;
BEGIN
  SELECT l.last_refusals INTO v_last FROM farebox.lanes l
  WHERE l.instance_no = p_instance AND l.shard = p_shard AND l.nth = 0 FOR UPDATE;
  IF v_last IS NULL OR v_last >= p_number THEN RETURN false; END IF;
  UPDATE farebox.lanes l SET last_refusals = p_number
  WHERE l.instance_no = p_instance AND l.shard = p_shard AND l.nth = 0;
  -- In the order of the rows: two instances wait for one another, and not in a circle.
  FOR x IN
    SELECT c.count ->> 0 AS code, c.count ->> 1 AS credit_type, (c.count ->> 2)::bigint AS requests
    FROM jsonb_array_elements(p_counts) c (count) ORDER BY (c.count ->> 0) COLLATE "C", (c.count ->> 1) COLLATE "C"
  LOOP
    SELECT t.type_no INTO v_type FROM farebox.credit_types t WHERE t.credit_type = x.credit_type;
    v_type := coalesce(v_type, 0);
    INSERT INTO farebox.refusal_sums AS s (month, code, type_no, shard, requests)
    VALUES (v_month, x.code, v_type, p_shard, x.requests)
    ON CONFLICT (month, code, type_no, shard) DO UPDATE SET requests = s.requests + excluded.requests;
  END LOOP;
  RETURN true;
END $$;
COMMENT ON FUNCTION farebox.add_refusals IS 'Called by instances. Adds what one counted of refusals, once for its number.';

-- [[instance, account, type], …]: pools that dead instances had leased from; release_stranded takes one of them. All lanes of an instance
-- are dead together: the first tells.
CREATE OR REPLACE FUNCTION farebox.list_stranded(p_shard smallint, p_limit integer, p_skip integer) RETURNS jsonb
LANGUAGE plpgsql STABLE
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
AS $$
BEGIN
  RETURN (
    SELECT coalesce(jsonb_agg(jsonb_build_array(q.instance_no, q.account_no, q.type_no)), '[]') FROM (
      SELECT a.instance_no, a.account_no, a.type_no
      FROM farebox.lanes l
      JOIN farebox.active_pools a ON a.shard = l.shard AND a.instance_no = l.instance_no
      WHERE l.shard = p_shard AND l.nth = 0 AND l.state = 'dead'
      ORDER BY a.instance_no, a.account_no, a.type_no OFFSET p_skip LIMIT p_limit
    ) q
  );
END $$;
COMMENT ON FUNCTION farebox.list_stranded IS 'Called by the sweep. Pools that dead instances had leased from.';

-- p_asks: [[subject, rule, limit, seconds, have, want], …], each subject and rule once. `have` is all that the instance keeps, whatever
-- it was given before, so that a lost answer costs nothing; `want` is how many more. Answers [[granted, left] or null, …] in the same
-- order; null: somebody else is asking for the same at this moment. Nobody waits for a row that is there: one customer's holds up no
-- other's. Who makes a row waits for another that is making the same one; so they are made in one order, whatever that of the asks.
-- Instances are counted by their first lanes.
CREATE OR REPLACE FUNCTION farebox.share_limits(p_shard smallint, p_owner text, p_asks jsonb) RETURNS jsonb
LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
  v_now CONSTANT timestamptz := clock_timestamp();
  v_answers jsonb[] := array_fill(NULL::jsonb, ARRAY[jsonb_array_length(p_asks)]);
  v_row farebox.limit_places;
  v_owners text[];
  v_places bigint[];
  v_untils timestamptz[];
  v_others bigint;
  v_left bigint;
  v_granted bigint;
  v_until timestamptz;
  x record;
BEGIN
  FOR x IN
    SELECT a.ask ->> 0 AS subject, a.ask ->> 1 AS rule, (a.ask ->> 2)::bigint AS most, (a.ask ->> 3)::integer AS seconds,
      (a.ask ->> 4)::bigint AS have, (a.ask ->> 5)::bigint AS want, a.place
    FROM jsonb_array_elements(p_asks) WITH ORDINALITY a (ask, place) ORDER BY (a.ask ->> 0) COLLATE "C", (a.ask ->> 1) COLLATE "C"
  LOOP
    INSERT INTO farebox.limit_places (subject, rule, shard, until) VALUES (x.subject, x.rule, p_shard, v_now)
    ON CONFLICT DO NOTHING;
    SELECT l.* INTO v_row FROM farebox.limit_places l
    WHERE l.subject = x.subject AND l.rule = x.rule AND l.shard = p_shard FOR UPDATE SKIP LOCKED;
    IF NOT FOUND THEN CONTINUE; END IF;
    v_owners := '{}'; v_places := '{}'; v_untils := '{}'; v_others := 0;
    FOR i IN 1 .. cardinality(v_row.owners) LOOP
      IF v_row.owners[i] <> p_owner AND v_row.untils[i] > v_now THEN
        v_owners := v_owners || v_row.owners[i];
        v_places := v_places || v_row.places[i];
        v_untils := v_untils || v_row.untils[i];
        v_others := v_others + v_row.places[i];
      END IF;
    END LOOP;
    v_left := greatest(0, x.most - v_others - x.have);
    v_granted := least(x.want, v_left);
    IF x.have + v_granted > 0 THEN
      v_owners := v_owners || p_owner;
      v_places := v_places || (x.have + v_granted);
      v_untils := v_untils || (v_now + make_interval(secs => x.seconds));
    END IF;
    IF cardinality(v_owners) = 0 THEN
      DELETE FROM farebox.limit_places l WHERE l.subject = x.subject AND l.rule = x.rule AND l.shard = p_shard;
    ELSE
      v_until := (SELECT max(u) FROM unnest(v_untils) u);
      UPDATE farebox.limit_places l SET owners = v_owners, places = v_places, untils = v_untils, until = v_until
      WHERE l.subject = x.subject AND l.rule = x.rule AND l.shard = p_shard;
    END IF;
    v_answers[x.place] := jsonb_build_array(v_granted, v_left - v_granted);
  END LOOP;
  RETURN jsonb_build_object('answers', to_jsonb(v_answers), 'instances', (
    SELECT count(*) FROM farebox.lanes l WHERE l.shard = p_shard AND l.nth = 0 AND l.state = 'live'));
END $$;
COMMENT ON FUNCTION farebox.share_limits IS 'Called by instances. Says what an instance keeps of request limits and gives it more of them, as far as the others have left some.';
