-- A fresh install, written by src/ledger/testing/write-schema.ts and compared by a test. Never run, never edited.

CREATE TABLE farebox.accounts (
  account_id text COLLATE "C" NOT NULL,
  account_no integer NOT NULL GENERATED ALWAYS AS IDENTITY,
  name text NOT NULL,
  shard smallint NOT NULL,
  state text NOT NULL DEFAULT 'active'::text,
  plan text COLLATE "C",
  plan_version integer,
  next_plan text COLLATE "C",
  next_plan_at timestamp with time zone,
  next_plan_version integer,
  metadata jsonb NOT NULL DEFAULT '{}'::jsonb,
  created_at timestamp with time zone NOT NULL DEFAULT clock_timestamp(),
  keys_behind text COLLATE "C",
  CONSTRAINT accounts_pkey PRIMARY KEY (account_id),
  CONSTRAINT accounts_account_no_key UNIQUE (account_no),
  CONSTRAINT accounts_metadata_check CHECK ((jsonb_typeof(metadata) = 'object'::text)),
  CONSTRAINT accounts_name_check CHECK (((length(name) >= 1) AND (length(name) <= 200))),
  CONSTRAINT accounts_shard_check CHECK ((shard >= 0)),
  CONSTRAINT accounts_state_check CHECK ((state = ANY (ARRAY['active'::text, 'suspended'::text, 'closed'::text])))
);
COMMENT ON TABLE farebox.accounts IS 'The customers. Closed ones stay: their books are kept.';
CREATE INDEX accounts_by_age ON farebox.accounts USING btree (created_at, account_id);
CREATE INDEX accounts_by_keys_behind ON farebox.accounts USING btree (account_id) WHERE (keys_behind IS NOT NULL);
CREATE INDEX accounts_by_metadata ON farebox.accounts USING gin (metadata jsonb_path_ops);
CREATE INDEX accounts_by_name ON farebox.accounts USING btree ("left"(lower(name), 60) COLLATE "C", account_id);
CREATE INDEX accounts_by_next_plan ON farebox.accounts USING btree (next_plan, next_plan_version) WHERE (next_plan IS NOT NULL);
CREATE INDEX accounts_by_parts ON farebox.accounts USING gin (parts_of(((lower(name) || '
'::text) || lower(account_id))));
CREATE INDEX accounts_by_plan ON farebox.accounts USING btree (plan, plan_version) WHERE (plan IS NOT NULL);
CREATE INDEX accounts_by_plan_change ON farebox.accounts USING btree (next_plan_at) WHERE (next_plan_at IS NOT NULL);

CREATE TABLE farebox.active_pools (
  instance_no integer NOT NULL,
  account_no integer NOT NULL,
  type_no smallint NOT NULL,
  shard smallint NOT NULL,
  CONSTRAINT active_pools_pkey PRIMARY KEY (shard, instance_no, account_no, type_no)
);
COMMENT ON TABLE farebox.active_pools IS 'The pools that an instance has leased from or charged since they were last at rest: where its leases are found when it dies, and which usage is to be rolled up. An instance in a pool''s lease_owner always has its row here.';

CREATE TABLE farebox.adjustments (
  account_no integer NOT NULL,
  type_no smallint NOT NULL,
  reference text COLLATE "C" NOT NULL,
  shard smallint NOT NULL,
  amount bigint NOT NULL,
  adjustment_seq bigint NOT NULL,
  balance_after bigint NOT NULL,
  CONSTRAINT adjustments_pkey PRIMARY KEY (account_no, type_no, reference, shard)
);
COMMENT ON TABLE farebox.adjustments IS 'Adjustments by the caller''s reference.';

CREATE TABLE farebox.bulk_refunds (
  bulk_id text COLLATE "C" NOT NULL,
  reference text COLLATE "C" NOT NULL,
  reason text NOT NULL,
  filter jsonb NOT NULL,
  state text NOT NULL DEFAULT 'running'::text,
  created_at timestamp with time zone NOT NULL DEFAULT clock_timestamp(),
  finished_at timestamp with time zone,
  charges_expected bigint NOT NULL,
  accounts_expected bigint NOT NULL,
  credits_expected jsonb NOT NULL,
  charges_refunded bigint NOT NULL DEFAULT 0,
  charges_skipped bigint NOT NULL DEFAULT 0,
  charges_failed bigint NOT NULL DEFAULT 0,
  accounts_refunded bigint NOT NULL DEFAULT 0,
  credits_refunded jsonb NOT NULL DEFAULT '{}'::jsonb,
  failures jsonb NOT NULL DEFAULT '[]'::jsonb,
  account_id text COLLATE "C" NOT NULL DEFAULT ''::text,
  credit_type text COLLATE "C" NOT NULL DEFAULT ''::text,
  next_seq bigint,
  end_seq bigint,
  counted_account text COLLATE "C",
  moved_at timestamp with time zone NOT NULL DEFAULT clock_timestamp(),
  CONSTRAINT bulk_refunds_pkey PRIMARY KEY (bulk_id),
  CONSTRAINT bulk_refunds_finished CHECK (((state = 'running'::text) = (finished_at IS NULL))),
  CONSTRAINT bulk_refunds_place_whole CHECK (((next_seq IS NULL) = (end_seq IS NULL))),
  CONSTRAINT bulk_refunds_reference_once UNIQUE (reference),
  CONSTRAINT bulk_refunds_state_check CHECK ((state = ANY (ARRAY['running'::text, 'done'::text, 'cancelled'::text])))
) WITH (fillfactor=50);
COMMENT ON TABLE farebox.bulk_refunds IS 'Refunds of all charges that a filter names: what was asked for, how far each is, and where it goes on.';
CREATE INDEX bulk_refunds_by_age ON farebox.bulk_refunds USING btree (created_at, bulk_id);

CREATE TABLE farebox.console_links (
  link_id text COLLATE "C" NOT NULL,
  hash bytea NOT NULL,
  actor text COLLATE "C" NOT NULL,
  token_id text COLLATE "C",
  proof bytea,
  expires_at timestamp with time zone NOT NULL,
  used_at timestamp with time zone,
  CONSTRAINT console_links_pkey PRIMARY KEY (link_id),
  CONSTRAINT console_links_hash_check CHECK ((octet_length(hash) = 32)),
  CONSTRAINT console_links_hash_once UNIQUE (hash),
  CONSTRAINT console_links_one_source CHECK ((num_nonnulls(token_id, proof) = 1)),
  CONSTRAINT console_links_proof_check CHECK ((octet_length(proof) = 32))
);
COMMENT ON TABLE farebox.console_links IS 'One-time links by which operators sign in to the console.';
CREATE INDEX console_links_by_end ON farebox.console_links USING btree (expires_at);

CREATE TABLE farebox.console_sessions (
  session_id text COLLATE "C" NOT NULL,
  hash bytea NOT NULL,
  actor text COLLATE "C" NOT NULL,
  token_id text COLLATE "C",
  proof bytea,
  role text,
  most_each bigint,
  most_daily bigint,
  created_at timestamp with time zone NOT NULL DEFAULT clock_timestamp(),
  last_seen_at timestamp with time zone NOT NULL DEFAULT clock_timestamp(),
  idle_seconds integer NOT NULL,
  expires_at timestamp with time zone NOT NULL,
  revoked_at timestamp with time zone,
  CONSTRAINT console_sessions_pkey PRIMARY KEY (session_id),
  CONSTRAINT console_sessions_hash_check CHECK ((octet_length(hash) = 32)),
  CONSTRAINT console_sessions_hash_once UNIQUE (hash),
  CONSTRAINT console_sessions_idle_seconds_check CHECK ((idle_seconds > 0)),
  CONSTRAINT console_sessions_limits CHECK ((num_nonnulls(most_each, most_daily) =
CASE
    WHEN (role = 'support'::text) THEN 2
    ELSE 0
END)),
  CONSTRAINT console_sessions_one_source CHECK ((num_nonnulls(token_id, proof, role) = 1)),
  CONSTRAINT console_sessions_proof_check CHECK ((octet_length(proof) = 32)),
  CONSTRAINT console_sessions_role_check CHECK ((role = ANY (ARRAY['read'::text, 'support'::text, 'admin'::text])))
) WITH (fillfactor=70);
COMMENT ON TABLE farebox.console_sessions IS 'Browsers of operators that are signed in. A session is over when it is revoked, idle for too long, at its end, or with its token.';
CREATE INDEX console_sessions_by_end ON farebox.console_sessions USING btree (expires_at);

CREATE TABLE farebox.credit_types (
  type_no smallint NOT NULL GENERATED ALWAYS AS IDENTITY,
  credit_type text COLLATE "C" NOT NULL,
  CONSTRAINT credit_types_pkey PRIMARY KEY (type_no),
  CONSTRAINT credit_types_credit_type_check CHECK (((length(credit_type) >= 1) AND (length(credit_type) <= 1000))),
  CONSTRAINT credit_types_credit_type_key UNIQUE (credit_type)
);
COMMENT ON TABLE farebox.credit_types IS 'The number of each kind of credit. A pool is an account and one of these.';

CREATE TABLE farebox.draws (
  account_no integer NOT NULL,
  type_no smallint NOT NULL,
  from_spent bigint NOT NULL,
  to_spent bigint NOT NULL,
  shard smallint NOT NULL,
  grant_id text COLLATE "C" NOT NULL,
  CONSTRAINT draws_pkey PRIMARY KEY (account_no, type_no, from_spent, shard),
  CONSTRAINT draws_check CHECK ((to_spent > from_spent))
);
COMMENT ON TABLE farebox.draws IS 'Which grants paid for which spending: a refund returns to them, the newest drawn first.';

CREATE TABLE farebox.endpoints (
  endpoint_no integer NOT NULL GENERATED ALWAYS AS IDENTITY,
  endpoint text COLLATE "C" NOT NULL,
  CONSTRAINT endpoints_pkey PRIMARY KEY (endpoint_no),
  CONSTRAINT endpoints_endpoint_check CHECK (((length(endpoint) >= 1) AND (length(endpoint) <= 1000))),
  CONSTRAINT endpoints_endpoint_key UNIQUE (endpoint)
);
COMMENT ON TABLE farebox.endpoints IS 'The number of each priced endpoint, given before its first charge.';

CREATE TABLE farebox.entries (
  account_no integer NOT NULL,
  type_no smallint NOT NULL,
  shard smallint NOT NULL,
  seq bigint NOT NULL,
  at timestamp with time zone NOT NULL,
  amount bigint NOT NULL,
  balance bigint NOT NULL,
  spent bigint NOT NULL,
  request uuid,
  key_no integer,
  endpoint_no integer,
  units integer,
  price_list integer,
  status smallint,
  kind "char" NOT NULL,
  uncollected bigint,
  refund_of bigint,
  grant_id text COLLATE "C",
  reason text,
  measured jsonb
) PARTITION BY RANGE (at);
COMMENT ON TABLE farebox.entries IS 'The ledger: a line for each change of a balance, in monthly partitions. Append-only. Uniqueness is not its job: numbers come from the locked pool, and the audit finds a gap or a double.';
CREATE INDEX entries_by_seq ON ONLY farebox.entries USING btree (account_no, type_no, shard, seq);
CREATE TRIGGER entries_append_only BEFORE DELETE OR UPDATE ON farebox.entries FOR EACH ROW EXECUTE FUNCTION refuse_change();

CREATE TABLE farebox.entries_default (
  account_no integer NOT NULL,
  type_no smallint NOT NULL,
  shard smallint NOT NULL,
  seq bigint NOT NULL,
  at timestamp with time zone NOT NULL,
  amount bigint NOT NULL,
  balance bigint NOT NULL,
  spent bigint NOT NULL,
  request uuid,
  key_no integer,
  endpoint_no integer,
  units integer,
  price_list integer,
  status smallint,
  kind "char" NOT NULL,
  uncollected bigint,
  refund_of bigint,
  grant_id text COLLATE "C",
  reason text,
  measured jsonb
) -- partition, DEFAULT;
CREATE INDEX entries_default_account_no_type_no_shard_seq_idx ON farebox.entries_default USING btree (account_no, type_no, shard, seq);

CREATE TABLE farebox.export_parts (
  export_id uuid NOT NULL,
  part integer NOT NULL,
  shard smallint NOT NULL,
  records integer NOT NULL,
  bytes bigint NOT NULL,
  sha256 bytea NOT NULL,
  object text COLLATE "C" NOT NULL,
  created_at timestamp with time zone NOT NULL,
  ids bytea,
  CONSTRAINT export_parts_pkey PRIMARY KEY (export_id, part, shard),
  CONSTRAINT export_parts_bytes_check CHECK ((bytes > 0)),
  CONSTRAINT export_parts_part_check CHECK ((part > 0)),
  CONSTRAINT export_parts_records_check CHECK ((records > 0)),
  CONSTRAINT export_parts_sha256_check CHECK ((octet_length(sha256) = 32))
);
COMMENT ON TABLE farebox.export_parts IS 'The files of exports. A file that is not here does not count, and is removed.';

CREATE TABLE farebox.exports (
  export_id uuid NOT NULL,
  account_no integer NOT NULL,
  type_no smallint NOT NULL,
  shard smallint NOT NULL,
  key_no integer NOT NULL,
  endpoint_no integer NOT NULL,
  price_list integer NOT NULL,
  price bigint NOT NULL,
  max_records integer NOT NULL,
  part_records integer NOT NULL,
  keep_seconds integer NOT NULL,
  kind text COLLATE "C" NOT NULL,
  state text NOT NULL DEFAULT 'queued'::text,
  policy text NOT NULL,
  charge_at text NOT NULL,
  when_more text NOT NULL,
  format text NOT NULL,
  gzip boolean NOT NULL,
  params jsonb NOT NULL,
  body text,
  request_hash bytea,
  hold_id text COLLATE "C",
  retries integer NOT NULL DEFAULT 0,
  place text,
  expected bigint,
  records integer NOT NULL DEFAULT 0,
  bytes bigint NOT NULL DEFAULT 0,
  source_bytes bigint NOT NULL DEFAULT 0,
  parts integer NOT NULL DEFAULT 0,
  left_out integer NOT NULL DEFAULT 0,
  claim integer NOT NULL DEFAULT 0,
  owner text,
  attempts integer NOT NULL DEFAULT 0,
  due_at timestamp with time zone NOT NULL,
  clean_at timestamp with time zone,
  failure_code text,
  failure text,
  charged bigint,
  charged_seq bigint,
  balance_after bigint,
  created_at timestamp with time zone NOT NULL,
  begun_at timestamp with time zone NOT NULL,
  started_at timestamp with time zone,
  ready_at timestamp with time zone,
  charged_at timestamp with time zone,
  ended_at timestamp with time zone,
  expires_at timestamp with time zone,
  CONSTRAINT exports_pkey PRIMARY KEY (export_id, shard),
  CONSTRAINT exports_charge_at_check CHECK ((charge_at = ANY (ARRAY['completion'::text, 'listing'::text]))),
  CONSTRAINT exports_charged_once CHECK (((charged_at IS NULL) = (charged IS NULL))),
  CONSTRAINT exports_charged_state CHECK (((state <> 'charged'::text) OR (charged IS NOT NULL))),
  CONSTRAINT exports_format_check CHECK ((format = ANY (ARRAY['jsonl'::text, 'csv'::text]))),
  CONSTRAINT exports_keep_seconds_check CHECK ((keep_seconds > 0)),
  CONSTRAINT exports_max_records_check CHECK ((max_records > 0)),
  CONSTRAINT exports_part_records_check CHECK ((part_records > 0)),
  CONSTRAINT exports_policy_check CHECK ((policy = ANY (ARRAY['all'::text, 'covered'::text]))),
  CONSTRAINT exports_price_check CHECK ((price >= 0)),
  CONSTRAINT exports_request_hash_check CHECK ((octet_length(request_hash) = 32)),
  CONSTRAINT exports_state_check CHECK ((state = ANY (ARRAY['queued'::text, 'running'::text, 'ready'::text, 'charged'::text, 'failed'::text, 'cancelled'::text, 'expired'::text]))),
  CONSTRAINT exports_when_more_check CHECK ((when_more = ANY (ARRAY['stop'::text, 'fail'::text]))),
  CONSTRAINT exports_within_limit CHECK ((records <= max_records))
) WITH (fillfactor=70);
COMMENT ON TABLE farebox.exports IS 'Exports: bulk jobs, how far each is, and what was charged for it.';
CREATE INDEX exports_by_age ON farebox.exports USING btree (created_at, export_id);
CREATE INDEX exports_due ON farebox.exports USING btree (due_at, shard) WHERE (state = ANY (ARRAY['queued'::text, 'running'::text]));
CREATE INDEX exports_of_account ON farebox.exports USING btree (account_no, created_at, export_id);
CREATE UNIQUE INDEX exports_open ON farebox.exports USING btree (account_no, request_hash, shard) WHERE (state = ANY (ARRAY['queued'::text, 'running'::text]));
CREATE INDEX exports_to_clean ON farebox.exports USING btree (clean_at, shard) WHERE (clean_at IS NOT NULL);

CREATE TABLE farebox.grants (
  account_no integer NOT NULL,
  type_no smallint NOT NULL,
  grant_id text COLLATE "C" NOT NULL,
  shard smallint NOT NULL,
  amount bigint NOT NULL,
  remaining bigint NOT NULL,
  overdue bigint NOT NULL DEFAULT 0,
  effective_at timestamp with time zone NOT NULL,
  expires_at timestamp with time zone,
  created_at timestamp with time zone NOT NULL,
  priority integer NOT NULL,
  state text NOT NULL,
  source text NOT NULL,
  item text COLLATE "C",
  reference text COLLATE "C" NOT NULL,
  CONSTRAINT grants_pkey PRIMARY KEY (account_no, type_no, grant_id, shard),
  CONSTRAINT grants_amount_check CHECK ((amount > 0)),
  CONSTRAINT grants_check CHECK ((expires_at > effective_at)),
  CONSTRAINT grants_overdue_within_remaining CHECK (((overdue >= 0) AND (overdue <= remaining))),
  CONSTRAINT grants_reference_once UNIQUE (account_no, reference, shard),
  CONSTRAINT grants_remaining_check CHECK ((remaining >= 0)),
  CONSTRAINT grants_source_check CHECK ((source = ANY (ARRAY['recurring'::text, 'topup'::text, 'promo'::text, 'adjustment'::text, 'refund'::text]))),
  CONSTRAINT grants_state_check CHECK ((state = ANY (ARRAY['pending'::text, 'active'::text, 'ended'::text])))
);
COMMENT ON TABLE farebox.grants IS 'Blocks of credits added to a pool, and what is left of each as of the pool''s last roll.';
CREATE INDEX grants_open ON farebox.grants USING btree (account_no, type_no) WHERE (state <> 'ended'::text);

CREATE TABLE farebox.hold_parts (
  account_no integer NOT NULL,
  type_no smallint NOT NULL,
  hold_id text COLLATE "C" NOT NULL,
  part text COLLATE "C" NOT NULL,
  shard smallint NOT NULL,
  content bytea NOT NULL,
  kind text NOT NULL,
  seq bigint,
  charged bigint NOT NULL,
  uncollected bigint NOT NULL,
  balance_after bigint NOT NULL,
  units integer NOT NULL,
  at timestamp with time zone NOT NULL,
  CONSTRAINT hold_parts_pkey PRIMARY KEY (account_no, type_no, hold_id, part, shard),
  CONSTRAINT hold_parts_charged_check CHECK ((charged >= 0)),
  CONSTRAINT hold_parts_content_check CHECK ((octet_length(content) = 32)),
  CONSTRAINT hold_parts_kind_check CHECK ((kind = ANY (ARRAY['charged'::text, 'free'::text, 'repeat'::text]))),
  CONSTRAINT hold_parts_uncollected_check CHECK ((uncollected >= 0))
);
COMMENT ON TABLE farebox.hold_parts IS 'The settlements of long holds, each charged once.';

CREATE TABLE farebox.holds (
  account_no integer NOT NULL,
  type_no smallint NOT NULL,
  hold_id text COLLATE "C" NOT NULL,
  shard smallint NOT NULL,
  amount bigint NOT NULL,
  asked bigint NOT NULL,
  created_at timestamp with time zone NOT NULL,
  expires_at timestamp with time zone NOT NULL,
  state text NOT NULL DEFAULT 'live'::text,
  charged_seq bigint,
  charged bigint,
  uncollected bigint,
  balance_after bigint,
  key_no integer,
  CONSTRAINT holds_pkey PRIMARY KEY (account_no, type_no, hold_id, shard),
  CONSTRAINT holds_amount_check CHECK ((amount >= 0)),
  CONSTRAINT holds_resolved_hold_nothing CHECK (((state = 'live'::text) OR (amount = 0))),
  CONSTRAINT holds_state_check CHECK ((state = ANY (ARRAY['live'::text, 'charged'::text, 'released'::text, 'expired'::text])))
) WITH (fillfactor=50);
COMMENT ON TABLE farebox.holds IS 'Credits set aside for a client until charged, released or expired. (Leases of instances are in pools.)';
CREATE INDEX holds_by_expiry ON farebox.holds USING btree (expires_at, shard);
CREATE INDEX holds_live ON farebox.holds USING btree (account_no, type_no, expires_at) WHERE (state = 'live'::text);

CREATE TABLE farebox.idempotency_keys (
  account_no integer NOT NULL,
  key text COLLATE "C" NOT NULL,
  shard smallint NOT NULL,
  request_hash text NOT NULL,
  owner text NOT NULL,
  state text NOT NULL DEFAULT 'running'::text,
  status integer,
  headers jsonb,
  body bytea,
  created_at timestamp with time zone NOT NULL,
  expires_at timestamp with time zone NOT NULL,
  CONSTRAINT idempotency_keys_pkey PRIMARY KEY (account_no, key, shard),
  CONSTRAINT idempotency_keys_done_is_answered CHECK (((state = 'done'::text) = ((status IS NOT NULL) AND (headers IS NOT NULL)))),
  CONSTRAINT idempotency_keys_state_check CHECK ((state = ANY (ARRAY['running'::text, 'done'::text])))
) WITH (fillfactor=50);
COMMENT ON TABLE farebox.idempotency_keys IS 'Requests under an Idempotency-Key: running, or done with the response to replay.';
CREATE INDEX idempotency_keys_by_age ON farebox.idempotency_keys USING btree (created_at, shard);

CREATE TABLE farebox.key_caps (
  account_no integer NOT NULL,
  type_no smallint NOT NULL,
  key_no integer NOT NULL,
  shard smallint NOT NULL,
  day_cap bigint,
  month_cap bigint,
  total_cap bigint,
  day timestamp with time zone NOT NULL,
  day_spent bigint NOT NULL,
  month timestamp with time zone NOT NULL,
  month_spent bigint NOT NULL,
  total_spent bigint NOT NULL,
  held bigint NOT NULL DEFAULT 0,
  source text NOT NULL,
  CONSTRAINT key_caps_pkey PRIMARY KEY (account_no, type_no, key_no, shard),
  CONSTRAINT key_caps_cap_given CHECK ((num_nonnulls(day_cap, month_cap, total_cap) > 0)),
  CONSTRAINT key_caps_day_cap_check CHECK ((day_cap >= 0)),
  CONSTRAINT key_caps_day_spent_check CHECK ((day_spent >= 0)),
  CONSTRAINT key_caps_held_check CHECK ((held >= 0)),
  CONSTRAINT key_caps_month_cap_check CHECK ((month_cap >= 0)),
  CONSTRAINT key_caps_month_spent_check CHECK ((month_spent >= 0)),
  CONSTRAINT key_caps_source_check CHECK ((source = ANY (ARRAY['key'::text, 'plan'::text]))),
  CONSTRAINT key_caps_total_cap_check CHECK ((total_cap >= 0)),
  CONSTRAINT key_caps_total_spent_check CHECK ((total_spent >= 0))
) WITH (fillfactor=50);
COMMENT ON TABLE farebox.key_caps IS 'Caps of keys on a pool and what was spent under them, exact at each commit. Locked by the pool''s row.';

CREATE TABLE farebox.key_leases (
  account_no integer NOT NULL,
  type_no smallint NOT NULL,
  key_no integer NOT NULL,
  instance_no integer NOT NULL,
  shard smallint NOT NULL,
  amount bigint NOT NULL,
  CONSTRAINT key_leases_pkey PRIMARY KEY (account_no, type_no, key_no, instance_no, shard),
  CONSTRAINT key_leases_amount_check CHECK ((amount >= 0))
) WITH (fillfactor=50);
COMMENT ON TABLE farebox.key_leases IS 'Leases of capped keys, held against the pool and the cap together. Locked by the pool''s row.';

CREATE TABLE farebox.key_spend (
  account_no integer NOT NULL,
  type_no smallint NOT NULL,
  key_no integer NOT NULL,
  shard smallint NOT NULL,
  day timestamp with time zone NOT NULL,
  day_spent bigint NOT NULL,
  month timestamp with time zone NOT NULL,
  month_spent bigint NOT NULL,
  total_spent bigint NOT NULL,
  CONSTRAINT key_spend_pkey PRIMARY KEY (account_no, type_no, key_no, shard)
) WITH (fillfactor=50);
COMMENT ON TABLE farebox.key_spend IS 'What each key has spent, rolled up behind the charges: a new cap starts from it, without reading the key''s history.';

CREATE TABLE farebox.keys (
  key_id text COLLATE "C" NOT NULL,
  key_no integer NOT NULL GENERATED ALWAYS AS IDENTITY,
  account_id text COLLATE "C" NOT NULL,
  shard smallint NOT NULL,
  hash bytea NOT NULL,
  prefix text NOT NULL,
  hint text NOT NULL,
  name text NOT NULL,
  state text NOT NULL DEFAULT 'active'::text,
  scopes jsonb,
  capped text[] NOT NULL DEFAULT '{}'::text[],
  created_at timestamp with time zone NOT NULL DEFAULT clock_timestamp(),
  expires_at timestamp with time zone,
  revoked_at timestamp with time zone,
  changed_at timestamp with time zone NOT NULL DEFAULT clock_timestamp(),
  last_used_at timestamp with time zone,
  addresses jsonb,
  CONSTRAINT keys_pkey PRIMARY KEY (key_id),
  CONSTRAINT keys_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(account_id),
  CONSTRAINT keys_addresses_check CHECK ((jsonb_typeof(addresses) = 'array'::text)),
  CONSTRAINT keys_check CHECK (((state = 'revoked'::text) = (revoked_at IS NOT NULL))),
  CONSTRAINT keys_hash_check CHECK ((octet_length(hash) = 32)),
  CONSTRAINT keys_hash_key UNIQUE (hash),
  CONSTRAINT keys_key_no_key UNIQUE (key_no),
  CONSTRAINT keys_name_check CHECK ((length(name) <= 200)),
  CONSTRAINT keys_scopes_check CHECK ((jsonb_typeof(scopes) = 'array'::text)),
  CONSTRAINT keys_state_check CHECK ((state = ANY (ARRAY['active'::text, 'revoked'::text])))
);
COMMENT ON TABLE farebox.keys IS 'API keys. Revoked ones stay: their charges name them.';
CREATE INDEX keys_by_account ON farebox.keys USING btree (account_id, created_at, key_id);
CREATE INDEX keys_by_change ON farebox.keys USING btree (changed_at);
CREATE INDEX keys_by_hint ON farebox.keys USING btree ("right"(hint, 4));

CREATE TABLE farebox.lanes (
  instance_no integer NOT NULL,
  shard smallint NOT NULL,
  last_batch bigint NOT NULL DEFAULT 0,
  seen_at timestamp with time zone NOT NULL,
  dead_at timestamp with time zone,
  state text NOT NULL DEFAULT 'live'::text,
  reply text,
  last_refusals bigint NOT NULL DEFAULT 0,
  nth smallint NOT NULL DEFAULT 0,
  instance_id text COLLATE "C",
  started_at timestamp with time zone,
  CONSTRAINT lanes_pkey PRIMARY KEY (instance_no, shard, nth),
  CONSTRAINT lanes_instance_id_key UNIQUE (instance_id, shard)
) WITH (fillfactor=20);
COMMENT ON TABLE farebox.lanes IS 'An instance in a shard: who it is, its last batch, and when the database last heard of it. More rows than the one of nth 0, which has the name, are spare lanes: see pass_lane.';

CREATE TABLE farebox.last_audit (
  audit_no smallint NOT NULL DEFAULT 1,
  finished_at timestamp with time zone NOT NULL DEFAULT statement_timestamp(),
  duration_ms integer NOT NULL,
  pools bigint NOT NULL,
  entries bigint NOT NULL,
  findings integer NOT NULL,
  CONSTRAINT last_audit_pkey PRIMARY KEY (audit_no),
  CONSTRAINT last_audit_audit_no_check CHECK ((audit_no = 1))
);
COMMENT ON TABLE farebox.last_audit IS 'The result of the last audit, in counts.';

CREATE TABLE farebox.limit_places (
  subject text COLLATE "C" NOT NULL,
  rule text COLLATE "C" NOT NULL,
  shard smallint NOT NULL,
  owners text[] NOT NULL DEFAULT '{}'::text[],
  places bigint[] NOT NULL DEFAULT '{}'::bigint[],
  untils timestamp with time zone[] NOT NULL DEFAULT '{}'::timestamp with time zone[],
  until timestamp with time zone NOT NULL,
  CONSTRAINT limit_places_pkey PRIMARY KEY (subject, rule, shard)
) WITH (fillfactor=50);
COMMENT ON TABLE farebox.limit_places IS 'What each instance has of a request limit, for accounts and keys that use theirs.';

CREATE TABLE farebox.long_holds (
  account_no integer NOT NULL,
  type_no smallint NOT NULL,
  hold_id text COLLATE "C" NOT NULL,
  shard smallint NOT NULL,
  request uuid NOT NULL,
  caller_id text COLLATE "C" NOT NULL,
  content bytea NOT NULL,
  token text NOT NULL,
  key_no integer NOT NULL,
  endpoint_no integer NOT NULL,
  asked bigint NOT NULL,
  units integer NOT NULL,
  most bigint,
  state text NOT NULL DEFAULT 'open'::text,
  parts integer NOT NULL DEFAULT 0,
  charged bigint NOT NULL DEFAULT 0,
  created_at timestamp with time zone NOT NULL,
  expires_at timestamp with time zone NOT NULL,
  untold boolean NOT NULL DEFAULT false,
  CONSTRAINT long_holds_pkey PRIMARY KEY (account_no, type_no, hold_id, shard),
  CONSTRAINT long_holds_asked_check CHECK ((asked >= 0)),
  CONSTRAINT long_holds_charged_check CHECK ((charged >= 0)),
  CONSTRAINT long_holds_content_check CHECK ((octet_length(content) = 32)),
  CONSTRAINT long_holds_most_check CHECK ((most >= 0)),
  CONSTRAINT long_holds_state_check CHECK ((state = ANY (ARRAY['open'::text, 'settled'::text, 'released'::text, 'expired'::text]))),
  CONSTRAINT long_holds_within_most CHECK ((charged <= most))
) WITH (fillfactor=70);
COMMENT ON TABLE farebox.long_holds IS 'Holds of callers for jobs of hours: what was asked, and how far each is.';
CREATE INDEX long_holds_by_expiry ON farebox.long_holds USING btree (expires_at, shard);
CREATE UNIQUE INDEX long_holds_caller ON farebox.long_holds USING btree (account_no, caller_id, shard);
CREATE INDEX long_holds_of_account ON farebox.long_holds USING btree (account_no, created_at, hold_id);
CREATE UNIQUE INDEX long_holds_request ON farebox.long_holds USING btree (request, shard);
CREATE INDEX long_holds_untold ON farebox.long_holds USING btree (expires_at, shard) WHERE ((state = 'open'::text) OR untold);

CREATE TABLE farebox.migrations (
  number integer NOT NULL,
  name text NOT NULL,
  checksum text NOT NULL,
  applied_at timestamp with time zone NOT NULL DEFAULT clock_timestamp(),
  CONSTRAINT migrations_pkey PRIMARY KEY (number)
);
COMMENT ON TABLE farebox.migrations IS 'The migrations that were applied, and what was in their files. Stays where it is read on Citus.';

CREATE TABLE farebox.month_sums (
  type_no smallint NOT NULL,
  month timestamp with time zone NOT NULL,
  slot smallint NOT NULL,
  shard smallint NOT NULL,
  charges bigint NOT NULL,
  burned bigint NOT NULL,
  uncollected bigint NOT NULL,
  refunded bigint NOT NULL,
  expired bigint NOT NULL,
  adjusted bigint NOT NULL,
  recurring bigint NOT NULL,
  promo bigint NOT NULL,
  topup bigint NOT NULL,
  CONSTRAINT month_sums_pkey PRIMARY KEY (type_no, month, slot, shard)
) WITH (fillfactor=50);
COMMENT ON TABLE farebox.month_sums IS 'All entries of a shard summed by month and credit type, up to usage_rolled.seq of each pool.';

CREATE TABLE farebox.once_windows (
  account_no integer NOT NULL,
  endpoint_no integer NOT NULL,
  value text COLLATE "C" NOT NULL,
  shard smallint NOT NULL,
  until timestamp with time zone NOT NULL,
  CONSTRAINT once_windows_pkey PRIMARY KEY (account_no, endpoint_no, value, shard)
);
COMMENT ON TABLE farebox.once_windows IS 'Until when an account pays nothing more for this endpoint and value.';
CREATE INDEX once_windows_until ON farebox.once_windows USING btree (until, shard);

CREATE TABLE farebox.operator_audit (
  audit_id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
  at timestamp with time zone NOT NULL DEFAULT clock_timestamp(),
  actor text NOT NULL,
  action text NOT NULL,
  account_id text COLLATE "C",
  target text,
  request_id text,
  detail jsonb NOT NULL DEFAULT '{}'::jsonb,
  CONSTRAINT operator_audit_pkey PRIMARY KEY (audit_id)
);
COMMENT ON TABLE farebox.operator_audit IS 'A row for each mutation, written in its transaction.';
CREATE INDEX operator_audit_by_account_time ON farebox.operator_audit USING btree (account_id, at, audit_id);
CREATE INDEX operator_audit_by_action ON farebox.operator_audit USING btree (action, at, audit_id);
CREATE INDEX operator_audit_by_actor ON farebox.operator_audit USING btree (actor, at, audit_id);
CREATE INDEX operator_audit_by_target ON farebox.operator_audit USING btree (target, at, audit_id);
CREATE INDEX operator_audit_by_time ON farebox.operator_audit USING btree (at, audit_id);

CREATE TABLE farebox.operator_giving (
  actor text COLLATE "C" NOT NULL,
  day date NOT NULL,
  given bigint NOT NULL,
  CONSTRAINT operator_giving_pkey PRIMARY KEY (actor, day),
  CONSTRAINT operator_giving_given_check CHECK ((given >= 0))
);
COMMENT ON TABLE farebox.operator_giving IS 'Micro-credits that those with a limit gave by grants and refunds, by day.';
CREATE INDEX operator_giving_by_day ON farebox.operator_giving USING btree (day);

CREATE TABLE farebox.operator_requests (
  key text COLLATE "C" NOT NULL,
  request_hash text NOT NULL,
  status integer NOT NULL,
  body json NOT NULL,
  created_at timestamp with time zone NOT NULL DEFAULT clock_timestamp(),
  CONSTRAINT operator_requests_pkey PRIMARY KEY (key)
);
COMMENT ON TABLE farebox.operator_requests IS 'Answers to operators'' requests under an Idempotency-Key, for replay.';
CREATE INDEX operator_requests_by_age ON farebox.operator_requests USING btree (created_at);

CREATE TABLE farebox.operator_tokens (
  token_id text COLLATE "C" NOT NULL,
  name text COLLATE "C" NOT NULL,
  role text NOT NULL,
  hash bytea NOT NULL,
  hint text NOT NULL,
  most_each bigint,
  most_daily bigint,
  created_by text NOT NULL,
  created_at timestamp with time zone NOT NULL DEFAULT clock_timestamp(),
  expires_at timestamp with time zone,
  revoked_at timestamp with time zone,
  last_used_at timestamp with time zone,
  CONSTRAINT operator_tokens_pkey PRIMARY KEY (token_id),
  CONSTRAINT operator_tokens_hash_check CHECK ((octet_length(hash) = 32)),
  CONSTRAINT operator_tokens_hash_once UNIQUE (hash),
  CONSTRAINT operator_tokens_limits_whole CHECK (((most_each IS NULL) = (most_daily IS NULL))),
  CONSTRAINT operator_tokens_most_daily_check CHECK ((most_daily > 0)),
  CONSTRAINT operator_tokens_most_each_check CHECK ((most_each > 0)),
  CONSTRAINT operator_tokens_name_once UNIQUE (name),
  CONSTRAINT operator_tokens_role_check CHECK ((role = ANY (ARRAY['metrics'::text, 'read'::text, 'portal'::text, 'support'::text, 'meter'::text, 'admin'::text]))),
  CONSTRAINT operator_tokens_support_has_limits CHECK (((role = 'support'::text) = (most_each IS NOT NULL)))
);
COMMENT ON TABLE farebox.operator_tokens IS 'Named tokens of the operator API with their roles. Revoked ones stay: the audit trail names them.';
CREATE INDEX operator_tokens_by_age ON farebox.operator_tokens USING btree (created_at, token_id);

CREATE TABLE farebox.plans (
  name text COLLATE "C" NOT NULL,
  body jsonb NOT NULL,
  version integer NOT NULL DEFAULT 1,
  CONSTRAINT plans_pkey PRIMARY KEY (name)
);
COMMENT ON TABLE farebox.plans IS 'Plans as they were published last.';

CREATE TABLE farebox.pools (
  account_no integer NOT NULL,
  type_no smallint NOT NULL,
  shard smallint NOT NULL,
  capped boolean NOT NULL DEFAULT false,
  balance bigint NOT NULL DEFAULT 0,
  held bigint NOT NULL DEFAULT 0,
  spent bigint NOT NULL DEFAULT 0,
  drawn bigint NOT NULL DEFAULT 0,
  overdue bigint NOT NULL DEFAULT 0,
  uncollected bigint NOT NULL DEFAULT 0,
  last_seq bigint NOT NULL DEFAULT 0,
  last_at timestamp with time zone NOT NULL DEFAULT '-infinity'::timestamp with time zone,
  next_event_at timestamp with time zone NOT NULL DEFAULT 'infinity'::timestamp with time zone,
  lease_owner integer[] NOT NULL DEFAULT '{}'::integer[],
  lease_amount bigint[] NOT NULL DEFAULT '{}'::bigint[],
  CONSTRAINT pools_pkey PRIMARY KEY (account_no, type_no, shard),
  CONSTRAINT pools_never_negative CHECK (((0 <= held) AND (held <= balance)))
) WITH (fillfactor=50);
COMMENT ON TABLE farebox.pools IS 'An account''s balance in one credit type: the row that every verb locks first.';
CREATE INDEX pools_next_event ON farebox.pools USING btree (next_event_at, shard) WHERE (next_event_at < 'infinity'::timestamp with time zone);

CREATE TABLE farebox.portal_links (
  link_id text COLLATE "C" NOT NULL,
  hash bytea NOT NULL,
  account_id text COLLATE "C" NOT NULL,
  access text NOT NULL,
  expires_at timestamp with time zone NOT NULL,
  used_at timestamp with time zone,
  CONSTRAINT portal_links_pkey PRIMARY KEY (link_id),
  CONSTRAINT portal_links_access_check CHECK ((access = ANY (ARRAY['read'::text, 'manage'::text]))),
  CONSTRAINT portal_links_hash_check CHECK ((octet_length(hash) = 32)),
  CONSTRAINT portal_links_hash_once UNIQUE (hash)
);
COMMENT ON TABLE farebox.portal_links IS 'One-time links by which customers sign in to the portal.';
CREATE INDEX portal_links_by_end ON farebox.portal_links USING btree (expires_at);

CREATE TABLE farebox.price_lists (
  version integer NOT NULL,
  hash text NOT NULL,
  body jsonb NOT NULL,
  effective_at timestamp with time zone NOT NULL,
  published_at timestamp with time zone NOT NULL DEFAULT clock_timestamp(),
  cancelled_at timestamp with time zone,
  file_read_at timestamp with time zone,
  account_id text COLLATE "C",
  until_at timestamp with time zone,
  ended_at timestamp with time zone,
  CONSTRAINT price_lists_pkey PRIMARY KEY (version),
  CONSTRAINT price_lists_cancelled_before CHECK (((account_id IS NOT NULL) OR (cancelled_at < effective_at))),
  CONSTRAINT price_lists_end CHECK ((((until_at > effective_at) AND (account_id IS NOT NULL)) OR (until_at IS NULL))),
  CONSTRAINT price_lists_ended CHECK (((account_id IS NOT NULL) OR (ended_at IS NULL))),
  CONSTRAINT price_lists_passed_by CHECK (((account_id IS NULL) OR (cancelled_at IS NOT NULL))),
  CONSTRAINT price_lists_version_check CHECK ((version > 0))
);
COMMENT ON TABLE farebox.price_lists IS 'Dated, immutable lists of prices, everybody''s and those of single accounts. Every charge names the one that priced it.';
CREATE INDEX price_lists_by_account ON farebox.price_lists USING btree (account_id, effective_at) WHERE (account_id IS NOT NULL);

CREATE TABLE farebox.recalls (
  instance_no integer NOT NULL,
  account_no integer NOT NULL,
  type_no smallint NOT NULL,
  shard smallint NOT NULL,
  CONSTRAINT recalls_pkey PRIMARY KEY (shard, instance_no, account_no, type_no)
);
COMMENT ON TABLE farebox.recalls IS 'Leases that others want back: told with the next heartbeat.';

CREATE TABLE farebox.recurring (
  account_no integer NOT NULL,
  type_no smallint NOT NULL,
  item text COLLATE "C" NOT NULL,
  shard smallint NOT NULL,
  amount bigint NOT NULL,
  rollover_cap bigint,
  anchor_at timestamp with time zone NOT NULL,
  next_at timestamp with time zone NOT NULL,
  next_period integer NOT NULL,
  priority integer NOT NULL,
  every text NOT NULL,
  rollover text NOT NULL,
  until timestamp with time zone,
  CONSTRAINT recurring_pkey PRIMARY KEY (account_no, type_no, item, shard),
  CONSTRAINT recurring_amount_check CHECK ((amount > 0)),
  CONSTRAINT recurring_cap_given CHECK (((rollover = 'cap'::text) = (rollover_cap IS NOT NULL))),
  CONSTRAINT recurring_every_check CHECK ((every = ANY (ARRAY['day'::text, 'week'::text, 'month'::text, 'year'::text]))),
  CONSTRAINT recurring_next_period_check CHECK ((next_period >= 0)),
  CONSTRAINT recurring_rollover_cap_check CHECK ((rollover_cap >= 0)),
  CONSTRAINT recurring_rollover_check CHECK ((rollover = ANY (ARRAY['none'::text, 'all'::text, 'cap'::text])))
);
COMMENT ON TABLE farebox.recurring IS 'What a plan grants a pool at intervals, and when next.';

CREATE TABLE farebox.refunds (
  account_no integer NOT NULL,
  type_no smallint NOT NULL,
  seq bigint NOT NULL,
  reference text COLLATE "C" NOT NULL,
  shard smallint NOT NULL,
  amount bigint NOT NULL,
  asked bigint,
  refund_seq bigint,
  balance_after bigint NOT NULL,
  CONSTRAINT refunds_pkey PRIMARY KEY (account_no, type_no, seq, reference, shard),
  CONSTRAINT refunds_amount_check CHECK ((amount >= 0))
);
COMMENT ON TABLE farebox.refunds IS 'Refunds by the charge (seq) and the caller''s reference: the same once more gives nothing more.';

CREATE TABLE farebox.refusal_sums (
  month timestamp with time zone NOT NULL,
  code text COLLATE "C" NOT NULL,
  type_no smallint NOT NULL,
  shard smallint NOT NULL,
  requests bigint NOT NULL,
  CONSTRAINT refusal_sums_pkey PRIMARY KEY (month, code, type_no, shard)
) WITH (fillfactor=50);
COMMENT ON TABLE farebox.refusal_sums IS 'Refusals by month, code and credit type, over all accounts. All in the shard 0.';

CREATE TABLE farebox.rotated_secrets (
  hash bytea NOT NULL,
  key_id text COLLATE "C" NOT NULL,
  hint text NOT NULL,
  rotated_at timestamp with time zone NOT NULL,
  expires_at timestamp with time zone NOT NULL,
  last_used_at timestamp with time zone,
  CONSTRAINT rotated_secrets_pkey PRIMARY KEY (hash),
  CONSTRAINT rotated_secrets_hash_check CHECK ((octet_length(hash) = 32)),
  CONSTRAINT rotated_secrets_key_id_fkey FOREIGN KEY (key_id) REFERENCES keys(key_id)
);
COMMENT ON TABLE farebox.rotated_secrets IS 'Former texts of keys, valid until their grace ends.';
CREATE INDEX rotated_secrets_by_expiry ON farebox.rotated_secrets USING btree (expires_at);
CREATE INDEX rotated_secrets_by_hint ON farebox.rotated_secrets USING btree ("right"(hint, 4));
CREATE INDEX rotated_secrets_by_key ON farebox.rotated_secrets USING btree (key_id);

CREATE TABLE farebox.running_totals (
  account_no integer NOT NULL,
  type_no smallint NOT NULL,
  endpoint_no integer NOT NULL,
  value text COLLATE "C" NOT NULL,
  shard smallint NOT NULL,
  charged numeric NOT NULL,
  until timestamp with time zone NOT NULL,
  CONSTRAINT running_totals_pkey PRIMARY KEY (account_no, type_no, endpoint_no, value, shard),
  CONSTRAINT running_totals_charged_check CHECK ((charged >= (0)::numeric))
) WITH (fillfactor=50);
COMMENT ON TABLE farebox.running_totals IS 'The highest number that was charged of each that grows, and until when it is known.';
CREATE INDEX running_totals_until ON farebox.running_totals USING btree (until, shard);

CREATE TABLE farebox.secrets (
  name text COLLATE "C" NOT NULL,
  value bytea NOT NULL,
  CONSTRAINT secrets_pkey PRIMARY KEY (name),
  CONSTRAINT secrets_value_check CHECK ((octet_length(value) >= 32))
);
COMMENT ON TABLE farebox.secrets IS 'Random bytes that instances share: what download links are signed with.';

CREATE TABLE farebox.sessions (
  session_id text COLLATE "C" NOT NULL,
  hash bytea NOT NULL,
  account_id text COLLATE "C" NOT NULL,
  access text NOT NULL,
  key_id text COLLATE "C",
  key_hash bytea,
  created_at timestamp with time zone NOT NULL DEFAULT clock_timestamp(),
  last_seen_at timestamp with time zone NOT NULL DEFAULT clock_timestamp(),
  idle_seconds integer NOT NULL,
  expires_at timestamp with time zone NOT NULL,
  revoked_at timestamp with time zone,
  CONSTRAINT sessions_pkey PRIMARY KEY (session_id),
  CONSTRAINT sessions_access_check CHECK ((access = ANY (ARRAY['read'::text, 'manage'::text]))),
  CONSTRAINT sessions_hash_check CHECK ((octet_length(hash) = 32)),
  CONSTRAINT sessions_hash_once UNIQUE (hash),
  CONSTRAINT sessions_idle_seconds_check CHECK ((idle_seconds > 0)),
  CONSTRAINT sessions_key_whole CHECK (((key_id IS NULL) = (key_hash IS NULL)))
) WITH (fillfactor=70);
COMMENT ON TABLE farebox.sessions IS 'Browsers that are signed in. A session is over when it is revoked, idle for too long, or at its end.';
CREATE INDEX sessions_by_end ON farebox.sessions USING btree (expires_at);

CREATE TABLE farebox.sweep_steps (
  step text COLLATE "C" NOT NULL,
  succeeded_at timestamp with time zone,
  failed_at timestamp with time zone,
  failure text,
  CONSTRAINT sweep_steps_pkey PRIMARY KEY (step)
);
COMMENT ON TABLE farebox.sweep_steps IS 'When each step of the sweep last succeeded and last failed, on any instance. Up to a minute old. A reference table on Citus.';

CREATE TABLE farebox.tier_counters (
  account_no integer NOT NULL,
  type_no smallint NOT NULL,
  counter_no integer NOT NULL,
  shard smallint NOT NULL,
  period timestamp with time zone NOT NULL,
  used numeric NOT NULL,
  within text NOT NULL,
  CONSTRAINT tier_counters_pkey PRIMARY KEY (account_no, type_no, counter_no, within, shard),
  CONSTRAINT tier_counters_used_check CHECK ((used >= (0)::numeric))
) WITH (fillfactor=50);
COMMENT ON TABLE farebox.tier_counters IS 'What accounts have used in the present period of prices with tiers.';

CREATE TABLE farebox.usage (
  account_no integer NOT NULL,
  type_no smallint NOT NULL,
  shard smallint NOT NULL,
  span "char" NOT NULL,
  start timestamp with time zone NOT NULL,
  key_no integer NOT NULL,
  endpoint_no integer NOT NULL,
  requests bigint NOT NULL,
  units bigint NOT NULL,
  credits bigint NOT NULL,
  refunded bigint NOT NULL DEFAULT 0,
  CONSTRAINT usage_pkey PRIMARY KEY (account_no, type_no, shard, span, start, key_no, endpoint_no),
  CONSTRAINT usage_refunds_within_credits CHECK (((refunded >= 0) AND (refunded <= credits))),
  CONSTRAINT usage_span_check CHECK ((span = ANY (ARRAY['q'::"char", 'h'::"char", 'd'::"char"])))
) WITH (fillfactor=50);
COMMENT ON TABLE farebox.usage IS 'Charges summed by time, key and endpoint, up to usage_rolled.seq of each pool.';
CREATE INDEX usage_by_start ON farebox.usage USING btree (shard, span, timezone('UTC'::text, start));

CREATE TABLE farebox.usage_rolled (
  account_no integer NOT NULL,
  type_no smallint NOT NULL,
  shard smallint NOT NULL,
  seq bigint NOT NULL,
  at timestamp with time zone NOT NULL,
  CONSTRAINT usage_rolled_pkey PRIMARY KEY (account_no, type_no, shard)
) WITH (fillfactor=50);
COMMENT ON TABLE farebox.usage_rolled IS 'How far each pool''s usage is rolled up. Its row is what the step locks: never the pool.';

CREATE TYPE farebox.ending_hold AS (
  hold_id text,
  amount bigint,
  expires_at timestamp with time zone
);

CREATE TYPE farebox.event_kind AS ENUM ('hold ends', 'grant expires', 'plan refreshes', 'grant begins');

CREATE TYPE farebox.new_draw AS (
  from_spent bigint,
  to_spent bigint,
  grant_id text
);

CREATE TYPE farebox.new_entry AS (
  kind "char",
  amount bigint,
  balance bigint,
  grant_id text,
  reason text
);

CREATE TYPE farebox.open_grant AS (
  grant_id text,
  amount bigint,
  remaining bigint,
  overdue bigint,
  effective_at timestamp with time zone,
  expires_at timestamp with time zone,
  priority integer,
  state text,
  source text,
  item text,
  reference text,
  reason text
);

CREATE TYPE farebox.part_of_grant AS (
  which integer,
  amount bigint
);

CREATE TYPE farebox.recurring_item AS (
  item text,
  amount bigint,
  every text,
  rollover text,
  rollover_cap bigint,
  anchor_at timestamp with time zone,
  next_at timestamp with time zone,
  next_period integer,
  priority integer,
  until timestamp with time zone,
  is_refreshed boolean
);

CREATE TYPE farebox.roll_event AS (
  at timestamp with time zone,
  kind event_kind,
  which integer
);

CREATE TYPE farebox.roll_state AS (
  pool pools,
  loaded open_grant[],
  grants open_grant[],
  draw_order integer[],
  holds ending_hold[],
  holds_ended integer,
  later_hold_at timestamp with time zone,
  recurring recurring_item[],
  draws new_draw[],
  entries new_entry[]
);

CREATE OR REPLACE FUNCTION farebox.abandon_idempotent(p_shard smallint, p_account integer, p_key text, p_owner text)
 RETURNS boolean
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
AS $function$
BEGIN
  DELETE FROM farebox.idempotency_keys i
  WHERE i.account_no = p_account AND i.key = p_key AND i.shard = p_shard AND i.owner = p_owner AND i.state = 'running';
  RETURN FOUND;
END $function$;
COMMENT ON FUNCTION farebox.abandon_idempotent IS 'Called by instances. Frees an Idempotency-Key whose request failed, if this run still has it.';

CREATE OR REPLACE FUNCTION farebox.add_event(p_queue roll_event[], p_next integer, p_event roll_event)
 RETURNS roll_event[]
 LANGUAGE plpgsql
 IMMUTABLE
AS $function$
DECLARE
  v_low integer := p_next;
  v_high integer := cardinality(p_queue) + 1;
  v_middle integer;
BEGIN
  WHILE v_low < v_high LOOP
    v_middle := (v_low + v_high) / 2;
    IF p_queue[v_middle] < p_event THEN v_low := v_middle + 1; ELSE v_high := v_middle; END IF;
  END LOOP;
  RETURN p_queue[p_next : v_low - 1] || p_event || p_queue[v_low:];
END $function$;
COMMENT ON FUNCTION farebox.add_event IS 'Internal. Adds an event to those that are still to come, in its place.';

CREATE OR REPLACE FUNCTION farebox.add_key_spend(p_shard smallint, p_account integer, p_type smallint, p_quarter timestamp with time zone[], p_key integer[], p_credits bigint[], p_refunded bigint[])
 RETURNS void
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
AS $function$
BEGIN
  INSERT INTO farebox.key_spend (account_no, type_no, shard, key_no, day, day_spent, month, month_spent, total_spent)
  SELECT p_account, p_type, p_shard, d.key_no, d.last,
    coalesce(sum(d.spent) FILTER (WHERE d.day = d.last), 0) + CASE WHEN d.old_day = d.last THEN d.old_day_spent ELSE 0 END,
    date_trunc('month', d.last, 'UTC'),
    coalesce(sum(d.spent) FILTER (WHERE d.day >= date_trunc('month', d.last, 'UTC')), 0)
      + CASE WHEN d.old_month = date_trunc('month', d.last, 'UTC') THEN d.old_month_spent ELSE 0 END,
    sum(d.spent) + coalesce(d.old_total, 0)
  FROM (
    SELECT s.*, o.*, greatest(o.old_day, max(s.day) OVER (PARTITION BY s.key_no)) AS last
    FROM (
      SELECT g.key_no, date_trunc('day', g.quarter, 'UTC') AS day, sum(g.credits - g.refunded)::bigint AS spent
      FROM unnest(p_quarter, p_key, p_credits, p_refunded) g(quarter, key_no, credits, refunded) GROUP BY 1, 2
    ) s
    LEFT JOIN LATERAL (
      SELECT k.day AS old_day, k.day_spent AS old_day_spent, k.month AS old_month, k.month_spent AS old_month_spent,
        k.total_spent AS old_total
      FROM farebox.key_spend k
      WHERE k.account_no = p_account AND k.type_no = p_type AND k.shard = p_shard AND k.key_no = s.key_no LIMIT 1
    ) o ON true
  ) d
  GROUP BY d.key_no, d.last, d.old_day, d.old_day_spent, d.old_month, d.old_month_spent, d.old_total
  ORDER BY d.key_no
  ON CONFLICT (account_no, type_no, key_no, shard) DO UPDATE
  SET day = excluded.day, day_spent = excluded.day_spent, month = excluded.month, month_spent = excluded.month_spent,
    total_spent = excluded.total_spent;
END $function$;
COMMENT ON FUNCTION farebox.add_key_spend IS 'Internal. Adds sums of quarters of an hour to what keys have spent.';

CREATE OR REPLACE FUNCTION farebox.add_month_sums(p_shard smallint, p_account integer, p_type smallint, p_after bigint, p_last bigint, p_at timestamp with time zone)
 RETURNS void
 LANGUAGE plpgsql
AS $function$
BEGIN
  -- In the order of the rows: two steps that add to the same ones wait for one another, and not in a circle.
  INSERT INTO farebox.month_sums AS m (type_no, month, slot, shard, charges, burned, uncollected, refunded, expired, adjusted,
    recurring, promo, topup)
  SELECT s.type_no, s.month, s.slot, p_shard, s.charges, s.burned, s.uncollected, s.refunded, s.expired, s.adjusted, s.recurring,
    s.promo, s.topup
  FROM farebox.sum_months(p_shard, p_account, p_type, p_after, p_last, p_at) s ORDER BY s.month
  ON CONFLICT (type_no, month, slot, shard) DO UPDATE
  SET charges = m.charges + excluded.charges, burned = m.burned + excluded.burned, uncollected = m.uncollected + excluded.uncollected,
    refunded = m.refunded + excluded.refunded, expired = m.expired + excluded.expired, adjusted = m.adjusted + excluded.adjusted,
    recurring = m.recurring + excluded.recurring, promo = m.promo + excluded.promo, topup = m.topup + excluded.topup;
END $function$;
COMMENT ON FUNCTION farebox.add_month_sums IS 'Internal. Adds a range of a pool''s entries to the sums of its shard''s months.';

CREATE OR REPLACE FUNCTION farebox.add_refund_grant(INOUT io_pool pools, p_now timestamp with time zone, p_amount bigint, p_seq bigint)
 RETURNS pools
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
AS $function$
DECLARE
  max_amount CONSTANT bigint := 1000000000000000;
  v_until timestamptz;
  v_account text;
  v_reference text;
  v_open text;
BEGIN
  SELECT CASE WHEN count(*) = count(g.expires_at) THEN max(g.expires_at) END INTO v_until FROM farebox.grants g
  WHERE g.account_no = io_pool.account_no AND g.type_no = io_pool.type_no AND g.shard = io_pool.shard AND g.state <> 'ended'
    AND (g.expires_at IS NULL OR g.expires_at > p_now);
  SELECT g.grant_id INTO v_open FROM farebox.grants g
  WHERE g.account_no = io_pool.account_no AND g.type_no = io_pool.type_no AND g.shard = io_pool.shard AND g.state <> 'ended'
    AND g.state = 'active' AND g.source = 'refund' AND g.expires_at IS NOT DISTINCT FROM v_until
    AND g.amount <= max_amount - p_amount
  ORDER BY g.effective_at, g.grant_id LIMIT 1;
  IF FOUND THEN
    UPDATE farebox.grants g SET amount = g.amount + p_amount, remaining = g.remaining + p_amount
    WHERE g.account_no = io_pool.account_no AND g.type_no = io_pool.type_no AND g.grant_id = v_open AND g.shard = io_pool.shard;
    RETURN;
  END IF;
  SELECT a.account_id, format('refund:%s:%s', t.credit_type, p_seq) INTO v_account, v_reference
  FROM farebox.accounts a CROSS JOIN farebox.credit_types t
  WHERE a.account_no = io_pool.account_no AND t.type_no = io_pool.type_no;
  INSERT INTO farebox.grants (account_no, type_no, grant_id, shard, amount, remaining, effective_at, expires_at, created_at,
    priority, state, source, reference)
  VALUES (io_pool.account_no, io_pool.type_no, farebox.derived_grant_id(v_account || '/' || v_reference), io_pool.shard,
    p_amount, p_amount, p_now, v_until, p_now, 100, 'active', 'refund', v_reference);
  io_pool.next_event_at := least(io_pool.next_event_at, v_until);
END $function$;
COMMENT ON FUNCTION farebox.add_refund_grant IS 'Internal. What a refund (p_seq is its entry) cannot give back to expired grants: into the refund grant that lives as long as the pool''s longest-lived grant.';

CREATE OR REPLACE FUNCTION farebox.add_refusals(p_shard smallint, p_instance integer, p_number bigint, p_counts jsonb)
 RETURNS boolean
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
AS $function$
DECLARE
  v_month CONSTANT timestamptz := date_trunc('month', clock_timestamp(), 'UTC');
  v_last bigint;
  v_type smallint;
  x record;
BEGIN
  SELECT l.last_refusals INTO v_last FROM farebox.lanes l
  WHERE l.instance_no = p_instance AND l.shard = p_shard AND l.nth = 0 FOR UPDATE;
  IF v_last IS NULL OR v_last >= p_number THEN RETURN false; END IF;
  UPDATE farebox.lanes l SET last_refusals = p_number
  WHERE l.instance_no = p_instance AND l.shard = p_shard AND l.nth = 0;
  -- In the order of the rows: two instances wait for one another, and not in a circle.
  FOR x IN
    SELECT c.count ->> 0 AS code, c.count ->> 1 AS credit_type, (c.count ->> 2)::bigint AS requests
    FROM jsonb_array_elements(p_counts) c (count) ORDER BY (c.count ->> 0) COLLATE "C", (c.count ->> 1) COLLATE "C"
  LOOP
    SELECT t.type_no INTO v_type FROM farebox.credit_types t WHERE t.credit_type = x.credit_type;
    v_type := coalesce(v_type, 0);
    INSERT INTO farebox.refusal_sums AS s (month, code, type_no, shard, requests)
    VALUES (v_month, x.code, v_type, p_shard, x.requests)
    ON CONFLICT (month, code, type_no, shard) DO UPDATE SET requests = s.requests + excluded.requests;
  END LOOP;
  RETURN true;
END $function$;
COMMENT ON FUNCTION farebox.add_refusals IS 'Called by instances. Adds what one counted of refusals, once for its number.';

CREATE OR REPLACE FUNCTION farebox.add_to_order(p_order integer[], p_grants open_grant[], p_which integer)
 RETURNS integer[]
 LANGUAGE plpgsql
 IMMUTABLE
AS $function$
DECLARE
  g CONSTANT farebox.open_grant := p_grants[p_which];
  h farebox.open_grant;
  v_low integer := 1;
  v_high integer := cardinality(p_order) + 1;
  v_middle integer;
BEGIN
  WHILE v_low < v_high LOOP
    v_middle := (v_low + v_high) / 2;
    h := p_grants[p_order[v_middle]];
    IF (h.priority, coalesce(h.expires_at, 'infinity'), h.effective_at, h.grant_id)
      < (g.priority, coalesce(g.expires_at, 'infinity'), g.effective_at, g.grant_id)
    THEN v_low := v_middle + 1; ELSE v_high := v_middle; END IF;
  END LOOP;
  RETURN p_order[:v_low - 1] || p_which || p_order[v_low:];
END $function$;
COMMENT ON FUNCTION farebox.add_to_order IS 'Internal. Puts a grant in its place among those that are drawn.';

CREATE OR REPLACE FUNCTION farebox.add_usage(p_shard smallint, p_account integer, p_type smallint, p_quarter timestamp with time zone[], p_key integer[], p_endpoint integer[], p_requests bigint[], p_units bigint[], p_credits bigint[], p_refunded bigint[])
 RETURNS void
 LANGUAGE plpgsql
AS $function$
BEGIN
  INSERT INTO farebox.usage AS u (account_no, type_no, shard, span, start, key_no, endpoint_no, requests, units, credits)
  SELECT p_account, p_type, p_shard, w.span, date_bin(w.width, g.quarter, timestamptz '2000-01-01Z'), g.key_no, g.endpoint_no,
    sum(g.requests), sum(g.units), sum(g.credits)
  FROM unnest(p_quarter, p_key, p_endpoint, p_requests, p_units, p_credits) g(quarter, key_no, endpoint_no, requests, units, credits)
  CROSS JOIN (VALUES ('q'::"char", interval '15 minutes'), ('h', interval '1 hour'), ('d', interval '24 hours')) w(span, width)
  WHERE g.requests > 0
  GROUP BY 4, 5, 6, 7 ORDER BY 4, 5, 6, 7
  ON CONFLICT (account_no, type_no, shard, span, start, key_no, endpoint_no) DO UPDATE
  SET requests = u.requests + excluded.requests, units = u.units + excluded.units, credits = u.credits + excluded.credits;

  INSERT INTO farebox.usage AS u (account_no, type_no, shard, span, start, key_no, endpoint_no, requests, units, credits, refunded)
  SELECT p_account, p_type, p_shard, w.span, date_bin(w.width, g.quarter, timestamptz '2000-01-01Z'), g.key_no, g.endpoint_no,
    0, 0, sum(g.refunded), sum(g.refunded)
  FROM unnest(p_quarter, p_key, p_endpoint, p_refunded) g(quarter, key_no, endpoint_no, refunded)
  CROSS JOIN (VALUES ('q'::"char", interval '15 minutes'), ('h', interval '1 hour'), ('d', interval '24 hours')) w(span, width)
  WHERE g.refunded > 0
  GROUP BY 4, 5, 6, 7 ORDER BY 4, 5, 6, 7
  ON CONFLICT (account_no, type_no, shard, span, start, key_no, endpoint_no) DO UPDATE
  SET refunded = u.refunded + excluded.refunded;
END $function$;
COMMENT ON FUNCTION farebox.add_usage IS 'Internal. Adds sums of quarters of an hour to a pool''s usage, also by hour and day.';

CREATE OR REPLACE FUNCTION farebox.adjust_pool(p_shard smallint, p_account integer, p_type smallint, p_amount bigint, p_reason text, p_reference text)
 RETURNS jsonb
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
AS $function$
DECLARE
  v_opened CONSTANT record := farebox.open_pool(p_shard, p_account, p_type);
  v_pool farebox.pools := v_opened.o_pool;
  v_reply jsonb;
  d record;
BEGIN
  SELECT a.amount, a.balance_after, a.adjustment_seq INTO d FROM farebox.adjustments a
  WHERE a.account_no = p_account AND a.type_no = p_type AND a.reference = p_reference AND a.shard = p_shard;
  IF FOUND THEN
    RETURN jsonb_build_object('outcome', CASE WHEN d.amount = p_amount THEN 'repeated' ELSE 'conflict' END,
      'balance', d.balance_after, 'seq', d.adjustment_seq);
  END IF;
  IF p_amount > 0 THEN
    SELECT a.account_id, t.credit_type INTO d FROM farebox.accounts a CROSS JOIN farebox.credit_types t
    WHERE a.account_no = p_account AND t.type_no = p_type;
    v_reply := farebox.grant_credits(p_shard, p_account, p_type,
      farebox.derived_grant_id(format('%s/adjustment:%s:%s', d.account_id, d.credit_type, p_reference)), p_amount, 100, NULL,
      NULL, 'adjustment', format('adjustment:%s:%s', d.credit_type, p_reference), p_reason);
    IF v_reply ->> 'outcome' <> 'granted' THEN RETURN v_reply; END IF;
  ELSIF -p_amount > v_pool.balance - v_pool.held THEN
    RETURN jsonb_build_object('outcome', 'insufficient', 'available', v_pool.balance - v_pool.held);
  ELSE
    v_pool := farebox.take_from_grants(v_pool, -p_amount);
    v_pool.balance := v_pool.balance + p_amount;
    v_pool.last_seq := v_pool.last_seq + 1; v_pool.last_at := v_opened.o_now;
    INSERT INTO farebox.entries (account_no, type_no, shard, seq, at, amount, balance, spent, kind, reason)
    VALUES (p_account, p_type, p_shard, v_pool.last_seq, v_pool.last_at, p_amount, v_pool.balance, v_pool.spent, 'a', p_reason);
    PERFORM farebox.keep_in_sight(p_shard, p_account, p_type);
    PERFORM farebox.write_pool(v_pool);
    v_reply := jsonb_build_object('balance', v_pool.balance, 'seq', v_pool.last_seq);
  END IF;
  INSERT INTO farebox.adjustments (account_no, type_no, reference, shard, amount, adjustment_seq, balance_after)
  VALUES (p_account, p_type, p_reference, p_shard, p_amount, (v_reply ->> 'seq')::bigint, (v_reply ->> 'balance')::bigint);
  RETURN v_reply || '{"outcome": "adjusted"}';
END $function$;
COMMENT ON FUNCTION farebox.adjust_pool IS 'Called by instances. Corrects a pool by hand, once for its reference: what is added is a grant that never expires, what is taken is taken from the grants as a charge would be.';

CREATE OR REPLACE FUNCTION farebox.available_to(p_pool pools, p_key integer, p_own bigint, p_now timestamp with time zone)
 RETURNS bigint
 LANGUAGE plpgsql
AS $function$
DECLARE
  v_cap CONSTANT farebox.key_caps := farebox.find_cap(p_pool, p_key, p_now);
  v_available CONSTANT bigint := p_pool.balance - p_pool.held + p_own;
BEGIN
  IF v_cap.account_no IS NULL THEN RETURN v_available; END IF;
  RETURN greatest(0, least(v_available, farebox.cap_left(v_cap) - v_cap.held));
END $function$;
COMMENT ON FUNCTION farebox.available_to IS 'Internal. What a pool, and the caps of a key, leave.';

CREATE OR REPLACE FUNCTION farebox.beat_export(p_shard smallint, p_export_id uuid, p_claim integer, p_seconds integer)
 RETURNS text
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
AS $function$
DECLARE
  v_now timestamptz := clock_timestamp();
  v_until timestamptz;
  v farebox.exports;
BEGIN
  SELECT x.* INTO v FROM farebox.exports x WHERE x.export_id = p_export_id AND x.shard = p_shard;
  PERFORM FROM farebox.holds h
  WHERE h.account_no = v.account_no AND h.type_no = v.type_no AND h.hold_id = v.hold_id AND h.shard = p_shard
    AND h.state = 'live' AND h.expires_at < v_now + interval '12 hours';
  IF FOUND THEN
    -- Before the export's row, as everywhere. Rolled first: a hold that is over stays so.
    PERFORM farebox.open_pool(p_shard, v.account_no, v.type_no);
    v_now := clock_timestamp();
    v_until := v_now + interval '1 day';
    UPDATE farebox.holds h SET expires_at = v_until
    WHERE h.account_no = v.account_no AND h.type_no = v.type_no AND h.hold_id = v.hold_id AND h.shard = p_shard
      AND h.state = 'live' AND v.state = 'running' AND v.claim = p_claim;
  END IF;
  UPDATE farebox.exports x SET due_at = v_now + make_interval(secs => p_seconds)
  WHERE x.export_id = p_export_id AND x.shard = p_shard AND x.state = 'running' AND x.claim = p_claim;
  RETURN CASE WHEN FOUND THEN 'running' ELSE 'lost' END;
END $function$;
COMMENT ON FUNCTION farebox.beat_export IS 'Called by workers. A claim lives on, and what is set aside with it. running: go on. lost: another worker has it, or it was cancelled.';

CREATE OR REPLACE FUNCTION farebox.begin_idempotent(p_shard smallint, p_account integer, p_key text, p_request_hash text, p_owner text, p_run_seconds integer)
 RETURNS jsonb
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
AS $function$
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
END $function$;
COMMENT ON FUNCTION farebox.begin_idempotent IS 'Called by instances. Claims an Idempotency-Key for one run of a request, or says who has it or what it was answered.';

CREATE OR REPLACE FUNCTION farebox.beyond_cap(p_grants open_grant[], p_order integer[], p_item recurring_item)
 RETURNS part_of_grant[]
 LANGUAGE plpgsql
 IMMUTABLE
AS $function$
DECLARE
  v_parts farebox.part_of_grant[] := '{}';
  v_beyond bigint := -p_item.rollover_cap;
  v_take bigint;
  g farebox.open_grant;
  k integer;
BEGIN
  IF p_item.rollover <> 'cap' THEN RETURN v_parts; END IF;
  FOREACH k IN ARRAY p_order LOOP
    g := p_grants[k];
    IF g.item = p_item.item THEN v_beyond := v_beyond + g.remaining - g.overdue; END IF;
  END LOOP;
  FOREACH k IN ARRAY p_order LOOP
    EXIT WHEN v_beyond <= 0;
    g := p_grants[k];
    CONTINUE WHEN g.item IS DISTINCT FROM p_item.item OR g.remaining = g.overdue;
    v_take := least(v_beyond, g.remaining - g.overdue);
    v_beyond := v_beyond - v_take;
    v_parts := v_parts || ROW(k, v_take)::farebox.part_of_grant;
  END LOOP;
  RETURN v_parts;
END $function$;
COMMENT ON FUNCTION farebox.beyond_cap IS 'Internal. What an item''s earlier grants have above its rollover cap at a refresh: it expires.';

CREATE OR REPLACE FUNCTION farebox.calendar_anchor(p_every text)
 RETURNS timestamp with time zone
 LANGUAGE sql
 IMMUTABLE
RETURN CASE WHEN (p_every = 'day'::text) THEN '2000-01-05 00:00:00+00'::timestamp with time zone WHEN (p_every = 'week'::text) THEN '2000-01-03 00:00:00+00'::timestamp with time zone WHEN (p_every = 'month'::text) THEN '2000-02-01 00:00:00+00'::timestamp with time zone ELSE '2000-01-01 00:00:00+00'::timestamp with time zone END;
COMMENT ON FUNCTION farebox.calendar_anchor IS 'Internal. Where the calendar''s periods of this length are counted from.';

CREATE OR REPLACE FUNCTION farebox.cancel_export(p_shard smallint, p_export_id uuid, p_account integer, p_type smallint)
 RETURNS jsonb
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
AS $function$
DECLARE
  v_opened CONSTANT record := farebox.open_pool(p_shard, p_account, p_type);
  v_now CONSTANT timestamptz := v_opened.o_now;
  v farebox.exports;
BEGIN
  SELECT x.* INTO v FROM farebox.exports x
  WHERE x.export_id = p_export_id AND x.account_no = p_account AND x.type_no = p_type AND x.shard = p_shard FOR UPDATE;
  IF v.state = 'cancelled' THEN RETURN '{"outcome": "cancelled"}'; END IF;
  IF v.state NOT IN ('queued', 'running', 'ready') THEN RETURN '{"outcome": "finished"}'; END IF;
  PERFORM farebox.release_export(v, v_opened.o_pool, v_now);
  UPDATE farebox.exports x SET state = 'cancelled', ended_at = v_now, owner = NULL, place = NULL,
    -- Its worker may be writing a file: it has stopped when its claim ends.
    clean_at = CASE WHEN v.state = 'running' THEN greatest(v_now, v.due_at) ELSE v_now END
  WHERE x.export_id = p_export_id AND x.shard = p_shard;
  RETURN '{"outcome": "cancelled"}';
END $function$;
COMMENT ON FUNCTION farebox.cancel_export IS 'Called by instances. Ends an export that is not charged yet; it costs nothing.';

CREATE OR REPLACE FUNCTION farebox.cap_at(p_cap key_caps, p_now timestamp with time zone)
 RETURNS key_caps
 LANGUAGE plpgsql
 IMMUTABLE
AS $function$
DECLARE
  v_day CONSTANT timestamptz := date_trunc('day', p_now, 'UTC');
  v_month CONSTANT timestamptz := date_trunc('month', p_now, 'UTC');
BEGIN
  p_cap.day_spent := farebox.spent_in(p_cap.day, p_cap.day_spent, v_day);
  p_cap.month_spent := farebox.spent_in(p_cap.month, p_cap.month_spent, v_month);
  p_cap.day := greatest(p_cap.day, v_day);
  p_cap.month := greatest(p_cap.month, v_month);
  RETURN p_cap;
END $function$;
COMMENT ON FUNCTION farebox.cap_at IS 'Internal. A key''s caps as of a moment: a window that has ended begins again with nothing spent.';

CREATE OR REPLACE FUNCTION farebox.cap_left(p_cap key_caps)
 RETURNS bigint
 LANGUAGE sql
 IMMUTABLE
RETURN LEAST(((p_cap).day_cap - (p_cap).day_spent), ((p_cap).month_cap - (p_cap).month_spent), ((p_cap).total_cap - (p_cap).total_spent));
COMMENT ON FUNCTION farebox.cap_left IS 'Internal. What the tightest cap leaves, before what is held under it. Null without a cap.';

CREATE OR REPLACE FUNCTION farebox.change_lease(INOUT io_pool pools, p_instance integer, p_key integer, p_by bigint)
 RETURNS pools
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
AS $function$
DECLARE
  v_place CONSTANT integer := array_position(io_pool.lease_owner, p_instance);
BEGIN
  IF p_by = 0 THEN RETURN; END IF;
  io_pool.held := io_pool.held + p_by;
  IF p_key = 0 THEN
    io_pool.lease_amount[v_place] := io_pool.lease_amount[v_place] + p_by;
    RETURN;
  END IF;
  UPDATE farebox.key_leases k SET amount = k.amount + p_by
  WHERE k.account_no = io_pool.account_no AND k.type_no = io_pool.type_no AND k.key_no = p_key AND k.instance_no = p_instance
    AND k.shard = io_pool.shard;
  IF NOT FOUND THEN
    INSERT INTO farebox.key_leases (account_no, type_no, key_no, instance_no, shard, amount)
    VALUES (io_pool.account_no, io_pool.type_no, p_key, p_instance, io_pool.shard, p_by);
  END IF;
  UPDATE farebox.key_caps c SET held = c.held + p_by
  WHERE c.account_no = io_pool.account_no AND c.type_no = io_pool.type_no AND c.key_no = p_key AND c.shard = io_pool.shard;
END $function$;
COMMENT ON FUNCTION farebox.change_lease IS 'Internal. Enlarges a lease, or takes from it.';

CREATE OR REPLACE FUNCTION farebox.change_plan(p_shard smallint, p_account integer, p_plan text, p_version integer, p_items jsonb, p_types smallint[], p_at_refresh boolean, p_anchor timestamp with time zone, p_now timestamp with time zone)
 RETURNS void
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
AS $function$
DECLARE
  v CONSTANT record := farebox.open_plan(p_shard, p_account, p_items, p_types, p_now);
  v_at timestamptz;
BEGIN
  IF v.o_next_plan_at IS NOT NULL THEN PERFORM farebox.withdraw_plan(p_shard, p_account, v.o_plan); END IF;
  IF p_at_refresh AND p_plan IS DISTINCT FROM v.o_plan THEN
    SELECT r.next_at INTO v_at FROM farebox.recurring r WHERE r.account_no = p_account AND r.shard = p_shard
    ORDER BY array_position(ARRAY['year', 'month', 'week', 'day'], r.every), r.next_at LIMIT 1;
  END IF;
  IF v_at IS NOT NULL THEN
    UPDATE farebox.recurring r SET until = v_at WHERE r.account_no = p_account AND r.shard = p_shard;
    IF p_plan IS NOT NULL THEN
      PERFORM farebox.write_plan(p_shard, p_account, p_plan, p_items, v_at, v_at, NULL);
    END IF;
    UPDATE farebox.accounts a SET next_plan = p_plan, next_plan_version = p_version, next_plan_at = v_at
    WHERE a.account_no = p_account;
  ELSE
    DELETE FROM farebox.recurring r
    WHERE r.account_no = p_account AND r.shard = p_shard AND (
      p_plan IS DISTINCT FROM v.o_plan
      OR (r.anchor_at <> p_anchor AND r.anchor_at <> farebox.calendar_anchor(r.every))
    );
    IF p_plan IS NOT NULL THEN
      PERFORM farebox.write_plan(p_shard, p_account, p_plan, p_items, greatest(v.o_now, p_anchor), coalesce(p_anchor, v.o_now),
        NULL);
    END IF;
    UPDATE farebox.accounts a SET plan = p_plan, plan_version = p_version WHERE a.account_no = p_account;
  END IF;
  PERFORM farebox.roll_pools_to(p_shard, p_account, v.o_types, v.o_now);
END $function$;
COMMENT ON FUNCTION farebox.change_plan IS 'Called by instances and background work. Gives an account another plan, or none (p_plan null), now or at its refresh.';

CREATE OR REPLACE FUNCTION farebox.changed_keys(p_since timestamp with time zone, p_overlap interval)
 RETURNS TABLE(o_now timestamp with time zone, o_hash bytea, o_changed_at timestamp with time zone)
 LANGUAGE plpgsql
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
AS $function$
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
END $function$;
COMMENT ON FUNCTION farebox.changed_keys IS 'Called by instances with each heartbeat: the database''s clock, and the hashes of keys that changed since.';

CREATE OR REPLACE FUNCTION farebox.charge_export(p_shard smallint, p_export_id uuid, p_account integer, p_type smallint)
 RETURNS jsonb
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
AS $function$
DECLARE
  v_opened CONSTANT record := farebox.open_pool(p_shard, p_account, p_type);
  v farebox.exports;
  v_paid record;
BEGIN
  SELECT x.* INTO v FROM farebox.exports x
  WHERE x.export_id = p_export_id AND x.account_no = p_account AND x.type_no = p_type AND x.shard = p_shard FOR UPDATE;
  IF v.state = 'charged' THEN RETURN '{"outcome": "charged"}'; END IF;
  -- The database's clock decides: the sweep may not have been here yet.
  IF v.state IS DISTINCT FROM 'ready' OR v.expires_at <= v_opened.o_now THEN RETURN '{"outcome": "not_ready"}'; END IF;
  SELECT p.* INTO v_paid FROM farebox.pay_export(v_opened.o_pool, v, v_opened.o_now) p;
  PERFORM farebox.write_export_pool(v_paid.io_pool, v_opened.o_now);
  RETURN v_paid.o_answer;
END $function$;
COMMENT ON FUNCTION farebox.charge_export IS 'Called by instances. Charges an export that is ready, once however often it is called.';

CREATE OR REPLACE FUNCTION farebox.charge_group(INOUT io_pool pools, p_instance integer, p_now timestamp with time zone, p_group jsonb, OUT o_answer jsonb)
 RETURNS record
 LANGUAGE plpgsql
AS $function$
DECLARE
  v_total CONSTANT bigint := farebox.group_total(io_pool, p_instance, p_group);
  v_each jsonb[] := '{}';
  v_one record;
  x record;
BEGIN
  IF v_total IS NULL THEN
    FOR x IN SELECT c FROM jsonb_array_elements(p_group -> 'charges') c LOOP
      v_one := farebox.charge_specially(io_pool, p_instance, p_now, 0,
        jsonb_build_object('charge', x.c, 'lease', p_group -> 'lease', 'key', p_group -> 'key'));
      io_pool := v_one.io_pool;
      v_each := v_each || v_one.o_answer;
    END LOOP;
    o_answer := jsonb_build_object('each', to_jsonb(v_each));
    RETURN;
  END IF;
  o_answer := jsonb_build_object('seq', io_pool.last_seq, 'balance', io_pool.balance);
  IF (p_group ->> 'lease')::boolean THEN
    io_pool := farebox.change_lease(io_pool, p_instance, (p_group ->> 'key')::integer, -v_total);
  END IF;
  INSERT INTO farebox.entries (account_no, type_no, shard, seq, at, amount, balance, spent, request, key_no, endpoint_no, units,
    price_list, status, kind)
  SELECT io_pool.account_no, io_pool.type_no, io_pool.shard, io_pool.last_seq + c.i, p_now, -c.amount,
    io_pool.balance - sum(c.amount) OVER w, io_pool.spent + sum(c.amount) OVER w, c.request, c.key, c.endpoint, c.units, c.list,
    c.status, 'c'
  FROM (
    SELECT u.i, (u.c ->> 0)::integer AS key, (u.c ->> 1)::integer AS endpoint, (u.c ->> 2)::bigint AS amount,
      (u.c ->> 3)::integer AS units, (u.c ->> 4)::smallint AS status, (u.c ->> 5)::integer AS list, (u.c ->> 6)::uuid AS request
    FROM jsonb_array_elements(p_group -> 'charges') WITH ORDINALITY u(c, i)
  ) c WINDOW w AS (ORDER BY c.i);
  io_pool.balance := io_pool.balance - v_total;
  io_pool.spent := io_pool.spent + v_total;
  io_pool.last_seq := io_pool.last_seq + jsonb_array_length(p_group -> 'charges');
  io_pool.last_at := p_now;
  IF NOT io_pool.capped THEN RETURN; END IF;
  FOR x IN
    SELECT (c ->> 0)::integer AS key, sum((c ->> 2)::bigint)::bigint AS amount FROM jsonb_array_elements(p_group -> 'charges') c
    GROUP BY 1 ORDER BY 1
  LOOP
    PERFORM farebox.spend_under_cap(io_pool, x.key, x.amount, p_now);
  END LOOP;
END $function$;
COMMENT ON FUNCTION farebox.charge_group IS 'Internal. Charges that draw on one lease, or on the pool: one insert for all, when it covers them.';

CREATE OR REPLACE FUNCTION farebox.charge_long_hold(INOUT io_pool pools, p_hold long_holds, p_now timestamp with time zone, p_special jsonb, INOUT io_part hold_parts, OUT o_short jsonb)
 RETURNS record
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
AS $function$
DECLARE
  v_is_last CONSTANT boolean := io_part.part = '';
  v_held farebox.holds;
  v_use bigint := 0;
  v_special jsonb := p_special;
  v_measured record;
  x record;
BEGIN
  -- It may have gone: what has expired is forgotten earlier than what it was for.
  SELECT h.* INTO v_held FROM farebox.holds h
  WHERE h.account_no = p_hold.account_no AND h.type_no = p_hold.type_no AND h.hold_id = p_hold.hold_id AND h.shard = p_hold.shard;
  v_held.amount := coalesce(v_held.amount, 0);
  IF v_is_last THEN v_use := v_held.amount; END IF;
  io_part.kind := CASE WHEN p_special ? 'free' THEN 'free' ELSE farebox.judge_charge(io_pool, p_now, p_special) END;
  IF io_part.kind = 'charged' THEN
    IF p_special ? 'measured' THEN
      v_measured := farebox.measure_charge(io_pool, p_now, (p_special #>> '{charge,1}')::integer, p_special -> 'measured');
      v_special := jsonb_set(jsonb_set(p_special, '{charge,2}', to_jsonb(v_measured.o_amount)), '{charge,3}',
        to_jsonb(least(ceil(v_measured.o_units / 1000000), 2147483647)::integer)) || jsonb_build_object('told', v_measured.o_told);
    END IF;
    IF p_special ? 'whole' THEN
      o_short := farebox.find_shortage(io_pool, p_now, (p_special #>> '{charge,0}')::integer, (v_special #>> '{charge,2}')::bigint);
      IF o_short IS NOT NULL THEN RETURN; END IF;
    END IF;
    v_special := v_special || jsonb_build_object('lease', false, 'most',
      least((v_special #>> '{charge,2}')::bigint, p_hold.most - p_hold.charged));
    IF NOT v_is_last THEN v_use := least(v_held.amount, (v_special ->> 'most')::bigint); END IF;
    PERFORM farebox.hold_under_cap(io_pool, v_held.key_no, -v_use);
    x := farebox.take_charge(io_pool, 0, p_now, v_special, v_use);
    io_pool := x.io_pool;
    io_part.seq := x.o_seq; io_part.charged := x.o_charged;
    io_part.uncollected := (v_special #>> '{charge,2}')::bigint - x.o_charged;
    io_part.units := (v_special #>> '{charge,3}')::integer;
    IF p_special ? 'measured' THEN
      PERFORM farebox.count_measured(io_pool, p_now, (p_special #>> '{charge,1}')::integer, p_special -> 'measured', v_measured.o_quantity);
    END IF;
    PERFORM farebox.complete_claims(io_pool, p_now, 0, p_special, x.o_charged);
    IF x.o_seq IS NOT NULL THEN PERFORM farebox.keep_in_sight(io_pool.shard, io_pool.account_no, io_pool.type_no); END IF;
  ELSE
    PERFORM farebox.hold_under_cap(io_pool, v_held.key_no, -v_use);
    io_pool.held := io_pool.held - v_use;
  END IF;
  io_part.balance_after := io_pool.balance;
  UPDATE farebox.holds h SET amount = v_held.amount - v_use,
    state = CASE WHEN v_is_last AND h.state = 'live' THEN CASE WHEN io_part.kind = 'charged' THEN 'charged' ELSE 'released' END
      ELSE h.state END
  WHERE h.account_no = p_hold.account_no AND h.type_no = p_hold.type_no AND h.hold_id = p_hold.hold_id AND h.shard = p_hold.shard;
END $function$;
COMMENT ON FUNCTION farebox.charge_long_hold IS 'Internal. One settlement of a long hold.';

CREATE OR REPLACE FUNCTION farebox.charge_pool(INOUT io_pool pools, p_instance integer, p_now timestamp with time zone, p_keep integer, p_work jsonb, OUT o_groups jsonb[], OUT o_specials jsonb[])
 RETURNS record
 LANGUAGE plpgsql
AS $function$
DECLARE
  v_groups CONSTANT jsonb := p_work -> 'groups';
  v_specials CONSTANT jsonb := p_work -> 'specials';
  v_one record;
BEGIN
  FOR i IN 0..jsonb_array_length(v_groups) - 1 LOOP
    v_one := farebox.charge_group(io_pool, p_instance, p_now, v_groups -> i);
    io_pool := v_one.io_pool;
    o_groups := o_groups || v_one.o_answer;
  END LOOP;
  FOR i IN 0..jsonb_array_length(v_specials) - 1 LOOP
    v_one := farebox.charge_specially(io_pool, p_instance, p_now, p_keep, v_specials -> i);
    io_pool := v_one.io_pool;
    o_specials := o_specials || v_one.o_answer;
  END LOOP;
END $function$;
COMMENT ON FUNCTION farebox.charge_pool IS 'Internal. The charges of one pool of a batch.';

CREATE OR REPLACE FUNCTION farebox.charge_specially(INOUT io_pool pools, p_instance integer, p_now timestamp with time zone, p_keep integer, p_special jsonb, OUT o_answer jsonb)
 RETURNS record
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
AS $function$
DECLARE
  v_hold farebox.holds;
  v_kind text;
  v_short jsonb;
  v_set_aside bigint := 0;
  v_uncollected bigint := 0;
  v_special jsonb := p_special;
  v_measured record;
  x record;
BEGIN
  IF p_special ? 'hold' THEN
    SELECT h.* INTO v_hold FROM farebox.holds h
    WHERE h.account_no = io_pool.account_no AND h.type_no = io_pool.type_no AND h.hold_id = p_special ->> 'hold'
      AND h.shard = io_pool.shard;
    IF NOT FOUND OR v_hold.charged IS NOT NULL THEN
      o_answer := jsonb_build_array(CASE WHEN v_hold.hold_id IS NULL THEN 'unknown' ELSE 'charged' END, v_hold.charged_seq,
        coalesce(v_hold.charged, 0), coalesce(v_hold.uncollected, 0), coalesce(v_hold.balance_after, io_pool.balance), NULL, NULL,
        v_hold.hold_id IS NOT NULL);
      RETURN;
    END IF;
    v_set_aside := v_hold.amount;
  ELSIF (p_special ->> 'lease')::boolean THEN
    v_set_aside := farebox.lease_of(io_pool, p_instance, (p_special ->> 'key')::integer);
  END IF;
  v_kind := farebox.judge_charge(io_pool, p_now, p_special);
  IF v_kind = 'charged' AND p_special ? 'measured' THEN
    v_measured := farebox.measure_charge(io_pool, p_now, (p_special #>> '{charge,1}')::integer, p_special -> 'measured');
    v_special := jsonb_set(jsonb_set(p_special, '{charge,2}', to_jsonb(v_measured.o_amount)), '{charge,3}',
      to_jsonb(least(ceil(v_measured.o_units / 1000000), 2147483647)::integer)) || jsonb_build_object('told', v_measured.o_told);
  END IF;
  IF v_kind = 'charged' AND p_special ? 'whole' THEN
    v_short := farebox.find_shortage(io_pool, p_now, (p_special #>> '{charge,0}')::integer, (v_special #>> '{charge,2}')::bigint);
    IF v_short IS NOT NULL THEN
      o_answer := jsonb_build_array('short', NULL, 0, 0, io_pool.balance, v_short);
      RETURN;
    END IF;
  END IF;
  IF v_kind = 'charged' THEN
    x := farebox.take_charge(io_pool, p_instance, p_now, v_special, v_set_aside);
    io_pool := x.io_pool;
    v_uncollected := (v_special #>> '{charge,2}')::bigint - x.o_charged;
    IF p_special ? 'measured' THEN
      PERFORM farebox.count_measured(io_pool, p_now, (p_special #>> '{charge,1}')::integer, p_special -> 'measured', v_measured.o_quantity);
    END IF;
  ELSE
    IF p_special ? 'hold' THEN io_pool.held := io_pool.held - v_set_aside; END IF;
    SELECT 0::bigint AS o_charged, NULL::bigint AS o_seq INTO x;
  END IF;
  PERFORM farebox.complete_claims(io_pool, p_now, p_keep, p_special, x.o_charged);
  o_answer := jsonb_build_array(v_kind, x.o_seq, x.o_charged, v_uncollected, io_pool.balance);
  IF p_special ? 'measured' THEN
    o_answer := o_answer || jsonb_build_array(NULL,
      CASE WHEN v_kind = 'charged' THEN (v_special #>> '{charge,3}')::integer ELSE 0 END);
  END IF;
  IF p_special ? 'hold' THEN
    -- A hold that expired or was released stays so; the charge that came too late is remembered with it.
    UPDATE farebox.holds h SET state = CASE WHEN h.state = 'live' THEN 'charged' ELSE h.state END, amount = 0, charged_seq = x.o_seq,
      charged = x.o_charged, uncollected = v_uncollected, balance_after = io_pool.balance
    WHERE h.account_no = io_pool.account_no AND h.type_no = io_pool.type_no AND h.hold_id = v_hold.hold_id
      AND h.shard = io_pool.shard;
  END IF;
END $function$;
COMMENT ON FUNCTION farebox.charge_specially IS 'Internal. A charge with a client''s hold, `once` or an Idempotency-Key, of which not all is set aside, or which is made whole.';

CREATE OR REPLACE FUNCTION farebox.claim_export(p_shard smallint, p_owner text, p_kinds text[], p_seconds integer, p_per_account integer)
 RETURNS jsonb
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
AS $function$
DECLARE
  v_now CONSTANT timestamptz := clock_timestamp();
  v farebox.exports;
  v_under_way integer;
  x record;
BEGIN
  FOR x IN
    SELECT o.export_id, o.account_no FROM farebox.exports o
    WHERE o.state IN ('queued', 'running') AND o.due_at <= v_now AND o.kind = ANY (p_kinds) AND o.shard = p_shard
    ORDER BY o.due_at, o.export_id
  LOOP
    SELECT count(*) INTO v_under_way FROM farebox.exports o
    WHERE o.account_no = x.account_no AND o.state = 'running' AND o.due_at > v_now AND o.shard = p_shard;
    CONTINUE WHEN v_under_way >= p_per_account;
    SELECT o.* INTO v FROM farebox.exports o
    WHERE o.export_id = x.export_id AND o.state IN ('queued', 'running') AND o.due_at <= v_now AND o.shard = p_shard
    FOR UPDATE SKIP LOCKED;
    CONTINUE WHEN NOT FOUND;
    UPDATE farebox.exports o SET state = 'running', claim = v.claim + 1, owner = p_owner,
      due_at = v_now + make_interval(secs => p_seconds), started_at = coalesce(v.started_at, v_now),
      attempts = v.attempts + CASE WHEN v.state = 'running' THEN 1 ELSE 0 END
    WHERE o.export_id = v.export_id AND o.shard = p_shard;
    RETURN jsonb_build_object('exportId', v.export_id, 'claim', v.claim + 1);
  END LOOP;
  RETURN NULL;
END $function$;
COMMENT ON FUNCTION farebox.claim_export IS 'Called by workers. The next export to work on, for so many seconds.';

CREATE OR REPLACE FUNCTION farebox.close_pools(p_shard smallint, p_account integer)
 RETURNS jsonb
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
AS $function$
DECLARE
  v_types smallint[];
  v_type smallint;
  v_opened record;
  v_held jsonb := '[]';
  h record;
BEGIN
  SELECT coalesce(array_agg(p.type_no ORDER BY p.type_no), '{}') INTO v_types
  FROM farebox.pools p WHERE p.account_no = p_account AND p.shard = p_shard;
  -- Opening one rolls it: holds that are over end here, and what is due is granted.
  FOREACH v_type IN ARRAY v_types LOOP
    v_opened := farebox.open_pool(p_shard, p_account, v_type);
    SELECT count(*) AS holds, sum(l.amount)::bigint AS amount INTO h FROM farebox.holds l
    WHERE l.account_no = p_account AND l.type_no = v_type AND l.shard = p_shard AND l.state = 'live'
      AND l.expires_at > v_opened.o_now;
    IF h.holds > 0 THEN
      v_held := v_held || (SELECT jsonb_build_object('creditType', t.credit_type, 'holds', h.holds, 'amount', h.amount)
        FROM farebox.credit_types t WHERE t.type_no = v_type);
    END IF;
  END LOOP;
  IF v_held <> '[]' THEN RETURN v_held; END IF;
  DELETE FROM farebox.recurring r WHERE r.account_no = p_account AND r.shard = p_shard;
  -- Rolled once more: what comes next on each pool is no refresh.
  FOREACH v_type IN ARRAY v_types LOOP
    v_opened := farebox.open_pool(p_shard, p_account, v_type);
    PERFORM farebox.recall_others(v_opened.o_pool, 0, NULL, false);
  END LOOP;
  RETURN v_held;
END $function$;
COMMENT ON FUNCTION farebox.close_pools IS 'Called by instances. Prepares the pools of an account for its closing, or answers what keeps it open.';

CREATE OR REPLACE FUNCTION farebox.complete_claims(p_pool pools, p_now timestamp with time zone, p_keep integer, p_special jsonb, p_charged bigint)
 RETURNS void
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
AS $function$
DECLARE
  v_response CONSTANT jsonb := p_special -> 'idempotency';
BEGIN
  IF p_special ? 'once' AND p_charged > 0 THEN
    UPDATE farebox.once_windows w SET until = p_now + make_interval(secs => (p_special #>> '{once,1}')::integer)
    WHERE w.account_no = p_pool.account_no AND w.endpoint_no = (p_special #>> '{charge,1}')::integer
      AND w.value = p_special #>> '{once,0}' AND w.shard = p_pool.shard;
  END IF;
  IF v_response IS NULL THEN RETURN; END IF;
  UPDATE farebox.idempotency_keys i SET state = 'done', owner = v_response ->> 'owner', status = (v_response ->> 'status')::integer,
    headers = v_response -> 'headers', body = decode(v_response ->> 'body', 'base64'),
    expires_at = p_now + make_interval(secs => p_keep)
  WHERE i.account_no = p_pool.account_no AND i.key = v_response ->> 'key' AND i.shard = p_pool.shard
    AND i.state = 'running' AND i.request_hash = v_response ->> 'requestHash';
END $function$;
COMMENT ON FUNCTION farebox.complete_claims IS 'Internal. In the charge''s own transaction: opens its `once` window and completes its Idempotency-Key, unless another request has that.';

CREATE OR REPLACE FUNCTION farebox.complete_idempotent(p_shard smallint, p_account integer, p_key text, p_owner text, p_status integer, p_headers jsonb, p_body bytea, p_keep_seconds integer)
 RETURNS boolean
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
AS $function$
DECLARE
  v_now CONSTANT timestamptz := clock_timestamp();
BEGIN
  UPDATE farebox.idempotency_keys i SET state = 'done', status = p_status, headers = p_headers, body = p_body,
    expires_at = v_now + make_interval(secs => p_keep_seconds)
  WHERE i.account_no = p_account AND i.key = p_key AND i.shard = p_shard AND i.owner = p_owner;
  RETURN FOUND;
END $function$;
COMMENT ON FUNCTION farebox.complete_idempotent IS 'Called by instances. Stores the response of a request under an Idempotency-Key, if this run still has the key.';

CREATE OR REPLACE FUNCTION farebox.compute_roll(p_pool pools, p_now timestamp with time zone)
 RETURNS roll_state
 LANGUAGE plpgsql
 STABLE
AS $function$
BEGIN
  RETURN farebox.pass_time(farebox.draw_spent(farebox.load_roll(p_pool, p_now)), p_now);
END $function$;
COMMENT ON FUNCTION farebox.compute_roll IS 'Internal. What a roll would do, and what the pool would then be. Writes nothing.';

CREATE OR REPLACE FUNCTION farebox.count_measured(p_pool pools, p_now timestamp with time zone, p_endpoint integer, p_measured jsonb, p_quantity numeric)
 RETURNS void
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
AS $function$
DECLARE
  v_until timestamptz;
  v_period timestamptz;
BEGIN
  IF p_measured ? 'counter' THEN
    v_period := date_trunc(p_measured #>> '{counter,1}', p_now, 'UTC');
    INSERT INTO farebox.tier_counters AS c (account_no, type_no, counter_no, within, shard, period, used)
    VALUES (p_pool.account_no, p_pool.type_no, (p_measured #>> '{counter,0}')::integer, p_measured #>> '{counter,1}', p_pool.shard,
      v_period, p_quantity)
    ON CONFLICT (account_no, type_no, counter_no, within, shard) DO UPDATE
    SET used = CASE WHEN c.period = excluded.period THEN c.used ELSE 0 END + excluded.used, period = excluded.period;
  END IF;
  IF p_measured ? 'increase' THEN
    v_until := p_now + make_interval(secs => (p_measured #>> '{increase,1}')::integer);
    INSERT INTO farebox.running_totals AS t (account_no, type_no, endpoint_no, value, shard, charged, until)
    VALUES (p_pool.account_no, p_pool.type_no, p_endpoint, p_measured #>> '{increase,0}', p_pool.shard,
      (p_measured ->> 'units')::numeric, v_until)
    ON CONFLICT (account_no, type_no, endpoint_no, value, shard) DO UPDATE
    SET charged = CASE WHEN t.until > p_now THEN greatest(t.charged, excluded.charged) ELSE excluded.charged END, until = excluded.until;
  END IF;
END $function$;
COMMENT ON FUNCTION farebox.count_measured IS 'Internal. A measured charge was made: the next one begins behind it.';

CREATE OR REPLACE FUNCTION farebox.create_export(p_shard smallint, p_export_id uuid, p_account integer, p_type smallint, p_settle boolean, p_new jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
AS $function$
DECLARE
  v_now timestamptz;
  v_key CONSTANT jsonb := nullif(p_new -> 'key', 'null');
  v farebox.exports;
  v_refusal jsonb;
  x record;
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended('farebox exports', p_account));
  PERFORM FROM farebox.exports o WHERE o.export_id = p_export_id AND o.shard = p_shard;
  IF FOUND THEN RETURN '{"outcome": "created"}'; END IF;
  IF v_key IS NOT NULL THEN
    v_refusal := farebox.find_export_of_key(p_shard, p_account, v_key ->> 'key', v_key ->> 'request_hash');
    IF v_refusal IS NOT NULL THEN RETURN v_refusal; END IF;
  END IF;
  v := jsonb_populate_record(NULL::farebox.exports, p_new - 'request_hash');
  v.request_hash := decode(p_new ->> 'request_hash', 'hex');
  v.export_id := p_export_id; v.account_no := p_account; v.type_no := p_type; v.shard := p_shard; v.retries := 0;
  v_refusal := farebox.refuse_export(p_shard, p_export_id, p_account, v.request_hash,
    (p_new ->> 'max_open')::integer, (p_new ->> 'max_kept')::integer);
  IF v_refusal IS NULL AND v.charge_at = 'completion' AND v.price > 0 THEN
    SELECT h.* INTO x FROM farebox.hold_for_export(v, p_settle) h;
    v := x.io_export; v_refusal := x.o_refusal;
  END IF;
  IF v_refusal IS NOT NULL THEN RETURN v_refusal; END IF;
  IF v_key IS NOT NULL THEN
    PERFORM farebox.keep_export_key(p_shard, p_account, v_key ->> 'key', v_key ->> 'request_hash',
      (v_key ->> 'keep_seconds')::integer, p_export_id);
  END IF;
  v_now := clock_timestamp();
  INSERT INTO farebox.exports (export_id, account_no, type_no, shard, key_no, endpoint_no, price_list, price, max_records,
    part_records, keep_seconds, kind, policy, charge_at, when_more, format, gzip, params, body, request_hash, hold_id, due_at,
    created_at, begun_at)
  VALUES (v.export_id, v.account_no, v.type_no, v.shard, v.key_no, v.endpoint_no, v.price_list, v.price, v.max_records,
    v.part_records, v.keep_seconds, v.kind, v.policy, v.charge_at, v.when_more, v.format, v.gzip, v.params, v.body, v.request_hash,
    v.hold_id, v_now, v_now, v_now);
  RETURN '{"outcome": "created"}';
END $function$;
COMMENT ON FUNCTION farebox.create_export IS 'Called by instances. Creates an export, once for its id, and sets credits aside for it.';

CREATE OR REPLACE FUNCTION farebox.create_pools(p_shard smallint, p_account integer[], p_type smallint[])
 RETURNS void
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
AS $function$
DECLARE
  v_unknown integer;
BEGIN
  SELECT u.a INTO v_unknown FROM unnest(p_account) u(a)
  WHERE NOT EXISTS (SELECT FROM farebox.accounts a WHERE a.account_no = u.a AND a.shard = p_shard) LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'unknown account' USING ERRCODE = 'FB404', DETAIL = v_unknown;
  END IF;
  -- In the order of the keys: a conflicting insert waits for the other's end.
  INSERT INTO farebox.pools (account_no, type_no, shard)
  SELECT DISTINCT u.a, u.t, p_shard FROM unnest(p_account, p_type) u(a, t) ORDER BY u.a, u.t
  ON CONFLICT DO NOTHING;
END $function$;
COMMENT ON FUNCTION farebox.create_pools IS 'Called by instances, in a transaction of its own, when a batch misses a pool; and by verbs.';

CREATE OR REPLACE FUNCTION farebox.credits_text(p_amount bigint)
 RETURNS text
 LANGUAGE sql
 IMMUTABLE
RETURN (trim_scale(((p_amount)::numeric / (1000000)::numeric)))::text;
COMMENT ON FUNCTION farebox.credits_text IS 'Internal. Micro-credits as people read them, in credits.';

CREATE OR REPLACE FUNCTION farebox.derived_grant_id(p_parts text)
 RETURNS text
 LANGUAGE sql
 IMMUTABLE
RETURN ('grt_'::text || "left"(translate(encode(sha256(convert_to(p_parts, 'UTF8'::name)), 'base64'::text), ('+/='::text || chr(10)), ''::text), 16));
COMMENT ON FUNCTION farebox.derived_grant_id IS 'Internal. The id of a grant that the ledger itself makes. p_parts begins with the account''s id, never with its number.';

CREATE OR REPLACE FUNCTION farebox.divide_up(p_value numeric, p_by numeric)
 RETURNS numeric
 LANGUAGE sql
 IMMUTABLE
RETURN div(((p_value + p_by) - (1)::numeric), p_by);
COMMENT ON FUNCTION farebox.divide_up IS 'Internal. Whole numbers, rounded up.';

CREATE OR REPLACE FUNCTION farebox.draw_spent(INOUT io roll_state)
 RETURNS roll_state
 LANGUAGE plpgsql
 IMMUTABLE
AS $function$
DECLARE
  v_grants farebox.open_grant[] := io.grants;
  v_order integer[] := '{}';
  v_draws farebox.new_draw[] := '{}';
  v_from bigint := (io.pool).drawn;
  v_left bigint := (io.pool).spent - (io.pool).drawn;
  v_overdue bigint := 0;
  v_take bigint;
  g farebox.open_grant;
BEGIN
  FOR k IN 1..cardinality(v_grants) LOOP
    g := v_grants[k];
    CONTINUE WHEN g.state <> 'active';
    v_take := least(v_left, g.remaining);
    IF v_take > 0 THEN
      v_draws := v_draws || ROW(v_from, v_from + v_take, g.grant_id)::farebox.new_draw;
      g.remaining := g.remaining - v_take;
      -- What expired and was honoured for a hold is what the hold's charge draws.
      g.overdue := greatest(0, g.overdue - v_take);
      v_from := v_from + v_take; v_left := v_left - v_take;
    END IF;
    IF g.remaining = 0 THEN g.state := 'ended'; ELSE v_order := v_order || k; END IF;
    v_overdue := v_overdue + g.overdue;
    v_grants[k] := g;
  END LOOP;
  IF v_left <> 0 THEN
    RAISE EXCEPTION 'a pool has spent % more than its grants', v_left
      USING ERRCODE = 'FB001', DETAIL = format('account %s, type %s', (io.pool).account_no, (io.pool).type_no);
  END IF;
  io.grants := v_grants; io.draw_order := v_order; io.draws := v_draws;
  io.pool.drawn := v_from; io.pool.overdue := v_overdue;
END $function$;
COMMENT ON FUNCTION farebox.draw_spent IS 'Internal. Second step of a roll: draws what was spent from the grants by priority, then earliest expiry, then age.';

CREATE OR REPLACE FUNCTION farebox.end_lane(p_shard smallint, p_instance integer)
 RETURNS boolean
 LANGUAGE plpgsql
AS $function$
DECLARE
  v_now timestamptz;
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended('farebox lanes of ' || p_instance, p_shard));
  v_now := clock_timestamp();
  UPDATE farebox.lanes l SET state = 'dead', dead_at = v_now
  WHERE l.instance_no = p_instance AND l.shard = p_shard AND l.state = 'live';
  RETURN FOUND;
END $function$;
COMMENT ON FUNCTION farebox.end_lane IS 'Called by instances that stop. No batch of theirs runs any more in this shard; their leases can be released.';

CREATE OR REPLACE FUNCTION farebox.ensure_partitions()
 RETURNS text[]
 LANGUAGE plpgsql
 SET lock_timeout TO '1s'
AS $function$
DECLARE
  v_first CONSTANT timestamp := date_trunc('month', clock_timestamp() AT TIME ZONE 'UTC');
  v_problems text[] := '{}';
  v_from timestamptz;
  v_to timestamptz;
  v_name text;
  v_found record;
  v_is_alone boolean := false;
BEGIN
  FOR k IN 0..3 LOOP
    v_from := (v_first + make_interval(months => k)) AT TIME ZONE 'UTC';
    v_to := (v_first + make_interval(months => k + 1)) AT TIME ZONE 'UTC';
    v_name := to_char(v_from AT TIME ZONE 'UTC', '"entries_"YYYY_MM');
    v_found := farebox.find_partition(v_name, v_from, v_to);
    CONTINUE WHEN v_found.o_covers;
    IF NOT v_is_alone THEN
      BEGIN
        PERFORM pg_advisory_xact_lock(hashtext('farebox.ensure_partitions'));
      EXCEPTION WHEN lock_not_available OR deadlock_detected THEN
        RETURN v_problems || format('%s is missing, and another session that is to make it does not come to its end', v_name);
      END;
      v_is_alone := true;
      v_found := farebox.find_partition(v_name, v_from, v_to);
      CONTINUE WHEN v_found.o_covers;
    END IF;
    IF v_found.o_found IS NOT NULL THEN
      v_problems := v_problems || format('%s cannot be made: farebox.%s is in its place, and is no partition of all of its month',
        v_name, v_found.o_found);
      CONTINUE;
    END IF;
    IF NOT has_schema_privilege('farebox', 'CREATE')
      OR NOT (SELECT pg_has_role(c.relowner, 'USAGE') FROM pg_class c WHERE c.oid = 'farebox.entries'::regclass)
    THEN
      RETURN v_problems || format('the role %s may not create %s: it must own farebox.entries and may create in its schema',
        current_user, v_name);
    END IF;
    IF EXISTS (SELECT 1 FROM farebox.entries_default e WHERE e.at >= v_from AND e.at < v_to) THEN
      v_problems := v_problems || format('farebox.entries_default has entries of the month of %s', v_name);
      CONTINUE;
    END IF;
    BEGIN
      -- Before anything is created. Attaching a table locks out other changes of entries and readers of the default
      -- partition, not charges.
      LOCK TABLE ONLY farebox.entries IN SHARE UPDATE EXCLUSIVE MODE;
      LOCK TABLE farebox.entries_default IN ACCESS EXCLUSIVE MODE;
    EXCEPTION WHEN lock_not_available OR deadlock_detected THEN
      RETURN v_problems || format('%s cannot be made now: farebox.entries is being read', v_name);
    END;
    EXECUTE format('CREATE TABLE farebox.%I (LIKE farebox.entries INCLUDING ALL)', v_name);
    EXECUTE format('ALTER TABLE farebox.entries ATTACH PARTITION farebox.%I FOR VALUES FROM (%L) TO (%L)', v_name, v_from, v_to);
  END LOOP;
  RETURN v_problems;
END $function$;
COMMENT ON FUNCTION farebox.ensure_partitions IS 'Called by migrate and by the sweep. Makes the partitions of the months to come; returns what stands in the way.';

CREATE OR REPLACE FUNCTION farebox.enter_pool(INOUT io_pool pools, p_instance integer)
 RETURNS pools
 LANGUAGE plpgsql
AS $function$
BEGIN
  IF p_instance = ANY (io_pool.lease_owner) THEN RETURN; END IF;
  INSERT INTO farebox.active_pools (instance_no, account_no, type_no, shard)
  VALUES (p_instance, io_pool.account_no, io_pool.type_no, io_pool.shard) ON CONFLICT DO NOTHING;
  io_pool.lease_owner := io_pool.lease_owner || p_instance;
  io_pool.lease_amount := io_pool.lease_amount || 0::bigint;
END $function$;
COMMENT ON FUNCTION farebox.enter_pool IS 'Internal. Before an instance first charges a pool or leases from it: its leases must be found when it dies.';

CREATE OR REPLACE FUNCTION farebox.entry_kind(p_kind "char")
 RETURNS text
 LANGUAGE sql
 IMMUTABLE
RETURN CASE WHEN (p_kind = 'c'::"char") THEN 'charge'::text WHEN (p_kind = 'g'::"char") THEN 'grant'::text WHEN (p_kind = 'r'::"char") THEN 'refund'::text WHEN (p_kind = 'x'::"char") THEN 'expiry'::text WHEN (p_kind = 'a'::"char") THEN 'adjustment'::text ELSE NULL::text END;
COMMENT ON FUNCTION farebox.entry_kind IS 'What anyone sees of an entry''s kind.';

CREATE OR REPLACE FUNCTION farebox.export_work_due(p_shard smallint, p_kinds text[])
 RETURNS boolean
 LANGUAGE plpgsql
 STABLE
 SET enable_seqscan TO 'off'
AS $function$
DECLARE
  v_now CONSTANT timestamptz := clock_timestamp();
BEGIN
  RETURN EXISTS (
    SELECT FROM farebox.exports x
    WHERE x.state IN ('queued', 'running') AND x.due_at <= v_now AND x.kind = ANY (p_kinds) AND x.shard = p_shard
  ) OR EXISTS (
    SELECT FROM farebox.exports x WHERE x.clean_at IS NOT NULL AND x.clean_at <= v_now AND x.shard = p_shard
  );
END $function$;
COMMENT ON FUNCTION farebox.export_work_due IS 'Called by workers. Whether there may be anything to do with exports in a shard.';

CREATE OR REPLACE FUNCTION farebox.extend_long_hold(p_shard smallint, p_account integer, p_type smallint, p_hold text, p_seconds integer)
 RETURNS text
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
AS $function$
DECLARE
  v_opened CONSTANT record := farebox.open_pool(p_shard, p_account, p_type);
  v_pool farebox.pools := v_opened.o_pool;
  v_until CONSTANT timestamptz := v_opened.o_now + make_interval(secs => p_seconds);
  v farebox.long_holds;
BEGIN
  SELECT l.* INTO v FROM farebox.long_holds l
  WHERE l.account_no = p_account AND l.type_no = p_type AND l.hold_id = p_hold AND l.shard = p_shard FOR UPDATE;
  IF NOT FOUND THEN RETURN 'unknown'; END IF;
  IF v.state <> 'open' OR v.expires_at <= v_opened.o_now THEN RETURN 'over'; END IF;
  UPDATE farebox.holds h SET expires_at = v_until
  WHERE h.account_no = p_account AND h.type_no = p_type AND h.hold_id = p_hold AND h.shard = p_shard AND h.state = 'live';
  IF NOT FOUND THEN RETURN 'over'; END IF;
  UPDATE farebox.long_holds l SET expires_at = v_until
  WHERE l.account_no = p_account AND l.type_no = p_type AND l.hold_id = p_hold AND l.shard = p_shard;
  v_pool.next_event_at := least(v_pool.next_event_at, v_until);
  PERFORM farebox.write_pool(v_pool);
  RETURN 'extended';
END $function$;
COMMENT ON FUNCTION farebox.extend_long_hold IS 'Called by instances. A long hold lives for so long from now on.';

CREATE OR REPLACE FUNCTION farebox.fail_export(p_shard smallint, p_export_id uuid, p_claim integer, p_account integer, p_type smallint, p_code text, p_failure text, p_retry_ms integer, p_counts boolean)
 RETURNS text
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
AS $function$
DECLARE
  v_opened CONSTANT record := farebox.open_pool(p_shard, p_account, p_type);
  v_now CONSTANT timestamptz := v_opened.o_now;
  v farebox.exports;
BEGIN
  SELECT x.* INTO v FROM farebox.exports x
  WHERE x.export_id = p_export_id AND x.account_no = p_account AND x.type_no = p_type AND x.shard = p_shard FOR UPDATE;
  IF v.claim <> p_claim OR v.state IS DISTINCT FROM 'running' THEN RETURN 'lost'; END IF;
  IF p_retry_ms IS NOT NULL THEN
    UPDATE farebox.exports x SET state = 'queued', owner = NULL, due_at = v_now + make_interval(secs => p_retry_ms / 1000.0),
      attempts = v.attempts + CASE WHEN p_counts THEN 1 ELSE 0 END, failure_code = p_code, failure = p_failure
    WHERE x.export_id = p_export_id AND x.shard = p_shard;
    RETURN 'queued';
  END IF;
  PERFORM farebox.release_export(v, v_opened.o_pool, v_now);
  UPDATE farebox.exports x SET state = 'failed', owner = NULL, place = NULL, ended_at = v_now, clean_at = v_now,
    failure_code = p_code, failure = p_failure
  WHERE x.export_id = p_export_id AND x.shard = p_shard;
  RETURN 'failed';
END $function$;
COMMENT ON FUNCTION farebox.fail_export IS 'Called by workers. A claim ends without the job being done. queued: it goes on after p_retry_ms. failed: it costs nothing and its files go. lost.';

CREATE OR REPLACE FUNCTION farebox.find_cap(p_pool pools, p_key integer, p_now timestamp with time zone)
 RETURNS key_caps
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
AS $function$
DECLARE
  v_cap farebox.key_caps;
BEGIN
  IF NOT p_pool.capped THEN RETURN NULL; END IF;
  SELECT c.* INTO v_cap FROM farebox.key_caps c
  WHERE c.account_no = p_pool.account_no AND c.type_no = p_pool.type_no AND c.key_no = p_key AND c.shard = p_pool.shard;
  IF NOT FOUND THEN RETURN NULL; END IF;
  RETURN farebox.cap_at(v_cap, p_now);
END $function$;
COMMENT ON FUNCTION farebox.find_cap IS 'Internal. A key''s caps on a locked pool, as of now.';

CREATE OR REPLACE FUNCTION farebox.find_dead_lanes(p_shard smallint, p_dead_after interval)
 RETURNS integer[]
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
AS $function$
DECLARE
  v_now CONSTANT timestamptz := clock_timestamp();
  v_dead integer[] := '{}';
  v_instance integer;
  v_live bigint;
  v_silent bigint;
BEGIN
  FOR v_instance IN
    SELECT l.instance_no FROM farebox.lanes l WHERE l.shard = p_shard AND l.state = 'live'
    GROUP BY l.instance_no HAVING max(l.seen_at) < v_now - p_dead_after ORDER BY l.instance_no
  LOOP
    CONTINUE WHEN NOT pg_try_advisory_xact_lock(hashtextextended('farebox lanes of ' || v_instance, p_shard));
    v_live := (
      SELECT count(*) FROM farebox.lanes l WHERE l.instance_no = v_instance AND l.shard = p_shard AND l.state = 'live');
    v_silent := (SELECT count(*) FROM (
      SELECT FROM farebox.lanes l
      WHERE l.instance_no = v_instance AND l.shard = p_shard AND l.state = 'live' AND l.seen_at < v_now - p_dead_after
      FOR UPDATE SKIP LOCKED
    ) s);
    CONTINUE WHEN v_silent = 0 OR v_silent < v_live;
    UPDATE farebox.lanes l SET state = 'dead', dead_at = v_now WHERE l.instance_no = v_instance AND l.shard = p_shard;
    v_dead := v_dead || v_instance;
  END LOOP;
  RETURN v_dead;
END $function$;
COMMENT ON FUNCTION farebox.find_dead_lanes IS 'Called by the sweep. Declares silent instances dead in a shard; returns them.';

CREATE OR REPLACE FUNCTION farebox.find_export_of_key(p_shard smallint, p_account integer, p_key text, p_request_hash text)
 RETURNS jsonb
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
AS $function$
DECLARE
  v_now CONSTANT timestamptz := clock_timestamp();
  v_found farebox.idempotency_keys;
BEGIN
  SELECT i.* INTO v_found FROM farebox.idempotency_keys i
  WHERE i.account_no = p_account AND i.key = p_key AND i.shard = p_shard AND i.expires_at > v_now;
  IF NOT FOUND THEN RETURN NULL; END IF;
  -- A request that was answered otherwise is another one, whatever it says.
  IF v_found.request_hash <> p_request_hash OR v_found.state = 'done' AND v_found.owner <> 'export' THEN RETURN '{"outcome": "key_mismatch"}'; END IF;
  IF v_found.state = 'running' THEN RETURN '{"outcome": "key_in_progress"}'; END IF;
  RETURN jsonb_build_object('outcome', 'repeated', 'exportId', convert_from(v_found.body, 'UTF8'));
END $function$;
COMMENT ON FUNCTION farebox.find_export_of_key IS 'Internal. What an Idempotency-Key was used for.';

CREATE OR REPLACE FUNCTION farebox.find_long_hold(p_shard smallint, p_account integer, p_caller text)
 RETURNS jsonb
 LANGUAGE plpgsql
 STABLE
 SET enable_seqscan TO 'off'
AS $function$
BEGIN
  RETURN (
    SELECT jsonb_build_object('token', l.token, 'content', encode(l.content, 'hex'), 'requestId', l.request, 'asked', l.asked,
      'units', l.units, 'leftMs', greatest(0, floor(extract(epoch FROM l.expires_at - clock_timestamp()) * 1000)))
    FROM farebox.long_holds l WHERE l.account_no = p_account AND l.caller_id = p_caller AND l.shard = p_shard
  );
END $function$;
COMMENT ON FUNCTION farebox.find_long_hold IS 'Called by instances. What a caller holds already under its id.';

CREATE OR REPLACE FUNCTION farebox.find_partition(p_name text, p_from timestamp with time zone, p_to timestamp with time zone, OUT o_found text, OUT o_covers boolean)
 RETURNS record
 LANGUAGE plpgsql
 STABLE
AS $function$
BEGIN
  SELECT q.relname, q.bounds[1]::timestamptz <= p_from AND q.bounds[2]::timestamptz >= p_to INTO o_found, o_covers
  FROM (
    SELECT c.relname, regexp_match(pg_get_expr(c.relpartbound, c.oid), $re$FROM \('([^']+)'\) TO \('([^']+)'\)$re$) AS bounds
    FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = 'farebox.entries'::regclass
  ) q
  WHERE q.bounds[1]::timestamptz < p_to AND q.bounds[2]::timestamptz > p_from
  ORDER BY 1 LIMIT 1;
  IF NOT FOUND THEN
    SELECT c.relname, false INTO o_found, o_covers FROM pg_class c
    WHERE c.relnamespace = 'farebox'::regnamespace AND c.relname = p_name;
  END IF;
END $function$;
COMMENT ON FUNCTION farebox.find_partition IS 'Internal. Whether a month has its partition, or what stands in its way.';

CREATE OR REPLACE FUNCTION farebox.find_request(p_shard smallint, p_request uuid, p_from timestamp with time zone, p_until timestamp with time zone, p_most integer)
 RETURNS jsonb
 LANGUAGE plpgsql
 STABLE
 SET enable_seqscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
AS $function$
DECLARE
  v_pool record;
  v_seqs bigint[];
  v_pools integer := 0;
  v_charges jsonb := '[]';
BEGIN
  FOR v_pool IN
    SELECT c.account_no, c.type_no FROM (
      SELECT u.account_no, u.type_no FROM farebox.usage u
      WHERE u.shard = p_shard AND u.span = 'q'
        AND timezone('UTC', u.start) >= timezone('UTC', date_bin(interval '15 minutes', p_from, timestamptz '2000-01-01Z'))
        AND timezone('UTC', u.start) < timezone('UTC', p_until)
      UNION
      SELECT a.account_no, a.type_no FROM farebox.active_pools a
      CROSS JOIN LATERAL (
        SELECT p.last_seq, p.last_at FROM farebox.pools p
        WHERE p.account_no = a.account_no AND p.type_no = a.type_no AND p.shard = p_shard LIMIT 1
      ) p
      LEFT JOIN LATERAL (
        SELECT r.seq, r.at FROM farebox.usage_rolled r
        WHERE r.account_no = a.account_no AND r.type_no = a.type_no AND r.shard = p_shard LIMIT 1
      ) r ON true
      WHERE a.shard = p_shard AND p.last_seq > coalesce(r.seq, 0) AND p.last_at >= p_from AND coalesce(r.at, '-infinity') < p_until
    ) c LIMIT p_most
  LOOP
    v_pools := v_pools + 1;
    v_seqs := farebox.seqs_between(p_shard, v_pool.account_no, v_pool.type_no, p_from, p_until);
    v_charges := v_charges || coalesce((
      SELECT jsonb_agg(jsonb_build_object('a', v_pool.account_no, 't', v_pool.type_no, 's', e.seq) ORDER BY e.seq)
      FROM farebox.entries e
      WHERE e.account_no = v_pool.account_no AND e.type_no = v_pool.type_no AND e.shard = p_shard
        AND e.seq >= v_seqs[1] AND e.seq < v_seqs[2] AND e.at >= p_from AND e.at < p_until
        AND e.kind = 'c' AND e.request = p_request
    ), '[]');
  END LOOP;
  RETURN jsonb_build_object('pools', v_pools, 'charges', v_charges);
END $function$;
COMMENT ON FUNCTION farebox.find_request IS 'Called by instances. The charges of a request in all pools of a shard that were charged about a time. Locks nothing; its cost is that of the pools that were charged then.';

CREATE OR REPLACE FUNCTION farebox.find_shortage(p_pool pools, p_now timestamp with time zone, p_key integer, p_amount bigint)
 RETURNS jsonb
 LANGUAGE plpgsql
AS $function$
DECLARE
  v_cap CONSTANT farebox.key_caps := farebox.find_cap(p_pool, p_key, p_now);
  v_left CONSTANT bigint := farebox.cap_left(v_cap) - v_cap.held;
  v_asked record;
BEGIN
  IF p_amount = 0 OR (p_amount <= p_pool.balance - p_pool.held AND (v_left IS NULL OR p_amount <= v_left)) THEN RETURN NULL; END IF;
  -- In the name of instance 0, which is nobody: the caller's own lease is recalled like all others, because nothing of it was given
  -- back for this. There is less than the amount, so nothing is leased.
  v_asked := farebox.lease_credits(p_pool, 0, p_now, p_key, p_amount, p_amount);
  RETURN v_asked.o_answer;
END $function$;
COMMENT ON FUNCTION farebox.find_shortage IS 'Internal. Why a charge cannot be made whole; recalls the leases that keep it from it.';

CREATE OR REPLACE FUNCTION farebox.finish_export(p_shard smallint, p_export_id uuid, p_claim integer, p_account integer, p_type smallint, p_left_out integer)
 RETURNS text
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
AS $function$
DECLARE
  v_opened CONSTANT record := farebox.open_pool(p_shard, p_account, p_type);
  v_now CONSTANT timestamptz := v_opened.o_now;
  v farebox.exports;
  v_paid record;
BEGIN
  SELECT x.* INTO v FROM farebox.exports x
  WHERE x.export_id = p_export_id AND x.account_no = p_account AND x.type_no = p_type AND x.shard = p_shard FOR UPDATE;
  -- Its answer got lost.
  IF v.claim = p_claim AND v.state IN ('ready', 'charged') THEN RETURN v.state; END IF;
  IF v.claim <> p_claim OR v.state IS DISTINCT FROM 'running' THEN RETURN 'lost'; END IF;
  v.expires_at := v_now + make_interval(secs => v.keep_seconds);
  UPDATE farebox.exports x SET state = 'ready', ready_at = v_now, expires_at = v.expires_at, clean_at = v.expires_at,
    left_out = p_left_out, expected = v.records, owner = NULL, place = NULL, failure_code = NULL,
    failure = NULL
  WHERE x.export_id = p_export_id AND x.shard = p_shard;
  UPDATE farebox.export_parts p SET ids = NULL
  WHERE p.export_id = p_export_id AND p.shard = p_shard AND p.ids IS NOT NULL;
  IF v.charge_at = 'listing' THEN RETURN 'ready'; END IF;
  SELECT p.* INTO v_paid FROM farebox.pay_export(v_opened.o_pool, v, v_now) p;
  PERFORM farebox.write_export_pool(v_paid.io_pool, v_now);
  RETURN CASE v_paid.o_answer ->> 'outcome' WHEN 'charged' THEN 'charged' ELSE 'ready' END;
END $function$;
COMMENT ON FUNCTION farebox.finish_export IS 'Called by workers. All parts are in. Answers what it is now: ready, charged (in the same transaction, where it is charged at completion), or lost.';

CREATE OR REPLACE FUNCTION farebox.first_seq_at(p_shard smallint, p_account integer, p_type smallint, p_at timestamp with time zone)
 RETURNS bigint
 LANGUAGE plpgsql
 STABLE
 SET enable_seqscan TO 'off'
AS $function$
DECLARE
  v_low bigint := 1;
  v_high bigint;
  v_middle bigint;
  v_at timestamptz;
BEGIN
  SELECT p.last_seq + 1 INTO v_high FROM farebox.pools p
  WHERE p.account_no = p_account AND p.type_no = p_type AND p.shard = p_shard;
  WHILE v_low < v_high LOOP
    v_middle := (v_low + v_high) / 2;
    SELECT e.at INTO v_at FROM farebox.entries e
    WHERE e.account_no = p_account AND e.type_no = p_type AND e.shard = p_shard AND e.seq = v_middle;
    -- Not found: its month was taken out of the table, which happens to the oldest only.
    IF v_at >= p_at THEN v_high := v_middle; ELSE v_low := v_middle + 1; END IF;
  END LOOP;
  RETURN v_low;
END $function$;
COMMENT ON FUNCTION farebox.first_seq_at IS 'Called by instances. The number of a pool''s first entry at or after a moment, found by halving: times run in the order of the numbers.';

CREATE OR REPLACE FUNCTION farebox.follow_plan(p_shard smallint, p_account integer, p_plan text, p_version integer, p_items jsonb, p_types smallint[], p_now timestamp with time zone)
 RETURNS void
 LANGUAGE plpgsql
AS $function$
DECLARE
  v CONSTANT record := farebox.open_plan(p_shard, p_account, p_items, p_types, p_now);
BEGIN
  IF v.o_plan = p_plan THEN
    PERFORM farebox.write_plan(p_shard, p_account, p_plan, p_items, v.o_now, v.o_now, v.o_next_plan_at);
    UPDATE farebox.accounts a SET plan_version = p_version WHERE a.account_no = p_account;
  ELSIF v.o_next_plan = p_plan THEN
    PERFORM farebox.write_plan(p_shard, p_account, p_plan, p_items, v.o_next_plan_at, v.o_next_plan_at, NULL);
    UPDATE farebox.accounts a SET next_plan_version = p_version WHERE a.account_no = p_account;
  END IF;
  PERFORM farebox.roll_pools_to(p_shard, p_account, v.o_types, v.o_now);
END $function$;
COMMENT ON FUNCTION farebox.follow_plan IS 'Called by background work. Brings an account up to the version of a plan that it has, or will have.';

CREATE OR REPLACE FUNCTION farebox.forget_holds(p_shard smallint, p_limit integer)
 RETURNS integer
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
 SET lock_timeout TO '100ms'
AS $function$
DECLARE
  v_now CONSTANT timestamptz := clock_timestamp();
  v_gone integer := 0;
  x record;
BEGIN
  FOR x IN
    SELECT h.account_no, h.type_no, h.hold_id FROM farebox.holds h
    WHERE h.expires_at < v_now - interval '1 hour' AND h.shard = p_shard AND h.state <> 'live'
    ORDER BY h.expires_at LIMIT p_limit FOR UPDATE SKIP LOCKED
  LOOP
    DELETE FROM farebox.holds h
    WHERE h.account_no = x.account_no AND h.type_no = x.type_no AND h.hold_id = x.hold_id AND h.shard = p_shard;
    v_gone := v_gone + 1;
  END LOOP;
  RETURN v_gone;
END $function$;
COMMENT ON FUNCTION farebox.forget_holds IS 'Called by the sweep. Deletes holds an hour after their time, once they are resolved.';

CREATE OR REPLACE FUNCTION farebox.forget_idempotency(p_shard smallint, p_limit integer)
 RETURNS integer
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
 SET lock_timeout TO '100ms'
AS $function$
DECLARE
  v_now CONSTANT timestamptz := clock_timestamp();
  v_gone integer := 0;
  x record;
BEGIN
  FOR x IN
    SELECT q.account_no, q.key FROM (
      SELECT i.account_no, i.key, i.expires_at FROM farebox.idempotency_keys i
      WHERE i.shard = p_shard ORDER BY i.created_at LIMIT 20 * p_limit
    ) q WHERE q.expires_at <= v_now
  LOOP
    -- It may have been taken over since.
    PERFORM FROM farebox.idempotency_keys i
    WHERE i.account_no = x.account_no AND i.key = x.key AND i.shard = p_shard AND i.expires_at <= v_now FOR UPDATE SKIP LOCKED;
    CONTINUE WHEN NOT FOUND;
    DELETE FROM farebox.idempotency_keys i WHERE i.account_no = x.account_no AND i.key = x.key AND i.shard = p_shard;
    v_gone := v_gone + 1;
    EXIT WHEN v_gone >= p_limit;
  END LOOP;
  RETURN v_gone;
END $function$;
COMMENT ON FUNCTION farebox.forget_idempotency IS 'Called by the sweep. Deletes Idempotency-Keys that have expired.';

CREATE OR REPLACE FUNCTION farebox.forget_lanes(p_shard smallint, p_limit integer)
 RETURNS integer
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
 SET lock_timeout TO '100ms'
AS $function$
DECLARE
  v_now CONSTANT timestamptz := clock_timestamp();
  v_gone integer := 0;
  x record;
BEGIN
  FOR x IN
    SELECT l.instance_no, l.nth FROM farebox.lanes l
    WHERE l.shard = p_shard AND l.state = 'dead' AND l.dead_at < v_now - interval '30 days'
      AND NOT EXISTS (SELECT FROM farebox.active_pools a WHERE a.shard = p_shard AND a.instance_no = l.instance_no)
    LIMIT p_limit FOR UPDATE SKIP LOCKED
  LOOP
    DELETE FROM farebox.lanes l WHERE l.instance_no = x.instance_no AND l.shard = p_shard AND l.nth = x.nth;
    v_gone := v_gone + 1;
  END LOOP;
  RETURN v_gone;
END $function$;
COMMENT ON FUNCTION farebox.forget_lanes IS 'Called by the sweep. Deletes lanes of instances that died a month ago and have nothing to give back.';

CREATE OR REPLACE FUNCTION farebox.forget_limits(p_shard smallint, p_limit integer)
 RETURNS integer
 LANGUAGE plpgsql
AS $function$
DECLARE
  v_now CONSTANT timestamptz := clock_timestamp();
  v_gone integer := 0;
  x record;
BEGIN
  FOR x IN
    SELECT l.subject, l.rule FROM farebox.limit_places l
    WHERE l.shard = p_shard AND l.until < v_now LIMIT p_limit FOR UPDATE SKIP LOCKED
  LOOP
    DELETE FROM farebox.limit_places l WHERE l.subject = x.subject AND l.rule = x.rule AND l.shard = p_shard;
    v_gone := v_gone + 1;
  END LOOP;
  RETURN v_gone;
END $function$;
COMMENT ON FUNCTION farebox.forget_limits IS 'Called by the sweep. Deletes places of limits that nobody uses any more: of instances that died, and of what they had forgotten.';

CREATE OR REPLACE FUNCTION farebox.forget_long_holds(p_shard smallint, p_limit integer)
 RETURNS integer
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
AS $function$
DECLARE
  v_now CONSTANT timestamptz := clock_timestamp();
  v_gone integer := 0;
  v_parts integer;
  v_last text COLLATE "C";
  x record;
BEGIN
  FOR x IN
    SELECT l.account_no, l.type_no, l.hold_id FROM farebox.long_holds l
    WHERE l.expires_at < v_now - interval '30 days' AND l.shard = p_shard AND l.state <> 'open'
    ORDER BY l.expires_at LIMIT p_limit FOR UPDATE SKIP LOCKED
  LOOP
    -- Parts of one that has many go in several calls.
    v_last := (
      SELECT p.part FROM farebox.hold_parts p
      WHERE p.account_no = x.account_no AND p.type_no = x.type_no AND p.hold_id = x.hold_id AND p.shard = p_shard
      ORDER BY p.part OFFSET p_limit - v_gone - 1 LIMIT 1
    );
    DELETE FROM farebox.hold_parts p
    WHERE p.account_no = x.account_no AND p.type_no = x.type_no AND p.hold_id = x.hold_id AND p.shard = p_shard
      AND (v_last IS NULL OR p.part <= v_last);
    GET DIAGNOSTICS v_parts = ROW_COUNT;
    v_gone := v_gone + v_parts;
    EXIT WHEN v_gone >= p_limit;
    DELETE FROM farebox.long_holds l
    WHERE l.account_no = x.account_no AND l.type_no = x.type_no AND l.hold_id = x.hold_id AND l.shard = p_shard;
    v_gone := v_gone + 1;
    EXIT WHEN v_gone >= p_limit;
  END LOOP;
  RETURN v_gone;
END $function$;
COMMENT ON FUNCTION farebox.forget_long_holds IS 'Called by the sweep. Forgets long holds a month after their time.';

CREATE OR REPLACE FUNCTION farebox.forget_recalls(p_shard smallint, p_limit integer)
 RETURNS integer
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
 SET lock_timeout TO '100ms'
AS $function$
DECLARE
  v_gone integer := 0;
  x record;
BEGIN
  FOR x IN
    SELECT r.instance_no, r.account_no, r.type_no FROM farebox.recalls r
    WHERE r.shard = p_shard AND NOT EXISTS (
      SELECT FROM farebox.lanes l WHERE l.instance_no = r.instance_no AND l.shard = p_shard AND l.state = 'live'
    ) LIMIT p_limit FOR UPDATE SKIP LOCKED
  LOOP
    DELETE FROM farebox.recalls r
    WHERE r.shard = p_shard AND r.instance_no = x.instance_no AND r.account_no = x.account_no AND r.type_no = x.type_no;
    v_gone := v_gone + 1;
  END LOOP;
  RETURN v_gone;
END $function$;
COMMENT ON FUNCTION farebox.forget_recalls IS 'Called by the sweep. Deletes what dead instances are asked to give back.';

CREATE OR REPLACE FUNCTION farebox.forget_totals(p_shard smallint, p_limit integer)
 RETURNS integer
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
AS $function$
DECLARE
  v_now CONSTANT timestamptz := clock_timestamp();
  v_gone integer := 0;
  x record;
BEGIN
  FOR x IN
    SELECT t.account_no, t.type_no, t.endpoint_no, t.value FROM farebox.running_totals t
    WHERE t.until < v_now AND t.shard = p_shard ORDER BY t.until LIMIT p_limit FOR UPDATE SKIP LOCKED
  LOOP
    DELETE FROM farebox.running_totals t
    WHERE t.account_no = x.account_no AND t.type_no = x.type_no AND t.endpoint_no = x.endpoint_no AND t.value = x.value
      AND t.shard = p_shard;
    v_gone := v_gone + 1;
  END LOOP;
  RETURN v_gone;
END $function$;
COMMENT ON FUNCTION farebox.forget_totals IS 'Called by the sweep. Forgets the highest numbers that were charged, when their time is over.';

CREATE OR REPLACE FUNCTION farebox.forget_windows(p_shard smallint, p_limit integer)
 RETURNS integer
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
 SET lock_timeout TO '100ms'
AS $function$
DECLARE
  v_now CONSTANT timestamptz := clock_timestamp();
  v_gone integer := 0;
  x record;
BEGIN
  FOR x IN
    SELECT w.account_no, w.endpoint_no, w.value FROM farebox.once_windows w
    WHERE w.until < v_now AND w.shard = p_shard ORDER BY w.until LIMIT p_limit FOR UPDATE SKIP LOCKED
  LOOP
    DELETE FROM farebox.once_windows w
    WHERE w.account_no = x.account_no AND w.endpoint_no = x.endpoint_no AND w.value = x.value AND w.shard = p_shard;
    v_gone := v_gone + 1;
  END LOOP;
  RETURN v_gone;
END $function$;
COMMENT ON FUNCTION farebox.forget_windows IS 'Called by the sweep. Deletes `once` windows that are over.';

CREATE OR REPLACE FUNCTION farebox.free_cap(p_pool pools, p_key integer, p_charged_at timestamp with time zone, p_amount bigint)
 RETURNS void
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
AS $function$
DECLARE
  v_cap record;
BEGIN
  IF NOT p_pool.capped THEN RETURN; END IF;
  SELECT c.* INTO v_cap FROM farebox.key_caps c
  WHERE c.account_no = p_pool.account_no AND c.type_no = p_pool.type_no AND c.key_no = p_key AND c.shard = p_pool.shard;
  IF NOT FOUND THEN RETURN; END IF;
  v_cap.total_spent := greatest(0, v_cap.total_spent - p_amount);
  IF p_charged_at >= v_cap.day AND p_charged_at < v_cap.day + interval '24 hours' THEN
    v_cap.day_spent := greatest(0, v_cap.day_spent - p_amount);
  END IF;
  IF p_charged_at >= v_cap.month AND p_charged_at < farebox.period_start(v_cap.month, 'month', 1) THEN
    v_cap.month_spent := greatest(0, v_cap.month_spent - p_amount);
  END IF;
  UPDATE farebox.key_caps c
  SET total_spent = v_cap.total_spent, day_spent = v_cap.day_spent, month_spent = v_cap.month_spent
  WHERE c.account_no = p_pool.account_no AND c.type_no = p_pool.type_no AND c.key_no = p_key AND c.shard = p_pool.shard;
END $function$;
COMMENT ON FUNCTION farebox.free_cap IS 'Internal. Gives a key''s caps the room back that a refunded charge took.';

CREATE OR REPLACE FUNCTION farebox.grant_credits(p_shard smallint, p_account integer, p_type smallint, p_grant_id text, p_amount bigint, p_priority integer, p_effective_at timestamp with time zone, p_expires_at timestamp with time zone, p_source text, p_reference text, p_reason text)
 RETURNS jsonb
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
AS $function$
DECLARE
  max_balance CONSTANT bigint := 1000000000000000;
  v_opened CONSTANT record := farebox.open_pool(p_shard, p_account, p_type);
  v_now CONSTANT timestamptz := v_opened.o_now;
  v_pool farebox.pools := v_opened.o_pool;
  v_effective_at CONSTANT timestamptz := greatest(p_effective_at, v_now);
  v_refused text;
  v_seq bigint;
  v_old record;
BEGIN
  SELECT g.grant_id, g.type_no, g.amount INTO v_old FROM farebox.grants g
  WHERE g.account_no = p_account AND g.reference = p_reference AND g.shard = p_shard;
  IF FOUND THEN
    v_refused := CASE WHEN v_old.type_no = p_type AND v_old.amount = p_amount THEN 'repeated' ELSE 'conflict' END;
  ELSIF p_expires_at <= v_effective_at THEN v_refused := 'expired';
  ELSIF v_pool.balance + p_amount > max_balance THEN v_refused := 'too_large';
  END IF;
  IF v_refused IS NOT NULL THEN
    RETURN jsonb_build_object('outcome', v_refused, 'grantId', v_old.grant_id, 'balance', v_pool.balance, 'seq', NULL);
  END IF;

  INSERT INTO farebox.grants (account_no, type_no, grant_id, shard, amount, remaining, effective_at, expires_at, created_at,
    priority, state, source, reference)
  VALUES (p_account, p_type, p_grant_id, p_shard, p_amount, p_amount, v_effective_at, p_expires_at, v_now,
    p_priority, CASE WHEN v_effective_at > v_now THEN 'pending' ELSE 'active' END, p_source, p_reference);
  IF v_effective_at > v_now THEN
    v_pool.next_event_at := least(v_pool.next_event_at, v_effective_at);
  ELSE
    v_pool.balance := v_pool.balance + p_amount;
    v_pool.last_seq := v_pool.last_seq + 1; v_pool.last_at := v_now; v_seq := v_pool.last_seq;
    v_pool.next_event_at := least(v_pool.next_event_at, p_expires_at);
    INSERT INTO farebox.entries (account_no, type_no, shard, seq, at, amount, balance, spent, kind, grant_id, reason)
    VALUES (p_account, p_type, p_shard, v_seq, v_now, p_amount, v_pool.balance, v_pool.spent,
      CASE WHEN p_source = 'adjustment' THEN 'a' ELSE 'g' END, p_grant_id, coalesce(p_reason, p_source));
    PERFORM farebox.keep_in_sight(p_shard, p_account, p_type);
  END IF;
  PERFORM farebox.write_pool(v_pool);
  RETURN jsonb_build_object('outcome', 'granted', 'grantId', p_grant_id, 'balance', v_pool.balance, 'seq', v_seq);
END $function$;
COMMENT ON FUNCTION farebox.grant_credits IS 'Called by instances. Adds a block of credits to a pool, once for its reference.';

CREATE OR REPLACE FUNCTION farebox.grant_of_period(p_pool pools, p_item recurring_item, p_room bigint)
 RETURNS open_grant
 LANGUAGE plpgsql
 STABLE
 SET enable_seqscan TO 'off'
AS $function$
DECLARE
  v_account text;
  v farebox.open_grant;
BEGIN
  SELECT a.account_id, format('recurring:%s:%s:%s:%s', t.credit_type, p_item.item,
    (extract(epoch FROM p_item.anchor_at) * 1000000)::bigint, p_item.next_period)
  INTO v_account, v.reference
  FROM farebox.accounts a CROSS JOIN farebox.credit_types t
  WHERE a.account_no = p_pool.account_no AND t.type_no = p_pool.type_no;
  PERFORM FROM farebox.grants o
  WHERE o.account_no = p_pool.account_no AND o.reference = v.reference AND o.shard = p_pool.shard;
  IF FOUND THEN RETURN NULL; END IF;
  v.grant_id := farebox.derived_grant_id(v_account || '/' || v.reference);
  v.amount := greatest(0, least(p_item.amount, p_room)); v.remaining := v.amount; v.overdue := 0;
  v.effective_at := p_item.next_at; v.state := 'pending';
  IF p_item.rollover = 'none' THEN
    v.expires_at := farebox.period_start(p_item.anchor_at, p_item.every, p_item.next_period + 1);
  END IF;
  v.priority := p_item.priority; v.source := 'recurring'; v.item := p_item.item;
  IF v.amount < p_item.amount THEN
    v.reason := format('recurring, cut at the pool''s limit: %s of %s credits', farebox.credits_text(v.amount),
      farebox.credits_text(p_item.amount));
  END IF;
  RETURN v;
END $function$;
COMMENT ON FUNCTION farebox.grant_of_period IS 'Internal. What a plan grants for the period that begins: once, however often that period is reached.';

CREATE OR REPLACE FUNCTION farebox.group_total(p_pool pools, p_instance integer, p_group jsonb)
 RETURNS bigint
 LANGUAGE plpgsql
AS $function$
DECLARE
  v_total bigint;
BEGIN
  SELECT sum((c ->> 2)::bigint) INTO v_total FROM jsonb_array_elements(p_group -> 'charges') c;
  IF (p_group ->> 'lease')::boolean THEN
    IF v_total > farebox.lease_of(p_pool, p_instance, (p_group ->> 'key')::integer) THEN RETURN NULL; END IF;
  -- What a capped pool pays without a lease is looked at one by one: its key's cap may not allow it.
  ELSIF p_pool.capped OR v_total > p_pool.balance - p_pool.held THEN
    RETURN NULL;
  END IF;
  RETURN v_total;
END $function$;
COMMENT ON FUNCTION farebox.group_total IS 'Internal. What the charges of one source ask for in all, if it is there for the taking; else null, and each is looked at alone.';

CREATE OR REPLACE FUNCTION farebox.heartbeat(p_shard smallint, p_instance integer)
 RETURNS jsonb
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
AS $function$
DECLARE
  v_now CONSTANT timestamptz := clock_timestamp();
  v_recalls jsonb := '[]';
  x record;
BEGIN
  PERFORM FROM farebox.lanes l WHERE l.instance_no = p_instance AND l.shard = p_shard AND l.state = 'live';
  IF NOT FOUND THEN RETURN '{"alive": false, "recalls": []}'; END IF;
  FOR x IN
    SELECT l.nth FROM farebox.lanes l WHERE l.instance_no = p_instance AND l.shard = p_shard AND l.state = 'live'
    FOR UPDATE SKIP LOCKED
  LOOP
    UPDATE farebox.lanes l SET seen_at = v_now WHERE l.instance_no = p_instance AND l.shard = p_shard AND l.nth = x.nth;
  END LOOP;
  FOR x IN
    SELECT r.account_no, r.type_no FROM farebox.recalls r WHERE r.instance_no = p_instance AND r.shard = p_shard
    FOR UPDATE SKIP LOCKED
  LOOP
    DELETE FROM farebox.recalls r
    WHERE r.instance_no = p_instance AND r.account_no = x.account_no AND r.type_no = x.type_no AND r.shard = p_shard;
    v_recalls := v_recalls || (
      SELECT jsonb_build_array(jsonb_build_array(a.account_id, t.credit_type))
      FROM farebox.accounts a, farebox.credit_types t WHERE a.account_no = x.account_no AND t.type_no = x.type_no);
  END LOOP;
  RETURN jsonb_build_object('alive', true, 'recalls', v_recalls);
END $function$;
COMMENT ON FUNCTION farebox.heartbeat IS 'Called by instances. An instance says that it lives, and hears which of its leases others want back. Waits for nobody.';

CREATE OR REPLACE FUNCTION farebox.hold_credits(INOUT io_pool pools, p_instance integer, p_now timestamp with time zone, p_hold text, p_amount bigint, p_seconds integer, OUT o_answer jsonb)
 RETURNS record
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
AS $function$
DECLARE
  v_hold farebox.holds;
  v_kind text := 'held';
  v_recalled boolean := false;
BEGIN
  SELECT h.* INTO v_hold FROM farebox.holds h
  WHERE h.account_no = io_pool.account_no AND h.type_no = io_pool.type_no AND h.hold_id = p_hold AND h.shard = io_pool.shard;
  IF FOUND THEN
    IF v_hold.state <> 'live' OR v_hold.asked <> p_amount THEN v_kind := v_hold.state; END IF;
  ELSIF io_pool.balance - io_pool.held < p_amount THEN
    v_kind := 'insufficient';
    v_recalled := farebox.recall_others(io_pool, p_instance, NULL, false);
  ELSE
    v_hold.expires_at := p_now + make_interval(secs => p_seconds);
    INSERT INTO farebox.holds (account_no, type_no, hold_id, shard, amount, asked, created_at, expires_at)
    VALUES (io_pool.account_no, io_pool.type_no, p_hold, io_pool.shard, p_amount, p_amount, p_now, v_hold.expires_at);
    io_pool.held := io_pool.held + p_amount;
    io_pool.next_event_at := least(io_pool.next_event_at, v_hold.expires_at);
  END IF;
  o_answer := jsonb_build_array(v_kind, io_pool.balance - io_pool.held, (extract(epoch FROM v_hold.expires_at) * 1000)::bigint,
    v_recalled);
END $function$;
COMMENT ON FUNCTION farebox.hold_credits IS 'Internal. Sets credits aside for a client under an id.';

CREATE OR REPLACE FUNCTION farebox.hold_for_export(INOUT io_export exports, p_settle boolean, OUT o_refusal jsonb)
 RETURNS record
 LANGUAGE plpgsql
AS $function$
DECLARE
  v_opened CONSTANT record := farebox.open_pool(io_export.shard, io_export.account_no, io_export.type_no);
  v_pool farebox.pools := v_opened.o_pool;
  v_available CONSTANT bigint := farebox.available_to(v_pool, io_export.key_no, 0, v_opened.o_now);
  -- No pool holds more than a billion credits: what is more needs no exact figure, which a bigint may not hold.
  v_needed bigint := least(io_export.max_records::numeric * io_export.price, 2000000000000000);
  v_recalled boolean := false;
  v_held record;
BEGIN
  IF v_available < v_needed THEN
    v_recalled := farebox.recall_others(v_pool, 0, NULL, false);
    IF io_export.policy = 'covered' AND v_available >= io_export.price AND (p_settle OR NOT v_recalled) THEN
      io_export.max_records := v_available / io_export.price;
      io_export.when_more := 'stop';
      v_needed := io_export.max_records * io_export.price;
    ELSE
      o_refusal := jsonb_build_object('outcome', 'short', 'needed', v_needed, 'available', v_available, 'recalled', v_recalled);
      RETURN;
    END IF;
  END IF;
  io_export.hold_id := format('export:%s:%s', io_export.export_id, io_export.retries);
  SELECT h.* INTO v_held FROM farebox.hold_credits(v_pool, 0, v_opened.o_now, io_export.hold_id, v_needed, 86400) h;
  IF v_held.o_answer ->> 0 <> 'held' THEN
    RAISE EXCEPTION 'the hold % cannot be made: %', io_export.hold_id, v_held.o_answer;
  END IF;
  PERFORM farebox.write_pool(v_held.io_pool);
END $function$;
COMMENT ON FUNCTION farebox.hold_for_export IS 'Internal. Sets credits aside for an export: for a day, which its worker extends.';

CREATE OR REPLACE FUNCTION farebox.hold_under_cap(p_pool pools, p_key integer, p_by bigint)
 RETURNS void
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
AS $function$
BEGIN
  IF NOT p_pool.capped OR p_by = 0 THEN RETURN; END IF;
  UPDATE farebox.key_caps c SET held = c.held + p_by
  WHERE c.account_no = p_pool.account_no AND c.type_no = p_pool.type_no AND c.key_no = p_key AND c.shard = p_pool.shard;
END $function$;
COMMENT ON FUNCTION farebox.hold_under_cap IS 'Internal. What a key''s long holds hold under its caps changes.';

CREATE OR REPLACE FUNCTION farebox.is_due(p_event roll_event, p_grants open_grant[])
 RETURNS boolean
 LANGUAGE plpgsql
 IMMUTABLE
AS $function$
BEGIN
  RETURN p_event.kind <> 'grant expires'
    OR (p_grants[p_event.which].state = 'active' AND p_grants[p_event.which].overdue < p_grants[p_event.which].remaining);
END $function$;
COMMENT ON FUNCTION farebox.is_due IS 'Internal. Whether an event still stands when its turn comes.';

CREATE OR REPLACE FUNCTION farebox.is_instance_live(p_shard smallint, p_instance text)
 RETURNS boolean
 LANGUAGE plpgsql
 STABLE
 SET enable_seqscan TO 'off'
AS $function$
BEGIN
  PERFORM FROM farebox.lanes l WHERE l.instance_id = p_instance AND l.shard = p_shard AND l.state = 'live';
  RETURN FOUND;
END $function$;
COMMENT ON FUNCTION farebox.is_instance_live IS 'Internal. Whether an instance serves this shard and was not declared dead.';

CREATE OR REPLACE FUNCTION farebox.judge_charge(p_pool pools, p_now timestamp with time zone, p_special jsonb)
 RETURNS text
 LANGUAGE plpgsql
 STABLE
 SET enable_seqscan TO 'off'
AS $function$
BEGIN
  IF p_special ? 'idempotency' THEN
    PERFORM FROM farebox.idempotency_keys i
    WHERE i.account_no = p_pool.account_no AND i.key = p_special #>> '{idempotency,key}' AND i.shard = p_pool.shard
      AND i.state = 'done' AND i.request_hash = p_special #>> '{idempotency,requestHash}';
    IF FOUND THEN RETURN 'superseded'; END IF;
  END IF;
  IF p_special ? 'once' THEN
    PERFORM FROM farebox.once_windows w
    WHERE w.account_no = p_pool.account_no AND w.endpoint_no = (p_special #>> '{charge,1}')::integer
      AND w.value = p_special #>> '{once,0}' AND w.shard = p_pool.shard AND w.until > p_now;
    IF FOUND THEN RETURN 'repeat'; END IF;
  END IF;
  RETURN 'charged';
END $function$;
COMMENT ON FUNCTION farebox.judge_charge IS 'Internal. Whether a special charge is to be made: charged (it is), repeat (its `once` window is open), superseded (another run of the request completed its Idempotency-Key).';

CREATE OR REPLACE FUNCTION farebox.keep_export_key(p_shard smallint, p_account integer, p_key text, p_request_hash text, p_keep_seconds integer, p_export_id uuid)
 RETURNS void
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
AS $function$
DECLARE
  v_now CONSTANT timestamptz := clock_timestamp();
  v_until CONSTANT timestamptz := v_now + make_interval(secs => p_keep_seconds);
BEGIN
  DELETE FROM farebox.idempotency_keys i
  WHERE i.account_no = p_account AND i.key = p_key AND i.shard = p_shard AND i.expires_at <= v_now;
  INSERT INTO farebox.idempotency_keys (account_no, key, shard, request_hash, owner, state, status, headers, body, created_at,
    expires_at)
  VALUES (p_account, p_key, p_shard, p_request_hash, 'export', 'done', 201, '[]', convert_to(p_export_id::text, 'UTF8'), v_now,
    v_until)
  ON CONFLICT (account_no, key, shard) DO NOTHING;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'another request began under the Idempotency-Key meanwhile' USING ERRCODE = 'serialization_failure';
  END IF;
END $function$;
COMMENT ON FUNCTION farebox.keep_export_key IS 'Internal. An Idempotency-Key that created an export, for its repetition.';

CREATE OR REPLACE FUNCTION farebox.keep_in_sight(p_shard smallint, p_account integer, p_type smallint)
 RETURNS void
 LANGUAGE plpgsql
AS $function$
BEGIN
  INSERT INTO farebox.active_pools (instance_no, account_no, type_no, shard) VALUES (0, p_account, p_type, p_shard)
  ON CONFLICT DO NOTHING;
END $function$;
COMMENT ON FUNCTION farebox.keep_in_sight IS 'Internal. Under the pool''s lock: enters it into active_pools as nobody''s until its usage is rolled up.';

CREATE OR REPLACE FUNCTION farebox.keep_plan(p_shard smallint, p_account integer, p_types smallint[], p_now timestamp with time zone)
 RETURNS boolean
 LANGUAGE plpgsql
AS $function$
DECLARE
  v CONSTANT record := farebox.open_plan(p_shard, p_account, '[]', p_types, p_now);
BEGIN
  IF v.o_next_plan_at IS NULL THEN RETURN false; END IF;
  PERFORM farebox.withdraw_plan(p_shard, p_account, v.o_plan);
  PERFORM farebox.roll_pools_to(p_shard, p_account, v.o_types, v.o_now);
  RETURN true;
END $function$;
COMMENT ON FUNCTION farebox.keep_plan IS 'Called by instances. Takes back a pending change of plan. False: there is none, or its moment has come.';

CREATE OR REPLACE FUNCTION farebox.lease_credits(INOUT io_pool pools, p_instance integer, p_now timestamp with time zone, p_key integer, p_need bigint, p_want bigint, OUT o_answer jsonb)
 RETURNS record
 LANGUAGE plpgsql
AS $function$
DECLARE
  v_tried CONSTANT record := farebox.try_lease(io_pool, p_instance, p_now, p_key, p_need, p_want);
BEGIN
  io_pool := v_tried.io_pool;
  o_answer := v_tried.o_answer;
  IF o_answer ->> 7 IS NULL THEN
    o_answer := jsonb_set(o_answer, '{7}', to_jsonb(farebox.recall_others(io_pool, p_instance, p_key, false)));
  END IF;
END $function$;
COMMENT ON FUNCTION farebox.lease_credits IS 'Internal. Enlarges a lease by what is needed, in full or not at all.';

CREATE OR REPLACE FUNCTION farebox.lease_of(p_pool pools, p_instance integer, p_key integer)
 RETURNS bigint
 LANGUAGE plpgsql
 STABLE
 SET enable_seqscan TO 'off'
AS $function$
DECLARE
  v_amount bigint := 0;
BEGIN
  IF p_key = 0 THEN RETURN coalesce(p_pool.lease_amount[array_position(p_pool.lease_owner, p_instance)], 0); END IF;
  SELECT k.amount INTO v_amount FROM farebox.key_leases k
  WHERE k.account_no = p_pool.account_no AND k.type_no = p_pool.type_no AND k.key_no = p_key AND k.instance_no = p_instance
    AND k.shard = p_pool.shard;
  RETURN coalesce(v_amount, 0);
END $function$;
COMMENT ON FUNCTION farebox.lease_of IS 'Internal. What an instance has leased of a locked pool; with a key, under the key''s caps.';

CREATE OR REPLACE FUNCTION farebox.leave_export_files(p_shard smallint, p_export_id uuid, p_claim integer, p_retry_seconds integer)
 RETURNS boolean
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
AS $function$
DECLARE
  v_now CONSTANT timestamptz := clock_timestamp();
BEGIN
  -- One that was begun again meanwhile has files of its own.
  PERFORM FROM farebox.exports x
  WHERE x.export_id = p_export_id AND x.shard = p_shard AND x.claim = p_claim AND x.clean_at IS NOT NULL FOR UPDATE;
  IF NOT FOUND THEN RETURN false; END IF;
  UPDATE farebox.exports x SET clean_at = v_now + make_interval(secs => p_retry_seconds)
  WHERE x.export_id = p_export_id AND x.shard = p_shard;
  IF p_retry_seconds IS NULL THEN
    DELETE FROM farebox.export_parts p WHERE p.export_id = p_export_id AND p.shard = p_shard;
  END IF;
  RETURN true;
END $function$;
COMMENT ON FUNCTION farebox.leave_export_files IS 'Called by workers. The files of an export are gone, or are tried again later.';

CREATE OR REPLACE FUNCTION farebox.leave_sight(p_shard smallint, p_account integer, p_type smallint)
 RETURNS boolean
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
 SET lock_timeout TO '50ms'
AS $function$
BEGIN
  PERFORM FROM farebox.pools p
  WHERE p.account_no = p_account AND p.type_no = p_type AND p.shard = p_shard FOR UPDATE SKIP LOCKED;
  IF NOT FOUND OR farebox.usage_behind(p_shard, p_account, p_type) > 0 THEN RETURN false; END IF;
  DELETE FROM farebox.active_pools a
  WHERE a.shard = p_shard AND a.instance_no = 0 AND a.account_no = p_account AND a.type_no = p_type;
  RETURN true;
END $function$;
COMMENT ON FUNCTION farebox.leave_sight IS 'Called by the background when a pool''s usage is rolled up: takes nobody''s row out of active_pools.';

CREATE OR REPLACE FUNCTION farebox.list_active_pools(p_shard smallint, p_instance integer, p_limit integer)
 RETURNS jsonb
 LANGUAGE plpgsql
 STABLE
AS $function$
BEGIN
  RETURN (
    SELECT coalesce(jsonb_agg(jsonb_build_array(l.account_no, l.type_no)), '[]') FROM (
      SELECT a.account_no, a.type_no FROM farebox.active_pools a
      WHERE a.shard = p_shard AND a.instance_no = p_instance ORDER BY a.account_no, a.type_no LIMIT p_limit
    ) l
  );
END $function$;
COMMENT ON FUNCTION farebox.list_active_pools IS 'Called by instances that stop. The first pools of an instance, as [[account_no, type_no], …].';

CREATE OR REPLACE FUNCTION farebox.list_behind(p_shard smallint, p_limit integer, p_skip integer)
 RETURNS jsonb
 LANGUAGE plpgsql
 STABLE
 SET enable_seqscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
AS $function$
DECLARE
  v_old CONSTANT timestamptz := clock_timestamp() - interval '5 minutes';
BEGIN
  RETURN coalesce((
    SELECT jsonb_agg(jsonb_build_object('accountNo', b.account_no, 'typeNo', b.type_no, 'isNobodys', b.is_nobodys) ORDER BY b.at)
    FROM (
      SELECT a.account_no, a.type_no, a.is_nobodys, coalesce(r.at, '-infinity') AS at
      FROM (
        SELECT o.account_no, o.type_no, bool_or(o.instance_no = 0) AS is_nobodys FROM farebox.active_pools o
        WHERE o.shard = p_shard GROUP BY 1, 2
      ) a
      CROSS JOIN LATERAL (
        SELECT p.last_seq FROM farebox.pools p
        WHERE p.account_no = a.account_no AND p.type_no = a.type_no AND p.shard = p_shard LIMIT 1
      ) p
      LEFT JOIN LATERAL (
        SELECT u.seq, u.at FROM farebox.usage_rolled u
        WHERE u.account_no = a.account_no AND u.type_no = a.type_no AND u.shard = p_shard LIMIT 1
      ) r ON true
      WHERE p.last_seq - coalesce(r.seq, 0) >= 500
        OR (p.last_seq > coalesce(r.seq, 0) AND coalesce(r.at, '-infinity') < v_old)
        OR (p.last_seq <= r.seq AND a.is_nobodys)
      ORDER BY 4, 1, 2 OFFSET p_skip LIMIT p_limit
    ) b
  ), '[]');
END $function$;
COMMENT ON FUNCTION farebox.list_behind IS 'Called by the background: the pools of a shard whose usage is to be rolled up, the longest behind first.';

CREATE OR REPLACE FUNCTION farebox.list_due_pools(p_shard smallint, p_limit integer, p_skip integer)
 RETURNS jsonb
 LANGUAGE plpgsql
 STABLE
 SET enable_seqscan TO 'off'
AS $function$
DECLARE
  v_now CONSTANT timestamptz := clock_timestamp();
BEGIN
  RETURN (
    SELECT coalesce(jsonb_agg(jsonb_build_array(q.account_no, q.type_no)), '[]') FROM (
      SELECT p.account_no, p.type_no FROM farebox.pools p
      WHERE p.next_event_at <= v_now AND p.next_event_at < 'infinity' AND p.shard = p_shard
      ORDER BY p.next_event_at, p.account_no, p.type_no OFFSET p_skip LIMIT p_limit
    ) q
  );
END $function$;
COMMENT ON FUNCTION farebox.list_due_pools IS 'Called by the sweep. Pools on which something is due.';

CREATE OR REPLACE FUNCTION farebox.list_events(p roll_state)
 RETURNS roll_event[]
 LANGUAGE plpgsql
 IMMUTABLE
AS $function$
BEGIN
  RETURN (
    SELECT coalesce(array_agg(ROW(e.at, e.kind, e.which)::farebox.roll_event ORDER BY e.at, e.kind, e.which), '{}') FROM (
      SELECT h.expires_at, 'hold ends'::farebox.event_kind, h.ordinality FROM unnest(p.holds) WITH ORDINALITY h
      UNION ALL SELECT p.later_hold_at, 'hold ends', cardinality(p.holds) + 1 WHERE p.later_hold_at IS NOT NULL
      UNION ALL SELECT g.expires_at, 'grant expires', g.ordinality FROM unnest(p.grants) WITH ORDINALITY g
        WHERE g.state = 'active' AND g.expires_at IS NOT NULL
      UNION ALL SELECT g.effective_at, 'grant begins', g.ordinality FROM unnest(p.grants) WITH ORDINALITY g
        WHERE g.state = 'pending'
      UNION ALL SELECT r.next_at, 'plan refreshes', r.ordinality FROM unnest(p.recurring) WITH ORDINALITY r
        WHERE r.next_at < coalesce(r.until, 'infinity')
    ) e(at, kind, which)
  );
END $function$;
COMMENT ON FUNCTION farebox.list_events IS 'Internal. Third step of a roll: all that has a moment, the first first.';

CREATE OR REPLACE FUNCTION farebox.list_export_leavings(p_shard smallint, p_limit integer)
 RETURNS jsonb
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
AS $function$
DECLARE
  v_now CONSTANT timestamptz := clock_timestamp();
  v_found jsonb := '[]';
  x record;
BEGIN
  FOR x IN
    SELECT o.export_id, o.claim, o.state FROM farebox.exports o
    WHERE o.clean_at <= v_now AND o.shard = p_shard ORDER BY o.clean_at, o.export_id LIMIT p_limit FOR UPDATE SKIP LOCKED
  LOOP
    IF x.state IN ('ready', 'charged') THEN
      UPDATE farebox.exports o SET state = 'expired' WHERE o.export_id = x.export_id AND o.shard = p_shard;
    END IF;
    v_found := v_found || jsonb_build_array(jsonb_build_array(x.export_id, x.claim));
  END LOOP;
  RETURN v_found;
END $function$;
COMMENT ON FUNCTION farebox.list_export_leavings IS 'Called by workers. Exports whose files are over.';

CREATE OR REPLACE FUNCTION farebox.list_resting(p_shard smallint, p_idle interval, p_limit integer, p_skip integer)
 RETURNS jsonb
 LANGUAGE plpgsql
 STABLE
 SET enable_seqscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
AS $function$
DECLARE
  v_now CONSTANT timestamptz := clock_timestamp();
BEGIN
  RETURN (
    SELECT coalesce(jsonb_agg(jsonb_build_array(q.instance_no, q.account_no, q.type_no)), '[]') FROM (
      SELECT a.instance_no, a.account_no, a.type_no
      FROM farebox.active_pools a
      JOIN farebox.pools p ON p.account_no = a.account_no AND p.type_no = a.type_no AND p.shard = a.shard
      LEFT JOIN farebox.usage_rolled r ON r.account_no = a.account_no AND r.type_no = a.type_no AND r.shard = a.shard
      WHERE a.shard = p_shard AND a.instance_no > 0 AND p.last_at < v_now - p_idle AND coalesce(r.seq, 0) >= p.last_seq
        AND coalesce(p.lease_amount[array_position(p.lease_owner, a.instance_no)], 0) = 0
        AND NOT EXISTS (
          SELECT FROM farebox.key_leases k
          WHERE k.account_no = a.account_no AND k.type_no = a.type_no AND k.shard = p_shard AND k.instance_no = a.instance_no
            AND k.amount > 0
        )
      ORDER BY a.instance_no, a.account_no, a.type_no OFFSET p_skip LIMIT p_limit
    ) q
  );
END $function$;
COMMENT ON FUNCTION farebox.list_resting IS 'Called by the sweep. Pools that instances have left: see rest_pool.';

CREATE OR REPLACE FUNCTION farebox.list_stranded(p_shard smallint, p_limit integer, p_skip integer)
 RETURNS jsonb
 LANGUAGE plpgsql
 STABLE
 SET enable_seqscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
AS $function$
BEGIN
  RETURN (
    SELECT coalesce(jsonb_agg(jsonb_build_array(q.instance_no, q.account_no, q.type_no)), '[]') FROM (
      SELECT a.instance_no, a.account_no, a.type_no
      FROM farebox.lanes l
      JOIN farebox.active_pools a ON a.shard = l.shard AND a.instance_no = l.instance_no
      WHERE l.shard = p_shard AND l.nth = 0 AND l.state = 'dead'
      ORDER BY a.instance_no, a.account_no, a.type_no OFFSET p_skip LIMIT p_limit
    ) q
  );
END $function$;
COMMENT ON FUNCTION farebox.list_stranded IS 'Called by the sweep. Pools that dead instances had leased from.';

CREATE OR REPLACE FUNCTION farebox.load_roll(p_pool pools, p_now timestamp with time zone)
 RETURNS roll_state
 LANGUAGE plpgsql
 STABLE
 SET enable_seqscan TO 'off'
AS $function$
DECLARE
  max_holds CONSTANT integer := 1000;
  v farebox.roll_state;
BEGIN
  v.pool := p_pool; v.holds_ended := 0; v.draws := '{}'; v.entries := '{}';
  SELECT coalesce(array_agg(ROW(g.grant_id, g.amount, g.remaining, g.overdue, g.effective_at, g.expires_at, g.priority, g.state,
      g.source, g.item, g.reference, NULL)::farebox.open_grant
    ORDER BY g.priority, g.expires_at NULLS LAST, g.effective_at, g.grant_id), '{}') INTO v.loaded
  FROM farebox.grants g
  WHERE g.account_no = p_pool.account_no AND g.type_no = p_pool.type_no AND g.shard = p_pool.shard AND g.state <> 'ended';
  v.grants := v.loaded;

  SELECT coalesce(array_agg(ROW(h.hold_id, h.amount, h.expires_at)::farebox.ending_hold ORDER BY h.expires_at, h.hold_id), '{}')
  INTO v.holds
  FROM (
    SELECT l.hold_id, l.amount, l.expires_at FROM farebox.holds l
    WHERE l.account_no = p_pool.account_no AND l.type_no = p_pool.type_no AND l.shard = p_pool.shard
      AND l.state = 'live' AND l.expires_at <= p_now
    ORDER BY l.expires_at, l.hold_id LIMIT max_holds
  ) h;
  IF cardinality(v.holds) = max_holds THEN
    -- More may have ended: the next roll looks.
    v.later_hold_at := v.holds[max_holds].expires_at;
  ELSE
    SELECT min(l.expires_at) INTO v.later_hold_at FROM farebox.holds l
    WHERE l.account_no = p_pool.account_no AND l.type_no = p_pool.type_no AND l.shard = p_pool.shard
      AND l.state = 'live' AND l.expires_at > p_now;
  END IF;

  SELECT coalesce(array_agg(ROW(r.item, r.amount, r.every, r.rollover, r.rollover_cap, r.anchor_at, r.next_at, r.next_period,
    r.priority, r.until, false)::farebox.recurring_item ORDER BY r.item), '{}') INTO v.recurring
  FROM farebox.recurring r
  WHERE r.account_no = p_pool.account_no AND r.type_no = p_pool.type_no AND r.shard = p_pool.shard;
  RETURN v;
END $function$;
COMMENT ON FUNCTION farebox.load_roll IS 'Internal. First step of a roll: reads the pool''s open grants, ending holds and recurring grants.';

CREATE OR REPLACE FUNCTION farebox.lock_claims(p_shard smallint, p_batch jsonb)
 RETURNS void
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
AS $function$
DECLARE
  v_now CONSTANT timestamptz := clock_timestamp();
  x record;
BEGIN
  FOR x IN
    SELECT DISTINCT (p ->> 'account')::integer AS account, (s #>> '{charge,1}')::integer AS endpoint,
      (s #>> '{once,0}') COLLATE "C" AS value
    FROM jsonb_array_elements(p_batch) p, jsonb_array_elements(p -> 'specials') s WHERE s ? 'once' ORDER BY 1, 2, 3
  LOOP
    INSERT INTO farebox.once_windows (account_no, endpoint_no, value, shard, until)
    VALUES (x.account, x.endpoint, x.value, p_shard, '-infinity') ON CONFLICT DO NOTHING;
    PERFORM FROM farebox.once_windows w
    WHERE w.account_no = x.account AND w.endpoint_no = x.endpoint AND w.value = x.value AND w.shard = p_shard FOR UPDATE;
    IF NOT FOUND THEN
      -- The sweep deleted it between the two statements: the same batch again finds a new one.
      RAISE EXCEPTION 'a once window vanished' USING ERRCODE = 'serialization_failure';
    END IF;
  END LOOP;
  FOR x IN
    SELECT DISTINCT (p ->> 'account')::integer AS account, (s #>> '{idempotency,key}') COLLATE "C" AS key
    FROM jsonb_array_elements(p_batch) p, jsonb_array_elements(p -> 'specials') s WHERE s ? 'idempotency' ORDER BY 1, 2
  LOOP
    PERFORM FROM farebox.idempotency_keys i
    WHERE i.account_no = x.account AND i.key = x.key AND i.shard = p_shard FOR UPDATE;
  END LOOP;
END $function$;
COMMENT ON FUNCTION farebox.lock_claims IS 'Internal. Second step of a batch, and the last of its locks: `once` windows and Idempotency-Keys, in the order of their keys.';

CREATE OR REPLACE FUNCTION farebox.lock_pool(p_shard smallint, p_account integer, p_type smallint)
 RETURNS void
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
AS $function$
BEGIN
  PERFORM FROM farebox.pools p WHERE p.account_no = p_account AND p.type_no = p_type AND p.shard = p_shard FOR UPDATE;
END $function$;
COMMENT ON FUNCTION farebox.lock_pool IS 'Called by bulk refunds, in their transaction: nobody charges the pool until it ends.';

CREATE OR REPLACE FUNCTION farebox.lock_pools(p_shard smallint, p_account integer, p_types smallint[], INOUT io_now timestamp with time zone)
 RETURNS timestamp with time zone
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
AS $function$
DECLARE
  v_last_at timestamptz := '-infinity';
  v_type smallint;
  v_at timestamptz;
BEGIN
  FOREACH v_type IN ARRAY p_types LOOP
    SELECT p.last_at INTO v_at FROM farebox.pools p
    WHERE p.account_no = p_account AND p.type_no = v_type AND p.shard = p_shard FOR UPDATE;
    IF NOT FOUND THEN
      PERFORM farebox.create_pools(p_shard, ARRAY[p_account], ARRAY[v_type]);
      SELECT p.last_at INTO STRICT v_at FROM farebox.pools p
      WHERE p.account_no = p_account AND p.type_no = v_type AND p.shard = p_shard FOR UPDATE;
    END IF;
    v_last_at := greatest(v_last_at, v_at);
  END LOOP;
  io_now := greatest(coalesce(io_now, clock_timestamp()), v_last_at);
END $function$;
COMMENT ON FUNCTION farebox.lock_pools IS 'Internal. Locks pools of an account, given in order, and only then looks at the clock.';

CREATE OR REPLACE FUNCTION farebox.lock_rolled(p_shard smallint, p_account integer, p_type smallint)
 RETURNS usage_rolled
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
AS $function$
DECLARE
  v_rolled farebox.usage_rolled;
BEGIN
  FOR v_try IN 1 .. 2 LOOP
    SELECT * INTO v_rolled FROM farebox.usage_rolled r
    WHERE r.account_no = p_account AND r.type_no = p_type AND r.shard = p_shard FOR UPDATE SKIP LOCKED;
    EXIT WHEN FOUND OR v_try = 2 OR EXISTS (SELECT FROM farebox.usage_rolled r
      WHERE r.account_no = p_account AND r.type_no = p_type AND r.shard = p_shard);
    -- Once in a pool's life. Of two at once the second waits for the first one's step.
    INSERT INTO farebox.usage_rolled (account_no, type_no, shard, seq, at) VALUES (p_account, p_type, p_shard, 0, '-infinity')
    ON CONFLICT DO NOTHING;
  END LOOP;
  RETURN v_rolled;
END $function$;
COMMENT ON FUNCTION farebox.lock_rolled IS 'Internal. Locks how far a pool''s usage is rolled up; null when another process has it locked.';

CREATE OR REPLACE FUNCTION farebox.measure_charge(p_pool pools, p_now timestamp with time zone, p_endpoint integer, p_measured jsonb, OUT o_amount bigint, OUT o_quantity numeric, OUT o_units numeric, OUT o_told jsonb)
 RETURNS record
 LANGUAGE plpgsql
 STABLE
 SET enable_seqscan TO 'off'
AS $function$
DECLARE
  v_block CONSTANT numeric := (p_measured ->> 'block')::numeric;
  v_used numeric;
  v_charged numeric;
  v_sum numeric := 0;
  v_amount numeric;
  v_in numeric;
  v_tiers jsonb := '[]';
  x record;
BEGIN
  o_units := (p_measured ->> 'units')::numeric;
  IF p_measured ? 'increase' THEN
    SELECT t.charged INTO v_charged FROM farebox.running_totals t
    WHERE t.account_no = p_pool.account_no AND t.type_no = p_pool.type_no AND t.endpoint_no = p_endpoint
      AND t.value = p_measured #>> '{increase,0}' AND t.shard = p_pool.shard AND t.until > p_now;
    o_units := greatest(0, o_units - coalesce(v_charged, 0));
  END IF;
  o_quantity := CASE WHEN p_measured ->> 'round' = 'block' THEN farebox.divide_up(o_units, v_block) * v_block ELSE o_units END;
  IF p_measured ? 'counter' THEN
    SELECT c.used INTO v_used FROM farebox.tier_counters c
    WHERE c.account_no = p_pool.account_no AND c.type_no = p_pool.type_no
      AND c.counter_no = (p_measured #>> '{counter,0}')::integer AND c.within = p_measured #>> '{counter,1}' AND c.shard = p_pool.shard
      AND c.period = date_trunc(p_measured #>> '{counter,1}', p_now, 'UTC');
  END IF;
  v_used := coalesce(v_used, 0);
  FOR x IN
    SELECT (c ->> 0)::numeric AS over, (c ->> 1)::numeric AS cost,
      lead((c ->> 0)::numeric, 1, 'infinity') OVER (ORDER BY (c ->> 0)::numeric) AS next
    FROM jsonb_array_elements(p_measured -> 'costs') c
  LOOP
    v_in := CASE WHEN NOT (p_measured ->> 'whole')::boolean
        THEN greatest(0, least(v_used + o_quantity, x.next) - greatest(v_used, x.over))
      WHEN v_used >= x.over AND v_used < x.next THEN o_quantity ELSE 0 END;
    v_sum := v_sum + v_in * x.cost;
    IF v_in > 0 THEN v_tiers := v_tiers || jsonb_build_array(jsonb_build_array(x.over, x.cost, v_in)); END IF;
  END LOOP;
  v_amount := farebox.divide_up(v_sum, v_block);
  IF p_measured ->> 'round' = 'credit' THEN v_amount := farebox.divide_up(v_amount, 1000000) * 1000000; END IF;
  v_amount := greatest(v_amount + (p_measured ->> 'rest')::numeric, (p_measured ->> 'least')::numeric);
  -- No charge is more than a pool can hold.
  o_amount := least(v_amount, (p_measured ->> 'most')::numeric, 1000000000000000);
  o_told := jsonb_strip_nulls(jsonb_build_object(
    'counter', p_measured -> 'counter',
    'used', CASE WHEN p_measured ? 'counter' THEN v_used END,
    'tiers', CASE WHEN p_measured ? 'counter' THEN v_tiers END,
    'grown', CASE WHEN p_measured ? 'increase' THEN jsonb_build_array(coalesce(v_charged, 0), p_measured -> 'units') END));
END $function$;
COMMENT ON FUNCTION farebox.measure_charge IS 'Internal. What a measured charge costs now, what it counts in its tiers, how many units it is for, and what is told of that.';

CREATE OR REPLACE FUNCTION farebox.ms_until(p_at timestamp with time zone, p_now timestamp with time zone)
 RETURNS bigint
 LANGUAGE sql
 IMMUTABLE
RETURN CASE WHEN (p_at < 'infinity'::timestamp with time zone) THEN GREATEST((0)::numeric, (floor((EXTRACT(epoch FROM (p_at - p_now)) * (1000)::numeric)) - (1)::numeric)) ELSE NULL::numeric END;
COMMENT ON FUNCTION farebox.ms_until IS 'Internal. How long a lease may be trusted: until something is due on its pool. Null: for ever.';

CREATE OR REPLACE FUNCTION farebox.open_batch(p_shard smallint, p_skip boolean, p_batch jsonb)
 RETURNS pools[]
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
AS $function$
DECLARE
  v_pools farebox.pools[] := '{}';
  v_pool farebox.pools;
  x record;
BEGIN
  FOR x IN
    SELECT (p ->> 'account')::integer AS account, (p ->> 'type')::smallint AS type FROM jsonb_array_elements(p_batch) p
  LOOP
    v_pool := NULL;
    IF p_skip THEN
      SELECT p.* INTO v_pool FROM farebox.pools p
      WHERE p.account_no = x.account AND p.type_no = x.type AND p.shard = p_shard FOR UPDATE SKIP LOCKED;
    ELSE
      SELECT p.* INTO v_pool FROM farebox.pools p
      WHERE p.account_no = x.account AND p.type_no = x.type AND p.shard = p_shard FOR UPDATE;
    END IF;
    IF NOT FOUND THEN
      PERFORM FROM farebox.pools p WHERE p.account_no = x.account AND p.type_no = x.type AND p.shard = p_shard;
      IF NOT FOUND THEN RETURN NULL; END IF;
    END IF;
    v_pools := v_pools || v_pool;
  END LOOP;
  RETURN v_pools;
END $function$;
COMMENT ON FUNCTION farebox.open_batch IS 'Internal. First step of a batch: locks its pools in the order of their keys. Null in the place of one that is locked, with p_skip; all is null when one does not exist.';

CREATE OR REPLACE FUNCTION farebox.open_long_hold(p_shard smallint, p_account integer, p_type smallint, p_new jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
AS $function$
DECLARE
  v_opened CONSTANT record := farebox.open_pool(p_shard, p_account, p_type);
  v_now CONSTANT timestamptz := v_opened.o_now;
  v_amount CONSTANT bigint := (p_new ->> 'amount')::bigint;
  v_key CONSTANT integer := (p_new ->> 'key')::integer;
  v_seconds CONSTANT integer := (p_new ->> 'seconds')::integer;
  v_until CONSTANT timestamptz := v_now + make_interval(secs => v_seconds);
  v_id CONSTANT text := 'long:' || (p_new ->> 'requestId');
  v_found jsonb := farebox.find_long_hold(p_shard, p_account, p_new ->> 'callerId');
  v_short jsonb;
  v_held record;
BEGIN
  IF v_found IS NOT NULL THEN RETURN jsonb_build_object('outcome', 'found', 'hold', v_found); END IF;
  v_short := farebox.find_shortage(v_opened.o_pool, v_now, v_key, v_amount);
  IF v_short IS NOT NULL THEN RETURN jsonb_build_object('outcome', 'short', 'shortage', v_short); END IF;
  INSERT INTO farebox.long_holds (account_no, type_no, hold_id, shard, request, caller_id, content, token, key_no, endpoint_no, asked,
    units, most, created_at, expires_at)
  VALUES (p_account, p_type, v_id, p_shard, (p_new ->> 'requestId')::uuid, p_new ->> 'callerId', decode(p_new ->> 'content', 'hex'),
    p_new ->> 'token', v_key, (p_new ->> 'endpoint')::integer, v_amount, (p_new ->> 'units')::integer, (p_new ->> 'most')::bigint,
    v_now, v_until)
  ON CONFLICT (account_no, caller_id, shard) DO NOTHING;
  IF NOT FOUND THEN
    -- Another one was made meanwhile, of another pool.
    v_found := farebox.find_long_hold(p_shard, p_account, p_new ->> 'callerId');
    IF v_found IS NULL THEN RAISE EXCEPTION 'a long hold vanished' USING ERRCODE = 'serialization_failure'; END IF;
    RETURN jsonb_build_object('outcome', 'found', 'hold', v_found);
  END IF;
  SELECT h.* INTO v_held FROM farebox.hold_credits(v_opened.o_pool, 0, v_now, v_id, v_amount, v_seconds) h;
  IF v_held.o_answer ->> 0 <> 'held' THEN RAISE EXCEPTION 'the hold % cannot be made: %', v_id, v_held.o_answer; END IF;
  UPDATE farebox.holds h SET key_no = v_key
  WHERE h.account_no = p_account AND h.type_no = p_type AND h.hold_id = v_id AND h.shard = p_shard;
  PERFORM farebox.hold_under_cap(v_held.io_pool, v_key, v_amount);
  PERFORM farebox.write_pool(v_held.io_pool);
  RETURN jsonb_build_object('outcome', 'held', 'leftMs', v_seconds::bigint * 1000);
END $function$;
COMMENT ON FUNCTION farebox.open_long_hold IS 'Called by instances. Sets credits aside for a job of hours, once for its caller''s id.';

CREATE OR REPLACE FUNCTION farebox.open_plan(p_shard smallint, p_account integer, p_items jsonb, p_types smallint[], p_now timestamp with time zone, OUT o_now timestamp with time zone, OUT o_types smallint[], OUT o_plan text, OUT o_next_plan text, OUT o_next_plan_at timestamp with time zone)
 RETURNS record
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
AS $function$
DECLARE
  v_granted smallint[];
  v_capped smallint[];
BEGIN
  SELECT array_agg(r.type_no) INTO v_granted FROM farebox.recurring r WHERE r.account_no = p_account AND r.shard = p_shard;
  SELECT array_agg(c.type_no) INTO v_capped FROM farebox.key_caps c WHERE c.account_no = p_account AND c.shard = p_shard;
  SELECT coalesce(array_agg(t.type_no ORDER BY t.type_no), '{}') INTO o_types FROM (
    SELECT unnest(v_granted || v_capped || p_types)
    UNION SELECT t.type_no FROM farebox.credit_types t JOIN jsonb_array_elements(p_items) i ON t.credit_type = i.value ->> 'creditType'
  ) t(type_no);
  o_now := farebox.lock_pools(p_shard, p_account, o_types, p_now);
  PERFORM farebox.roll_pools_to(p_shard, p_account, o_types, o_now);
  SELECT a.plan, a.next_plan, a.next_plan_at INTO o_plan, o_next_plan, o_next_plan_at
  FROM farebox.accounts a WHERE a.account_no = p_account;
  IF o_next_plan_at <= o_now THEN
    DELETE FROM farebox.recurring r WHERE r.account_no = p_account AND r.shard = p_shard AND r.until IS NOT NULL;
    UPDATE farebox.accounts a SET plan = a.next_plan, plan_version = a.next_plan_version, next_plan = NULL,
      next_plan_version = NULL, next_plan_at = NULL
    WHERE a.account_no = p_account;
    o_plan := o_next_plan; o_next_plan := NULL; o_next_plan_at := NULL;
  END IF;
END $function$;
COMMENT ON FUNCTION farebox.open_plan IS 'Internal. Locks every pool that a change of plan can touch and grants what the plan owed until now. A change whose moment has come takes effect.';

CREATE OR REPLACE FUNCTION farebox.open_pool(p_shard smallint, p_account integer, p_type smallint, OUT o_pool pools, OUT o_now timestamp with time zone)
 RETURNS record
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
AS $function$
DECLARE
  v_before farebox.pools;
BEGIN
  SELECT * INTO v_before FROM farebox.pools p
  WHERE p.account_no = p_account AND p.type_no = p_type AND p.shard = p_shard FOR UPDATE;
  IF NOT FOUND THEN
    PERFORM farebox.create_pools(p_shard, ARRAY[p_account], ARRAY[p_type]);
    SELECT * INTO STRICT v_before FROM farebox.pools p
    WHERE p.account_no = p_account AND p.type_no = p_type AND p.shard = p_shard FOR UPDATE;
  END IF;
  o_now := greatest(clock_timestamp(), v_before.last_at);
  IF v_before.spent = v_before.drawn AND v_before.overdue = 0 AND v_before.next_event_at > o_now THEN
    o_pool := v_before;
    RETURN;
  END IF;
  o_pool := farebox.roll(v_before, o_now);
  IF o_pool IS DISTINCT FROM v_before THEN PERFORM farebox.write_pool(o_pool); END IF;
END $function$;
COMMENT ON FUNCTION farebox.open_pool IS 'Internal. Creates the pool if it is missing, locks it and brings it up to now, so that what was spent before is drawn from the grants that were there before.';

CREATE OR REPLACE FUNCTION farebox.parts_of(p_text text)
 RETURNS tsvector
 LANGUAGE plpgsql
 IMMUTABLE PARALLEL SAFE STRICT
AS $function$
DECLARE
  v_parts text[] := '{}';
BEGIN
  FOR v_from IN 1 .. length(p_text) LOOP
    v_parts[v_from] := substr(p_text, v_from, 3);
  END LOOP;
  RETURN array_to_tsvector(v_parts);
END $function$;
COMMENT ON FUNCTION farebox.parts_of IS 'All parts of a text, three characters long and at its end shorter. What has a text within it has all its parts.';

CREATE OR REPLACE FUNCTION farebox.parts_wanted(p_part text)
 RETURNS tsquery
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE STRICT
AS $function$
  SELECT string_agg(
    '''' || replace(replace(substr(p_part, n, 3), '\', '\\'), '''', '''''') || CASE WHEN length(p_part) < 3 THEN ''':*' ELSE '''' END,
    ' & ')::tsquery
  FROM generate_series(1, greatest(length(p_part) - 2, 1)) n
$function$;
COMMENT ON FUNCTION farebox.parts_wanted IS 'What parts_of a text must match for the text to have this one within it. It may match without having it.';

CREATE OR REPLACE FUNCTION farebox.pass_lane(p_shard smallint, p_instance integer, p_number bigint)
 RETURNS bigint
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
 SET lock_timeout TO '50ms'
AS $function$
DECLARE
  c_spare CONSTANT smallint := 8;
  v_now CONSTANT timestamptz := clock_timestamp();
  v_last bigint;
  v_most smallint;
  v_dead boolean;
BEGIN
  PERFORM FROM farebox.lanes l
  WHERE l.instance_no = p_instance AND l.shard = p_shard AND l.nth = (p_number >> 40)::smallint FOR UPDATE SKIP LOCKED;
  IF FOUND THEN
    -- Waits when the table is locked against changes, as by the making of an index.
    UPDATE farebox.lanes l SET seen_at = v_now
    WHERE l.instance_no = p_instance AND l.shard = p_shard AND l.nth = (p_number >> 40)::smallint AND l.state = 'live';
    RETURN NULL;
  END IF;
  SELECT l.last_batch INTO v_last FROM farebox.lanes l
  WHERE l.instance_no = p_instance AND l.shard = p_shard AND l.state = 'live' ORDER BY l.nth LIMIT 1 FOR UPDATE SKIP LOCKED;
  IF FOUND THEN RETURN v_last; END IF;
  PERFORM pg_advisory_xact_lock(hashtextextended('farebox lanes of ' || p_instance, p_shard));
  SELECT max(l.nth), bool_or(l.state = 'dead') INTO v_most, v_dead FROM farebox.lanes l
  WHERE l.instance_no = p_instance AND l.shard = p_shard;
  -- The next batch hears it.
  IF v_most IS NULL OR v_dead THEN RETURN NULL; END IF;
  IF v_most >= c_spare THEN
    RAISE EXCEPTION 'all lanes of instance % in shard % are locked', p_instance, p_shard USING ERRCODE = 'lock_not_available';
  END IF;
  v_last := (v_most + 1)::bigint << 40;
  INSERT INTO farebox.lanes (instance_no, shard, nth, last_batch, seen_at) VALUES (p_instance, p_shard, v_most + 1, v_last, v_now);
  RETURN v_last;
END $function$;
COMMENT ON FUNCTION farebox.pass_lane IS 'Called by instances whose batch met a lock. Null when its lane is free; else the number after which to go on, in a spare lane. 55P03: there is none.';

CREATE OR REPLACE FUNCTION farebox.pass_time(INOUT io roll_state, p_now timestamp with time zone)
 RETURNS roll_state
 LANGUAGE plpgsql
 STABLE
AS $function$
DECLARE
  max_events CONSTANT integer := 1000;
  max_balance CONSTANT bigint := 1000000000000000;
  v_pool farebox.pools := io.pool;
  v_grants farebox.open_grant[] := io.grants;
  v_order integer[] := io.draw_order;
  v_recurring farebox.recurring_item[] := io.recurring;
  v_entries farebox.new_entry[] := '{}';
  v_queue farebox.roll_event[] := farebox.list_events(io);
  v_next integer := 1;
  v_events integer := 0;
  e farebox.roll_event;
  g farebox.open_grant;
  r farebox.recurring_item;
  x farebox.part_of_grant;
BEGIN
  LOOP
    IF v_pool.overdue > 0 THEN
      FOREACH x IN ARRAY farebox.uncovered_overdue(v_grants, v_order, v_pool.held, v_pool.overdue) LOOP
        g := v_grants[x.which];
        g.remaining := g.remaining - x.amount; g.overdue := g.overdue - x.amount;
        v_pool.overdue := v_pool.overdue - x.amount; v_pool.balance := v_pool.balance - x.amount;
        v_entries := v_entries || ROW('x', -x.amount, v_pool.balance, g.grant_id, g.source)::farebox.new_entry;
        IF g.remaining = 0 THEN g.state := 'ended'; v_order := array_remove(v_order, x.which); END IF;
        v_grants[x.which] := g;
      END LOOP;
    END IF;

    e := v_queue[v_next];
    WHILE e.at IS NOT NULL AND NOT farebox.is_due(e, v_grants) LOOP
      v_next := v_next + 1; e := v_queue[v_next];
    END LOOP;
    -- A grant that a refresh has made begins in the same roll.
    EXIT WHEN e.at IS NULL OR e.at > p_now OR (v_events >= max_events AND e.kind <> 'grant begins')
      OR (e.kind = 'hold ends' AND e.which > cardinality(io.holds));
    v_next := v_next + 1; v_events := v_events + 1;

    CASE e.kind
    WHEN 'hold ends' THEN
      v_pool.held := v_pool.held - io.holds[e.which].amount;
      io.holds_ended := e.which;
    WHEN 'grant expires' THEN
      g := v_grants[e.which];
      v_pool.overdue := v_pool.overdue + g.remaining - g.overdue;
      g.overdue := g.remaining;
      v_grants[e.which] := g;
    WHEN 'grant begins' THEN
      v_grants[e.which].state := 'active';
      g := v_grants[e.which];
      v_pool.balance := v_pool.balance + g.amount;
      v_entries := v_entries || ROW('g', g.amount, v_pool.balance, g.grant_id, coalesce(g.reason, g.source))::farebox.new_entry;
      v_order := farebox.add_to_order(v_order, v_grants, e.which);
      IF g.expires_at IS NOT NULL THEN
        v_queue := farebox.add_event(v_queue, v_next, ROW(g.expires_at, 'grant expires', e.which)::farebox.roll_event);
        v_next := 1;
      END IF;
    WHEN 'plan refreshes' THEN
      r := v_recurring[e.which];
      FOREACH x IN ARRAY farebox.beyond_cap(v_grants, v_order, r) LOOP
        v_pool.overdue := v_pool.overdue + x.amount;
        g := v_grants[x.which]; g.overdue := g.overdue + x.amount; v_grants[x.which] := g;
      END LOOP;
      g := farebox.grant_of_period(v_pool, r, max_balance - v_pool.balance + v_pool.overdue);
      IF g.amount > 0 THEN
        -- It begins after what this refresh let expire is gone.
        v_grants := v_grants || g;
        v_queue := farebox.add_event(v_queue, v_next, ROW(e.at, 'grant begins', cardinality(v_grants))::farebox.roll_event);
        v_next := 1;
      ELSIF g.amount = 0 THEN
        v_entries := v_entries || ROW('g', 0, v_pool.balance, NULL, g.reason)::farebox.new_entry;
      END IF;
      r.next_period := r.next_period + 1; r.is_refreshed := true;
      r.next_at := farebox.period_start(r.anchor_at, r.every, r.next_period);
      v_recurring[e.which] := r;
      IF r.next_at < coalesce(r.until, 'infinity') THEN
        v_queue := farebox.add_event(v_queue, v_next, ROW(r.next_at, 'plan refreshes', e.which)::farebox.roll_event);
        v_next := 1;
      END IF;
    END CASE;
  END LOOP;
  v_pool.next_event_at := coalesce(e.at, 'infinity');
  v_pool.last_seq := v_pool.last_seq + cardinality(v_entries);
  IF cardinality(v_entries) > 0 THEN v_pool.last_at := p_now; END IF;
  io.pool := v_pool; io.grants := v_grants; io.draw_order := v_order; io.recurring := v_recurring; io.entries := v_entries;
END $function$;
COMMENT ON FUNCTION farebox.pass_time IS 'Internal. Last step of a roll: everything that is due happens, in the order of time.';

CREATE OR REPLACE FUNCTION farebox.pay_export(INOUT io_pool pools, p_export exports, p_now timestamp with time zone, OUT o_answer jsonb)
 RETURNS record
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
AS $function$
DECLARE
  -- See hold_for_export.
  v_amount CONSTANT bigint := least(p_export.records::numeric * p_export.price, 2000000000000000);
  -- What was paid for can be had for the whole time.
  v_until CONSTANT timestamptz := p_now + make_interval(secs => p_export.keep_seconds);
  v_held bigint := 0;
  v_available bigint;
  v_paid record;
BEGIN
  IF p_export.hold_id IS NOT NULL THEN
    SELECT h.amount INTO v_held FROM farebox.holds h
    WHERE h.account_no = p_export.account_no AND h.type_no = p_export.type_no AND h.hold_id = p_export.hold_id
      AND h.shard = p_export.shard AND h.state = 'live';
    v_held := coalesce(v_held, 0);
  END IF;
  v_available := farebox.available_to(io_pool, p_export.key_no, v_held, p_now);
  IF v_amount > v_available THEN
    IF v_held > 0 THEN
      SELECT r.* INTO v_paid FROM farebox.release_hold(io_pool, p_export.hold_id) r;
      io_pool := v_paid.io_pool;
    END IF;
    o_answer := jsonb_build_object('outcome', 'short', 'needed', v_amount, 'available', v_available,
      'recalled', farebox.recall_others(io_pool, 0, NULL, false));
    RETURN;
  END IF;
  SELECT t.* INTO v_paid FROM farebox.take_charge(io_pool, 0, p_now, jsonb_build_object('lease', false, 'charge',
    jsonb_build_array(p_export.key_no, p_export.endpoint_no, v_amount, p_export.records, 200, p_export.price_list,
      p_export.export_id)), v_held) t;
  io_pool := v_paid.io_pool;
  IF v_paid.o_charged <> v_amount THEN
    RAISE EXCEPTION 'the export % was charged % instead of %', p_export.export_id, v_paid.o_charged, v_amount
      USING ERRCODE = 'FB001';
  END IF;
  UPDATE farebox.holds h SET state = 'charged', amount = 0, charged_seq = v_paid.o_seq, charged = v_amount, uncollected = 0,
    balance_after = io_pool.balance
  WHERE h.account_no = p_export.account_no AND h.type_no = p_export.type_no AND h.hold_id = p_export.hold_id
    AND h.shard = p_export.shard AND h.state = 'live';
  UPDATE farebox.exports x SET state = 'charged', charged = v_amount, charged_seq = v_paid.o_seq, balance_after = io_pool.balance,
    charged_at = p_now,
    expires_at = v_until, clean_at = v_until
  WHERE x.export_id = p_export.export_id AND x.shard = p_export.shard;
  -- Its usage is rolled up later, whichever instance made it.
  PERFORM farebox.keep_in_sight(p_export.shard, p_export.account_no, p_export.type_no);
  o_answer := '{"outcome": "charged"}';
END $function$;
COMMENT ON FUNCTION farebox.pay_export IS 'Internal. Charges a ready export exactly, or not at all.';

CREATE OR REPLACE FUNCTION farebox.period_at(p_anchor timestamp with time zone, p_every text, p_at timestamp with time zone)
 RETURNS integer
 LANGUAGE plpgsql
 IMMUTABLE
AS $function$
DECLARE
  v_from CONSTANT timestamp := p_anchor AT TIME ZONE 'UTC';
  v_to CONSTANT timestamp := p_at AT TIME ZONE 'UTC';
  v_period integer;
BEGIN
  IF p_at <= p_anchor THEN RETURN 0; END IF;
  v_period := CASE p_every
    WHEN 'day' THEN floor(extract(epoch FROM v_to - v_from) / 86400)
    WHEN 'week' THEN floor(extract(epoch FROM v_to - v_from) / 604800)
    WHEN 'month' THEN (extract(year FROM v_to) - extract(year FROM v_from)) * 12
      + extract(month FROM v_to) - extract(month FROM v_from)
    ELSE extract(year FROM v_to) - extract(year FROM v_from) END;
  -- Months and years: one too many before the anchor's day.
  IF farebox.period_start(p_anchor, p_every, v_period) > p_at THEN v_period := v_period - 1; END IF;
  RETURN v_period;
END $function$;
COMMENT ON FUNCTION farebox.period_at IS 'Internal. The number of the period in which a moment lies, counted from an anchor; 0 before it.';

CREATE OR REPLACE FUNCTION farebox.period_start(p_anchor timestamp with time zone, p_every text, p_period integer)
 RETURNS timestamp with time zone
 LANGUAGE sql
 IMMUTABLE
RETURN (((p_anchor AT TIME ZONE 'UTC'::text) + ((p_period)::double precision * (('1 '::text || p_every))::interval)) AT TIME ZONE 'UTC'::text);
COMMENT ON FUNCTION farebox.period_start IS 'When a period of this length begins, counted from an anchor.';

CREATE OR REPLACE FUNCTION farebox.read_balances(p_shard smallint, p_account_id text)
 RETURNS jsonb
 LANGUAGE plpgsql
 STABLE
 SET enable_seqscan TO 'off'
AS $function$
DECLARE
  v_now CONSTANT timestamptz := clock_timestamp();
  v_account integer;
  v_plan text;
  v_type text;
  v_pool farebox.pools;
  v_balances jsonb := '[]';
BEGIN
  SELECT a.account_no, CASE WHEN a.next_plan_at <= v_now THEN a.next_plan ELSE a.plan END INTO v_account, v_plan
  FROM farebox.accounts a WHERE a.account_id = p_account_id;
  FOR v_pool IN
    SELECT p.* FROM farebox.pools p JOIN farebox.credit_types t ON t.type_no = p.type_no
    WHERE p.account_no = v_account AND p.shard = p_shard ORDER BY t.credit_type
  LOOP
    SELECT t.credit_type INTO v_type FROM farebox.credit_types t WHERE t.type_no = v_pool.type_no;
    v_balances := v_balances || farebox.render_balance(
      farebox.compute_roll(v_pool, greatest(v_now, v_pool.last_at)), v_type, v_plan);
  END LOOP;
  RETURN v_balances;
END $function$;
COMMENT ON FUNCTION farebox.read_balances IS 'Called by instances. All pools of an account as of now, by credit type: what is due is counted, nothing is written.';

CREATE OR REPLACE FUNCTION farebox.read_month_tails(p_shard smallint)
 RETURNS jsonb
 LANGUAGE plpgsql
 STABLE
 SET enable_seqscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
AS $function$
DECLARE
  v_pool record;
  v_sums farebox.month_sums[] := '{}';
BEGIN
  FOR v_pool IN
    SELECT a.account_no, a.type_no, p.last_seq, coalesce(r.seq, 0) AS seq, coalesce(r.at, '-infinity') AS at
    FROM (SELECT DISTINCT o.account_no, o.type_no FROM farebox.active_pools o WHERE o.shard = p_shard) a
    CROSS JOIN LATERAL (
      SELECT q.last_seq FROM farebox.pools q
      WHERE q.account_no = a.account_no AND q.type_no = a.type_no AND q.shard = p_shard LIMIT 1
    ) p
    LEFT JOIN LATERAL (
      SELECT u.seq, u.at FROM farebox.usage_rolled u
      WHERE u.account_no = a.account_no AND u.type_no = a.type_no AND u.shard = p_shard LIMIT 1
    ) r ON true
    WHERE p.last_seq > coalesce(r.seq, 0)
  LOOP
    v_sums := v_sums || ARRAY(SELECT s FROM farebox.sum_months(p_shard, v_pool.account_no, v_pool.type_no, v_pool.seq,
      v_pool.last_seq, v_pool.at) s);
  END LOOP;
  RETURN coalesce((
    SELECT jsonb_agg(jsonb_build_object('typeNo', g.type_no, 'month', g.month, 'charges', g.charges::text, 'burned', g.burned::text,
      'uncollected', g.uncollected::text, 'refunded', g.refunded::text, 'expired', g.expired::text, 'adjusted', g.adjusted::text,
      'recurring', g.recurring::text, 'promo', g.promo::text, 'topup', g.topup::text))
    FROM (
      SELECT s.type_no, s.month, sum(s.charges) AS charges, sum(s.burned) AS burned, sum(s.uncollected) AS uncollected,
        sum(s.refunded) AS refunded, sum(s.expired) AS expired, sum(s.adjusted) AS adjusted, sum(s.recurring) AS recurring,
        sum(s.promo) AS promo, sum(s.topup) AS topup
      FROM unnest(v_sums) s GROUP BY 1, 2
    ) g
  ), '[]');
END $function$;
COMMENT ON FUNCTION farebox.read_month_tails IS 'The sums by month of the entries of a shard that are not rolled up. Its cost is that of these entries.';

CREATE OR REPLACE FUNCTION farebox.recall_others(p_pool pools, p_instance integer, p_own integer, p_by_cap boolean)
 RETURNS boolean
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
AS $function$
DECLARE
  v_found integer[];
  v_instance integer;
BEGIN
  IF p_by_cap THEN
    v_found := ARRAY(
      SELECT k.instance_no FROM farebox.key_leases k
      WHERE k.account_no = p_pool.account_no AND k.type_no = p_pool.type_no AND k.key_no = p_own AND k.shard = p_pool.shard
        AND k.amount > 0 AND k.instance_no <> p_instance
    );
  ELSE
    v_found := ARRAY(
      SELECT u.instance FROM unnest(p_pool.lease_owner, p_pool.lease_amount) u(instance, amount)
      WHERE u.amount > 0 AND NOT (u.instance = p_instance AND p_own IS NOT DISTINCT FROM 0)
    );
    IF NOT p_pool.lease_owner <@ v_found AND p_pool.held > (SELECT coalesce(sum(u), 0) FROM unnest(p_pool.lease_amount) u) THEN
      v_found := v_found || ARRAY(
        SELECT DISTINCT k.instance_no FROM farebox.key_leases k
        WHERE k.account_no = p_pool.account_no AND k.type_no = p_pool.type_no AND k.shard = p_pool.shard AND k.amount > 0
          AND NOT (k.instance_no = p_instance AND k.key_no IS NOT DISTINCT FROM p_own) AND k.instance_no <> ALL (v_found)
      );
    END IF;
  END IF;
  FOREACH v_instance IN ARRAY ARRAY(SELECT u FROM unnest(v_found) u ORDER BY u) LOOP
    INSERT INTO farebox.recalls (instance_no, account_no, type_no, shard)
    VALUES (v_instance, p_pool.account_no, p_pool.type_no, p_pool.shard) ON CONFLICT DO NOTHING;
  END LOOP;
  RETURN cardinality(v_found) > 0;
END $function$;
COMMENT ON FUNCTION farebox.recall_others IS 'Internal. Asks instances for what they lease of a pool; false when nobody leases anything.';

CREATE OR REPLACE FUNCTION farebox.record_export_part(p_shard smallint, p_export_id uuid, p_claim integer, p_seconds integer, p_part jsonb, p_ids bytea)
 RETURNS text
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
AS $function$
DECLARE
  v_now CONSTANT timestamptz := clock_timestamp();
  v_part CONSTANT integer := (p_part ->> 'part')::integer;
  v farebox.exports;
BEGIN
  SELECT x.* INTO v FROM farebox.exports x WHERE x.export_id = p_export_id AND x.shard = p_shard FOR UPDATE;
  IF v.state IS DISTINCT FROM 'running' OR v.claim <> p_claim THEN RETURN 'lost'; END IF;
  -- Its answer got lost: names have the claim's number, so it is the same file.
  IF v_part = v.parts THEN RETURN 'recorded'; END IF;
  IF v_part <> v.parts + 1 THEN
    RAISE EXCEPTION 'part % of export % comes after part %', v_part, p_export_id, v.parts USING ERRCODE = 'FB002';
  END IF;
  INSERT INTO farebox.export_parts (export_id, part, shard, records, bytes, sha256, object, created_at, ids)
  VALUES (p_export_id, v_part, p_shard, (p_part ->> 'records')::integer, (p_part ->> 'bytes')::bigint,
    decode(p_part ->> 'sha256', 'hex'), p_part ->> 'object', v_now, p_ids);
  UPDATE farebox.exports x SET parts = v_part, records = v.records + (p_part ->> 'records')::integer,
    bytes = v.bytes + (p_part ->> 'bytes')::bigint, source_bytes = (p_part ->> 'sourceBytes')::bigint,
    left_out = (p_part ->> 'leftOut')::integer, place = p_part ->> 'place',
    expected = coalesce((p_part ->> 'expected')::bigint, v.expected), attempts = 0,
    due_at = v_now + make_interval(secs => p_seconds)
  WHERE x.export_id = p_export_id AND x.shard = p_shard;
  RETURN 'recorded';
END $function$;
COMMENT ON FUNCTION farebox.record_export_part IS 'Called by workers. A part that is in the storage counts from here on, and the source goes on behind it.';

CREATE OR REPLACE FUNCTION farebox.refund_charge(p_shard smallint, p_account integer, p_type smallint, p_seq bigint, p_amount bigint, p_reason text, p_reference text)
 RETURNS jsonb
 LANGUAGE plpgsql
AS $function$
DECLARE
  v_opened CONSTANT record := farebox.open_pool(p_shard, p_account, p_type);
  v record;
BEGIN
  v := farebox.refund_in_pool(v_opened.o_pool, v_opened.o_now, p_seq, p_amount, p_reason, p_reference);
  IF v.io_pool IS DISTINCT FROM v_opened.o_pool THEN PERFORM farebox.write_pool(v.io_pool); END IF;
  RETURN v.o_reply;
END $function$;
COMMENT ON FUNCTION farebox.refund_charge IS 'Called by instances. Gives back all or part of a charge, once for its reference: to the grants that it drew from, the newest drawn first; what belongs to expired ones to a grant of its own.';

CREATE OR REPLACE FUNCTION farebox.refund_charges(p_shard smallint, p_account integer, p_type smallint, p_seqs bigint[], p_reason text, p_reference text)
 RETURNS jsonb
 LANGUAGE plpgsql
AS $function$
DECLARE
  v_opened CONSTANT record := farebox.open_pool(p_shard, p_account, p_type);
  v_pool farebox.pools := v_opened.o_pool;
  v_refunded integer := 0;
  v_credits bigint := 0;
  v_seq bigint;
  v record;
BEGIN
  FOREACH v_seq IN ARRAY p_seqs LOOP
    v := farebox.refund_in_pool(v_pool, v_opened.o_now, v_seq, NULL, p_reason, p_reference);
    v_pool := v.io_pool;
    IF v.o_reply ->> 'outcome' = 'refunded' AND (v.o_reply ->> 'refunded')::bigint > 0 THEN
      v_refunded := v_refunded + 1;
      v_credits := v_credits + (v.o_reply ->> 'refunded')::bigint;
    END IF;
  END LOOP;
  PERFORM farebox.write_pool(v_pool);
  RETURN jsonb_build_object('refunded', v_refunded, 'credits', v_credits);
END $function$;
COMMENT ON FUNCTION farebox.refund_charges IS 'Called by background work. Refunds what is left of some charges of one pool.';

CREATE OR REPLACE FUNCTION farebox.refund_in_pool(INOUT io_pool pools, p_now timestamp with time zone, p_seq bigint, p_amount bigint, p_reason text, p_reference text, OUT o_reply jsonb)
 RETURNS record
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
AS $function$
DECLARE
  c_most CONSTANT bigint := 10000;
  v_before bigint;
  v_count bigint;
  v_refunded bigint;
  v_returned record;
  c record;
  d record;
BEGIN
  SELECT r.amount, r.asked, r.balance_after, r.refund_seq INTO d FROM farebox.refunds r
  WHERE r.account_no = io_pool.account_no AND r.type_no = io_pool.type_no AND r.seq = p_seq AND r.reference = p_reference
    AND r.shard = io_pool.shard;
  IF FOUND THEN
    o_reply := jsonb_build_object('outcome', CASE WHEN d.asked IS NOT DISTINCT FROM p_amount THEN 'repeated' ELSE 'conflict' END,
      'refunded', d.amount, 'balance', d.balance_after, 'seq', d.refund_seq);
    RETURN;
  END IF;
  SELECT e.at, -e.amount AS amount, e.spent, e.request, e.key_no, e.endpoint_no INTO c FROM farebox.entries e
  WHERE e.account_no = io_pool.account_no AND e.type_no = io_pool.type_no AND e.seq = p_seq AND e.shard = io_pool.shard
    AND e.kind = 'c';
  IF NOT FOUND THEN o_reply := jsonb_build_object('outcome', 'unknown'); RETURN; END IF;
  SELECT coalesce(sum(r.amount), 0), count(*) INTO v_before, v_count FROM farebox.refunds r
  WHERE r.account_no = io_pool.account_no AND r.type_no = io_pool.type_no AND r.seq = p_seq AND r.shard = io_pool.shard;
  v_refunded := coalesce(p_amount, c.amount - v_before);
  IF v_refunded > c.amount - v_before THEN
    o_reply := jsonb_build_object('outcome', 'exceeds', 'refundable', c.amount - v_before);
    RETURN;
  END IF;
  IF v_count >= c_most AND p_amount IS NOT NULL THEN
    o_reply := jsonb_build_object('outcome', 'too_many', 'most', c_most, 'refundable', c.amount - v_before);
    RETURN;
  ELSIF v_count >= c_most AND v_refunded = 0 THEN
    -- Nothing is left, nor ever will be: it answers the same again without being remembered.
    o_reply := jsonb_build_object('outcome', 'refunded', 'refunded', 0, 'balance', io_pool.balance, 'seq', NULL);
    RETURN;
  END IF;

  IF v_refunded > 0 THEN
    io_pool.balance := io_pool.balance + v_refunded;
    io_pool.last_seq := io_pool.last_seq + 1; io_pool.last_at := p_now;
    -- What was refunded of the charge before was the end of what it drew.
    v_returned := farebox.return_to_grants(io_pool, p_now, c.spent - v_before - v_refunded, c.spent - v_before);
    io_pool := v_returned.io_pool;
    IF v_returned.o_homeless > 0 THEN
      io_pool := farebox.add_refund_grant(io_pool, p_now, v_returned.o_homeless, io_pool.last_seq);
    END IF;
    INSERT INTO farebox.entries (account_no, type_no, shard, seq, at, amount, balance, spent, request, key_no, endpoint_no, kind,
      refund_of, reason)
    VALUES (io_pool.account_no, io_pool.type_no, io_pool.shard, io_pool.last_seq, p_now, v_refunded, io_pool.balance,
      io_pool.spent, c.request, c.key_no, c.endpoint_no, 'r', p_seq, p_reason);
    PERFORM farebox.free_cap(io_pool, c.key_no, c.at, v_refunded);
    PERFORM farebox.keep_in_sight(io_pool.shard, io_pool.account_no, io_pool.type_no);
  END IF;
  -- One that found nothing left is remembered too, so that it finds nothing when it is repeated.
  INSERT INTO farebox.refunds (account_no, type_no, seq, reference, shard, amount, asked, refund_seq, balance_after)
  VALUES (io_pool.account_no, io_pool.type_no, p_seq, p_reference, io_pool.shard, v_refunded, p_amount,
    CASE WHEN v_refunded > 0 THEN io_pool.last_seq END, io_pool.balance);
  o_reply := jsonb_build_object('outcome', 'refunded', 'refunded', v_refunded, 'balance', io_pool.balance,
    'seq', CASE WHEN v_refunded > 0 THEN io_pool.last_seq END);
END $function$;
COMMENT ON FUNCTION farebox.refund_in_pool IS 'Internal. Refunds a charge of a pool that is open, and answers as refund_charge does. The caller writes the pool''s row.';

CREATE OR REPLACE FUNCTION farebox.refuse_change()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
BEGIN
  RAISE EXCEPTION 'entries are never changed or deleted: refund or adjust instead' USING ERRCODE = 'FB003';
END $function$;
COMMENT ON FUNCTION farebox.refuse_change IS 'Internal. Makes entries append-only, for the ledger''s own role too.';

CREATE OR REPLACE FUNCTION farebox.refuse_export(p_shard smallint, p_export_id uuid, p_account integer, p_hash bytea, p_max_open integer, p_max_kept integer)
 RETURNS jsonb
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
AS $function$
DECLARE
  v_other uuid;
  v_open integer;
  v_kept integer;
BEGIN
  SELECT x.export_id INTO v_other FROM farebox.exports x
  WHERE x.account_no = p_account AND x.request_hash = p_hash AND x.shard = p_shard AND x.state IN ('queued', 'running')
    AND x.export_id <> p_export_id;
  IF FOUND THEN RETURN jsonb_build_object('outcome', 'duplicate', 'exportId', v_other); END IF;
  SELECT count(*) FILTER (WHERE x.state IN ('queued', 'running')), count(*) INTO v_open, v_kept FROM farebox.exports x
  WHERE x.account_no = p_account AND x.shard = p_shard AND x.state IN ('queued', 'running', 'ready', 'charged')
    AND x.export_id <> p_export_id;
  IF v_open >= p_max_open THEN RETURN jsonb_build_object('outcome', 'too_many', 'which', 'open', 'limit', p_max_open); END IF;
  IF v_kept >= p_max_kept THEN RETURN jsonb_build_object('outcome', 'too_many', 'which', 'kept', 'limit', p_max_kept); END IF;
  RETURN NULL;
END $function$;
COMMENT ON FUNCTION farebox.refuse_export IS 'Internal. Whether an account may have another open export, and this one.';

CREATE OR REPLACE FUNCTION farebox.register_lane(p_shard smallint, p_instance integer, p_id text)
 RETURNS void
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
AS $function$
DECLARE
  v_now CONSTANT timestamptz := clock_timestamp();
BEGIN
  INSERT INTO farebox.lanes (instance_no, shard, instance_id, seen_at, started_at)
  VALUES (p_instance, p_shard, p_id, v_now, v_now) ON CONFLICT DO NOTHING;
  IF FOUND THEN RETURN; END IF;
  PERFORM FROM farebox.lanes l WHERE l.instance_no = p_instance AND l.shard = p_shard AND l.instance_id = p_id;
  IF NOT FOUND THEN RAISE EXCEPTION 'the number % is another instance''s', p_instance; END IF;
END $function$;
COMMENT ON FUNCTION farebox.register_lane IS 'Called by instances. An instance begins to serve a shard, under its id and the number that it has in all shards. Safe to repeat.';

CREATE OR REPLACE FUNCTION farebox.release_export(p_export exports, p_pool pools, p_now timestamp with time zone)
 RETURNS void
 LANGUAGE plpgsql
AS $function$
DECLARE
  v_released record;
BEGIN
  IF p_export.hold_id IS NULL THEN RETURN; END IF;
  SELECT r.* INTO v_released FROM farebox.release_hold(p_pool, p_export.hold_id) r;
  PERFORM farebox.write_export_pool(v_released.io_pool, p_now);
END $function$;
COMMENT ON FUNCTION farebox.release_export IS 'Internal. What was set aside for an export is free again.';

CREATE OR REPLACE FUNCTION farebox.release_hold(INOUT io_pool pools, p_hold text, OUT o_released bigint)
 RETURNS record
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
AS $function$
BEGIN
  SELECT h.amount INTO o_released FROM farebox.holds h
  WHERE h.account_no = io_pool.account_no AND h.type_no = io_pool.type_no AND h.hold_id = p_hold AND h.shard = io_pool.shard
    AND h.state = 'live';
  IF NOT FOUND THEN o_released := 0; RETURN; END IF;
  UPDATE farebox.holds h SET state = 'released', amount = 0
  WHERE h.account_no = io_pool.account_no AND h.type_no = io_pool.type_no AND h.hold_id = p_hold AND h.shard = io_pool.shard;
  io_pool.held := io_pool.held - o_released;
END $function$;
COMMENT ON FUNCTION farebox.release_hold IS 'Internal. A client''s hold is not needed.';

CREATE OR REPLACE FUNCTION farebox.release_long_hold(p_shard smallint, p_account integer, p_type smallint, p_hold text)
 RETURNS jsonb
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
AS $function$
DECLARE
  v_opened CONSTANT record := farebox.open_pool(p_shard, p_account, p_type);
  v_pool farebox.pools := v_opened.o_pool;
  v farebox.long_holds;
  x record;
BEGIN
  SELECT l.* INTO v FROM farebox.long_holds l
  WHERE l.account_no = p_account AND l.type_no = p_type AND l.hold_id = p_hold AND l.shard = p_shard FOR UPDATE;
  IF NOT FOUND THEN RETURN '{"outcome": "unknown"}'; END IF;
  IF v.state = 'settled' THEN
    RETURN jsonb_build_object('outcome', 'settled', 'seq', (
      SELECT p.seq FROM farebox.hold_parts p
      WHERE p.account_no = p_account AND p.type_no = p_type AND p.hold_id = p_hold AND p.part = '' AND p.shard = p_shard
    ));
  END IF;
  x := farebox.release_hold(v_pool, p_hold);
  v_pool := x.io_pool;
  PERFORM farebox.hold_under_cap(v_pool, v.key_no, -x.o_released);
  UPDATE farebox.long_holds l SET state = 'released', untold = l.untold OR (v.state = 'open' AND v.expires_at <= v_opened.o_now)
  WHERE l.account_no = p_account AND l.type_no = p_type AND l.hold_id = p_hold AND l.shard = p_shard;
  PERFORM farebox.write_export_pool(v_pool, v_opened.o_now);
  RETURN jsonb_build_object('outcome', 'released', 'freed', x.o_released);
END $function$;
COMMENT ON FUNCTION farebox.release_long_hold IS 'Called by instances. Ends a long hold; what its parts were charged stays charged.';

CREATE OR REPLACE FUNCTION farebox.release_pool_leases(p_shard smallint, p_instance integer, p_account integer, p_type smallint)
 RETURNS boolean
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
AS $function$
DECLARE
  c_keys CONSTANT integer := 2000;
  v_pool farebox.pools;
  v_place integer;
  v_now timestamptz;
  v_keys integer := 0;
  x record;
BEGIN
  PERFORM FROM farebox.lanes l WHERE l.instance_no = p_instance AND l.shard = p_shard AND l.state = 'dead';
  IF NOT FOUND THEN RETURN NULL; END IF;
  SELECT p.* INTO v_pool FROM farebox.pools p
  WHERE p.account_no = p_account AND p.type_no = p_type AND p.shard = p_shard FOR UPDATE;
  v_now := greatest(clock_timestamp(), v_pool.last_at);
  IF v_pool.next_event_at <= v_now THEN v_pool := farebox.roll(v_pool, v_now); END IF;
  v_place := array_position(v_pool.lease_owner, p_instance);
  IF v_place IS NOT NULL THEN
    v_pool.held := v_pool.held - v_pool.lease_amount[v_place];
    v_pool.lease_amount[v_place] := 0;
  END IF;
  FOR x IN
    SELECT k.key_no, k.amount FROM farebox.key_leases k
    WHERE k.account_no = p_account AND k.type_no = p_type AND k.instance_no = p_instance AND k.shard = p_shard
    ORDER BY k.key_no LIMIT c_keys
  LOOP
    v_keys := v_keys + 1;
    DELETE FROM farebox.key_leases k
    WHERE k.account_no = p_account AND k.type_no = p_type AND k.key_no = x.key_no AND k.instance_no = p_instance AND k.shard = p_shard;
    CONTINUE WHEN x.amount = 0;
    v_pool.held := v_pool.held - x.amount;
    UPDATE farebox.key_caps c SET held = c.held - x.amount
    WHERE c.account_no = p_account AND c.type_no = p_type AND c.key_no = x.key_no AND c.shard = p_shard;
  END LOOP;
  IF v_keys < c_keys THEN v_pool := farebox.without_lease(v_pool, p_instance); END IF;
  -- What expired while it was set aside goes now.
  IF v_pool.overdue > 0 THEN v_pool := farebox.roll(v_pool, v_now); END IF;
  PERFORM farebox.write_pool(v_pool);
  UPDATE farebox.pools p SET lease_owner = v_pool.lease_owner, lease_amount = v_pool.lease_amount
  WHERE p.account_no = p_account AND p.type_no = p_type AND p.shard = p_shard;
  IF v_keys = c_keys THEN RETURN true; END IF;
  -- The usage of what it charged may not be rolled up yet.
  PERFORM farebox.keep_in_sight(p_shard, p_account, p_type);
  DELETE FROM farebox.active_pools a
  WHERE a.shard = p_shard AND a.instance_no = p_instance AND a.account_no = p_account AND a.type_no = p_type;
  RETURN FOUND;
END $function$;
COMMENT ON FUNCTION farebox.release_pool_leases IS 'Called by instances that stop, and by release_stranded. Gives back what an instance without a live lane leased of one pool, its keys'' leases included.';

CREATE OR REPLACE FUNCTION farebox.release_stranded(p_shard smallint, p_instance integer, p_account integer, p_type smallint)
 RETURNS boolean
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
 SET lock_timeout TO '50ms'
AS $function$
BEGIN
  PERFORM FROM farebox.pools p
  WHERE p.account_no = p_account AND p.type_no = p_type AND p.shard = p_shard FOR UPDATE SKIP LOCKED;
  IF NOT FOUND THEN RETURN false; END IF;
  PERFORM FROM farebox.active_pools a
  WHERE a.shard = p_shard AND a.instance_no = p_instance AND a.account_no = p_account AND a.type_no = p_type;
  RETURN FOUND AND farebox.release_pool_leases(p_shard, p_instance, p_account, p_type);
END $function$;
COMMENT ON FUNCTION farebox.release_stranded IS 'Called by the sweep. Gives back what a dead instance leased of one pool, unless others have it locked.';

CREATE OR REPLACE FUNCTION farebox.render_balance(p roll_state, p_type text, p_plan text)
 RETURNS jsonb
 LANGUAGE plpgsql
 IMMUTABLE
AS $function$
DECLARE
  -- As a variable: a part of a parameter is copied for each look into it.
  v_grants farebox.open_grant[] := p.grants;
  v_rendered jsonb[] := '{}';
  g farebox.open_grant;
  k integer;
BEGIN
  FOREACH k IN ARRAY p.draw_order LOOP
    g := v_grants[k];
    v_rendered := v_rendered || jsonb_build_object('grantId', g.grant_id, 'amount', g.amount, 'remaining', g.remaining,
      'source', g.source, 'grantedAt', extract(epoch FROM g.effective_at) * 1000,
      'expiresAt', extract(epoch FROM g.expires_at) * 1000);
  END LOOP;
  RETURN jsonb_build_object('creditType', p_type, 'balance', (p.pool).balance, 'held', (p.pool).held, 'spent', (p.pool).spent,
    'grants', to_jsonb(v_rendered),
    'recurring', (
      SELECT jsonb_build_object('amount', r.amount, 'every', r.every,
        'startedAt', extract(epoch FROM farebox.period_start(r.anchor_at, r.every, r.next_period - 1)) * 1000,
        'nextAt', (SELECT extract(epoch FROM min(n.next_at)) * 1000 FROM unnest(p.recurring) n
          WHERE n.next_at < coalesce(n.until, 'infinity')),
        'rollover', CASE WHEN r.rollover = 'cap' THEN to_jsonb(r.rollover_cap) ELSE to_jsonb(r.rollover) END)
      FROM unnest(p.recurring) r WHERE r.item = p_plan
    ));
END $function$;
COMMENT ON FUNCTION farebox.render_balance IS 'Internal. A pool as its owner sees it.';

CREATE OR REPLACE FUNCTION farebox.render_hold_part(p_part hold_parts)
 RETURNS jsonb
 LANGUAGE plpgsql
 IMMUTABLE
AS $function$
BEGIN
  RETURN jsonb_build_object('outcome', 'told', 'kind', p_part.kind, 'seq', p_part.seq, 'charged', p_part.charged,
    'uncollected', p_part.uncollected, 'balance', p_part.balance_after, 'units', p_part.units);
END $function$;
COMMENT ON FUNCTION farebox.render_hold_part IS 'Internal. A settlement as its caller is told.';

CREATE OR REPLACE FUNCTION farebox.rest_pool(p_shard smallint, p_instance integer, p_account integer, p_type smallint)
 RETURNS boolean
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
AS $function$
DECLARE
  v_pool farebox.pools;
BEGIN
  SELECT p.* INTO v_pool FROM farebox.pools p
  WHERE p.account_no = p_account AND p.type_no = p_type AND p.shard = p_shard FOR UPDATE SKIP LOCKED;
  IF NOT FOUND OR v_pool.lease_amount[array_position(v_pool.lease_owner, p_instance)] > 0 THEN RETURN false; END IF;
  PERFORM FROM farebox.key_leases k
  WHERE k.account_no = p_account AND k.type_no = p_type AND k.instance_no = p_instance AND k.shard = p_shard AND k.amount > 0;
  IF FOUND THEN RETURN false; END IF;
  PERFORM FROM farebox.usage_rolled u
  WHERE u.account_no = p_account AND u.type_no = p_type AND u.shard = p_shard AND u.seq = v_pool.last_seq;
  IF NOT FOUND THEN RETURN false; END IF;
  v_pool := farebox.without_lease(v_pool, p_instance);
  UPDATE farebox.pools p SET lease_owner = v_pool.lease_owner, lease_amount = v_pool.lease_amount
  WHERE p.account_no = p_account AND p.type_no = p_type AND p.shard = p_shard;
  DELETE FROM farebox.key_leases k
  WHERE k.account_no = p_account AND k.type_no = p_type AND k.instance_no = p_instance AND k.shard = p_shard;
  DELETE FROM farebox.active_pools a
  WHERE a.shard = p_shard AND a.instance_no = p_instance AND a.account_no = p_account AND a.type_no = p_type;
  RETURN true;
END $function$;
COMMENT ON FUNCTION farebox.rest_pool IS 'Called by the sweep. Takes an instance out of a pool that it no longer uses, so that what is active stays a short list.';

CREATE OR REPLACE FUNCTION farebox.retry_export(p_shard smallint, p_export_id uuid, p_account integer, p_type smallint, p_max_open integer, p_max_kept integer)
 RETURNS jsonb
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
AS $function$
DECLARE
  v_now timestamptz;
  v farebox.exports;
  v_refusal jsonb;
  x record;
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended('farebox exports', p_account));
  -- Before its row: the pool.
  PERFORM FROM farebox.pools p WHERE p.account_no = p_account AND p.type_no = p_type AND p.shard = p_shard FOR UPDATE;
  SELECT o.* INTO v FROM farebox.exports o
  WHERE o.export_id = p_export_id AND o.account_no = p_account AND o.type_no = p_type AND o.shard = p_shard FOR UPDATE;
  IF v.state IS DISTINCT FROM 'failed' THEN RETURN '{"outcome": "not_failed"}'; END IF;
  v.retries := v.retries + 1;
  v_refusal := farebox.refuse_export(p_shard, p_export_id, p_account, v.request_hash, p_max_open, p_max_kept);
  IF v_refusal IS NULL AND v.charge_at = 'completion' AND v.price > 0 THEN
    SELECT h.* INTO x FROM farebox.hold_for_export(v, true) h;
    v := x.io_export; v_refusal := x.o_refusal;
  END IF;
  IF v_refusal IS NOT NULL THEN RETURN v_refusal; END IF;
  v_now := clock_timestamp();
  DELETE FROM farebox.export_parts p WHERE p.export_id = p_export_id AND p.shard = p_shard;
  UPDATE farebox.exports o SET state = 'queued', retries = v.retries, hold_id = v.hold_id, max_records = v.max_records,
    when_more = v.when_more, place = NULL, expected = NULL, records = 0, bytes = 0, source_bytes = 0, parts = 0, left_out = 0,
    attempts = 0, due_at = v_now, begun_at = v_now, clean_at = NULL, failure_code = NULL, failure = NULL, started_at = NULL,
    ended_at = NULL
  WHERE o.export_id = p_export_id AND o.shard = p_shard;
  RETURN '{"outcome": "queued"}';
END $function$;
COMMENT ON FUNCTION farebox.retry_export IS 'Called by instances. Begins a failed export again.';

CREATE OR REPLACE FUNCTION farebox.return_to_grants(INOUT io_pool pools, p_now timestamp with time zone, p_from_spent bigint, p_to_spent bigint, OUT o_homeless bigint)
 RETURNS record
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
AS $function$
DECLARE
  v_part bigint;
  v_until timestamptz;
  d record;
BEGIN
  o_homeless := 0;
  FOR d IN
    SELECT w.from_spent, w.to_spent, w.grant_id FROM farebox.draws w
    WHERE w.account_no = io_pool.account_no AND w.type_no = io_pool.type_no AND w.from_spent < p_to_spent AND w.shard = io_pool.shard
    ORDER BY w.from_spent DESC
  LOOP
    EXIT WHEN d.to_spent <= p_from_spent;
    v_part := least(d.to_spent, p_to_spent) - greatest(d.from_spent, p_from_spent);
    UPDATE farebox.grants g SET remaining = g.remaining + v_part, state = 'active'
    WHERE g.account_no = io_pool.account_no AND g.type_no = io_pool.type_no AND g.grant_id = d.grant_id AND g.shard = io_pool.shard
      AND (g.expires_at IS NULL OR g.expires_at > p_now)
    RETURNING g.expires_at INTO v_until;
    IF FOUND THEN
      io_pool.next_event_at := least(io_pool.next_event_at, v_until);
    ELSE
      o_homeless := o_homeless + v_part;
    END IF;
  END LOOP;
END $function$;
COMMENT ON FUNCTION farebox.return_to_grants IS 'Internal. Gives a range of the pool''s spending back to the grants that paid for it; o_homeless is what belongs to expired ones.';

CREATE OR REPLACE FUNCTION farebox.roll(INOUT io_pool pools, p_now timestamp with time zone)
 RETURNS pools
 LANGUAGE plpgsql
AS $function$
DECLARE
  -- A server's clock may step back; a pool's time does not.
  v CONSTANT farebox.roll_state := farebox.compute_roll(io_pool, greatest(p_now, io_pool.last_at));
BEGIN
  PERFORM farebox.write_roll(v);
  io_pool := v.pool;
END $function$;
COMMENT ON FUNCTION farebox.roll IS 'Internal. Brings a pool whose row is locked up to a moment, a thousand events at most, and returns what the caller then writes into its row.';

CREATE OR REPLACE FUNCTION farebox.roll_due_pool(p_shard smallint, p_account integer, p_type smallint)
 RETURNS boolean
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
 SET lock_timeout TO '50ms'
AS $function$
DECLARE
  v_now CONSTANT timestamptz := clock_timestamp();
BEGIN
  PERFORM FROM farebox.pools p
  WHERE p.account_no = p_account AND p.type_no = p_type AND p.shard = p_shard AND p.next_event_at <= v_now
  FOR UPDATE SKIP LOCKED;
  IF NOT FOUND THEN RETURN false; END IF;
  PERFORM farebox.roll_pool(p_shard, p_account, p_type);
  RETURN true;
END $function$;
COMMENT ON FUNCTION farebox.roll_due_pool IS 'Called by the sweep. Brings one pool up to now, unless others are at it.';

CREATE OR REPLACE FUNCTION farebox.roll_pool(p_shard smallint, p_account integer, p_type smallint)
 RETURNS void
 LANGUAGE plpgsql
AS $function$
BEGIN
  PERFORM farebox.open_pool(p_shard, p_account, p_type);
END $function$;
COMMENT ON FUNCTION farebox.roll_pool IS 'Internal. Brings one pool up to now, in a transaction of its own.';

CREATE OR REPLACE FUNCTION farebox.roll_pool_to(p_shard smallint, p_account integer, p_type smallint, p_now timestamp with time zone)
 RETURNS void
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
AS $function$
DECLARE
  v_pool farebox.pools;
BEGIN
  SELECT * INTO STRICT v_pool FROM farebox.pools p
  WHERE p.account_no = p_account AND p.type_no = p_type AND p.shard = p_shard FOR UPDATE;
  LOOP
    v_pool := farebox.roll(v_pool, p_now);
    EXIT WHEN v_pool.next_event_at > p_now;
  END LOOP;
  PERFORM farebox.write_pool(v_pool);
END $function$;
COMMENT ON FUNCTION farebox.roll_pool_to IS 'Internal. Brings a pool up to a moment, however long it slept.';

CREATE OR REPLACE FUNCTION farebox.roll_pools_to(p_shard smallint, p_account integer, p_types smallint[], p_now timestamp with time zone)
 RETURNS void
 LANGUAGE plpgsql
AS $function$
DECLARE
  v_type smallint;
BEGIN
  FOREACH v_type IN ARRAY p_types LOOP
    PERFORM farebox.roll_pool_to(p_shard, p_account, v_type, p_now);
  END LOOP;
END $function$;
COMMENT ON FUNCTION farebox.roll_pools_to IS 'Internal. Brings some pools of an account, which are locked, up to a moment.';

CREATE OR REPLACE FUNCTION farebox.roll_usage(p_shard smallint, p_account integer, p_type smallint, p_most integer)
 RETURNS integer
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
AS $function$
DECLARE
  v_rolled farebox.usage_rolled; v_last bigint; v_count integer; v_until timestamptz;
  v_quarter timestamptz[]; v_key integer[]; v_endpoint integer[];
  v_requests bigint[]; v_units bigint[]; v_credits bigint[]; v_refunded bigint[];
BEGIN
  -- Nearly always: nothing is locked, nothing is written.
  IF farebox.usage_behind(p_shard, p_account, p_type) <= 0 THEN RETURN 0; END IF;
  v_rolled := farebox.lock_rolled(p_shard, p_account, p_type);
  SELECT p.last_seq INTO v_last FROM farebox.pools p
  WHERE p.account_no = p_account AND p.type_no = p_type AND p.shard = p_shard;
  -- Another process holds the row, or has been here meanwhile.
  IF v_rolled.seq IS NULL OR v_last <= v_rolled.seq THEN RETURN 0; END IF;

  -- By the quarter of an hour of the charge: hours, days and the keys' windows are made of quarters. What is neither a charge
  -- nor a refund is a group without a time. Of two with one number the second is left out, for the audit to find.
  SELECT sum(g.entries), max(g.last_at), array_agg(g.quarter) FILTER (WHERE g.quarter IS NOT NULL),
    array_agg(g.key_no) FILTER (WHERE g.quarter IS NOT NULL), array_agg(g.endpoint_no) FILTER (WHERE g.quarter IS NOT NULL),
    array_agg(g.requests) FILTER (WHERE g.quarter IS NOT NULL), array_agg(g.units) FILTER (WHERE g.quarter IS NOT NULL),
    array_agg(g.credits) FILTER (WHERE g.quarter IS NOT NULL), array_agg(g.refunded) FILTER (WHERE g.quarter IS NOT NULL)
  INTO v_count, v_until, v_quarter, v_key, v_endpoint, v_requests, v_units, v_credits, v_refunded
  FROM (
    SELECT count(*) AS entries, max(q.at) AS last_at, date_bin(interval '15 minutes', q.used_at, timestamptz '2000-01-01Z') AS quarter,
      q.key_no, q.endpoint_no, count(*) FILTER (WHERE q.kind = 'c') AS requests,
      coalesce(sum(q.units) FILTER (WHERE q.kind = 'c'), 0)::bigint AS units,
      coalesce(-sum(q.amount) FILTER (WHERE q.kind = 'c'), 0)::bigint AS credits,
      coalesce(sum(q.amount) FILTER (WHERE q.kind = 'r'), 0)::bigint AS refunded
    FROM (
      SELECT e.*, row_number() OVER (ORDER BY e.seq) AS n, CASE WHEN e.kind = 'c' THEN e.at
        -- A charge has a lower number than its refund: it is rolled up already, or in this step.
        WHEN e.kind = 'r' THEN (SELECT c.at FROM farebox.entries c WHERE c.account_no = p_account AND c.type_no = p_type
          AND c.shard = p_shard AND c.seq = e.refund_of AND c.at <= e.at LIMIT 1) END AS used_at
      FROM (
        SELECT o.seq, o.at, o.kind, o.amount, o.units, o.key_no, o.endpoint_no, o.refund_of FROM farebox.entries o
        WHERE o.account_no = p_account AND o.type_no = p_type AND o.shard = p_shard AND o.seq > v_rolled.seq
          AND o.at >= v_rolled.at
        ORDER BY o.seq LIMIT p_most
      ) e
    ) q WHERE q.seq = v_rolled.seq + q.n
    GROUP BY 3, 4, 5
  ) g;
  IF v_count IS NULL THEN
    RAISE EXCEPTION 'entry % of pool (%, %) is missing: its usage cannot be rolled up', v_rolled.seq + 1, p_account, p_type
      USING ERRCODE = 'FB004';
  END IF;
  IF v_quarter IS NOT NULL THEN
    PERFORM farebox.add_usage(p_shard, p_account, p_type, v_quarter, v_key, v_endpoint, v_requests, v_units, v_credits, v_refunded);
    PERFORM farebox.add_key_spend(p_shard, p_account, p_type, v_quarter, v_key, v_credits, v_refunded);
  END IF;
  PERFORM farebox.add_month_sums(p_shard, p_account, p_type, v_rolled.seq, v_rolled.seq + v_count, v_rolled.at);
  UPDATE farebox.usage_rolled r SET seq = v_rolled.seq + v_count, at = v_until
  WHERE r.account_no = p_account AND r.type_no = p_type AND r.shard = p_shard;
  RETURN v_count;
END $function$;
COMMENT ON FUNCTION farebox.roll_usage IS 'Called by the background, one pool a transaction: sums the next entries behind the roll-up. Waits for nobody who uses the pool, and none of them for it.';

CREATE OR REPLACE FUNCTION farebox.run_batch(p_shard smallint, p_instance integer, p_number bigint, p_skip boolean, p_keep integer, p_batch jsonb)
 RETURNS text
 LANGUAGE plpgsql
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
 SET lock_timeout TO '50ms'
AS $function$
DECLARE
  v_lane farebox.lanes;
  v_pools farebox.pools[];
  v_answers text[] := '{}';
  v_reply text;
  v_now timestamptz;
BEGIN
  SELECT l.* INTO v_lane FROM farebox.lanes l
  WHERE l.instance_no = p_instance AND l.shard = p_shard AND l.nth = (p_number >> 40)::smallint FOR UPDATE;
  IF p_number = v_lane.last_batch THEN RETURN v_lane.reply; END IF;
  IF v_lane.state IS DISTINCT FROM 'live' THEN RETURN '{"s":"fenced"}'; END IF;
  IF p_number <> v_lane.last_batch + 1 THEN
    RAISE EXCEPTION 'batch % of instance % was sent after batch %', p_number, p_instance, v_lane.last_batch USING ERRCODE = 'FB002';
  END IF;
  v_pools := farebox.open_batch(p_shard, p_skip, p_batch);
  IF v_pools IS NULL THEN RETURN '{"s":"missing"}'; END IF;
  PERFORM farebox.lock_claims(p_shard, p_batch);
  FOR i IN 1..cardinality(v_pools) LOOP
    IF v_pools[i].account_no IS NULL THEN
      v_answers := v_answers || NULL::text;
    ELSE
      v_answers := v_answers || farebox.run_batch_pool(v_pools[i], p_instance, p_keep, p_batch -> (i - 1))::text;
    END IF;
  END LOOP;
  v_reply := '{"s":"done","pools":[' || array_to_string(v_answers, ',', 'null') || ']}';
  v_now := clock_timestamp();
  UPDATE farebox.lanes l SET last_batch = p_number, reply = v_reply, seen_at = v_now
  WHERE l.instance_no = p_instance AND l.shard = p_shard AND l.nth = v_lane.nth;
  RETURN v_reply;
END $function$;
COMMENT ON FUNCTION farebox.run_batch IS 'Called by instances: a batch of anything, in one transaction. Answers {"s": "done", "pools": […]}, null for a pool that was passed by; {"s": "missing"} or {"s": "fenced"} when nothing was done. FB002: not the lane''s next batch. 55P03: something stays locked.';

CREATE OR REPLACE FUNCTION farebox.run_batch_pool(p_pool pools, p_instance integer, p_keep integer, p_work jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
AS $function$
DECLARE
  -- After the lock, and never before the pool's last entry.
  v_now CONSTANT timestamptz := greatest(clock_timestamp(), p_pool.last_at);
  c_none CONSTANT jsonb[] := '{}';
  v_pool farebox.pools := p_pool;
  v_back record;
  v_charged record;
  v_aside record;
BEGIN
  IF v_pool.next_event_at <= v_now OR v_pool.overdue > 0 THEN v_pool := farebox.roll(v_pool, v_now); END IF;
  IF jsonb_array_length(p_work -> 'groups') + jsonb_array_length(p_work -> 'specials') + jsonb_array_length(p_work -> 'leases') > 0
  THEN
    v_pool := farebox.enter_pool(v_pool, p_instance);
  END IF;
  -- After the roll, which ends the holds that are over: next_event_at is never later than a live hold's expiry.
  v_back := farebox.take_back(v_pool, p_instance, p_work);
  v_charged := farebox.charge_pool(v_back.io_pool, p_instance, v_now, p_keep, p_work);
  v_pool := v_charged.io_pool;
  -- What this batch set free may have expired meanwhile; it must not be handed out below.
  IF v_pool.overdue > 0 THEN v_pool := farebox.roll(v_pool, v_now); END IF;
  v_aside := farebox.set_aside(v_pool, p_instance, v_now, p_work);
  v_pool := v_aside.io_pool;
  PERFORM farebox.write_batch_pool(v_pool);
  RETURN jsonb_build_object('released', coalesce(v_back.o_released, c_none), 'groups', coalesce(v_charged.o_groups, c_none),
    'specials', coalesce(v_charged.o_specials, c_none), 'leases', coalesce(v_aside.o_leases, c_none),
    'holds', coalesce(v_aside.o_holds, c_none), 'balance', v_pool.balance, 'available', v_pool.balance - v_pool.held);
END $function$;
COMMENT ON FUNCTION farebox.run_batch_pool IS 'Internal. One pool of a batch, from its lock to its write.';

CREATE OR REPLACE FUNCTION farebox.run_plain(p_shard smallint, p_instance integer, p_number bigint, p_account integer[], p_type smallint[], p_count integer[], p_last integer[], p_total bigint[], p_drawn bigint[], p_moved bigint[], c_pool integer[], c_key integer[], c_endpoint integer[], c_amount bigint[], c_rest bigint[], c_request uuid[], c_units integer[], c_status smallint[], c_list integer[])
 RETURNS text
 LANGUAGE plpgsql
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
 SET random_page_cost TO '0'
 SET lock_timeout TO '50ms'
AS $function$
DECLARE
  v_now CONSTANT timestamptz := clock_timestamp();
  -- Not empty: an empty array would begin with the first place that is written.
  v_seq bigint[] := '{NULL}'::bigint[]; v_balance bigint[] := '{NULL}'::bigint[]; v_spent bigint[] := '{NULL}'::bigint[];
  v_available bigint[] := '{NULL}'::bigint[]; v_at timestamptz[] := '{NULL}'::timestamptz[];
  v_next text;
  v_reply text;
  x record;
BEGIN
  FOR x IN
    UPDATE farebox.pools p
    SET balance = p.balance - u.total, spent = p.spent + u.total, last_seq = p.last_seq + p_count[u.i],
      -- The clock may have been set back, and may have run on while this statement waited for the row.
      last_at = greatest(p.last_at, v_now), held = p.held - u.moved,
      lease_amount[array_position(p.lease_owner, p_instance)] =
        p.lease_amount[array_position(p.lease_owner, p_instance)] - u.moved
    FROM unnest(p_account, p_type, p_total, p_moved) WITH ORDINALITY u(account, type, total, moved, i)
    WHERE p.account_no = u.account AND p.type_no = u.type AND p.shard = p_shard
      AND p.next_event_at > v_now AND p.overdue = 0 AND NOT p.capped
      AND p.lease_amount[array_position(p.lease_owner, p_instance)] >= p_drawn[u.i]
      AND p.balance - p.held >= 8 * (p_drawn[u.i] - u.moved) - (p_drawn[u.i] - u.total)
    RETURNING u.i, p.last_seq, p.balance, p.spent, p.balance - p.held AS available, p.last_at, p.next_event_at
  LOOP
    v_seq[x.i] := x.last_seq - p_last[x.i]; v_balance[x.i] := x.balance; v_spent[x.i] := x.spent;
    v_available[x.i] := x.available; v_at[x.i] := x.last_at;
    IF x.next_event_at < 'infinity' THEN
      IF p_drawn[x.i] > p_moved[x.i] THEN
        v_next := concat_ws(',', v_next, x.i, farebox.ms_until(x.next_event_at, v_now));
      END IF;
    END IF;
  END LOOP;
  INSERT INTO farebox.entries (account_no, type_no, shard, seq, at, amount, balance, spent, request, key_no, endpoint_no, units,
    price_list, status, kind)
  SELECT p_account[c.pool], p_type[c.pool], p_shard, v_seq[c.pool] + c.i, v_at[c.pool], -c_amount[c.i],
    v_balance[c.pool] + c_rest[c.i], v_spent[c.pool] - c_rest[c.i], c_request[c.i], c_key[c.i], c_endpoint[c.i], c_units[c.i],
    c_list[c.i], c_status[c.i], 'c'
  FROM unnest(c_pool) WITH ORDINALITY c(pool, i)
  WHERE v_seq[c.pool] IS NOT NULL;
  UPDATE farebox.lanes l
  SET last_batch = p_number, seen_at = v_now, reply = concat_ws(';', array_to_string(v_seq, ',', ''),
    array_to_string(v_balance, ',', ''), array_to_string(v_available, ',', ''), v_next)
  WHERE l.instance_no = p_instance AND l.shard = p_shard AND l.last_batch = p_number - 1 AND l.state = 'live'
  RETURNING l.reply INTO v_reply;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'batch % is not the next one of instance %', p_number, p_instance USING ERRCODE = 'FB002';
  END IF;
  RETURN v_reply;
END $function$;
COMMENT ON FUNCTION farebox.run_plain IS 'Called by instances: a batch of plain charges, returns and leases. What it cannot do it leaves, and says so. Answers four lists parted by '';'', with a place for each pool: the number of its last entry less p_last, its balance, what is available; and pairs of a pool newly leased from and the milliseconds until something is due on it. FB002: not the lane''s next batch. 55P03: a pool stays locked.';

CREATE OR REPLACE FUNCTION farebox.seqs_between(p_shard smallint, p_account integer, p_type smallint, p_from timestamp with time zone, p_until timestamp with time zone)
 RETURNS bigint[]
 LANGUAGE plpgsql
 STABLE
AS $function$
BEGIN
  RETURN ARRAY[farebox.first_seq_at(p_shard, p_account, p_type, p_from), farebox.first_seq_at(p_shard, p_account, p_type, p_until)];
END $function$;
COMMENT ON FUNCTION farebox.seqs_between IS 'The numbers of a pool''s entries in [p_from, p_until): from the first on, before the second.';

CREATE OR REPLACE FUNCTION farebox.set_aside(INOUT io_pool pools, p_instance integer, p_now timestamp with time zone, p_work jsonb, OUT o_leases jsonb[], OUT o_holds jsonb[])
 RETURNS record
 LANGUAGE plpgsql
AS $function$
DECLARE
  v_leases CONSTANT jsonb := p_work -> 'leases';
  v_holds CONSTANT jsonb := p_work -> 'holds';
  v_refused integer[] := '{}';
  v_keys integer[];
  v_recalled jsonb;
  v_one record;
  v jsonb;
  k integer;
BEGIN
  FOR i IN 0..jsonb_array_length(v_leases) - 1 LOOP
    v := v_leases -> i;
    v_one := farebox.try_lease(io_pool, p_instance, p_now, (v ->> 0)::integer, (v ->> 1)::bigint, (v ->> 2)::bigint);
    io_pool := v_one.io_pool;
    o_leases := o_leases || v_one.o_answer;
    IF v_one.o_answer ->> 7 IS NULL THEN
      v_refused := v_refused || (i + 1);
      v_keys := v_keys || (v ->> 0)::integer;
    END IF;
  END LOOP;
  IF v_refused <> '{}' THEN
    v_recalled := to_jsonb(farebox.recall_others(io_pool, p_instance,
      CASE WHEN v_keys <@ v_keys[1:1] THEN v_keys[1] END, false));
    FOREACH k IN ARRAY v_refused LOOP o_leases[k] := jsonb_set(o_leases[k], '{7}', v_recalled); END LOOP;
  END IF;
  FOR i IN 0..jsonb_array_length(v_holds) - 1 LOOP
    v := v_holds -> i;
    v_one := farebox.hold_credits(io_pool, p_instance, p_now, v ->> 0, (v ->> 1)::bigint, (v ->> 2)::integer);
    io_pool := v_one.io_pool;
    o_holds := o_holds || v_one.o_answer;
  END LOOP;
END $function$;
COMMENT ON FUNCTION farebox.set_aside IS 'Internal. The leases and holds of one pool of a batch.';

CREATE OR REPLACE FUNCTION farebox.set_key_caps(p_shard smallint, p_account integer, p_keys integer[], p_source text, p_caps jsonb)
 RETURNS void
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
AS $function$
DECLARE
  v_types CONSTANT smallint[] := ARRAY(
    SELECT (i.value ->> 'type')::smallint FROM jsonb_array_elements(p_caps) i
    UNION SELECT c.type_no FROM farebox.key_caps c
    WHERE c.account_no = p_account AND c.shard = p_shard AND c.key_no = ANY (p_keys)
    ORDER BY 1
  );
  v_now timestamptz[] := '{}';
  v_keys integer[];
  v_type smallint;
  v_pool farebox.pools;
BEGIN
  -- All pools before anything is decided, in the order of their keys.
  FOREACH v_type IN ARRAY v_types LOOP
    v_now := v_now || (farebox.open_pool(p_shard, p_account, v_type)).o_now;
  END LOOP;
  v_keys := ARRAY(
    SELECT k.no FROM unnest(p_keys) k(no)
    EXCEPT SELECT c.key_no FROM farebox.key_caps c
    WHERE c.account_no = p_account AND c.type_no = ANY (v_types) AND c.key_no = ANY (p_keys) AND c.shard = p_shard
      AND c.source = 'key' AND p_source = 'plan'
  );
  FOR k IN 1..cardinality(v_types) LOOP
    SELECT * INTO v_pool FROM farebox.pools p
    WHERE p.account_no = p_account AND p.type_no = v_types[k] AND p.shard = p_shard;
    PERFORM farebox.write_key_caps(v_pool, v_now[k], v_keys, p_source, (
      SELECT i.value FROM jsonb_array_elements(p_caps) i WHERE (i.value ->> 'type')::smallint = v_types[k]
    ));
    UPDATE farebox.pools p SET capped = NOT p.capped
    WHERE p.account_no = p_account AND p.type_no = v_types[k] AND p.shard = p_shard AND p.capped <> EXISTS (
      SELECT FROM farebox.key_caps c WHERE c.account_no = p_account AND c.type_no = v_types[k] AND c.shard = p_shard
    );
  END LOOP;
END $function$;
COMMENT ON FUNCTION farebox.set_key_caps IS 'Called by instances. Gives keys of one account their caps, the only ones that they have from now on.';

CREATE OR REPLACE FUNCTION farebox.settle_batch(p_shard smallint, p_instance integer, p_number bigint)
 RETURNS text
 LANGUAGE plpgsql
AS $function$
DECLARE
  v_lane farebox.lanes;
BEGIN
  SELECT l.* INTO v_lane FROM farebox.lanes l
  WHERE l.instance_no = p_instance AND l.shard = p_shard AND l.nth = (p_number >> 40)::smallint;
  IF v_lane.last_batch = p_number THEN RETURN v_lane.reply; END IF;
  SELECT l.* INTO v_lane FROM farebox.lanes l
  WHERE l.instance_no = p_instance AND l.shard = p_shard AND l.nth = (p_number >> 40)::smallint FOR UPDATE;
  IF v_lane.last_batch = p_number THEN RETURN v_lane.reply; END IF;
  IF v_lane.state IS DISTINCT FROM 'live' THEN RETURN '{"s":"fenced"}'; END IF;
  IF v_lane.last_batch > p_number THEN
    RAISE EXCEPTION 'batch % of instance % was sent after batch %', p_number, p_instance, v_lane.last_batch
      USING ERRCODE = 'FB002';
  END IF;
  UPDATE farebox.lanes l SET last_batch = p_number, reply = '{"s":"void"}'
  WHERE l.instance_no = p_instance AND l.shard = p_shard AND l.nth = v_lane.nth;
  RETURN '{"s":"void"}';
END $function$;
COMMENT ON FUNCTION farebox.settle_batch IS 'Called by instances: makes an unknown outcome known, without running the batch.';

CREATE OR REPLACE FUNCTION farebox.settle_long_hold(p_shard smallint, p_account integer, p_type smallint, p_hold text, p_part text, p_content bytea, p_special jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
AS $function$
DECLARE
  v_opened CONSTANT record := farebox.open_pool(p_shard, p_account, p_type);
  v_now CONSTANT timestamptz := v_opened.o_now;
  v farebox.long_holds;
  v_part farebox.hold_parts;
  x record;
BEGIN
  SELECT l.* INTO v FROM farebox.long_holds l
  WHERE l.account_no = p_account AND l.type_no = p_type AND l.hold_id = p_hold AND l.shard = p_shard FOR UPDATE;
  IF NOT FOUND THEN RETURN '{"outcome": "unknown"}'; END IF;
  SELECT p.* INTO v_part FROM farebox.hold_parts p
  WHERE p.account_no = p_account AND p.type_no = p_type AND p.hold_id = p_hold AND p.part = p_part AND p.shard = p_shard;
  IF FOUND THEN
    RETURN CASE WHEN v_part.content = p_content THEN farebox.render_hold_part(v_part) || '{"again": true}'
      ELSE '{"outcome": "conflict"}' END;
  END IF;
  IF v.state IN ('settled', 'released') THEN RETURN jsonb_build_object('outcome', v.state); END IF;
  IF v.expires_at < v_now - interval '1 hour' THEN RETURN '{"outcome": "expired"}'; END IF;
  IF v.parts > 0 AND p_special ? 'alone' THEN RETURN '{"outcome": "alone"}'; END IF;
  IF v.parts >= 10000 AND p_part <> '' THEN RETURN '{"outcome": "full"}'; END IF;
  PERFORM farebox.lock_claims(p_shard,
    jsonb_build_array(jsonb_build_object('account', p_account, 'specials', jsonb_build_array(p_special))));
  v_part := ROW(p_account, p_type, p_hold, p_part, p_shard, p_content, 'free', NULL, 0, 0, 0, 0, v_now);
  x := farebox.charge_long_hold(v_opened.o_pool, v, v_now, p_special, v_part);
  IF x.o_short IS NOT NULL THEN RETURN jsonb_build_object('outcome', 'short', 'shortage', x.o_short); END IF;
  v_part := x.io_part;
  INSERT INTO farebox.hold_parts (account_no, type_no, hold_id, part, shard, content, kind, seq, charged, uncollected, balance_after,
    units, at)
  VALUES (p_account, p_type, p_hold, p_part, p_shard, p_content, v_part.kind, v_part.seq, v_part.charged, v_part.uncollected,
    v_part.balance_after, v_part.units, v_now);
  UPDATE farebox.long_holds l SET parts = v.parts + 1, charged = v.charged + v_part.charged,
    state = CASE WHEN p_part = '' THEN 'settled' ELSE v.state END,
    untold = p_part = '' AND v.state = 'open' AND v.expires_at <= v_now
  WHERE l.account_no = p_account AND l.type_no = p_type AND l.hold_id = p_hold AND l.shard = p_shard;
  PERFORM farebox.write_export_pool(x.io_pool, v_now);
  RETURN farebox.render_hold_part(v_part);
END $function$;
COMMENT ON FUNCTION farebox.settle_long_hold IS 'Called by instances. Charges a part of a long hold, or the rest of it, once.';

CREATE OR REPLACE FUNCTION farebox.share_limits(p_shard smallint, p_owner text, p_asks jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
AS $function$
DECLARE
  v_now CONSTANT timestamptz := clock_timestamp();
  v_answers jsonb[] := array_fill(NULL::jsonb, ARRAY[jsonb_array_length(p_asks)]);
  v_row farebox.limit_places;
  v_owners text[];
  v_places bigint[];
  v_untils timestamptz[];
  v_others bigint;
  v_left bigint;
  v_granted bigint;
  v_until timestamptz;
  x record;
BEGIN
  FOR x IN
    SELECT a.ask ->> 0 AS subject, a.ask ->> 1 AS rule, (a.ask ->> 2)::bigint AS most, (a.ask ->> 3)::integer AS seconds,
      (a.ask ->> 4)::bigint AS have, (a.ask ->> 5)::bigint AS want, a.place
    FROM jsonb_array_elements(p_asks) WITH ORDINALITY a (ask, place) ORDER BY (a.ask ->> 0) COLLATE "C", (a.ask ->> 1) COLLATE "C"
  LOOP
    INSERT INTO farebox.limit_places (subject, rule, shard, until) VALUES (x.subject, x.rule, p_shard, v_now)
    ON CONFLICT DO NOTHING;
    SELECT l.* INTO v_row FROM farebox.limit_places l
    WHERE l.subject = x.subject AND l.rule = x.rule AND l.shard = p_shard FOR UPDATE SKIP LOCKED;
    IF NOT FOUND THEN CONTINUE; END IF;
    v_owners := '{}'; v_places := '{}'; v_untils := '{}'; v_others := 0;
    FOR i IN 1 .. cardinality(v_row.owners) LOOP
      IF v_row.owners[i] <> p_owner AND v_row.untils[i] > v_now THEN
        v_owners := v_owners || v_row.owners[i];
        v_places := v_places || v_row.places[i];
        v_untils := v_untils || v_row.untils[i];
        v_others := v_others + v_row.places[i];
      END IF;
    END LOOP;
    v_left := greatest(0, x.most - v_others - x.have);
    v_granted := least(x.want, v_left);
    IF x.have + v_granted > 0 THEN
      v_owners := v_owners || p_owner;
      v_places := v_places || (x.have + v_granted);
      v_untils := v_untils || (v_now + make_interval(secs => x.seconds));
    END IF;
    IF cardinality(v_owners) = 0 THEN
      DELETE FROM farebox.limit_places l WHERE l.subject = x.subject AND l.rule = x.rule AND l.shard = p_shard;
    ELSE
      v_until := (SELECT max(u) FROM unnest(v_untils) u);
      UPDATE farebox.limit_places l SET owners = v_owners, places = v_places, untils = v_untils, until = v_until
      WHERE l.subject = x.subject AND l.rule = x.rule AND l.shard = p_shard;
    END IF;
    v_answers[x.place] := jsonb_build_array(v_granted, v_left - v_granted);
  END LOOP;
  RETURN jsonb_build_object('answers', to_jsonb(v_answers), 'instances', (
    SELECT count(*) FROM farebox.lanes l WHERE l.shard = p_shard AND l.nth = 0 AND l.state = 'live'));
END $function$;
COMMENT ON FUNCTION farebox.share_limits IS 'Called by instances. Says what an instance keeps of request limits and gives it more of them, as far as the others have left some.';

CREATE OR REPLACE FUNCTION farebox.spend_under_cap(p_pool pools, p_key integer, p_amount bigint, p_now timestamp with time zone)
 RETURNS void
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
AS $function$
DECLARE
  v_day CONSTANT timestamptz := date_trunc('day', p_now, 'UTC');
  v_month CONSTANT timestamptz := date_trunc('month', p_now, 'UTC');
BEGIN
  IF NOT p_pool.capped THEN RETURN; END IF;
  UPDATE farebox.key_caps c SET day = greatest(c.day, v_day), day_spent = farebox.spent_in(c.day, c.day_spent, v_day) + p_amount,
    month = greatest(c.month, v_month), month_spent = farebox.spent_in(c.month, c.month_spent, v_month) + p_amount,
    total_spent = c.total_spent + p_amount
  WHERE c.account_no = p_pool.account_no AND c.type_no = p_pool.type_no AND c.key_no = p_key AND c.shard = p_pool.shard;
END $function$;
COMMENT ON FUNCTION farebox.spend_under_cap IS 'Internal. Counts what a key has spent, if it has caps.';

CREATE OR REPLACE FUNCTION farebox.spent_in(p_window timestamp with time zone, p_spent bigint, p_start timestamp with time zone)
 RETURNS bigint
 LANGUAGE sql
 IMMUTABLE
RETURN CASE WHEN (p_window < p_start) THEN (0)::bigint ELSE p_spent END;
COMMENT ON FUNCTION farebox.spent_in IS 'Internal. What is spent in the window that began at p_start, when p_spent was counted in p_window: one that has ended counts nothing.';

CREATE OR REPLACE FUNCTION farebox.sum_balances(p_shard smallint, p_account_ids text[])
 RETURNS jsonb
 LANGUAGE plpgsql
 STABLE
 SET enable_seqscan TO 'off'
AS $function$
DECLARE
  v_now CONSTANT timestamptz := clock_timestamp();
  v_id text;
  v_account integer;
  v_type text;
  v_pool farebox.pools;
  v_balances jsonb[] := '{}';
BEGIN
  FOREACH v_id IN ARRAY p_account_ids LOOP
    SELECT a.account_no INTO v_account FROM farebox.accounts a WHERE a.account_id = v_id;
    FOR v_pool IN
      SELECT p.* FROM farebox.pools p WHERE p.account_no = v_account AND p.shard = p_shard ORDER BY p.type_no
    LOOP
      IF v_pool.next_event_at <= v_now OR v_pool.overdue > 0 THEN
        v_pool := (farebox.compute_roll(v_pool, greatest(v_now, v_pool.last_at))).pool;
      END IF;
      SELECT t.credit_type INTO v_type FROM farebox.credit_types t WHERE t.type_no = v_pool.type_no;
      v_balances := v_balances || jsonb_build_array(v_id, v_type, v_pool.balance, v_pool.held);
    END LOOP;
  END LOOP;
  RETURN to_jsonb(v_balances);
END $function$;
COMMENT ON FUNCTION farebox.sum_balances IS 'Called by instances. [account, credit type, balance, held] of all pools of some accounts as of now; nothing is written.';

CREATE OR REPLACE FUNCTION farebox.sum_key_spend(p_shard smallint, p_account integer, p_type smallint, p_keys integer[], p_day timestamp with time zone, p_month timestamp with time zone)
 RETURNS TABLE(key_no integer, day_spent bigint, month_spent bigint, total_spent bigint)
 LANGUAGE plpgsql
 STABLE
 SET enable_seqscan TO 'off'
AS $function$
BEGIN
  RETURN QUERY
  SELECT s.key_no, greatest(0, sum(s.day))::bigint, greatest(0, sum(s.month))::bigint, greatest(0, sum(s.total))::bigint
  FROM (
    SELECT k.key_no, CASE WHEN k.day = p_day THEN k.day_spent ELSE 0 END AS day,
      CASE WHEN k.month = p_month THEN k.month_spent ELSE 0 END AS month, k.total_spent AS total
    FROM farebox.key_spend k
    WHERE k.account_no = p_account AND k.type_no = p_type AND k.shard = p_shard AND k.key_no = ANY (p_keys)
    UNION ALL
    SELECT e.key_no, CASE WHEN c.at >= p_day THEN -e.amount ELSE 0 END,
      CASE WHEN c.at >= p_month THEN -e.amount ELSE 0 END, -e.amount
    FROM farebox.entries e, LATERAL (
      SELECT CASE WHEN e.kind = 'c' THEN e.at ELSE (
        SELECT o.at FROM farebox.entries o
        WHERE o.account_no = p_account AND o.type_no = p_type AND o.shard = p_shard AND o.seq = e.refund_of
          AND o.at <= e.at LIMIT 1
      ) END AS at
    ) c
    WHERE e.account_no = p_account AND e.type_no = p_type AND e.shard = p_shard
      AND e.seq > coalesce((
        SELECT r.seq FROM farebox.usage_rolled r
        WHERE r.account_no = p_account AND r.type_no = p_type AND r.shard = p_shard
      ), 0)
      -- Partitions of earlier months are not looked at.
      AND e.at >= coalesce((
        SELECT r.at FROM farebox.usage_rolled r
        WHERE r.account_no = p_account AND r.type_no = p_type AND r.shard = p_shard
      ), '-infinity')
      AND e.kind IN ('c', 'r') AND e.key_no = ANY (p_keys)
  ) s GROUP BY s.key_no;
END $function$;
COMMENT ON FUNCTION farebox.sum_key_spend IS 'Internal. What keys have spent by now: the roll-up, and the entries behind it.';

CREATE OR REPLACE FUNCTION farebox.sum_months(p_shard smallint, p_account integer, p_type smallint, p_after bigint, p_last bigint, p_at timestamp with time zone)
 RETURNS SETOF month_sums
 LANGUAGE plpgsql
 STABLE
 SET enable_seqscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
AS $function$
BEGIN
  RETURN QUERY SELECT p_type, date_trunc('month', e.at, 'UTC'), (p_account % 8)::smallint, p_shard,
    count(*) FILTER (WHERE e.kind = 'c'), coalesce(-sum(e.amount) FILTER (WHERE e.kind = 'c'), 0)::bigint,
    coalesce(sum(e.uncollected) FILTER (WHERE e.kind = 'c'), 0)::bigint, coalesce(sum(e.amount) FILTER (WHERE e.kind = 'r'), 0)::bigint,
    coalesce(-sum(e.amount) FILTER (WHERE e.kind = 'x'), 0)::bigint, coalesce(sum(e.amount) FILTER (WHERE e.kind = 'a'), 0)::bigint,
    coalesce(sum(e.amount) FILTER (WHERE e.kind = 'g' AND g.source = 'recurring'), 0)::bigint,
    coalesce(sum(e.amount) FILTER (WHERE e.kind = 'g' AND g.source = 'promo'), 0)::bigint,
    -- All other grants, so that nothing is in no sum.
    coalesce(sum(e.amount) FILTER (WHERE e.kind = 'g' AND g.source IS DISTINCT FROM 'recurring' AND g.source IS DISTINCT FROM 'promo'), 0)::bigint
  FROM (
    SELECT o.at, o.kind, o.amount, o.uncollected, o.grant_id FROM farebox.entries o
    WHERE o.account_no = p_account AND o.type_no = p_type AND o.shard = p_shard AND o.seq > p_after AND o.seq <= p_last
      AND o.at >= p_at
    OFFSET 0
  ) e
  LEFT JOIN LATERAL (
    SELECT s.source FROM farebox.grants s
    WHERE s.account_no = p_account AND s.type_no = p_type AND s.grant_id = e.grant_id AND s.shard = p_shard LIMIT 1
  ) g ON e.kind = 'g'
  GROUP BY 2;
END $function$;
COMMENT ON FUNCTION farebox.sum_months IS 'Internal. A range of a pool''s entries, summed by month.';

CREATE OR REPLACE FUNCTION farebox.take_back(INOUT io_pool pools, p_instance integer, p_work jsonb, OUT o_released jsonb[])
 RETURNS record
 LANGUAGE plpgsql
AS $function$
DECLARE
  v_backs CONSTANT jsonb := p_work -> 'backs';
  v_releases CONSTANT jsonb := p_work -> 'releases';
  v_key integer;
  v_one record;
BEGIN
  FOR i IN 0..jsonb_array_length(v_backs) - 1 LOOP
    v_key := (v_backs #>> ARRAY[i::text, '0'])::integer;
    io_pool := farebox.change_lease(io_pool, p_instance, v_key,
      -least((v_backs #>> ARRAY[i::text, '1'])::bigint, farebox.lease_of(io_pool, p_instance, v_key)));
  END LOOP;
  FOR i IN 0..jsonb_array_length(v_releases) - 1 LOOP
    v_one := farebox.release_hold(io_pool, v_releases ->> i);
    io_pool := v_one.io_pool;
    o_released := o_released || to_jsonb(v_one.o_released);
  END LOOP;
END $function$;
COMMENT ON FUNCTION farebox.take_back IS 'Internal. The returns and releases of one pool of a batch.';

CREATE OR REPLACE FUNCTION farebox.take_charge(INOUT io_pool pools, p_instance integer, p_now timestamp with time zone, p_special jsonb, p_set_aside bigint, OUT o_charged bigint, OUT o_seq bigint)
 RETURNS record
 LANGUAGE plpgsql
AS $function$
DECLARE
  v_charge CONSTANT jsonb := p_special -> 'charge';
  v_amount CONSTANT bigint := (v_charge ->> 2)::bigint;
  v_most CONSTANT bigint := least(v_amount, (p_special ->> 'most')::bigint);
  v_take CONSTANT bigint := least(v_most, p_set_aside);
  v_rest bigint;
  v_cap farebox.key_caps;
BEGIN
  IF (p_special ->> 'lease')::boolean THEN
    io_pool := farebox.change_lease(io_pool, p_instance, (p_special ->> 'key')::integer, -v_take);
  ELSE
    -- A client's hold ends here whole; what it does not need is free again.
    io_pool.held := io_pool.held - p_set_aside;
  END IF;
  v_rest := least(v_most - v_take, io_pool.balance - io_pool.held - v_take);
  v_cap := farebox.find_cap(io_pool, (v_charge ->> 0)::integer, p_now);
  IF v_cap.account_no IS NOT NULL THEN
    v_rest := least(v_rest, greatest(0, farebox.cap_left(v_cap) - v_cap.held - v_take));
  END IF;
  o_charged := v_take + v_rest;
  io_pool.balance := io_pool.balance - o_charged;
  io_pool.spent := io_pool.spent + o_charged;
  IF v_amount = 0 THEN RETURN; END IF;
  PERFORM farebox.spend_under_cap(io_pool, (v_charge ->> 0)::integer, o_charged, p_now);
  io_pool.uncollected := io_pool.uncollected + v_amount - o_charged;
  io_pool.last_seq := io_pool.last_seq + 1;
  io_pool.last_at := p_now;
  o_seq := io_pool.last_seq;
  INSERT INTO farebox.entries (account_no, type_no, shard, seq, at, amount, balance, spent, request, key_no, endpoint_no, units,
    price_list, status, kind, uncollected, measured)
  VALUES (io_pool.account_no, io_pool.type_no, io_pool.shard, o_seq, p_now, -o_charged, io_pool.balance, io_pool.spent,
    (v_charge ->> 6)::uuid, (v_charge ->> 0)::integer, (v_charge ->> 1)::integer, (v_charge ->> 3)::integer,
    (v_charge ->> 5)::integer, (v_charge ->> 4)::smallint, 'c', nullif(v_amount - o_charged, 0),
    p_special -> 'told');
END $function$;
COMMENT ON FUNCTION farebox.take_charge IS 'Internal. One charge, from what is set aside and from the pool.';

CREATE OR REPLACE FUNCTION farebox.take_from_grants(INOUT io_pool pools, p_amount bigint)
 RETURNS pools
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
AS $function$
DECLARE
  v_left bigint := p_amount;
  v_take bigint;
  v_overdue bigint;
  d record;
BEGIN
  FOR d IN
    SELECT g.grant_id, g.remaining, g.overdue FROM farebox.grants g
    WHERE g.account_no = io_pool.account_no AND g.type_no = io_pool.type_no AND g.shard = io_pool.shard AND g.state <> 'ended'
      AND g.state = 'active'
    ORDER BY g.priority, g.expires_at NULLS LAST, g.effective_at, g.grant_id
  LOOP
    EXIT WHEN v_left = 0;
    v_take := least(v_left, d.remaining);
    v_overdue := least(v_take, d.overdue);
    UPDATE farebox.grants g SET remaining = d.remaining - v_take, overdue = d.overdue - v_overdue,
      state = CASE WHEN d.remaining = v_take THEN 'ended' ELSE 'active' END
    WHERE g.account_no = io_pool.account_no AND g.type_no = io_pool.type_no AND g.grant_id = d.grant_id
      AND g.shard = io_pool.shard;
    io_pool.overdue := io_pool.overdue - v_overdue;
    v_left := v_left - v_take;
  END LOOP;
END $function$;
COMMENT ON FUNCTION farebox.take_from_grants IS 'Internal. Takes credits from the grants of a pool that is open, as a charge would.';

CREATE OR REPLACE FUNCTION farebox.tell_expired_holds(p_shard smallint, p_limit integer)
 RETURNS jsonb
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
AS $function$
DECLARE
  v_now CONSTANT timestamptz := clock_timestamp();
  v_told jsonb := '[]';
  x record;
BEGIN
  FOR x IN
    SELECT l.* FROM farebox.long_holds l
    WHERE (l.state = 'open' OR l.untold) AND l.expires_at <= v_now AND l.shard = p_shard ORDER BY l.expires_at LIMIT p_limit FOR UPDATE SKIP LOCKED
  LOOP
    UPDATE farebox.long_holds l SET state = CASE WHEN l.state = 'open' THEN 'expired' ELSE l.state END, untold = false
    WHERE l.account_no = x.account_no AND l.type_no = x.type_no AND l.hold_id = x.hold_id AND l.shard = p_shard;
    v_told := v_told || (
      SELECT jsonb_build_object('requestId', x.request, 'accountId', a.account_id, 'endpoint', e.endpoint, 'asked', x.asked,
        'charged', x.charged, 'parts', x.parts)
      FROM farebox.accounts a JOIN farebox.endpoints e ON e.endpoint_no = x.endpoint_no WHERE a.account_no = x.account_no
    );
  END LOOP;
  RETURN v_told;
END $function$;
COMMENT ON FUNCTION farebox.tell_expired_holds IS 'Called by the sweep. Long holds that have expired since it last looked.';

CREATE OR REPLACE FUNCTION farebox.try_lease(INOUT io_pool pools, p_instance integer, p_now timestamp with time zone, p_key integer, p_need bigint, p_want bigint, OUT o_answer jsonb)
 RETURNS record
 LANGUAGE plpgsql
AS $function$
DECLARE
  v_cap CONSTANT farebox.key_caps := farebox.find_cap(io_pool, p_key, p_now);
  v_left CONSTANT bigint := farebox.cap_left(v_cap);
  v_window integer := 0;
  v_available bigint := io_pool.balance - io_pool.held;
  v_granted bigint := 0;
  v_recalled boolean := false;
BEGIN
  IF v_left - v_cap.held < v_available THEN
    v_available := greatest(0, v_left - v_cap.held);
    v_window := CASE v_left WHEN v_cap.total_cap - v_cap.total_spent THEN 3 WHEN v_cap.month_cap - v_cap.month_spent THEN 2 ELSE 1 END;
  END IF;
  IF v_available < p_need THEN
    v_recalled := CASE WHEN v_window > 0 THEN farebox.recall_others(io_pool, p_instance, p_key, true) END;
  ELSE
    -- At most an eighth beyond the need, so that the end of a pool, or of a cap, is not stranded in the lease of one instance.
    v_granted := greatest(p_need, least(p_want, v_available / 8));
    io_pool := farebox.change_lease(io_pool, p_instance, p_key, v_granted);
  END IF;
  o_answer := jsonb_build_array(v_granted, v_available - v_granted, io_pool.balance, farebox.ms_until(io_pool.next_event_at, p_now),
    v_window,
    CASE v_window WHEN 1 THEN v_cap.day_cap WHEN 2 THEN v_cap.month_cap WHEN 3 THEN v_cap.total_cap END,
    CASE v_window WHEN 1 THEN ceil(extract(epoch FROM v_cap.day + interval '24 hours' - p_now) * 1000)
      WHEN 2 THEN ceil(extract(epoch FROM farebox.period_start(v_cap.month, 'month', 1) - p_now) * 1000) END,
    v_recalled);
END $function$;
COMMENT ON FUNCTION farebox.try_lease IS 'Internal. Enlarges a lease by what is needed, in full or not at all; whether the pool''s other leases are recalled is the caller''s.';

CREATE OR REPLACE FUNCTION farebox.uncovered_overdue(p_grants open_grant[], p_order integer[], p_held bigint, p_overdue bigint)
 RETURNS part_of_grant[]
 LANGUAGE plpgsql
 IMMUTABLE
AS $function$
DECLARE
  v_parts farebox.part_of_grant[] := '{}';
  v_cover bigint := p_held;
  v_left bigint := p_overdue;
  v_take bigint;
  g farebox.open_grant;
  k integer;
BEGIN
  FOREACH k IN ARRAY p_order LOOP
    EXIT WHEN v_left = 0;
    g := p_grants[k];
    v_take := least(g.overdue, greatest(0, g.remaining - v_cover));
    v_cover := greatest(0, v_cover - g.remaining);
    v_left := v_left - g.overdue;
    IF v_take > 0 THEN v_parts := v_parts || ROW(k, v_take)::farebox.part_of_grant; END IF;
  END LOOP;
  RETURN v_parts;
END $function$;
COMMENT ON FUNCTION farebox.uncovered_overdue IS 'Internal. What of the overdue parts of grants no hold covers: it goes now.';

CREATE OR REPLACE FUNCTION farebox.usage_behind(p_shard smallint, p_account integer, p_type smallint)
 RETURNS bigint
 LANGUAGE plpgsql
 STABLE
 SET enable_seqscan TO 'off'
AS $function$
BEGIN
  RETURN coalesce((SELECT p.last_seq FROM farebox.pools p
      WHERE p.account_no = p_account AND p.type_no = p_type AND p.shard = p_shard), 0)
    - coalesce((SELECT r.seq FROM farebox.usage_rolled r
      WHERE r.account_no = p_account AND r.type_no = p_type AND r.shard = p_shard), 0);
END $function$;
COMMENT ON FUNCTION farebox.usage_behind IS 'How many entries of a pool are not rolled up. Locks nothing.';

CREATE OR REPLACE FUNCTION farebox.withdraw_plan(p_shard smallint, p_account integer, p_plan text)
 RETURNS void
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
AS $function$
BEGIN
  DELETE FROM farebox.recurring r WHERE r.account_no = p_account AND r.shard = p_shard AND r.item <> p_plan;
  UPDATE farebox.recurring r SET until = NULL WHERE r.account_no = p_account AND r.shard = p_shard AND r.until IS NOT NULL;
  UPDATE farebox.accounts a SET next_plan = NULL, next_plan_version = NULL, next_plan_at = NULL
  WHERE a.account_no = p_account;
END $function$;
COMMENT ON FUNCTION farebox.withdraw_plan IS 'Internal. Takes back a change that has not come yet; p_plan is the plan that stays.';

CREATE OR REPLACE FUNCTION farebox.without_lease(p_pool pools, p_instance integer)
 RETURNS pools
 LANGUAGE plpgsql
AS $function$
DECLARE
  v_place CONSTANT integer := array_position(p_pool.lease_owner, p_instance);
BEGIN
  IF v_place IS NULL THEN RETURN p_pool; END IF;
  p_pool.held := p_pool.held - p_pool.lease_amount[v_place];
  p_pool.lease_owner := p_pool.lease_owner[:v_place - 1] || p_pool.lease_owner[v_place + 1:];
  p_pool.lease_amount := p_pool.lease_amount[:v_place - 1] || p_pool.lease_amount[v_place + 1:];
  RETURN p_pool;
END $function$;
COMMENT ON FUNCTION farebox.without_lease IS 'Internal. A pool''s row without one instance.';

CREATE OR REPLACE FUNCTION farebox.work_due(p_shard smallint, p_dead_after interval)
 RETURNS text[]
 LANGUAGE plpgsql
 STABLE
 SET enable_seqscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
AS $function$
DECLARE
  -- A constant, because clock_timestamp() in a condition cannot be looked up in an index.
  v_now CONSTANT timestamptz := clock_timestamp();
  v_due text[] := '{}';
BEGIN
  IF EXISTS (SELECT FROM farebox.active_pools a WHERE a.shard = p_shard) THEN v_due := v_due || 'active'::text; END IF;
  IF EXISTS (
    SELECT FROM farebox.lanes l WHERE l.shard = p_shard AND l.state = 'live' AND l.seen_at < v_now - p_dead_after
  ) OR v_due <> '{}' AND EXISTS (
    SELECT FROM farebox.lanes l
    WHERE l.shard = p_shard AND l.state = 'dead' AND l.dead_at > v_now - interval '10 minutes'
      AND EXISTS (SELECT FROM farebox.active_pools a WHERE a.shard = p_shard AND a.instance_no = l.instance_no)
  ) THEN
    v_due := v_due || 'dead'::text;
  END IF;
  IF EXISTS (
    SELECT FROM farebox.pools p
    WHERE p.next_event_at <= v_now AND p.next_event_at < 'infinity' AND p.shard = p_shard
  ) THEN
    v_due := v_due || 'due'::text;
  END IF;
  RETURN v_due;
END $function$;
COMMENT ON FUNCTION farebox.work_due IS 'Called by the sweep. What there may be to do in a shard; nearly always nothing.';

CREATE OR REPLACE FUNCTION farebox.write_batch_pool(p_pool pools)
 RETURNS void
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
AS $function$
BEGIN
  -- As write_pool, and the leases: one statement, of which a batch has as many as pools.
  UPDATE farebox.pools p SET capped = p_pool.capped, balance = p_pool.balance, held = p_pool.held, spent = p_pool.spent,
    drawn = p_pool.drawn, overdue = p_pool.overdue, uncollected = p_pool.uncollected, last_seq = p_pool.last_seq,
    last_at = p_pool.last_at, next_event_at = p_pool.next_event_at, lease_owner = p_pool.lease_owner,
    lease_amount = p_pool.lease_amount
  WHERE p.account_no = p_pool.account_no AND p.type_no = p_pool.type_no AND p.shard = p_pool.shard;
END $function$;
COMMENT ON FUNCTION farebox.write_batch_pool IS 'Internal. Last step of a pool in a batch: writes its locked row, leases included, in one statement.';

CREATE OR REPLACE FUNCTION farebox.write_export_pool(p_pool pools, p_now timestamp with time zone)
 RETURNS void
 LANGUAGE plpgsql
AS $function$
BEGIN
  PERFORM farebox.write_pool(CASE WHEN p_pool.overdue > 0 THEN farebox.roll(p_pool, p_now) ELSE p_pool END);
END $function$;
COMMENT ON FUNCTION farebox.write_export_pool IS 'Internal. After a change of what is held of a pool.';

CREATE OR REPLACE FUNCTION farebox.write_key_caps(p_pool pools, p_now timestamp with time zone, p_keys integer[], p_source text, p_cap jsonb)
 RETURNS void
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
AS $function$
DECLARE
  c_most_behind CONSTANT bigint := 20000;
  v_day CONSTANT timestamptz := date_trunc('day', p_now, 'UTC');
  v_month CONSTANT timestamptz := date_trunc('month', p_now, 'UTC');
  v_behind bigint;
  v_key integer[]; v_day_spent bigint[]; v_month_spent bigint[]; v_total_spent bigint[];
  x record;
BEGIN
  IF p_cap IS NULL THEN
    DELETE FROM farebox.key_caps c
    WHERE c.account_no = p_pool.account_no AND c.type_no = p_pool.type_no AND c.shard = p_pool.shard AND c.key_no = ANY (p_keys);
    RETURN;
  END IF;
  UPDATE farebox.key_caps c SET day_cap = (p_cap ->> 'day')::bigint, month_cap = (p_cap ->> 'month')::bigint,
    total_cap = (p_cap ->> 'total')::bigint, source = p_source
  WHERE c.account_no = p_pool.account_no AND c.type_no = p_pool.type_no AND c.shard = p_pool.shard AND c.key_no = ANY (p_keys)
    AND (c.day_cap, c.month_cap, c.total_cap, c.source) IS DISTINCT FROM
      ((p_cap ->> 'day')::bigint, (p_cap ->> 'month')::bigint, (p_cap ->> 'total')::bigint, p_source);
  p_keys := ARRAY(
    SELECT k.no FROM unnest(p_keys) k(no)
    EXCEPT SELECT c.key_no FROM farebox.key_caps c
    WHERE c.account_no = p_pool.account_no AND c.type_no = p_pool.type_no AND c.shard = p_pool.shard AND c.key_no = ANY (p_keys)
  );
  IF p_keys = '{}' THEN RETURN; END IF;
  v_behind := p_pool.last_seq - coalesce((
    SELECT r.seq FROM farebox.usage_rolled r
    WHERE r.account_no = p_pool.account_no AND r.type_no = p_pool.type_no AND r.shard = p_pool.shard
  ), 0);
  IF v_behind > c_most_behind THEN
    RAISE EXCEPTION '% entries of the pool are not rolled up', v_behind USING ERRCODE = 'FB425';
  END IF;
  -- Of its own: Citus runs no function that reads a spread table inside a statement on another.
  SELECT array_agg(s.key_no), array_agg(s.day_spent), array_agg(s.month_spent), array_agg(s.total_spent)
  INTO v_key, v_day_spent, v_month_spent, v_total_spent
  FROM farebox.sum_key_spend(p_pool.shard, p_pool.account_no, p_pool.type_no, p_keys, v_day, v_month) s;
  INSERT INTO farebox.key_caps (account_no, type_no, key_no, shard, day_cap, month_cap, total_cap, day, day_spent, month,
    month_spent, total_spent, held, source)
  SELECT p_pool.account_no, p_pool.type_no, k.no, p_pool.shard, (p_cap ->> 'day')::bigint, (p_cap ->> 'month')::bigint,
    (p_cap ->> 'total')::bigint, v_day, coalesce(v_day_spent[k.place], 0), v_month, coalesce(v_month_spent[k.place], 0),
    coalesce(v_total_spent[k.place], 0), 0, p_source
  FROM (SELECT u.no, array_position(v_key, u.no) AS place FROM unnest(p_keys) u(no)) k
  ORDER BY k.no;
  -- Leases of the keys that outlived an earlier cap, and their long holds. The pool is rolled: none is over.
  FOR x IN
    SELECT l.key_no, l.amount FROM farebox.key_leases l
    WHERE l.account_no = p_pool.account_no AND l.type_no = p_pool.type_no AND l.shard = p_pool.shard AND l.key_no = ANY (p_keys)
    UNION ALL
    SELECT h.key_no, h.amount FROM farebox.holds h
    WHERE h.account_no = p_pool.account_no AND h.type_no = p_pool.type_no AND h.shard = p_pool.shard AND h.state = 'live'
      AND h.key_no = ANY (p_keys)
  LOOP
    UPDATE farebox.key_caps c SET held = c.held + x.amount
    WHERE c.account_no = p_pool.account_no AND c.type_no = p_pool.type_no AND c.key_no = x.key_no AND c.shard = p_pool.shard;
  END LOOP;
END $function$;
COMMENT ON FUNCTION farebox.write_key_caps IS 'Internal. Gives keys their caps on one locked pool, or takes them away.';

CREATE OR REPLACE FUNCTION farebox.write_plan(p_shard smallint, p_account integer, p_plan text, p_items jsonb, p_start timestamp with time zone, p_anchor timestamp with time zone, p_until timestamp with time zone)
 RETURNS void
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
AS $function$
DECLARE
  v_types smallint[];
  v_old record;
  v_anchor timestamptz;
  x record;
BEGIN
  SELECT coalesce(array_agg(t.type_no), '{}') INTO v_types
  FROM farebox.credit_types t JOIN jsonb_array_elements(p_items) i ON t.credit_type = i.value ->> 'creditType';
  DELETE FROM farebox.recurring r
  WHERE r.account_no = p_account AND r.shard = p_shard AND r.item = p_plan AND r.type_no <> ALL (v_types);
  FOR x IN
    SELECT t.type_no, (i.value ->> 'amount')::bigint AS amount, i.value ->> 'every' AS every,
      CASE WHEN i.value ->> 'rollover' IN ('none', 'all') THEN i.value ->> 'rollover' ELSE 'cap' END AS rollover,
      CASE WHEN i.value ->> 'rollover' NOT IN ('none', 'all') THEN (i.value ->> 'rollover')::bigint END AS cap,
      coalesce(i.value ->> 'anchor' = 'calendar', false) AS calendar
    FROM jsonb_array_elements(p_items) i LEFT JOIN farebox.credit_types t ON t.credit_type = i.value ->> 'creditType'
  LOOP
    SELECT r.every, r.anchor_at, r.next_at, r.next_period INTO v_old FROM farebox.recurring r
    WHERE r.account_no = p_account AND r.type_no = x.type_no AND r.item = p_plan AND r.shard = p_shard;
    IF NOT FOUND THEN
      v_anchor := CASE WHEN x.calendar THEN farebox.calendar_anchor(x.every) ELSE p_anchor END;
      INSERT INTO farebox.recurring (account_no, type_no, item, shard, amount, rollover_cap, anchor_at, next_at, next_period,
        priority, every, rollover, until)
      VALUES (p_account, x.type_no, p_plan, p_shard, x.amount, x.cap, v_anchor, p_start,
        farebox.period_at(v_anchor, x.every, p_start), 100, x.every, x.rollover, p_until);
      CONTINUE;
    END IF;
    IF x.every <> v_old.every OR x.calendar <> (v_old.anchor_at = farebox.calendar_anchor(v_old.every)) THEN
      v_old.anchor_at := CASE WHEN x.calendar THEN farebox.calendar_anchor(x.every) ELSE v_old.next_at END;
      v_old.next_period := farebox.period_at(v_old.anchor_at, x.every, v_old.next_at);
    END IF;
    UPDATE farebox.recurring r SET amount = x.amount, rollover_cap = x.cap, rollover = x.rollover, every = x.every,
      anchor_at = v_old.anchor_at, next_period = v_old.next_period
    WHERE r.account_no = p_account AND r.type_no = x.type_no AND r.item = p_plan AND r.shard = p_shard;
  END LOOP;
END $function$;
COMMENT ON FUNCTION farebox.write_plan IS 'Internal. Writes what a plan grants an account from a moment on.';

CREATE OR REPLACE FUNCTION farebox.write_pool(p_pool pools)
 RETURNS void
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
AS $function$
BEGIN
  UPDATE farebox.pools p SET capped = p_pool.capped, balance = p_pool.balance, held = p_pool.held, spent = p_pool.spent,
    drawn = p_pool.drawn, overdue = p_pool.overdue, uncollected = p_pool.uncollected, last_seq = p_pool.last_seq,
    last_at = p_pool.last_at, next_event_at = p_pool.next_event_at
  WHERE p.account_no = p_pool.account_no AND p.type_no = p_pool.type_no AND p.shard = p_pool.shard;
END $function$;
COMMENT ON FUNCTION farebox.write_pool IS 'Internal. Writes a locked pool''s row, but for the leases of instances.';

CREATE OR REPLACE FUNCTION farebox.write_roll(p roll_state)
 RETURNS void
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
AS $function$
DECLARE
  v_pool CONSTANT farebox.pools := p.pool;
  v_loaded farebox.open_grant[] := p.loaded;
  v_grants farebox.open_grant[] := p.grants;
  v_recurring farebox.recurring_item[] := p.recurring;
  v_seq bigint := v_pool.last_seq - cardinality(p.entries);
  d farebox.new_draw;
  g farebox.open_grant;
  e farebox.new_entry;
  r farebox.recurring_item;
  v_key integer;
BEGIN
  FOREACH d IN ARRAY p.draws LOOP
    INSERT INTO farebox.draws (account_no, type_no, shard, from_spent, to_spent, grant_id)
    VALUES (v_pool.account_no, v_pool.type_no, v_pool.shard, d.from_spent, d.to_spent, d.grant_id);
  END LOOP;
  FOR k IN 1..cardinality(v_grants) LOOP
    CONTINUE WHEN v_grants[k] IS NOT DISTINCT FROM v_loaded[k];
    g := v_grants[k];
    IF k <= cardinality(v_loaded) THEN
      UPDATE farebox.grants o SET remaining = g.remaining, overdue = g.overdue, state = g.state
      WHERE o.account_no = v_pool.account_no AND o.type_no = v_pool.type_no AND o.grant_id = g.grant_id AND o.shard = v_pool.shard;
    ELSE
      INSERT INTO farebox.grants (account_no, type_no, grant_id, shard, amount, remaining, overdue, effective_at, expires_at,
        created_at, priority, state, source, item, reference)
      VALUES (v_pool.account_no, v_pool.type_no, g.grant_id, v_pool.shard, g.amount, g.remaining, g.overdue, g.effective_at,
        g.expires_at, v_pool.last_at, g.priority, g.state, g.source, g.item, g.reference);
    END IF;
  END LOOP;
  FOREACH e IN ARRAY p.entries LOOP
    v_seq := v_seq + 1;
    INSERT INTO farebox.entries (account_no, type_no, shard, seq, at, amount, balance, spent, kind, grant_id, reason)
    VALUES (v_pool.account_no, v_pool.type_no, v_pool.shard, v_seq, v_pool.last_at, e.amount, e.balance, v_pool.spent, e.kind,
      e.grant_id, e.reason);
  END LOOP;
  IF cardinality(p.entries) > 0 THEN
    PERFORM farebox.keep_in_sight(v_pool.shard, v_pool.account_no, v_pool.type_no);
  END IF;
  FOR k IN 1..p.holds_ended LOOP
    UPDATE farebox.holds h SET amount = 0, state = 'expired'
    WHERE h.account_no = v_pool.account_no AND h.type_no = v_pool.type_no AND h.hold_id = p.holds[k].hold_id
      AND h.shard = v_pool.shard RETURNING h.key_no INTO v_key;
    PERFORM farebox.hold_under_cap(v_pool, v_key, -p.holds[k].amount);
  END LOOP;
  FOR k IN 1..cardinality(v_recurring) LOOP
    r := v_recurring[k];
    CONTINUE WHEN NOT r.is_refreshed;
    UPDATE farebox.recurring o SET next_period = r.next_period, next_at = r.next_at
    WHERE o.account_no = v_pool.account_no AND o.type_no = v_pool.type_no AND o.item = r.item AND o.shard = v_pool.shard;
  END LOOP;
END $function$;
COMMENT ON FUNCTION farebox.write_roll IS 'Internal. Writes what a roll did, but for the pool''s row.';
