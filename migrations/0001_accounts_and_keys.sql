-- Who the customers are and what they present; and the small tables that give names numbers.
--
-- Inside the ledger accounts, credit types, keys, endpoints and instances are integers: a charge is written with some 120 bytes
-- instead of 250. What anyone sees outside (acc_…, key_…, "GET /v1/ip-lookup") is found through the tables of this file. On Citus
-- all of them are reference tables: a copy on every server, written from anywhere, read by every verb.

CREATE TABLE farebox.credit_types (
  type_no smallint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  credit_type text COLLATE "C" NOT NULL UNIQUE CHECK (length(credit_type) BETWEEN 1 AND 1000)
);
COMMENT ON TABLE farebox.credit_types IS 'The number of each kind of credit. A pool is an account and one of these.';

CREATE TABLE farebox.endpoints (
  endpoint_no integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  endpoint text COLLATE "C" NOT NULL UNIQUE CHECK (length(endpoint) BETWEEN 1 AND 1000)
);
COMMENT ON TABLE farebox.endpoints IS 'The number of each priced endpoint, given before its first charge.';

CREATE TABLE farebox.accounts (
  account_id text COLLATE "C" PRIMARY KEY,
  account_no integer GENERATED ALWAYS AS IDENTITY UNIQUE,
  name text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
  -- Given once, at creation. All rows of an account carry it.
  shard smallint NOT NULL CHECK (shard >= 0),
  state text NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'suspended', 'closed')),
  -- No foreign key: a plan that has left the configuration is kept by the accounts that have it.
  plan text COLLATE "C",
  plan_version integer,
  -- The change that is announced: a moment without a plan is the plan's end.
  next_plan text COLLATE "C",
  next_plan_at timestamptz,
  next_plan_version integer,
  metadata jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(metadata) = 'object'),
  created_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE farebox.accounts IS 'The customers. Closed ones stay: their books are kept.';
-- Lists of accounts, newest first.
CREATE INDEX accounts_by_age ON farebox.accounts (created_at, account_id);
CREATE INDEX accounts_by_metadata ON farebox.accounts USING gin (metadata jsonb_path_ops);
-- The sweep finds by these three what it has to do, and reads nothing when there is nothing.
CREATE INDEX accounts_by_plan ON farebox.accounts (plan, plan_version) WHERE plan IS NOT NULL;
CREATE INDEX accounts_by_next_plan ON farebox.accounts (next_plan, next_plan_version) WHERE next_plan IS NOT NULL;
CREATE INDEX accounts_by_plan_change ON farebox.accounts (next_plan_at) WHERE next_plan_at IS NOT NULL;

CREATE TABLE farebox.keys (
  key_id text COLLATE "C" PRIMARY KEY,
  key_no integer GENERATED ALWAYS AS IDENTITY UNIQUE,
  account_id text COLLATE "C" NOT NULL REFERENCES farebox.accounts (account_id),
  shard smallint NOT NULL,
  -- SHA-256 of the key's text. The text itself is shown once and never stored.
  hash bytea NOT NULL UNIQUE CHECK (octet_length(hash) = 32),
  prefix text NOT NULL,
  hint text NOT NULL,
  name text NOT NULL CHECK (length(name) <= 200),
  state text NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'revoked')),
  -- Match patterns; null: every endpoint.
  scopes jsonb CHECK (jsonb_typeof(scopes) = 'array'),
  -- The credit types in which it has caps (key_caps), so that whoever looks a key up reads no other table.
  capped text[] NOT NULL DEFAULT '{}',
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  expires_at timestamptz,
  revoked_at timestamptz,
  -- Moves with every change that a cache of keys must learn of, changes of the account's state included.
  changed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  -- Written lazily, at most once a minute.
  last_used_at timestamptz,
  CHECK ((state = 'revoked') = (revoked_at IS NOT NULL))
);
COMMENT ON TABLE farebox.keys IS 'API keys. Revoked ones stay: their charges name them.';
CREATE INDEX keys_by_account ON farebox.keys (account_id, created_at, key_id);
CREATE INDEX keys_by_change ON farebox.keys (changed_at);

CREATE TABLE farebox.rotated_secrets (
  hash bytea PRIMARY KEY CHECK (octet_length(hash) = 32),
  key_id text COLLATE "C" NOT NULL REFERENCES farebox.keys (key_id),
  hint text NOT NULL,
  rotated_at timestamptz NOT NULL,
  expires_at timestamptz NOT NULL,
  last_used_at timestamptz
);
COMMENT ON TABLE farebox.rotated_secrets IS 'Former texts of keys, valid until their grace ends.';
CREATE INDEX rotated_secrets_by_expiry ON farebox.rotated_secrets (expires_at);
CREATE INDEX rotated_secrets_by_key ON farebox.rotated_secrets (key_id);

-- The database's clock, and with it every hash of each key that changed after p_since less the overlap: of its present text
-- and of those from before rotations. Without a change, or a p_since, one row with the clock alone.
-- A function, because a plan made while the table was small reads all of it: 27 ms a heartbeat with 100,000 keys, until
-- statistics were gathered.
CREATE FUNCTION farebox.changed_keys(p_since timestamptz, p_overlap interval)
RETURNS TABLE (o_now timestamptz, o_hash bytea, o_changed_at timestamptz)
LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
AS $$
DECLARE
  -- Before the keys are read: a change that is stamped later is found by the next call.
  v_now CONSTANT timestamptz := clock_timestamp();
BEGIN
  RETURN QUERY
  SELECT v_now, h.hash, k.changed_at FROM farebox.keys k, LATERAL (
    SELECT k.hash UNION ALL SELECT s.hash FROM farebox.rotated_secrets s WHERE s.key_id = k.key_id
  ) h
  WHERE k.changed_at > p_since - p_overlap;
  IF NOT FOUND THEN
    RETURN QUERY SELECT v_now, NULL::bytea, NULL::timestamptz;
  END IF;
END $$;
COMMENT ON FUNCTION farebox.changed_keys IS
  'Called by instances with each heartbeat: the database''s clock, and the hashes of keys that changed since.';
