-- What the last audit found, so that it is known without running another one.
CREATE TABLE farebox.last_audit (
  -- One row.
  audit_no smallint PRIMARY KEY DEFAULT 1 CHECK (audit_no = 1),
  finished_at timestamptz NOT NULL DEFAULT statement_timestamp(),
  duration_ms integer NOT NULL,
  pools bigint NOT NULL,
  entries bigint NOT NULL,
  findings integer NOT NULL
);
COMMENT ON TABLE farebox.last_audit IS 'The result of the last audit, in counts.';
