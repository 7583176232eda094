-- Who the customers are, what they present, what things cost, and what operators did. The pools and everything that
-- money moves through follow in the next migration.
--
-- accounts, keys, plans, price_lists and the operator tables are small and read through caches: on Citus they are
-- reference tables. idempotency_keys grows with traffic: it is distributed by shard, which is therefore part of its key.

CREATE TABLE farebox.accounts (
  account_id text COLLATE "C" PRIMARY KEY,
  name text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
  -- Given once, at creation. All rows of an account carry it.
  shard integer NOT NULL CHECK (shard >= 0),
  state text NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'suspended', 'closed')),
  -- No foreign key: a plan that has left the configuration is kept by the accounts that have it.
  plan text,
  metadata jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(metadata) = 'object'),
  created_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
-- Lists of accounts, newest first.
CREATE INDEX accounts_by_age ON farebox.accounts (created_at, account_id);

CREATE TABLE farebox.keys (
  key_id text COLLATE "C" PRIMARY KEY,
  account_id text COLLATE "C" NOT NULL REFERENCES farebox.accounts (account_id),
  shard integer NOT NULL,
  -- SHA-256 of the key's text. The text itself is shown once and never stored.
  hash bytea NOT NULL UNIQUE CHECK (octet_length(hash) = 32),
  prefix text NOT NULL,
  hint text NOT NULL,
  name text NOT NULL CHECK (length(name) <= 200),
  state text NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'revoked')),
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  expires_at timestamptz,
  revoked_at timestamptz,
  -- Moves with every change that a cache of keys must learn of, changes of the account's state included.
  changed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  -- Written lazily, at most once a minute.
  last_used_at timestamptz,
  CHECK ((state = 'revoked') = (revoked_at IS NOT NULL))
);
CREATE INDEX keys_by_account ON farebox.keys (account_id, created_at, key_id);
CREATE INDEX keys_by_change ON farebox.keys (changed_at);

CREATE TABLE farebox.plans (
  name text COLLATE "C" PRIMARY KEY,
  -- {"recurring": [{"creditType", "amount" in micro-credits, "every", "rollover": "none" | "all" | micro-credits}]}
  body jsonb NOT NULL,
  changed_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE TABLE farebox.price_lists (
  -- Counted up under a lock of the table, so that versions are gap-free and in order of publication.
  version integer PRIMARY KEY CHECK (version > 0),
  hash text NOT NULL,
  body jsonb NOT NULL,
  effective_at timestamptz NOT NULL,
  published_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  -- Only before it took effect: a list that priced a charge stays.
  cancelled_at timestamptz CHECK (cancelled_at < effective_at)
);

CREATE TABLE farebox.idempotency_keys (
  account_id text COLLATE "C" NOT NULL,
  key text COLLATE "C" NOT NULL,
  shard integer NOT NULL,
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
  PRIMARY KEY (account_id, key, shard),
  CHECK ((state = 'done') = (status IS NOT NULL AND headers IS NOT NULL))
) WITH (fillfactor = 50);
-- For the sweep. On created_at, which completing does not change, so that completing stays a HOT update.
CREATE INDEX idempotency_keys_by_age ON farebox.idempotency_keys (created_at);

CREATE TABLE farebox.operator_audit (
  audit_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at timestamptz NOT NULL DEFAULT clock_timestamp(),
  -- Who: the operator token's name, or the command that ran.
  actor text NOT NULL,
  -- What: 'account.create', 'key.revoke'.
  action text NOT NULL,
  account_id text COLLATE "C",
  -- The id of what was created or changed.
  target text,
  request_id text,
  detail jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX operator_audit_by_account ON farebox.operator_audit (account_id, audit_id);

CREATE TABLE farebox.operator_requests (
  key text COLLATE "C" PRIMARY KEY,
  request_hash text NOT NULL,
  status integer NOT NULL,
  body jsonb NOT NULL,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX operator_requests_by_age ON farebox.operator_requests (created_at);

-- Claims an Idempotency-Key for one run of a request, in one statement, so that of two that arrive at once exactly one
-- begins. 'begun': the caller runs. 'running': another run has it. 'mismatch': it was used for another request. 'done':
-- the stored response. A key is taken over when it has expired, and when the instance that ran it is dead: that run can
-- no longer complete it, since completing asks for the owner that this function has replaced.
-- Called again with the same p_owner (the answer was lost) it says 'begun' again.
CREATE FUNCTION farebox.begin_idempotent(
  p_account_id text, p_shard integer, p_key text, p_request_hash text, p_owner text, p_run_seconds integer
) RETURNS TABLE (outcome text, stored_status integer, stored_headers jsonb, stored_body bytea)
LANGUAGE plpgsql AS $$
DECLARE
  v_now timestamptz;
  v_found farebox.idempotency_keys%ROWTYPE;
BEGIN
  LOOP
    v_now := clock_timestamp();
    INSERT INTO farebox.idempotency_keys (account_id, key, shard, request_hash, owner, created_at, expires_at)
    VALUES (p_account_id, p_key, p_shard, p_request_hash, p_owner, v_now, v_now + make_interval(secs => p_run_seconds))
    ON CONFLICT (account_id, key, shard) DO NOTHING;
    IF FOUND THEN
      RETURN QUERY SELECT 'begun', NULL::integer, NULL::jsonb, NULL::bytea;
      RETURN;
    END IF;

    SELECT * INTO v_found FROM farebox.idempotency_keys i
    WHERE i.account_id = p_account_id AND i.key = p_key AND i.shard = p_shard
    FOR UPDATE;
    -- Abandoned or swept between the two statements: the key is free.
    CONTINUE WHEN NOT FOUND;

    IF v_found.state = 'running' AND v_found.owner = p_owner THEN
      RETURN QUERY SELECT 'begun', NULL::integer, NULL::jsonb, NULL::bytea;
    ELSIF v_found.expires_at <= clock_timestamp() OR (
      v_found.state = 'running' AND NOT EXISTS (
        SELECT FROM farebox.instances n
        WHERE n.owner = split_part(v_found.owner, '/', 1) AND n.shard = p_shard AND n.state = 'live'
      )
    ) THEN
      UPDATE farebox.idempotency_keys i
      SET request_hash = p_request_hash, owner = p_owner, state = 'running', status = NULL, headers = NULL, body = NULL,
        created_at = v_now, expires_at = v_now + make_interval(secs => p_run_seconds)
      WHERE i.account_id = p_account_id AND i.key = p_key AND i.shard = p_shard;
      RETURN QUERY SELECT 'begun', NULL::integer, NULL::jsonb, NULL::bytea;
    ELSIF v_found.request_hash <> p_request_hash THEN
      RETURN QUERY SELECT 'mismatch', NULL::integer, NULL::jsonb, NULL::bytea;
    ELSIF v_found.state = 'running' THEN
      RETURN QUERY SELECT 'running', NULL::integer, NULL::jsonb, NULL::bytea;
    ELSE
      RETURN QUERY SELECT 'done', v_found.status, v_found.headers, v_found.body;
    END IF;
    RETURN;
  END LOOP;
END
$$;
