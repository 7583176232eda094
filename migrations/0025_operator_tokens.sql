-- Who may ask the operator API besides the operator token: named tokens, each with a role. Small tables: reference tables on Citus.

CREATE TABLE farebox.operator_tokens (
  token_id text COLLATE "C" PRIMARY KEY,
  -- Never given twice, so that the audit trail's 'token:<name>' is one token for good.
  name text COLLATE "C" NOT NULL CONSTRAINT operator_tokens_name_once UNIQUE,
  role text NOT NULL CHECK (role IN ('metrics', 'read', 'portal', 'support', 'admin')),
  -- SHA-256 of the token's text, which is stored nowhere.
  hash bytea NOT NULL CONSTRAINT operator_tokens_hash_once UNIQUE CHECK (octet_length(hash) = 32),
  hint text NOT NULL,
  -- Micro-credits that one grant or refund, and all of one day (UTC), may give; both or neither.
  most_each bigint CHECK (most_each > 0),
  most_daily bigint CHECK (most_daily > 0),
  created_by text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  expires_at timestamptz,
  revoked_at timestamptz,
  -- Up to an hour old: a scraper asks every few seconds.
  last_used_at timestamptz,
  CONSTRAINT operator_tokens_limits_whole CHECK ((most_each IS NULL) = (most_daily IS NULL)),
  CONSTRAINT operator_tokens_support_has_limits CHECK ((role = 'support') = (most_each IS NOT NULL))
);
COMMENT ON TABLE farebox.operator_tokens IS 'Named tokens of the operator API with their roles. Revoked ones stay: the audit trail names them.';
CREATE INDEX operator_tokens_by_age ON farebox.operator_tokens (created_at, token_id);

CREATE TABLE farebox.operator_giving (
  -- As the audit trail names who gave.
  actor text COLLATE "C" NOT NULL,
  -- Of UTC.
  day date NOT NULL,
  given bigint NOT NULL CHECK (given >= 0),
  PRIMARY KEY (actor, day)
);
COMMENT ON TABLE farebox.operator_giving IS 'Micro-credits that those with a limit gave by grants and refunds, by day.';
CREATE INDEX operator_giving_by_day ON farebox.operator_giving (day);

-- The trail can be asked for what one token or person did. A table that grows by operators' acts, not by requests: built at once.
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX operator_audit_by_actor ON farebox.operator_audit (actor, at, audit_id);
