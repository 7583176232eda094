-- What all instances sign with and nobody else may know. A small table: a reference table on Citus.

CREATE TABLE farebox.secrets (
  name text COLLATE "C" PRIMARY KEY,
  value bytea NOT NULL CHECK (octet_length(value) >= 32),
  created_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE farebox.secrets IS 'Random bytes that instances share: what download links are signed with.';
