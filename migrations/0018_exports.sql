-- Exports: bulk jobs whose records are charged. An export is one row; what it has of files is one row a part.
--
-- Locks: an account's exports (an advisory lock, where one is created or tried again), then the pool, then the export's row. A worker
-- that records a part locks the export's row alone. A claim has a number: what its worker writes counts only while it is the last one.

CREATE TABLE farebox.exports (
  export_id uuid NOT NULL,
  account_no integer NOT NULL,
  type_no smallint NOT NULL,
  shard smallint NOT NULL,
  key_no integer NOT NULL,
  endpoint_no integer NOT NULL,
  price_list integer NOT NULL,
  -- For one record.
  price bigint NOT NULL CHECK (price >= 0),
  max_records integer NOT NULL CHECK (max_records > 0),
  part_records integer NOT NULL CHECK (part_records > 0),
  keep_seconds integer NOT NULL CHECK (keep_seconds > 0),
  kind text COLLATE "C" NOT NULL,
  state text NOT NULL DEFAULT 'queued'
    CHECK (state IN ('queued', 'running', 'ready', 'charged', 'failed', 'cancelled', 'expired')),
  policy text NOT NULL CHECK (policy IN ('all', 'covered')),
  charge_at text NOT NULL CHECK (charge_at IN ('completion', 'listing')),
  when_more text NOT NULL CHECK (when_more IN ('stop', 'fail')),
  format text NOT NULL CHECK (format IN ('jsonl', 'csv')),
  gzip boolean NOT NULL,
  -- As it was sent: text, because a number in it may have more digits than a double holds.
  params jsonb NOT NULL,
  body text,
  -- Of its canonical form. Null: another one like it may run beside it.
  request_hash bytea CHECK (octet_length(request_hash) = 32),
  -- What is set aside for it in farebox.holds; null: nothing ever was.
  hold_id text COLLATE "C",
  -- How often it was begun again after it had failed.
  retries integer NOT NULL DEFAULT 0,
  -- Where the source goes on behind the last recorded part.
  place text,
  expected bigint,
  records integer NOT NULL DEFAULT 0,
  bytes bigint NOT NULL DEFAULT 0,
  source_bytes bigint NOT NULL DEFAULT 0,
  parts integer NOT NULL DEFAULT 0,
  left_out integer NOT NULL DEFAULT 0,
  claim integer NOT NULL DEFAULT 0,
  owner text,
  -- Claims since the last part that was recorded which ended without another.
  attempts integer NOT NULL DEFAULT 0,
  -- Queued: when it may be claimed. Running: until when its claim is good.
  due_at timestamptz NOT NULL,
  -- When its files are to be removed; null: it has none, or they are needed.
  clean_at timestamptz,
  failure_code text,
  failure text,
  charged bigint,
  charged_seq bigint,
  balance_after bigint,
  created_at timestamptz NOT NULL,
  -- When it was created or last begun again: from then on its time is counted.
  begun_at timestamptz NOT NULL,
  started_at timestamptz,
  ready_at timestamptz,
  charged_at timestamptz,
  ended_at timestamptz,
  expires_at timestamptz,
  PRIMARY KEY (export_id, shard),
  CONSTRAINT exports_within_limit CHECK (records <= max_records),
  CONSTRAINT exports_charged_once CHECK ((charged_at IS NULL) = (charged IS NULL)),
  CONSTRAINT exports_charged_state CHECK (state <> 'charged' OR charged IS NOT NULL)
) WITH (fillfactor = 70);
COMMENT ON TABLE farebox.exports IS 'Exports: bulk jobs, how far each is, and what was charged for it.';
-- Of an account's identical requests one is open. Where the hash is null it finds an account's open ones.
CREATE UNIQUE INDEX exports_open ON farebox.exports (account_no, request_hash, shard) WHERE state IN ('queued', 'running');
CREATE INDEX exports_due ON farebox.exports (due_at, shard) WHERE state IN ('queued', 'running');
CREATE INDEX exports_to_clean ON farebox.exports (clean_at, shard) WHERE clean_at IS NOT NULL;
CREATE INDEX exports_of_account ON farebox.exports (account_no, created_at, export_id);
CREATE INDEX exports_by_age ON farebox.exports (created_at, export_id);

