-- What workers do with exports: claim one, record its parts, end it; and remove the files that are over.

-- {"exportId", "claim"} of the open export that has waited longest and whose account has no more than p_per_account under way; null
-- when there is none. One whose claim has ended is taken over. p_kinds: what this instance knows the sources of.
CREATE FUNCTION farebox.claim_export(
  p_shard smallint, p_owner text, p_kinds text[], p_seconds integer, p_per_account integer
) RETURNS jsonb LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
  v_now CONSTANT timestamptz := clock_timestamp();
  v farebox.exports;
  v_under_way integer;
  x record;
BEGIN
  FOR x IN
    SELECT o.export_id, o.account_no FROM farebox.exports o
    WHERE o.state IN ('queued', 'running') AND o.due_at <= v_now AND o.kind = ANY (p_kinds) AND o.shard = p_shard
    ORDER BY o.due_at, o.export_id
  LOOP
    SELECT count(*) INTO v_under_way FROM farebox.exports o
    WHERE o.account_no = x.account_no AND o.state = 'running' AND o.due_at > v_now AND o.shard = p_shard;
    CONTINUE WHEN v_under_way >= p_per_account;
    SELECT o.* INTO v FROM farebox.exports o
    WHERE o.export_id = x.export_id AND o.state IN ('queued', 'running') AND o.due_at <= v_now AND o.shard = p_shard
    FOR UPDATE SKIP LOCKED;
    CONTINUE WHEN NOT FOUND;
    UPDATE farebox.exports o SET state = 'running', claim = v.claim + 1, owner = p_owner,
      due_at = v_now + make_interval(secs => p_seconds), started_at = coalesce(v.started_at, v_now),
      attempts = v.attempts + CASE WHEN v.state = 'running' THEN 1 ELSE 0 END
    WHERE o.export_id = v.export_id AND o.shard = p_shard;
    RETURN jsonb_build_object('exportId', v.export_id, 'claim', v.claim + 1);
  END LOOP;
  RETURN NULL;
END $$;
COMMENT ON FUNCTION farebox.claim_export IS 'Called by workers. The next export to work on, for so many seconds.';

-- running: go on. lost: another worker has it, or it was cancelled. What is set aside lives on with it.
CREATE FUNCTION farebox.beat_export(p_shard smallint, p_export_id uuid, p_claim integer, p_seconds integer) RETURNS text
LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
  v_now timestamptz := clock_timestamp();
  v_until timestamptz;
  v farebox.exports;
BEGIN
  SELECT x.* INTO v FROM farebox.exports x WHERE x.export_id = p_export_id AND x.shard = p_shard;
  PERFORM FROM farebox.holds h
  WHERE h.account_no = v.account_no AND h.type_no = v.type_no AND h.hold_id = v.hold_id AND h.shard = p_shard
    AND h.state = 'live' AND h.expires_at < v_now + interval '12 hours';
  IF FOUND THEN
    -- Before the export's row, as everywhere. Rolled first: a hold that is over stays so.
    PERFORM farebox.open_pool(p_shard, v.account_no, v.type_no);
    v_now := clock_timestamp();
    v_until := v_now + interval '1 day';
    UPDATE farebox.holds h SET expires_at = v_until
    WHERE h.account_no = v.account_no AND h.type_no = v.type_no AND h.hold_id = v.hold_id AND h.shard = p_shard
      AND h.state = 'live' AND v.state = 'running' AND v.claim = p_claim;
  END IF;
  UPDATE farebox.exports x SET due_at = v_now + make_interval(secs => p_seconds)
  WHERE x.export_id = p_export_id AND x.shard = p_shard AND x.state = 'running' AND x.claim = p_claim;
  RETURN CASE WHEN FOUND THEN 'running' ELSE 'lost' END;
END $$;
COMMENT ON FUNCTION farebox.beat_export IS 'Called by workers. A claim lives on.';

-- recorded (also when it was before), lost. p_part: {"part", "records", "bytes", "sha256", "object", "place", "expected",
-- "leftOut", "sourceBytes"}, the last two in all.
CREATE FUNCTION farebox.record_export_part(
  p_shard smallint, p_export_id uuid, p_claim integer, p_seconds integer, p_part jsonb, p_ids bytea
) RETURNS text LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
  v_now CONSTANT timestamptz := clock_timestamp();
  v_part CONSTANT integer := (p_part ->> 'part')::integer;
  v farebox.exports;
