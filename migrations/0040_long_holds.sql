-- Long holds: credits that a caller sets aside for a job of hours, in rows, so that they outlive every process; settled in parts.
--
-- Locks: the pool, then the rows of its long holds, then `once` windows. A caller's id is unique in its account: who adds one waits for
-- whoever is adding the same, with its own pool locked, and that one waits for no other pool.

-- What is held by this key, and so under its caps as long as it has any. Null: under none.
ALTER TABLE farebox.holds ADD COLUMN key_no integer;

CREATE TABLE farebox.long_holds (
  account_no integer NOT NULL,
  type_no smallint NOT NULL,
  -- Of its row in farebox.holds, which says what is still set aside.
  hold_id text COLLATE "C" NOT NULL,
  shard smallint NOT NULL,
  request uuid NOT NULL,
  -- The caller's, and the hash of all that it asked under it.
  caller_id text COLLATE "C" NOT NULL,
  content bytea NOT NULL CHECK (octet_length(content) = 32),
  -- As it was given out.
  token text NOT NULL,
  key_no integer NOT NULL,
  endpoint_no integer NOT NULL,
  asked bigint NOT NULL CHECK (asked >= 0),
  units integer NOT NULL,
  -- The most that may be taken for all of its parts. Null: as much as they cost.
  most bigint CHECK (most >= 0),
  -- Expired: it was told that nobody ended it in time. Before it was, it is open and its time is over.
  state text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'settled', 'released', 'expired')),
  parts integer NOT NULL DEFAULT 0,
  charged bigint NOT NULL DEFAULT 0 CHECK (charged >= 0),
  created_at timestamptz NOT NULL,
  expires_at timestamptz NOT NULL,
  PRIMARY KEY (account_no, type_no, hold_id, shard),
  CONSTRAINT long_holds_within_most CHECK (charged <= most)
) WITH (fillfactor = 70);
COMMENT ON TABLE farebox.long_holds IS 'Holds of callers for jobs of hours: what was asked, and how far each is.';
CREATE UNIQUE INDEX long_holds_caller ON farebox.long_holds (account_no, caller_id, shard);
CREATE UNIQUE INDEX long_holds_request ON farebox.long_holds (request, shard);
CREATE INDEX long_holds_open ON farebox.long_holds (expires_at, shard) WHERE state = 'open';
CREATE INDEX long_holds_by_expiry ON farebox.long_holds (expires_at, shard);
CREATE INDEX long_holds_of_account ON farebox.long_holds (account_no, created_at, hold_id);

CREATE TABLE farebox.hold_parts (
  account_no integer NOT NULL,
  type_no smallint NOT NULL,
  hold_id text COLLATE "C" NOT NULL,
  -- The caller's; empty: the last settlement, which ends the hold.
  part text COLLATE "C" NOT NULL,
  shard smallint NOT NULL,
  content bytea NOT NULL CHECK (octet_length(content) = 32),
  -- free: its status is not charged. repeat: within a `once` window.
  kind text NOT NULL CHECK (kind IN ('charged', 'free', 'repeat')),
  -- Of its entry. Null: it came to nothing.
  seq bigint,
  charged bigint NOT NULL CHECK (charged >= 0),
  uncollected bigint NOT NULL CHECK (uncollected >= 0),
  balance_after bigint NOT NULL,
  units integer NOT NULL,
  at timestamptz NOT NULL,
  PRIMARY KEY (account_no, type_no, hold_id, part, shard)
);
COMMENT ON TABLE farebox.hold_parts IS 'The settlements of long holds, each charged once.';

-- {"token", "content", "requestId", "asked", "units", "leftMs"} of the long hold that an account has under a caller's id; null: none.
CREATE FUNCTION farebox.find_long_hold(p_shard smallint, p_account integer, p_caller text) RETURNS jsonb
LANGUAGE plpgsql STABLE SET enable_seqscan = off AS $$
BEGIN
  RETURN (
    SELECT jsonb_build_object('token', l.token, 'content', encode(l.content, 'hex'), 'requestId', l.request, 'asked', l.asked,
      'units', l.units, 'leftMs', greatest(0, floor(extract(epoch FROM l.expires_at - clock_timestamp()) * 1000)))
    FROM farebox.long_holds l WHERE l.account_no = p_account AND l.caller_id = p_caller AND l.shard = p_shard
  );
