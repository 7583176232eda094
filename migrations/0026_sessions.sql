-- Which customers are signed in to the portal. Reference tables on Citus: a session is found by its text before its account is known.

CREATE TABLE farebox.portal_links (
  link_id text COLLATE "C" PRIMARY KEY,
  -- SHA-256 of the link's text, which is stored nowhere.
  hash bytea NOT NULL CONSTRAINT portal_links_hash_once UNIQUE CHECK (octet_length(hash) = 32),
  account_id text COLLATE "C" NOT NULL,
  access text NOT NULL CHECK (access IN ('read', 'manage')),
  created_by text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  expires_at timestamptz NOT NULL,
  used_at timestamptz
);
COMMENT ON TABLE farebox.portal_links IS 'One-time links by which customers sign in to the portal.';
CREATE INDEX portal_links_by_end ON farebox.portal_links (expires_at);

CREATE TABLE farebox.sessions (
  session_id text COLLATE "C" PRIMARY KEY,
  -- SHA-256 of the cookie's value, which is stored nowhere.
  hash bytea NOT NULL CONSTRAINT sessions_hash_once UNIQUE CHECK (octet_length(hash) = 32),
  -- What the session may do, and what it was made with: a text of a key, or a link.
  account_id text COLLATE "C" NOT NULL,
  access text NOT NULL CHECK (access IN ('read', 'manage')),
  key_id text COLLATE "C",
  key_hash bytea,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  -- Up to a minute old.
  last_seen_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  idle_seconds integer NOT NULL CHECK (idle_seconds > 0),
  expires_at timestamptz NOT NULL,
  revoked_at timestamptz,
  CONSTRAINT sessions_key_whole CHECK ((key_id IS NULL) = (key_hash IS NULL))
) WITH (fillfactor = 70);
COMMENT ON TABLE farebox.sessions IS 'Browsers that are signed in. A session is over when it is revoked, idle for too long, or at its end.';
CREATE INDEX sessions_by_end ON farebox.sessions (expires_at);
