-- Keys may be limited to endpoints, and get a new text while the old one goes on working for a while.

-- An array of match patterns, as prices have them ("GET /v1/leads"); null: every endpoint.
ALTER TABLE farebox.keys ADD COLUMN scopes jsonb CHECK (jsonb_typeof(scopes) = 'array');

-- Texts that keys had before their rotations. The present one's hash is in farebox.keys.
CREATE TABLE farebox.rotated_secrets (
  hash bytea PRIMARY KEY CHECK (octet_length(hash) = 32),
  key_id text COLLATE "C" NOT NULL REFERENCES farebox.keys (key_id),
  hint text NOT NULL,
  rotated_at timestamptz NOT NULL,
  -- Until then this text is the key as well.
  expires_at timestamptz NOT NULL,
  -- Written lazily, like the key's.
  last_used_at timestamptz
);
-- For the changes that caches are told of: all hashes of a changed key.
CREATE INDEX rotated_secrets_by_key ON farebox.rotated_secrets (key_id);
-- For the sweep.
CREATE INDEX rotated_secrets_by_expiry ON farebox.rotated_secrets (expires_at);