BEGIN
  SELECT x.* INTO v FROM farebox.exports x WHERE x.export_id = p_export_id AND x.shard = p_shard FOR UPDATE;
  IF v.state IS DISTINCT FROM 'running' OR v.claim <> p_claim THEN RETURN 'lost'; END IF;
  -- Its answer got lost: names have the claim's number, so it is the same file.
  IF v_part = v.parts THEN RETURN 'recorded'; END IF;
  IF v_part <> v.parts + 1 THEN
    RAISE EXCEPTION 'part % of export % comes after part %', v_part, p_export_id, v.parts USING ERRCODE = 'FB002';
  END IF;
  INSERT INTO farebox.export_parts (export_id, part, shard, records, bytes, sha256, object, created_at, ids)
  VALUES (p_export_id, v_part, p_shard, (p_part ->> 'records')::integer, (p_part ->> 'bytes')::bigint,
    decode(p_part ->> 'sha256', 'hex'), p_part ->> 'object', v_now, p_ids);
  UPDATE farebox.exports x SET parts = v_part, records = v.records + (p_part ->> 'records')::integer,
    bytes = v.bytes + (p_part ->> 'bytes')::bigint, source_bytes = (p_part ->> 'sourceBytes')::bigint,
    left_out = (p_part ->> 'leftOut')::integer, place = p_part ->> 'place',
    expected = coalesce((p_part ->> 'expected')::bigint, v.expected), attempts = 0,
    due_at = v_now + make_interval(secs => p_seconds)
  WHERE x.export_id = p_export_id AND x.shard = p_shard;
  RETURN 'recorded';
END $$;
COMMENT ON FUNCTION farebox.record_export_part IS
  'Called by workers. A part that is in the storage counts from here on, and the source goes on behind it.';

-- ready, charged, lost. Charged here, when it is to be, in the transaction that makes it ready; one that cannot be stays ready.
CREATE FUNCTION farebox.finish_export(
  p_shard smallint, p_export_id uuid, p_claim integer, p_account integer, p_type smallint, p_left_out integer
) RETURNS text LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
  v_opened CONSTANT record := farebox.open_pool(p_shard, p_account, p_type);
  v_now CONSTANT timestamptz := v_opened.o_now;
  v farebox.exports;
  v_paid record;
BEGIN
  SELECT x.* INTO v FROM farebox.exports x
  WHERE x.export_id = p_export_id AND x.account_no = p_account AND x.type_no = p_type AND x.shard = p_shard FOR UPDATE;
  -- Its answer got lost.
  IF v.claim = p_claim AND v.state IN ('ready', 'charged') THEN RETURN v.state; END IF;
  IF v.claim <> p_claim OR v.state IS DISTINCT FROM 'running' THEN RETURN 'lost'; END IF;
  v.expires_at := v_now + make_interval(secs => v.keep_seconds);
  UPDATE farebox.exports x SET state = 'ready', ready_at = v_now, expires_at = v.expires_at, clean_at = v.expires_at,
    left_out = p_left_out, expected = v.records, owner = NULL, place = NULL, failure_code = NULL,
    failure = NULL
  WHERE x.export_id = p_export_id AND x.shard = p_shard;
  UPDATE farebox.export_parts p SET ids = NULL
  WHERE p.export_id = p_export_id AND p.shard = p_shard AND p.ids IS NOT NULL;
  IF v.charge_at = 'listing' THEN RETURN 'ready'; END IF;
  SELECT p.* INTO v_paid FROM farebox.pay_export(v_opened.o_pool, v, v_now) p;
  PERFORM farebox.write_export_pool(v_paid.io_pool, v_now);
  RETURN CASE v_paid.o_answer ->> 'outcome' WHEN 'charged' THEN 'charged' ELSE 'ready' END;
END $$;
COMMENT ON FUNCTION farebox.finish_export IS 'Called by workers. All parts are in.';

-- queued: it goes on after p_retry_ms. failed: it costs nothing and its files go. lost. p_counts: as one of its attempts.
CREATE FUNCTION farebox.fail_export(
  p_shard smallint, p_export_id uuid, p_claim integer, p_account integer, p_type smallint, p_code text, p_failure text,
  p_retry_ms integer, p_counts boolean
) RETURNS text LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
  v_opened CONSTANT record := farebox.open_pool(p_shard, p_account, p_type);
  v_now CONSTANT timestamptz := v_opened.o_now;
  v farebox.exports;