CREATE TABLE farebox.export_parts (
  export_id uuid NOT NULL,
  part integer NOT NULL CHECK (part > 0),
  shard smallint NOT NULL,
  records integer NOT NULL CHECK (records > 0),
  bytes bigint NOT NULL CHECK (bytes > 0),
  sha256 bytea NOT NULL CHECK (octet_length(sha256) = 32),
  -- Its name in the storage, which has the claim's number: nobody else writes it.
  object text COLLATE "C" NOT NULL,
  created_at timestamptz NOT NULL,
  -- Eight bytes of the hash of each record's id, until the job is ready: who goes on with it leaves out what is there.
  ids bytea,
  PRIMARY KEY (export_id, part, shard)
);
COMMENT ON TABLE farebox.export_parts IS 'The files of exports. A file that is not here does not count, and is removed.';

-- What a key can spend of a locked pool now, besides p_own, which is set aside for it.
CREATE FUNCTION farebox.available_to(p_pool farebox.pools, p_key integer, p_own bigint, p_now timestamptz) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
  v_cap CONSTANT farebox.key_caps := farebox.find_cap(p_pool, p_key, p_now);
  v_available CONSTANT bigint := p_pool.balance - p_pool.held + p_own;
BEGIN
  IF v_cap.account_no IS NULL THEN RETURN v_available; END IF;
  RETURN greatest(0, least(v_available, farebox.cap_left(v_cap) - v_cap.held));
END $$;
COMMENT ON FUNCTION farebox.available_to IS 'Internal. What a pool, and the caps of a key, leave.';

-- Sets credits aside for the most records that an export may have. o_refusal: {"outcome": "short", …}; then nothing was written but
-- recalls. p_settle: with policy `covered`, take what is there now, though instances were asked for more.
CREATE FUNCTION farebox.hold_for_export(INOUT io_export farebox.exports, p_settle boolean, OUT o_refusal jsonb)
LANGUAGE plpgsql AS $$
DECLARE
  v_opened CONSTANT record := farebox.open_pool(io_export.shard, io_export.account_no, io_export.type_no);
  v_pool farebox.pools := v_opened.o_pool;
  v_available CONSTANT bigint := farebox.available_to(v_pool, io_export.key_no, 0, v_opened.o_now);
  -- No pool holds more than a billion credits: what is more needs no exact figure, which a bigint may not hold.
  v_needed bigint := least(io_export.max_records::numeric * io_export.price, 2000000000000000);
  v_recalled boolean := false;
  v_held record;
BEGIN
  IF v_available < v_needed THEN
    v_recalled := farebox.recall_others(v_pool, 0, NULL, false);
    IF io_export.policy = 'covered' AND v_available >= io_export.price AND (p_settle OR NOT v_recalled) THEN
      io_export.max_records := v_available / io_export.price;
      io_export.when_more := 'stop';
      v_needed := io_export.max_records * io_export.price;
    ELSE
      o_refusal := jsonb_build_object('outcome', 'short', 'needed', v_needed, 'available', v_available, 'recalled', v_recalled);
      RETURN;
    END IF;
  END IF;
  io_export.hold_id := format('export:%s:%s', io_export.export_id, io_export.retries);
  SELECT h.* INTO v_held FROM farebox.hold_credits(v_pool, 0, v_opened.o_now, io_export.hold_id, v_needed, 86400) h;
  IF v_held.o_answer ->> 0 <> 'held' THEN
    RAISE EXCEPTION 'the hold % cannot be made: %', io_export.hold_id, v_held.o_answer;
  END IF;
  PERFORM farebox.write_pool(v_held.io_pool);
END $$;
COMMENT ON FUNCTION farebox.hold_for_export IS 'Internal. Sets credits aside for an export: for a day, which its worker extends.';

-- Null: it may begin. The account's exports are locked.
CREATE FUNCTION farebox.refuse_export(
  p_shard smallint, p_export_id uuid, p_account integer, p_hash bytea, p_max_open integer, p_max_kept integer
) RETURNS jsonb LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
  v_other uuid;
  v_open integer;
  v_kept integer;
