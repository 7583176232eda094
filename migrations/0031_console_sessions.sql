-- Which operators are signed in to the console. Reference tables on Citus: a session is found by its text.

CREATE TABLE farebox.console_sessions (
  session_id text COLLATE "C" PRIMARY KEY,
  -- SHA-256 of the cookie's value, which is stored nowhere.
  hash bytea NOT NULL CONSTRAINT console_sessions_hash_once UNIQUE CHECK (octet_length(hash) = 32),
  -- As audit rows name who it is: `operator`, `token:` and a token's name, `person:` and who they are.
  actor text COLLATE "C" NOT NULL,
  -- What it was made with, of which it has no more rights and no longer life: a named token,
  token_id text COLLATE "C",
  -- the operator token (an HMAC of the session's text by it: nothing of the token can be told from it),
  proof bytea CHECK (octet_length(proof) = 32),
  -- or what an identity provider said.
  role text CHECK (role IN ('read', 'support', 'admin')),
  most_each bigint,
  most_daily bigint,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  -- Up to a minute old.
  last_seen_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  idle_seconds integer NOT NULL CHECK (idle_seconds > 0),
  expires_at timestamptz NOT NULL,
  revoked_at timestamptz,
  CONSTRAINT console_sessions_one_source CHECK (num_nonnulls(token_id, proof, role) = 1),
  CONSTRAINT console_sessions_limits CHECK (
    num_nonnulls(most_each, most_daily) = CASE WHEN role = 'support' THEN 2 ELSE 0 END
  )
) WITH (fillfactor = 70);
COMMENT ON TABLE farebox.console_sessions IS 'Browsers of operators that are signed in. A session is over when it is revoked, idle for too long, at its end, or with its token.';
CREATE INDEX console_sessions_by_end ON farebox.console_sessions (expires_at);

CREATE TABLE farebox.console_links (
  link_id text COLLATE "C" PRIMARY KEY,
  -- SHA-256 of the link's text, which is stored nowhere.
  hash bytea NOT NULL CONSTRAINT console_links_hash_once UNIQUE CHECK (octet_length(hash) = 32),
  -- Who made it and is signed in by it: as in console_sessions.
  actor text COLLATE "C" NOT NULL,
  token_id text COLLATE "C",
  proof bytea CHECK (octet_length(proof) = 32),
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  expires_at timestamptz NOT NULL,
  used_at timestamptz,
  CONSTRAINT console_links_one_source CHECK (num_nonnulls(token_id, proof) = 1)
);
COMMENT ON TABLE farebox.console_links IS 'One-time links by which operators sign in to the console.';
CREATE INDEX console_links_by_end ON farebox.console_links (expires_at);