END $$;
COMMENT ON FUNCTION farebox.find_long_hold IS 'Called by instances. What a caller holds already under its id.';

CREATE FUNCTION farebox.hold_under_cap(p_pool farebox.pools, p_key integer, p_by bigint) RETURNS void
LANGUAGE plpgsql SET enable_seqscan = off AS $$
BEGIN
  IF NOT p_pool.capped OR p_by = 0 THEN RETURN; END IF;
  UPDATE farebox.key_caps c SET held = c.held + p_by
  WHERE c.account_no = p_pool.account_no AND c.type_no = p_pool.type_no AND c.key_no = p_key AND c.shard = p_pool.shard;
END $$;
COMMENT ON FUNCTION farebox.hold_under_cap IS 'Internal. What a key''s long holds hold under its caps changes.';

-- {"outcome": "held", "leftMs"}; {"outcome": "found", "hold": as find_long_hold}: the account has one under this id; {"outcome": "short",
-- "shortage": as find_shortage}: then nothing was written but recalls.
-- p_new: {"callerId", "content" (hex), "requestId", "token", "key", "endpoint", "amount", "units", "most", "seconds"}.
CREATE FUNCTION farebox.open_long_hold(p_shard smallint, p_account integer, p_type smallint, p_new jsonb) RETURNS jsonb
LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
  v_opened CONSTANT record := farebox.open_pool(p_shard, p_account, p_type);
  v_now CONSTANT timestamptz := v_opened.o_now;
  v_amount CONSTANT bigint := (p_new ->> 'amount')::bigint;
  v_key CONSTANT integer := (p_new ->> 'key')::integer;
  v_seconds CONSTANT integer := (p_new ->> 'seconds')::integer;
  v_until CONSTANT timestamptz := v_now + make_interval(secs => v_seconds);
  v_id CONSTANT text := 'long:' || (p_new ->> 'requestId');
  v_found jsonb := farebox.find_long_hold(p_shard, p_account, p_new ->> 'callerId');
  v_short jsonb;
  v_held record;
BEGIN
  IF v_found IS NOT NULL THEN RETURN jsonb_build_object('outcome', 'found', 'hold', v_found); END IF;
  v_short := farebox.find_shortage(v_opened.o_pool, v_now, v_key, v_amount);
  IF v_short IS NOT NULL THEN RETURN jsonb_build_object('outcome', 'short', 'shortage', v_short); END IF;
  INSERT INTO farebox.long_holds (account_no, type_no, hold_id, shard, request, caller_id, content, token, key_no, endpoint_no, asked,
    units, most, created_at, expires_at)
  VALUES (p_account, p_type, v_id, p_shard, (p_new ->> 'requestId')::uuid, p_new ->> 'callerId', decode(p_new ->> 'content', 'hex'),
    p_new ->> 'token', v_key, (p_new ->> 'endpoint')::integer, v_amount, (p_new ->> 'units')::integer, (p_new ->> 'most')::bigint,
    v_now, v_until)
  ON CONFLICT (account_no, caller_id, shard) DO NOTHING;
  IF NOT FOUND THEN
    -- Another one was made meanwhile, of another pool.
    v_found := farebox.find_long_hold(p_shard, p_account, p_new ->> 'callerId');
    IF v_found IS NULL THEN RAISE EXCEPTION 'a long hold vanished' USING ERRCODE = 'serialization_failure'; END IF;
    RETURN jsonb_build_object('outcome', 'found', 'hold', v_found);
  END IF;
  SELECT h.* INTO v_held FROM farebox.hold_credits(v_opened.o_pool, 0, v_now, v_id, v_amount, v_seconds) h;
  IF v_held.o_answer ->> 0 <> 'held' THEN RAISE EXCEPTION 'the hold % cannot be made: %', v_id, v_held.o_answer; END IF;
  UPDATE farebox.holds h SET key_no = v_key
  WHERE h.account_no = p_account AND h.type_no = p_type AND h.hold_id = v_id AND h.shard = p_shard;
  PERFORM farebox.hold_under_cap(v_held.io_pool, v_key, v_amount);
  PERFORM farebox.write_pool(v_held.io_pool);
  RETURN jsonb_build_object('outcome', 'held', 'leftMs', v_seconds::bigint * 1000);