BEGIN
  SELECT x.export_id INTO v_other FROM farebox.exports x
  WHERE x.account_no = p_account AND x.request_hash = p_hash AND x.shard = p_shard AND x.state IN ('queued', 'running')
    AND x.export_id <> p_export_id;
  IF FOUND THEN RETURN jsonb_build_object('outcome', 'duplicate', 'exportId', v_other); END IF;
  SELECT count(*) FILTER (WHERE x.state IN ('queued', 'running')), count(*) INTO v_open, v_kept FROM farebox.exports x
  WHERE x.account_no = p_account AND x.shard = p_shard AND x.state IN ('queued', 'running', 'ready', 'charged')
    AND x.export_id <> p_export_id;
  IF v_open >= p_max_open THEN RETURN jsonb_build_object('outcome', 'too_many', 'which', 'open', 'limit', p_max_open); END IF;
  IF v_kept >= p_max_kept THEN RETURN jsonb_build_object('outcome', 'too_many', 'which', 'kept', 'limit', p_max_kept); END IF;
  RETURN NULL;
END $$;
COMMENT ON FUNCTION farebox.refuse_export IS 'Internal. Whether an account may have another open export, and this one.';

-- outcome: created (also when it was before: the id is its own), duplicate, too_many, short. p_new has the columns' values by name,
-- the hash as hex.
CREATE FUNCTION farebox.create_export(
  p_shard smallint, p_export_id uuid, p_account integer, p_type smallint, p_settle boolean, p_new jsonb
) RETURNS jsonb LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
  v_now timestamptz;
  v farebox.exports;
  v_refusal jsonb;
  x record;
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended('farebox exports', p_account));
  PERFORM FROM farebox.exports o WHERE o.export_id = p_export_id AND o.shard = p_shard;
  IF FOUND THEN RETURN '{"outcome": "created"}'; END IF;
  v := jsonb_populate_record(NULL::farebox.exports, p_new - 'request_hash');
  v.request_hash := decode(p_new ->> 'request_hash', 'hex');
  v.export_id := p_export_id; v.account_no := p_account; v.type_no := p_type; v.shard := p_shard; v.retries := 0;
  v_refusal := farebox.refuse_export(p_shard, p_export_id, p_account, v.request_hash,
    (p_new ->> 'max_open')::integer, (p_new ->> 'max_kept')::integer);
  IF v_refusal IS NULL AND v.charge_at = 'completion' AND v.price > 0 THEN
    SELECT h.* INTO x FROM farebox.hold_for_export(v, p_settle) h;
    v := x.io_export; v_refusal := x.o_refusal;
  END IF;
  IF v_refusal IS NOT NULL THEN RETURN v_refusal; END IF;
  v_now := clock_timestamp();
  INSERT INTO farebox.exports (export_id, account_no, type_no, shard, key_no, endpoint_no, price_list, price, max_records,
    part_records, keep_seconds, kind, policy, charge_at, when_more, format, gzip, params, body, request_hash, hold_id, due_at,
    created_at, begun_at)
  VALUES (v.export_id, v.account_no, v.type_no, v.shard, v.key_no, v.endpoint_no, v.price_list, v.price, v.max_records,
    v.part_records, v.keep_seconds, v.kind, v.policy, v.charge_at, v.when_more, v.format, v.gzip, v.params, v.body, v.request_hash,
    v.hold_id, v_now, v_now, v_now);
  RETURN '{"outcome": "created"}';
END $$;
COMMENT ON FUNCTION farebox.create_export IS 'Called by instances. Creates an export, once for its id, and sets credits aside for it.';

-- Of a locked pool and a locked export that is ready. Answers {"outcome": "charged"} or {"outcome": "short", …}; then what was set
-- aside is free again. Nobody else can charge it: its state changes in the same transaction.
CREATE FUNCTION farebox.pay_export(
  INOUT io_pool farebox.pools, p_export farebox.exports, p_now timestamptz, OUT o_answer jsonb
) LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
  -- See hold_for_export.
  v_amount CONSTANT bigint := least(p_export.records::numeric * p_export.price, 2000000000000000);
  v_held bigint := 0;
  v_available bigint;
  v_paid record;
