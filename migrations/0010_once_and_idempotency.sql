-- What makes a request free, or answered already: windows of `once`, and Idempotency-Keys.

CREATE TABLE farebox.once_windows (
  account_no integer NOT NULL,
  endpoint_no integer NOT NULL,
  value text COLLATE "C" NOT NULL,
  shard smallint NOT NULL,
  until timestamptz NOT NULL,
  PRIMARY KEY (account_no, endpoint_no, value, shard)
);
COMMENT ON TABLE farebox.once_windows IS 'Until when an account pays nothing more for this endpoint and value.';
CREATE INDEX once_windows_until ON farebox.once_windows (until, shard);

CREATE TABLE farebox.idempotency_keys (
  account_no integer NOT NULL,
  key text COLLATE "C" NOT NULL,
  shard smallint NOT NULL,
  request_hash text NOT NULL,
  -- '<instance id>/<run id>': the run that may complete or abandon it.
  owner text NOT NULL,
  state text NOT NULL DEFAULT 'running' CHECK (state IN ('running', 'done')),
  status integer,
  -- [[name, value], …]
  headers jsonb,
  -- Null when done: the body was too large to keep.
  body bytea,
  created_at timestamptz NOT NULL,
  expires_at timestamptz NOT NULL,
  PRIMARY KEY (account_no, key, shard),
  CONSTRAINT idempotency_keys_done_is_answered CHECK ((state = 'done') = (status IS NOT NULL AND headers IS NOT NULL))
) WITH (fillfactor = 50);
COMMENT ON TABLE farebox.idempotency_keys IS 'Requests under an Idempotency-Key: running, or done with the response to replay.';
-- For the sweep. On created_at, which completing does not change, so that completing stays a HOT update.
CREATE INDEX idempotency_keys_by_age ON farebox.idempotency_keys (created_at, shard);

-- Claims an Idempotency-Key for one run of a request, so that of two that arrive at once exactly one begins. The outcome is
-- 'begun': the caller runs. 'running': another run has it. 'mismatch': it was used for another request. 'done': the answer has
-- the stored response, its body in base64. A key is taken over when it has expired, and when the instance that ran it is dead:
-- that run can no longer complete it, since completing asks for the owner that this function has replaced.
-- Called again with the same p_owner (the answer was lost) it says 'begun' again.
CREATE FUNCTION farebox.begin_idempotent(
  p_shard smallint, p_account integer, p_key text, p_request_hash text, p_owner text, p_run_seconds integer
) RETURNS jsonb
LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
  v_now timestamptz;
  v_found farebox.idempotency_keys;
BEGIN
  LOOP
    v_now := clock_timestamp();
    INSERT INTO farebox.idempotency_keys (account_no, key, shard, request_hash, owner, created_at, expires_at)
    VALUES (p_account, p_key, p_shard, p_request_hash, p_owner, v_now, v_now + make_interval(secs => p_run_seconds))
    ON CONFLICT (account_no, key, shard) DO NOTHING;
    IF FOUND THEN RETURN '{"outcome": "begun"}'; END IF;

    SELECT * INTO v_found FROM farebox.idempotency_keys i
    WHERE i.account_no = p_account AND i.key = p_key AND i.shard = p_shard
    FOR UPDATE;
    -- Abandoned or swept between the two statements: the key is free.
    EXIT WHEN FOUND;
  END LOOP;
  -- The lock may have been waited for.
  v_now := clock_timestamp();
  IF v_found.state = 'running' AND v_found.owner = p_owner THEN RETURN '{"outcome": "begun"}'; END IF;
  IF v_found.expires_at <= v_now
    OR v_found.state = 'running' AND NOT farebox.is_instance_live(p_shard, split_part(v_found.owner, '/', 1))
  THEN
    UPDATE farebox.idempotency_keys i
    SET request_hash = p_request_hash, owner = p_owner, state = 'running', status = NULL, headers = NULL, body = NULL,
      created_at = v_now, expires_at = v_now + make_interval(secs => p_run_seconds)
    WHERE i.account_no = p_account AND i.key = p_key AND i.shard = p_shard;
    RETURN '{"outcome": "begun"}';
  END IF;
  IF v_found.request_hash <> p_request_hash THEN RETURN '{"outcome": "mismatch"}'; END IF;
  IF v_found.state = 'running' THEN RETURN '{"outcome": "running"}'; END IF;
  RETURN jsonb_build_object('outcome', 'done', 'status', v_found.status, 'headers', v_found.headers,
    'body', encode(v_found.body, 'base64'));
END $$;
COMMENT ON FUNCTION farebox.begin_idempotent IS
  'Called by instances. Claims an Idempotency-Key for one run of a request, or says who has it or what it was answered.';

CREATE FUNCTION farebox.is_instance_live(p_shard smallint, p_instance text) RETURNS boolean
LANGUAGE plpgsql STABLE SET enable_seqscan = off AS $$
BEGIN
  PERFORM FROM farebox.instances i JOIN farebox.lanes l ON l.instance_no = i.instance_no
  WHERE i.instance_id = p_instance AND l.shard = p_shard AND l.state = 'live';
  RETURN FOUND;
END $$;
COMMENT ON FUNCTION farebox.is_instance_live IS 'Internal. Whether an instance serves this shard and was not declared dead.';

-- Stores the response of a request that charged nothing. False when the run has the key no longer: it was taken over, and the
-- response of whoever has it is the one that counts. The same run may complete once more, when the answer was lost.
CREATE FUNCTION farebox.complete_idempotent(
  p_shard smallint, p_account integer, p_key text, p_owner text, p_status integer, p_headers jsonb, p_body bytea,
  p_keep_seconds integer
) RETURNS boolean
LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
  v_now CONSTANT timestamptz := clock_timestamp();
BEGIN
  UPDATE farebox.idempotency_keys i SET state = 'done', status = p_status, headers = p_headers, body = p_body,
    expires_at = v_now + make_interval(secs => p_keep_seconds)
  WHERE i.account_no = p_account AND i.key = p_key AND i.shard = p_shard AND i.owner = p_owner;
  RETURN FOUND;
END $$;
COMMENT ON FUNCTION farebox.complete_idempotent IS
  'Called by instances. Stores the response of a request under an Idempotency-Key, if this run still has the key.';

CREATE FUNCTION farebox.abandon_idempotent(p_shard smallint, p_account integer, p_key text, p_owner text) RETURNS boolean
LANGUAGE plpgsql SET enable_seqscan = off AS $$
BEGIN
  DELETE FROM farebox.idempotency_keys i
  WHERE i.account_no = p_account AND i.key = p_key AND i.shard = p_shard AND i.owner = p_owner AND i.state = 'running';
  RETURN FOUND;
END $$;
COMMENT ON FUNCTION farebox.abandon_idempotent IS
  'Called by instances. Frees an Idempotency-Key whose request failed, if this run still has it.';
