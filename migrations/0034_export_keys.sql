-- An Idempotency-Key of a request that creates an export is kept with what it created, in the same transaction: whenever an instance
-- dies, a repetition finds the export or creates it.

-- Null: the key is free. Nothing is locked: whoever creates an export has no pool yet, and others lock a key behind their pool.
CREATE FUNCTION farebox.find_export_of_key(
  p_shard smallint, p_account integer, p_key text, p_request_hash text
) RETURNS jsonb LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
  v_now CONSTANT timestamptz := clock_timestamp();
  v_found farebox.idempotency_keys;
BEGIN
  SELECT i.* INTO v_found FROM farebox.idempotency_keys i
  WHERE i.account_no = p_account AND i.key = p_key AND i.shard = p_shard AND i.expires_at > v_now;
  IF NOT FOUND THEN RETURN NULL; END IF;
  -- A request that was answered otherwise is another one, whatever it says.
  IF v_found.request_hash <> p_request_hash OR v_found.state = 'done' AND v_found.owner <> 'export' THEN RETURN '{"outcome": "key_mismatch"}'; END IF;
  IF v_found.state = 'running' THEN RETURN '{"outcome": "key_in_progress"}'; END IF;
  RETURN jsonb_build_object('outcome', 'repeated', 'exportId', convert_from(v_found.body, 'UTF8'));
END $$;
COMMENT ON FUNCTION farebox.find_export_of_key IS 'Internal. What an Idempotency-Key was used for.';

-- Behind the pool's lock, as every charge does. What is expired there is overwritten.
CREATE FUNCTION farebox.keep_export_key(
  p_shard smallint, p_account integer, p_key text, p_request_hash text, p_keep_seconds integer, p_export_id uuid
) RETURNS void LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
  v_now CONSTANT timestamptz := clock_timestamp();
  v_until CONSTANT timestamptz := v_now + make_interval(secs => p_keep_seconds);
BEGIN
  DELETE FROM farebox.idempotency_keys i
  WHERE i.account_no = p_account AND i.key = p_key AND i.shard = p_shard AND i.expires_at <= v_now;
  INSERT INTO farebox.idempotency_keys (account_no, key, shard, request_hash, owner, state, status, headers, body, created_at,
    expires_at)
  VALUES (p_account, p_key, p_shard, p_request_hash, 'export', 'done', 201, '[]', convert_to(p_export_id::text, 'UTF8'), v_now,
    v_until)
  ON CONFLICT (account_no, key, shard) DO NOTHING;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'another request began under the Idempotency-Key meanwhile' USING ERRCODE = 'serialization_failure';
  END IF;
END $$;
COMMENT ON FUNCTION farebox.keep_export_key IS 'Internal. An Idempotency-Key that created an export, for its repetition.';

-- outcome: created (also when it was before: the id is its own), repeated, key_mismatch, key_in_progress, duplicate, too_many, short.
-- p_new has the columns' values by name, hashes as hex, and perhaps key: {"key", "request_hash", "keep_seconds"}.
CREATE OR REPLACE FUNCTION farebox.create_export(
  p_shard smallint, p_export_id uuid, p_account integer, p_type smallint, p_settle boolean, p_new jsonb
) RETURNS jsonb LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
  v_now timestamptz;
  v_key CONSTANT jsonb := nullif(p_new -> 'key', 'null');
  v farebox.exports;
  v_refusal jsonb;
  x record;
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended('farebox exports', p_account));
  PERFORM FROM farebox.exports o WHERE o.export_id = p_export_id AND o.shard = p_shard;
  IF FOUND THEN RETURN '{"outcome": "created"}'; END IF;
  IF v_key IS NOT NULL THEN
    v_refusal := farebox.find_export_of_key(p_shard, p_account, v_key ->> 'key', v_key ->> 'request_hash');
    IF v_refusal IS NOT NULL THEN RETURN v_refusal; END IF;
  END IF;
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
  IF v_key IS NOT NULL THEN
    PERFORM farebox.keep_export_key(p_shard, p_account, v_key ->> 'key', v_key ->> 'request_hash',
      (v_key ->> 'keep_seconds')::integer, p_export_id);
  END IF;
  v_now := clock_timestamp();
  INSERT INTO farebox.exports (export_id, account_no, type_no, shard, key_no, endpoint_no, price_list, price, max_records,
    part_records, keep_seconds, kind, policy, charge_at, when_more, format, gzip, params, body, request_hash, hold_id, due_at,
    created_at, begun_at)
  VALUES (v.export_id, v.account_no, v.type_no, v.shard, v.key_no, v.endpoint_no, v.price_list, v.price, v.max_records,
    v.part_records, v.keep_seconds, v.kind, v.policy, v.charge_at, v.when_more, v.format, v.gzip, v.params, v.body, v.request_hash,
    v.hold_id, v_now, v_now, v_now);
  RETURN '{"outcome": "created"}';
END $$;