BEGIN
  IF p_export.hold_id IS NOT NULL THEN
    SELECT h.amount INTO v_held FROM farebox.holds h
    WHERE h.account_no = p_export.account_no AND h.type_no = p_export.type_no AND h.hold_id = p_export.hold_id
      AND h.shard = p_export.shard AND h.state = 'live';
    v_held := coalesce(v_held, 0);
  END IF;
  v_available := farebox.available_to(io_pool, p_export.key_no, v_held, p_now);
  IF v_amount > v_available THEN
    IF v_held > 0 THEN
      SELECT r.* INTO v_paid FROM farebox.release_hold(io_pool, p_export.hold_id) r;
      io_pool := v_paid.io_pool;
    END IF;
    o_answer := jsonb_build_object('outcome', 'short', 'needed', v_amount, 'available', v_available,
      'recalled', farebox.recall_others(io_pool, 0, NULL, false));
    RETURN;
  END IF;
  SELECT t.* INTO v_paid FROM farebox.take_charge(io_pool, 0, p_now, jsonb_build_object('lease', false, 'charge',
    jsonb_build_array(p_export.key_no, p_export.endpoint_no, v_amount, p_export.records, 200, p_export.price_list,
      p_export.export_id)), v_held) t;
  io_pool := v_paid.io_pool;
  IF v_paid.o_charged <> v_amount THEN
    RAISE EXCEPTION 'the export % was charged % instead of %', p_export.export_id, v_paid.o_charged, v_amount
      USING ERRCODE = 'FB001';
  END IF;
  UPDATE farebox.holds h SET state = 'charged', amount = 0, charged_seq = v_paid.o_seq, charged = v_amount, uncollected = 0,
    balance_after = io_pool.balance
  WHERE h.account_no = p_export.account_no AND h.type_no = p_export.type_no AND h.hold_id = p_export.hold_id
    AND h.shard = p_export.shard AND h.state = 'live';
  UPDATE farebox.exports x SET state = 'charged', charged = v_amount, charged_seq = v_paid.o_seq, balance_after = io_pool.balance,
    charged_at = p_now,
    -- What was paid for can be had for the whole time.
    expires_at = p_now + make_interval(secs => x.keep_seconds), clean_at = p_now + make_interval(secs => x.keep_seconds)
  WHERE x.export_id = p_export.export_id AND x.shard = p_export.shard;
  -- Its usage is rolled up later, whichever instance made it.
  PERFORM farebox.keep_in_sight(p_export.shard, p_export.account_no, p_export.type_no);
  o_answer := '{"outcome": "charged"}';
END $$;
COMMENT ON FUNCTION farebox.pay_export IS 'Internal. Charges a ready export exactly, or not at all.';

-- What was set free may have expired meanwhile.
CREATE FUNCTION farebox.write_export_pool(p_pool farebox.pools, p_now timestamptz) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM farebox.write_pool(CASE WHEN p_pool.overdue > 0 THEN farebox.roll(p_pool, p_now) ELSE p_pool END);
END $$;
COMMENT ON FUNCTION farebox.write_export_pool IS 'Internal. After a change of what is held of a pool.';

-- outcome: charged (also when it was before), short, not_ready.
CREATE FUNCTION farebox.charge_export(p_shard smallint, p_export_id uuid, p_account integer, p_type smallint) RETURNS jsonb
LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
  v_opened CONSTANT record := farebox.open_pool(p_shard, p_account, p_type);
  v farebox.exports;
  v_paid record;
BEGIN
  SELECT x.* INTO v FROM farebox.exports x
  WHERE x.export_id = p_export_id AND x.account_no = p_account AND x.type_no = p_type AND x.shard = p_shard FOR UPDATE;
  IF v.state = 'charged' THEN RETURN '{"outcome": "charged"}'; END IF;
  -- The database's clock decides: the sweep may not have been here yet.
  IF v.state IS DISTINCT FROM 'ready' OR v.expires_at <= v_opened.o_now THEN RETURN '{"outcome": "not_ready"}'; END IF;
  SELECT p.* INTO v_paid FROM farebox.pay_export(v_opened.o_pool, v, v_opened.o_now) p;
  PERFORM farebox.write_export_pool(v_paid.io_pool, v_opened.o_now);
  RETURN v_paid.o_answer;
END $$;
COMMENT ON FUNCTION farebox.charge_export IS 'Called by instances. Charges an export that is ready, once however often it is called.';

CREATE FUNCTION farebox.release_export(p_export farebox.exports, p_pool farebox.pools, p_now timestamptz) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
  v_released record;