END $$;
COMMENT ON FUNCTION farebox.open_long_hold IS 'Called by instances. Sets credits aside for a job of hours, once for its caller''s id.';

-- {"outcome": "told", "kind", "seq", "charged", "uncollected", "balance", "units"}.
CREATE FUNCTION farebox.render_hold_part(p_part farebox.hold_parts) RETURNS jsonb LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
  RETURN jsonb_build_object('outcome', 'told', 'kind', p_part.kind, 'seq', p_part.seq, 'charged', p_part.charged,
    'uncollected', p_part.uncollected, 'balance', p_part.balance_after, 'units', p_part.units);
END $$;
COMMENT ON FUNCTION farebox.render_hold_part IS 'Internal. A settlement as its caller is told.';

-- One settlement of a hold that may have one: from what is set aside for it, then from what the pool and the key's caps have to spare.
-- The last one frees the rest. p_special is as in a batch. o_short: it was to be made whole and is not covered; nothing was written.
CREATE FUNCTION farebox.charge_long_hold(
  INOUT io_pool farebox.pools, p_hold farebox.long_holds, p_now timestamptz, p_special jsonb, INOUT io_part farebox.hold_parts,
  OUT o_short jsonb
) LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
  v_is_last CONSTANT boolean := io_part.part = '';
  v_held farebox.holds;
  v_use bigint := 0;
  v_special jsonb := p_special;
  v_measured record;
  x record;