BEGIN
  SELECT x.* INTO v FROM farebox.exports x
  WHERE x.export_id = p_export_id AND x.account_no = p_account AND x.type_no = p_type AND x.shard = p_shard FOR UPDATE;
  IF v.claim <> p_claim OR v.state IS DISTINCT FROM 'running' THEN RETURN 'lost'; END IF;
  IF p_retry_ms IS NOT NULL THEN
    UPDATE farebox.exports x SET state = 'queued', owner = NULL, due_at = v_now + make_interval(secs => p_retry_ms / 1000.0),
      attempts = v.attempts + CASE WHEN p_counts THEN 1 ELSE 0 END, failure_code = p_code, failure = p_failure
    WHERE x.export_id = p_export_id AND x.shard = p_shard;
    RETURN 'queued';
  END IF;
  PERFORM farebox.release_export(v, v_opened.o_pool, v_now);
  UPDATE farebox.exports x SET state = 'failed', owner = NULL, place = NULL, ended_at = v_now, clean_at = v_now,
    failure_code = p_code, failure = p_failure
  WHERE x.export_id = p_export_id AND x.shard = p_shard;
  RETURN 'failed';
END $$;
COMMENT ON FUNCTION farebox.fail_export IS 'Called by workers. A claim ends without the job being done.';

-- [[export, claim], …] whose files are to be removed: what the claims up to this one wrote. Those whose time is over have expired
-- when this answers, so that nobody begins to read what is being removed.
CREATE FUNCTION farebox.list_export_leavings(p_shard smallint, p_limit integer) RETURNS jsonb
LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
  v_now CONSTANT timestamptz := clock_timestamp();
  v_found jsonb := '[]';
  x record;
BEGIN
  FOR x IN
    SELECT o.export_id, o.claim, o.state FROM farebox.exports o
    WHERE o.clean_at <= v_now AND o.shard = p_shard ORDER BY o.clean_at, o.export_id LIMIT p_limit FOR UPDATE SKIP LOCKED
  LOOP
    IF x.state IN ('ready', 'charged') THEN
      UPDATE farebox.exports o SET state = 'expired' WHERE o.export_id = x.export_id AND o.shard = p_shard;
    END IF;
    v_found := v_found || jsonb_build_array(jsonb_build_array(x.export_id, x.claim));
  END LOOP;
  RETURN v_found;
END $$;
COMMENT ON FUNCTION farebox.list_export_leavings IS 'Called by workers. Exports whose files are over.';

-- p_retry_seconds: they could not be removed; null: they are gone.
CREATE FUNCTION farebox.leave_export_files(p_shard smallint, p_export_id uuid, p_claim integer, p_retry_seconds integer)
RETURNS boolean LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
  v_now CONSTANT timestamptz := clock_timestamp();
BEGIN
  -- One that was begun again meanwhile has files of its own.
  PERFORM FROM farebox.exports x
  WHERE x.export_id = p_export_id AND x.shard = p_shard AND x.claim = p_claim AND x.clean_at IS NOT NULL FOR UPDATE;
  IF NOT FOUND THEN RETURN false; END IF;
  UPDATE farebox.exports x SET clean_at = v_now + make_interval(secs => p_retry_seconds)
  WHERE x.export_id = p_export_id AND x.shard = p_shard;
  IF p_retry_seconds IS NULL THEN
    DELETE FROM farebox.export_parts p WHERE p.export_id = p_export_id AND p.shard = p_shard;
  END IF;
  RETURN true;
END $$;
COMMENT ON FUNCTION farebox.leave_export_files IS 'Called by workers. The files of an export are gone, or are tried again later.';

-- Whether claim_export or list_export_leavings would find something; what an idle instance asks.
CREATE FUNCTION farebox.export_work_due(p_shard smallint, p_kinds text[]) RETURNS boolean
LANGUAGE plpgsql STABLE SET enable_seqscan = off AS $$
DECLARE
  v_now CONSTANT timestamptz := clock_timestamp();
BEGIN
  RETURN EXISTS (
    SELECT FROM farebox.exports x
    WHERE x.state IN ('queued', 'running') AND x.due_at <= v_now AND x.kind = ANY (p_kinds) AND x.shard = p_shard
  ) OR EXISTS (
    SELECT FROM farebox.exports x WHERE x.clean_at IS NOT NULL AND x.clean_at <= v_now AND x.shard = p_shard
  );
END $$;
COMMENT ON FUNCTION farebox.export_work_due IS 'Called by workers. Whether there may be anything to do with exports in a shard.';