BEGIN
  IF p_export.hold_id IS NULL THEN RETURN; END IF;
  SELECT r.* INTO v_released FROM farebox.release_hold(p_pool, p_export.hold_id) r;
  PERFORM farebox.write_export_pool(v_released.io_pool, p_now);
END $$;
COMMENT ON FUNCTION farebox.release_export IS 'Internal. What was set aside for an export is free again.';

-- outcome: cancelled (also when it was before), finished: it was charged, has failed or expired.
CREATE FUNCTION farebox.cancel_export(p_shard smallint, p_export_id uuid, p_account integer, p_type smallint) RETURNS jsonb
LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
  v_opened CONSTANT record := farebox.open_pool(p_shard, p_account, p_type);
  v_now CONSTANT timestamptz := v_opened.o_now;
  v farebox.exports;
BEGIN
  SELECT x.* INTO v FROM farebox.exports x
  WHERE x.export_id = p_export_id AND x.account_no = p_account AND x.type_no = p_type AND x.shard = p_shard FOR UPDATE;
  IF v.state = 'cancelled' THEN RETURN '{"outcome": "cancelled"}'; END IF;
  IF v.state NOT IN ('queued', 'running', 'ready') THEN RETURN '{"outcome": "finished"}'; END IF;
  PERFORM farebox.release_export(v, v_opened.o_pool, v_now);
  UPDATE farebox.exports x SET state = 'cancelled', ended_at = v_now, owner = NULL, place = NULL,
    -- Its worker may be writing a file: it has stopped when its claim ends.
    clean_at = CASE WHEN v.state = 'running' THEN greatest(v_now, v.due_at) ELSE v_now END
  WHERE x.export_id = p_export_id AND x.shard = p_shard;
  RETURN '{"outcome": "cancelled"}';
END $$;
COMMENT ON FUNCTION farebox.cancel_export IS 'Called by instances. Ends an export that is not charged yet; it costs nothing.';

-- outcome: queued, not_failed, duplicate, too_many, short. It begins from the start, and has credits set aside anew.
CREATE FUNCTION farebox.retry_export(
  p_shard smallint, p_export_id uuid, p_account integer, p_type smallint, p_max_open integer, p_max_kept integer
) RETURNS jsonb LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
  v_now timestamptz;
  v farebox.exports;
  v_refusal jsonb;
  x record;
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended('farebox exports', p_account));
  -- Before its row: the pool.
  PERFORM FROM farebox.pools p WHERE p.account_no = p_account AND p.type_no = p_type AND p.shard = p_shard FOR UPDATE;
  SELECT o.* INTO v FROM farebox.exports o
  WHERE o.export_id = p_export_id AND o.account_no = p_account AND o.type_no = p_type AND o.shard = p_shard FOR UPDATE;
  IF v.state IS DISTINCT FROM 'failed' THEN RETURN '{"outcome": "not_failed"}'; END IF;
  v.retries := v.retries + 1;
  v_refusal := farebox.refuse_export(p_shard, p_export_id, p_account, v.request_hash, p_max_open, p_max_kept);
  IF v_refusal IS NULL AND v.charge_at = 'completion' AND v.price > 0 THEN
    SELECT h.* INTO x FROM farebox.hold_for_export(v, true) h;
    v := x.io_export; v_refusal := x.o_refusal;
  END IF;
  IF v_refusal IS NOT NULL THEN RETURN v_refusal; END IF;
  v_now := clock_timestamp();
  DELETE FROM farebox.export_parts p WHERE p.export_id = p_export_id AND p.shard = p_shard;
  UPDATE farebox.exports o SET state = 'queued', retries = v.retries, hold_id = v.hold_id, max_records = v.max_records,
    when_more = v.when_more, place = NULL, expected = NULL, records = 0, bytes = 0, source_bytes = 0, parts = 0, left_out = 0,
    attempts = 0, due_at = v_now, begun_at = v_now, clean_at = NULL, failure_code = NULL, failure = NULL, started_at = NULL,
    ended_at = NULL
  WHERE o.export_id = p_export_id AND o.shard = p_shard;
  RETURN '{"outcome": "queued"}';
END $$;
COMMENT ON FUNCTION farebox.retry_export IS 'Called by instances. Begins a failed export again.';
