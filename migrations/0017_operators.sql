-- What operators did, asked, and have running. Small tables: reference tables on Citus.

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
COMMENT ON TABLE farebox.operator_audit IS 'A row for each mutation, written in its transaction.';
CREATE INDEX operator_audit_by_time ON farebox.operator_audit (at, audit_id);
CREATE INDEX operator_audit_by_account_time ON farebox.operator_audit (account_id, at, audit_id);
CREATE INDEX operator_audit_by_action ON farebox.operator_audit (action, at, audit_id);
CREATE INDEX operator_audit_by_target ON farebox.operator_audit (target, at, audit_id);

CREATE TABLE farebox.operator_requests (
  key text COLLATE "C" PRIMARY KEY,
  request_hash text NOT NULL,
  status integer NOT NULL,
  body jsonb NOT NULL,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE farebox.operator_requests IS 'Answers to operators'' requests under an Idempotency-Key, for replay.';
CREATE INDEX operator_requests_by_age ON farebox.operator_requests (created_at);

-- Refunds by filter: what was asked for, how far it is, and where it goes on. A small table, on Citus a reference table.
-- The refunds themselves are in farebox.refunds under the reference 'bulk:' and the id, which is what makes each of them
-- happen once; the counts and the place move in the refunds' own transaction.
CREATE TABLE farebox.bulk_refunds (
  bulk_id text COLLATE "C" PRIMARY KEY,
  -- The operator's own name for it, or the id.
  reference text COLLATE "C" NOT NULL CONSTRAINT bulk_refunds_reference_once UNIQUE,
  reason text NOT NULL,
  -- {"from", "to", "endpoint", "keyId", "accountId", "creditType", "priceList", "status"}; only from and to are always there.
  filter jsonb NOT NULL,
  state text NOT NULL DEFAULT 'running' CHECK (state IN ('running', 'done', 'cancelled')),
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  finished_at timestamptz,
  -- What the filter matched when it was created. Credits per credit type in micro-credits, as text.
  charges_expected bigint NOT NULL,
  accounts_expected bigint NOT NULL,
  credits_expected jsonb NOT NULL,
  -- Refunded; with nothing left to refund; that the ledger would not refund.
  charges_refunded bigint NOT NULL DEFAULT 0,
  charges_skipped bigint NOT NULL DEFAULT 0,
  charges_failed bigint NOT NULL DEFAULT 0,
  accounts_refunded bigint NOT NULL DEFAULT 0,
  credits_refunded jsonb NOT NULL DEFAULT '{}',
  -- The first few that failed: [{"accountId", "creditType", "seq", "reason"}].
  failures jsonb NOT NULL DEFAULT '[]',
  -- The pool that is being worked on, or the last one that is finished with; pools are taken in the order of their keys.
  account_id text COLLATE "C" NOT NULL DEFAULT '',
  credit_type text COLLATE "C" NOT NULL DEFAULT '',
  -- The pool's entries in [next_seq, end_seq) are still to be looked at. Null: the pool is finished with.
  next_seq bigint,
  end_seq bigint,
  -- The last account that was counted in accounts_refunded.
  counted_account text COLLATE "C",
  -- When the place last moved: of several, the one that waited longest goes on.
  moved_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  CONSTRAINT bulk_refunds_place_whole CHECK ((next_seq IS NULL) = (end_seq IS NULL)),
  CONSTRAINT bulk_refunds_finished CHECK ((state = 'running') = (finished_at IS NULL))
) WITH (fillfactor = 50);
CREATE INDEX bulk_refunds_by_age ON farebox.bulk_refunds (created_at, bulk_id);