BEGIN
  -- It may have gone: what has expired is forgotten earlier than what it was for.
  SELECT h.* INTO v_held FROM farebox.holds h
  WHERE h.account_no = p_hold.account_no AND h.type_no = p_hold.type_no AND h.hold_id = p_hold.hold_id AND h.shard = p_hold.shard;
  v_held.amount := coalesce(v_held.amount, 0);
  IF v_is_last THEN v_use := v_held.amount; END IF;
  io_part.kind := CASE WHEN p_special ? 'free' THEN 'free' ELSE farebox.judge_charge(io_pool, p_now, p_special) END;
  IF io_part.kind = 'charged' THEN
    IF p_special ? 'measured' THEN
      v_measured := farebox.measure_charge(io_pool, p_now, (p_special #>> '{charge,1}')::integer, p_special -> 'measured');
      v_special := jsonb_set(jsonb_set(p_special, '{charge,2}', to_jsonb(v_measured.o_amount)), '{charge,3}',
        to_jsonb(least(ceil(v_measured.o_units / 1000000), 2147483647)::integer)) || jsonb_build_object('told', v_measured.o_told);
    END IF;
    IF p_special ? 'whole' THEN
      o_short := farebox.find_shortage(io_pool, p_now, (p_special #>> '{charge,0}')::integer, (v_special #>> '{charge,2}')::bigint);
      IF o_short IS NOT NULL THEN RETURN; END IF;
    END IF;
    v_special := v_special || jsonb_build_object('lease', false, 'most',
      least((v_special #>> '{charge,2}')::bigint, p_hold.most - p_hold.charged));
    IF NOT v_is_last THEN v_use := least(v_held.amount, (v_special ->> 'most')::bigint); END IF;
    PERFORM farebox.hold_under_cap(io_pool, v_held.key_no, -v_use);
    x := farebox.take_charge(io_pool, 0, p_now, v_special, v_use);
    io_pool := x.io_pool;
    io_part.seq := x.o_seq; io_part.charged := x.o_charged;
    io_part.uncollected := (v_special #>> '{charge,2}')::bigint - x.o_charged;
    io_part.units := (v_special #>> '{charge,3}')::integer;
    IF p_special ? 'measured' THEN
      PERFORM farebox.count_measured(io_pool, p_now, (p_special #>> '{charge,1}')::integer, p_special -> 'measured', v_measured.o_quantity);
    END IF;
    PERFORM farebox.complete_claims(io_pool, p_now, 0, p_special, x.o_charged);
    IF x.o_seq IS NOT NULL THEN PERFORM farebox.keep_in_sight(io_pool.shard, io_pool.account_no, io_pool.type_no); END IF;
  ELSE
    PERFORM farebox.hold_under_cap(io_pool, v_held.key_no, -v_use);
    io_pool.held := io_pool.held - v_use;
  END IF;
  io_part.balance_after := io_pool.balance;
  UPDATE farebox.holds h SET amount = v_held.amount - v_use,
    state = CASE WHEN v_is_last AND h.state = 'live' THEN CASE WHEN io_part.kind = 'charged' THEN 'charged' ELSE 'released' END
      ELSE h.state END
  WHERE h.account_no = p_hold.account_no AND h.type_no = p_hold.type_no AND h.hold_id = p_hold.hold_id AND h.shard = p_hold.shard;
END $$;
COMMENT ON FUNCTION farebox.charge_long_hold IS 'Internal. One settlement of a long hold.';

-- As render_hold_part, with "again" when it was settled before with the same content; {"outcome": …} of what keeps it from it: unknown
-- (there is no such hold), conflict (this part was settled with another content), settled, released, expired (it ended, an hour ago or
-- more), alone (the amount is the price of a whole job, and parts of it are settled), full (it has 10,000 parts, and this is another),
-- short (with "shortage", as find_shortage).
-- p_part: empty for the last settlement. p_special: a charge as in a batch; with "free" none is made; with "alone" it stands for the whole.
CREATE FUNCTION farebox.settle_long_hold(
  p_shard smallint, p_account integer, p_type smallint, p_hold text, p_part text, p_content bytea, p_special jsonb
) RETURNS jsonb LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
  v_opened CONSTANT record := farebox.open_pool(p_shard, p_account, p_type);
  v_now CONSTANT timestamptz := v_opened.o_now;
  v farebox.long_holds;
  v_part farebox.hold_parts;
  x record;
BEGIN
  SELECT l.* INTO v FROM farebox.long_holds l
  WHERE l.account_no = p_account AND l.type_no = p_type AND l.hold_id = p_hold AND l.shard = p_shard FOR UPDATE;
  IF NOT FOUND THEN RETURN '{"outcome": "unknown"}'; END IF;
  SELECT p.* INTO v_part FROM farebox.hold_parts p
  WHERE p.account_no = p_account AND p.type_no = p_type AND p.hold_id = p_hold AND p.part = p_part AND p.shard = p_shard;
  IF FOUND THEN
    RETURN CASE WHEN v_part.content = p_content THEN farebox.render_hold_part(v_part) || '{"again": true}'
      ELSE '{"outcome": "conflict"}' END;
  END IF;
  IF v.state IN ('settled', 'released') THEN RETURN jsonb_build_object('outcome', v.state); END IF;
  IF v.expires_at < v_now - interval '1 hour' THEN RETURN '{"outcome": "expired"}'; END IF;
  IF v.parts > 0 AND p_special ? 'alone' THEN RETURN '{"outcome": "alone"}'; END IF;
  IF v.parts >= 10000 AND p_part <> '' THEN RETURN '{"outcome": "full"}'; END IF;
  PERFORM farebox.lock_claims(p_shard,
    jsonb_build_array(jsonb_build_object('account', p_account, 'specials', jsonb_build_array(p_special))));
  v_part := ROW(p_account, p_type, p_hold, p_part, p_shard, p_content, 'free', NULL, 0, 0, 0, 0, v_now);
  x := farebox.charge_long_hold(v_opened.o_pool, v, v_now, p_special, v_part);
  IF x.o_short IS NOT NULL THEN RETURN jsonb_build_object('outcome', 'short', 'shortage', x.o_short); END IF;
  v_part := x.io_part;
  INSERT INTO farebox.hold_parts (account_no, type_no, hold_id, part, shard, content, kind, seq, charged, uncollected, balance_after,
    units, at)
  VALUES (p_account, p_type, p_hold, p_part, p_shard, p_content, v_part.kind, v_part.seq, v_part.charged, v_part.uncollected,
    v_part.balance_after, v_part.units, v_now);
  UPDATE farebox.long_holds l SET parts = v.parts + 1, charged = v.charged + v_part.charged,
    state = CASE WHEN p_part = '' THEN 'settled' ELSE v.state END
  WHERE l.account_no = p_account AND l.type_no = p_type AND l.hold_id = p_hold AND l.shard = p_shard;
  PERFORM farebox.write_export_pool(x.io_pool, v_now);
  RETURN farebox.render_hold_part(v_part);
END $$;
COMMENT ON FUNCTION farebox.settle_long_hold IS 'Called by instances. Charges a part of a long hold, or the rest of it, once.';

-- {"outcome": "released"}: what it held is free; also when it was before. {"outcome": "settled", "seq"}: it was ended by a settlement
-- with this entry, or (null) with none. {"outcome": "unknown"}.
CREATE FUNCTION farebox.release_long_hold(p_shard smallint, p_account integer, p_type smallint, p_hold text) RETURNS jsonb
LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
  v_opened CONSTANT record := farebox.open_pool(p_shard, p_account, p_type);
  v_pool farebox.pools := v_opened.o_pool;
  v_key integer;
  v_state text;
  x record;
BEGIN
  SELECT l.key_no, l.state INTO v_key, v_state FROM farebox.long_holds l
  WHERE l.account_no = p_account AND l.type_no = p_type AND l.hold_id = p_hold AND l.shard = p_shard FOR UPDATE;
  IF NOT FOUND THEN RETURN '{"outcome": "unknown"}'; END IF;
  IF v_state = 'settled' THEN
    RETURN jsonb_build_object('outcome', 'settled', 'seq', (
      SELECT p.seq FROM farebox.hold_parts p
      WHERE p.account_no = p_account AND p.type_no = p_type AND p.hold_id = p_hold AND p.part = '' AND p.shard = p_shard
    ));
  END IF;
  x := farebox.release_hold(v_pool, p_hold);
  v_pool := x.io_pool;
  PERFORM farebox.hold_under_cap(v_pool, v_key, -x.o_released);
  UPDATE farebox.long_holds l SET state = 'released'
  WHERE l.account_no = p_account AND l.type_no = p_type AND l.hold_id = p_hold AND l.shard = p_shard;
  PERFORM farebox.write_export_pool(v_pool, v_opened.o_now);
  RETURN '{"outcome": "released"}';
END $$;
COMMENT ON FUNCTION farebox.release_long_hold IS 'Called by instances. Ends a long hold; what its parts were charged stays charged.';

-- extended, over (it has ended or expired), unknown. From now on.
CREATE FUNCTION farebox.extend_long_hold(p_shard smallint, p_account integer, p_type smallint, p_hold text, p_seconds integer)
RETURNS text LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
  v_opened CONSTANT record := farebox.open_pool(p_shard, p_account, p_type);
  v_pool farebox.pools := v_opened.o_pool;
  v_until CONSTANT timestamptz := v_opened.o_now + make_interval(secs => p_seconds);
  v farebox.long_holds;
BEGIN
  SELECT l.* INTO v FROM farebox.long_holds l
  WHERE l.account_no = p_account AND l.type_no = p_type AND l.hold_id = p_hold AND l.shard = p_shard FOR UPDATE;
  IF NOT FOUND THEN RETURN 'unknown'; END IF;
  IF v.state <> 'open' OR v.expires_at <= v_opened.o_now THEN RETURN 'over'; END IF;
  UPDATE farebox.holds h SET expires_at = v_until
  WHERE h.account_no = p_account AND h.type_no = p_type AND h.hold_id = p_hold AND h.shard = p_shard AND h.state = 'live';
  IF NOT FOUND THEN RETURN 'over'; END IF;
  UPDATE farebox.long_holds l SET expires_at = v_until
  WHERE l.account_no = p_account AND l.type_no = p_type AND l.hold_id = p_hold AND l.shard = p_shard;
  v_pool.next_event_at := least(v_pool.next_event_at, v_until);
  PERFORM farebox.write_pool(v_pool);
  RETURN 'extended';
END $$;
COMMENT ON FUNCTION farebox.extend_long_hold IS 'Called by instances. A long hold lives for so long from now on.';

-- [{"requestId", "accountId", "endpoint", "asked", "charged", "parts"}, …]: long holds that nobody ended in time, each told once.
CREATE FUNCTION farebox.tell_expired_holds(p_shard smallint, p_limit integer) RETURNS jsonb
LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
  v_now CONSTANT timestamptz := clock_timestamp();
  v_told jsonb := '[]';
  x record;
BEGIN
  FOR x IN
    SELECT l.* FROM farebox.long_holds l
    WHERE l.state = 'open' AND l.expires_at <= v_now AND l.shard = p_shard ORDER BY l.expires_at LIMIT p_limit FOR UPDATE SKIP LOCKED
  LOOP
    UPDATE farebox.long_holds l SET state = 'expired'
    WHERE l.account_no = x.account_no AND l.type_no = x.type_no AND l.hold_id = x.hold_id AND l.shard = p_shard;
    v_told := v_told || (
      SELECT jsonb_build_object('requestId', x.request, 'accountId', a.account_id, 'endpoint', e.endpoint, 'asked', x.asked,
        'charged', x.charged, 'parts', x.parts)
      FROM farebox.accounts a JOIN farebox.endpoints e ON e.endpoint_no = x.endpoint_no WHERE a.account_no = x.account_no
    );
  END LOOP;
  RETURN v_told;
END $$;
COMMENT ON FUNCTION farebox.tell_expired_holds IS 'Called by the sweep. Long holds that have expired since it last looked.';

-- How many rows of holds and parts it has forgotten. Called again while it forgets as many as it may.
CREATE FUNCTION farebox.forget_long_holds(p_shard smallint, p_limit integer) RETURNS integer
LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
  v_now CONSTANT timestamptz := clock_timestamp();
  v_gone integer := 0;
  v_parts integer;
  v_last text COLLATE "C";
  x record;
BEGIN
  FOR x IN
    SELECT l.account_no, l.type_no, l.hold_id FROM farebox.long_holds l
    WHERE l.expires_at < v_now - interval '30 days' AND l.shard = p_shard AND l.state <> 'open'
    ORDER BY l.expires_at LIMIT p_limit FOR UPDATE SKIP LOCKED
  LOOP
    -- Parts of one that has many go in several calls.
    v_last := (
      SELECT p.part FROM farebox.hold_parts p
      WHERE p.account_no = x.account_no AND p.type_no = x.type_no AND p.hold_id = x.hold_id AND p.shard = p_shard
      ORDER BY p.part OFFSET p_limit - v_gone - 1 LIMIT 1
    );
    DELETE FROM farebox.hold_parts p
    WHERE p.account_no = x.account_no AND p.type_no = x.type_no AND p.hold_id = x.hold_id AND p.shard = p_shard
      AND (v_last IS NULL OR p.part <= v_last);
    GET DIAGNOSTICS v_parts = ROW_COUNT;
    v_gone := v_gone + v_parts;
    EXIT WHEN v_gone >= p_limit;
    DELETE FROM farebox.long_holds l
    WHERE l.account_no = x.account_no AND l.type_no = x.type_no AND l.hold_id = x.hold_id AND l.shard = p_shard;
    v_gone := v_gone + 1;
    EXIT WHEN v_gone >= p_limit;
  END LOOP;
  RETURN v_gone;
END $$;
COMMENT ON FUNCTION farebox.forget_long_holds IS 'Called by the sweep. Forgets long holds a month after their time.';

-- As before; what a long hold held that is over is free under its key's caps too.
CREATE OR REPLACE FUNCTION farebox.write_roll(p farebox.roll_state) RETURNS void
LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
  v_pool CONSTANT farebox.pools := p.pool;
  v_loaded farebox.open_grant[] := p.loaded;
  v_grants farebox.open_grant[] := p.grants;
  v_recurring farebox.recurring_item[] := p.recurring;
  v_seq bigint := v_pool.last_seq - cardinality(p.entries);
  d farebox.new_draw;
  g farebox.open_grant;
  e farebox.new_entry;
  r farebox.recurring_item;
  v_key integer;
BEGIN
  FOREACH d IN ARRAY p.draws LOOP
    INSERT INTO farebox.draws (account_no, type_no, shard, from_spent, to_spent, grant_id)
    VALUES (v_pool.account_no, v_pool.type_no, v_pool.shard, d.from_spent, d.to_spent, d.grant_id);
  END LOOP;
  FOR k IN 1..cardinality(v_grants) LOOP
    CONTINUE WHEN v_grants[k] IS NOT DISTINCT FROM v_loaded[k];
    g := v_grants[k];
    IF k <= cardinality(v_loaded) THEN
      UPDATE farebox.grants o SET remaining = g.remaining, overdue = g.overdue, state = g.state
      WHERE o.account_no = v_pool.account_no AND o.type_no = v_pool.type_no AND o.grant_id = g.grant_id AND o.shard = v_pool.shard;
    ELSE
      INSERT INTO farebox.grants (account_no, type_no, grant_id, shard, amount, remaining, overdue, effective_at, expires_at,
        created_at, priority, state, source, item, reference)
      VALUES (v_pool.account_no, v_pool.type_no, g.grant_id, v_pool.shard, g.amount, g.remaining, g.overdue, g.effective_at,
        g.expires_at, v_pool.last_at, g.priority, g.state, g.source, g.item, g.reference);
    END IF;
  END LOOP;
  FOREACH e IN ARRAY p.entries LOOP
    v_seq := v_seq + 1;
    INSERT INTO farebox.entries (account_no, type_no, shard, seq, at, amount, balance, spent, kind, grant_id, reason)
    VALUES (v_pool.account_no, v_pool.type_no, v_pool.shard, v_seq, v_pool.last_at, e.amount, e.balance, v_pool.spent, e.kind,
      e.grant_id, e.reason);
  END LOOP;
  IF cardinality(p.entries) > 0 THEN
    PERFORM farebox.keep_in_sight(v_pool.shard, v_pool.account_no, v_pool.type_no);
  END IF;
  FOR k IN 1..p.holds_ended LOOP
    UPDATE farebox.holds h SET amount = 0, state = 'expired'
    WHERE h.account_no = v_pool.account_no AND h.type_no = v_pool.type_no AND h.hold_id = p.holds[k].hold_id
      AND h.shard = v_pool.shard RETURNING h.key_no INTO v_key;
    PERFORM farebox.hold_under_cap(v_pool, v_key, -p.holds[k].amount);
  END LOOP;
  FOR k IN 1..cardinality(v_recurring) LOOP
    r := v_recurring[k];
    CONTINUE WHEN NOT r.is_refreshed;
    UPDATE farebox.recurring o SET next_period = r.next_period, next_at = r.next_at
    WHERE o.account_no = v_pool.account_no AND o.type_no = v_pool.type_no AND o.item = r.item AND o.shard = v_pool.shard;
  END LOOP;
END $$;

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
    WHERE c.account_no = p_pool.account_no AND c.type_no = p_pool.type_no AND c.shard = p_pool.shard
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
