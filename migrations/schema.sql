-- A fresh install, written by src/ledger/testing/write-schema.ts and compared by a test. Never run, never edited.

CREATE TABLE farebox.accounts (
  account_id text COLLATE "C" NOT NULL,
  name text NOT NULL,
  shard integer NOT NULL,
  state text NOT NULL DEFAULT 'active'::text,
  plan text COLLATE "C",
  metadata jsonb NOT NULL DEFAULT '{}'::jsonb,
  created_at timestamp with time zone NOT NULL DEFAULT clock_timestamp(),
  next_plan text COLLATE "C",
  next_plan_at timestamp with time zone,
  plan_version integer,
  next_plan_version integer,
  CONSTRAINT accounts_pkey PRIMARY KEY (account_id),
  CONSTRAINT accounts_metadata_check CHECK ((jsonb_typeof(metadata) = 'object'::text)),
  CONSTRAINT accounts_name_check CHECK (((length(name) >= 1) AND (length(name) <= 200))),
  CONSTRAINT accounts_shard_check CHECK ((shard >= 0)),
  CONSTRAINT accounts_state_check CHECK ((state = ANY (ARRAY['active'::text, 'suspended'::text, 'closed'::text])))
);
CREATE INDEX accounts_by_age ON farebox.accounts USING btree (created_at, account_id);
CREATE INDEX accounts_by_metadata ON farebox.accounts USING gin (metadata jsonb_path_ops);
CREATE INDEX accounts_by_next_plan ON farebox.accounts USING btree (next_plan, next_plan_version) WHERE (next_plan IS NOT NULL);
CREATE INDEX accounts_by_plan ON farebox.accounts USING btree (plan, plan_version) WHERE (plan IS NOT NULL);
CREATE INDEX accounts_by_plan_change ON farebox.accounts USING btree (next_plan_at) WHERE (next_plan_at IS NOT NULL);

CREATE TABLE farebox.adjustments (
  account_id text COLLATE "C" NOT NULL,
  credit_type text COLLATE "C" NOT NULL,
  reference text COLLATE "C" NOT NULL,
  shard integer NOT NULL,
  amount bigint NOT NULL,
  adjustment_seq bigint NOT NULL,
  balance_after bigint NOT NULL,
  CONSTRAINT adjustments_pkey PRIMARY KEY (account_id, credit_type, reference, shard)
);

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
CREATE INDEX bulk_refunds_by_age ON farebox.bulk_refunds USING btree (created_at, bulk_id);

CREATE TABLE farebox.draws (
  account_id text COLLATE "C" NOT NULL,
  credit_type text COLLATE "C" NOT NULL,
  from_spent bigint NOT NULL,
  shard integer NOT NULL,
  to_spent bigint NOT NULL,
  grant_id text COLLATE "C" NOT NULL,
  CONSTRAINT draws_pkey PRIMARY KEY (account_id, credit_type, from_spent, shard),
  CONSTRAINT draws_check CHECK ((to_spent > from_spent))
);

CREATE TABLE farebox.entries (
  account_id text COLLATE "C" NOT NULL,
  credit_type text COLLATE "C" NOT NULL,
  seq bigint NOT NULL,
  shard integer NOT NULL,
  at timestamp with time zone NOT NULL,
  amount bigint NOT NULL,
  balance bigint NOT NULL,
  spent bigint NOT NULL,
  uncollected bigint NOT NULL DEFAULT 0,
  refund_of bigint,
  units integer,
  price_list integer,
  status smallint,
  kind text NOT NULL,
  request_id text,
  key_id text COLLATE "C",
  endpoint text COLLATE "C",
  grant_id text COLLATE "C",
  reason text,
  CONSTRAINT entries_pkey PRIMARY KEY (account_id, credit_type, seq, shard, at),
  CONSTRAINT entries_kind_check CHECK ((kind = ANY (ARRAY['grant'::text, 'charge'::text, 'refund'::text, 'expiry'::text, 'adjustment'::text])))
) PARTITION BY RANGE (at);

CREATE TABLE farebox.entries_default (
  account_id text COLLATE "C" NOT NULL,
  credit_type text COLLATE "C" NOT NULL,
  seq bigint NOT NULL,
  shard integer NOT NULL,
  at timestamp with time zone NOT NULL,
  amount bigint NOT NULL,
  balance bigint NOT NULL,
  spent bigint NOT NULL,
  uncollected bigint NOT NULL DEFAULT 0,
  refund_of bigint,
  units integer,
  price_list integer,
  status smallint,
  kind text NOT NULL,
  request_id text,
  key_id text COLLATE "C",
  endpoint text COLLATE "C",
  grant_id text COLLATE "C",
  reason text,
  CONSTRAINT entries_default_pkey PRIMARY KEY (account_id, credit_type, seq, shard, at),
  CONSTRAINT entries_kind_check CHECK ((kind = ANY (ARRAY['grant'::text, 'charge'::text, 'refund'::text, 'expiry'::text, 'adjustment'::text])))
) -- partition, DEFAULT;

CREATE TABLE farebox.grants (
  account_id text COLLATE "C" NOT NULL,
  credit_type text COLLATE "C" NOT NULL,
  grant_id text COLLATE "C" NOT NULL,
  shard integer NOT NULL,
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
  CONSTRAINT grants_pkey PRIMARY KEY (account_id, credit_type, grant_id, shard),
  CONSTRAINT grants_amount_check CHECK ((amount > 0)),
  CONSTRAINT grants_check CHECK (((overdue >= 0) AND (overdue <= remaining))),
  CONSTRAINT grants_check1 CHECK ((expires_at > effective_at)),
  CONSTRAINT grants_reference_once UNIQUE (account_id, reference, shard),
  CONSTRAINT grants_remaining_check CHECK ((remaining >= 0)),
  CONSTRAINT grants_source_check CHECK ((source = ANY (ARRAY['recurring'::text, 'topup'::text, 'promo'::text, 'adjustment'::text, 'refund'::text]))),
  CONSTRAINT grants_state_check CHECK ((state = ANY (ARRAY['pending'::text, 'active'::text, 'ended'::text])))
);
CREATE INDEX grants_open ON farebox.grants USING btree (account_id, credit_type) WHERE (state <> 'ended'::text);

CREATE TABLE farebox.holds (
  account_id text COLLATE "C" NOT NULL,
  credit_type text COLLATE "C" NOT NULL,
  hold_id text COLLATE "C" NOT NULL,
  shard integer NOT NULL,
  amount bigint NOT NULL,
  asked bigint NOT NULL,
  created_at timestamp with time zone NOT NULL,
  expires_at timestamp with time zone,
  charged_seq bigint,
  charged bigint,
  uncollected bigint,
  balance_after bigint,
  owner text COLLATE "C",
  kind text NOT NULL,
  state text NOT NULL DEFAULT 'live'::text,
  CONSTRAINT holds_pkey PRIMARY KEY (account_id, credit_type, hold_id, shard),
  CONSTRAINT holds_amount_check CHECK ((amount >= 0)),
  CONSTRAINT holds_hold_expires CHECK (((kind = 'hold'::text) = (expires_at IS NOT NULL))),
  CONSTRAINT holds_kind_check CHECK ((kind = ANY (ARRAY['lease'::text, 'hold'::text]))),
  CONSTRAINT holds_lease_has_owner CHECK (((kind = 'lease'::text) = (owner IS NOT NULL))),
  CONSTRAINT holds_resolved_hold_nothing CHECK (((state = 'live'::text) OR (amount = 0))),
  CONSTRAINT holds_state_check CHECK ((state = ANY (ARRAY['live'::text, 'charged'::text, 'released'::text, 'expired'::text])))
) WITH (fillfactor=50);
CREATE INDEX holds_by_expiry ON farebox.holds USING btree (expires_at, shard) WHERE (kind = 'hold'::text);
CREATE INDEX holds_lease_owner ON farebox.holds USING btree (owner, shard) WHERE (kind = 'lease'::text);
CREATE INDEX holds_live ON farebox.holds USING btree (account_id, credit_type, expires_at) WHERE ((kind = 'hold'::text) AND (state = 'live'::text));

CREATE TABLE farebox.idempotency_keys (
  account_id text COLLATE "C" NOT NULL,
  key text COLLATE "C" NOT NULL,
  shard integer NOT NULL,
  request_hash text NOT NULL,
  owner text NOT NULL,
  state text NOT NULL DEFAULT 'running'::text,
  status integer,
  headers jsonb,
  body bytea,
  created_at timestamp with time zone NOT NULL,
  expires_at timestamp with time zone NOT NULL,
  CONSTRAINT idempotency_keys_pkey PRIMARY KEY (account_id, key, shard),
  CONSTRAINT idempotency_keys_check CHECK (((state = 'done'::text) = ((status IS NOT NULL) AND (headers IS NOT NULL)))),
  CONSTRAINT idempotency_keys_state_check CHECK ((state = ANY (ARRAY['running'::text, 'done'::text])))
) WITH (fillfactor=50);
CREATE INDEX idempotency_keys_by_age ON farebox.idempotency_keys USING btree (created_at);

CREATE TABLE farebox.instances (
  owner text COLLATE "C" NOT NULL,
  shard integer NOT NULL,
  last_batch bigint NOT NULL DEFAULT 0,
  seen_at timestamp with time zone NOT NULL,
  dead_at timestamp with time zone,
  state text NOT NULL DEFAULT 'live'::text,
  reply text,
  CONSTRAINT instances_pkey PRIMARY KEY (owner, shard),
  CONSTRAINT instances_state_check CHECK ((state = ANY (ARRAY['live'::text, 'dead'::text])))
) WITH (fillfactor=50);

CREATE TABLE farebox.key_caps (
  account_id text COLLATE "C" NOT NULL,
  credit_type text COLLATE "C" NOT NULL,
  key_id text COLLATE "C" NOT NULL,
  shard integer NOT NULL,
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
  CONSTRAINT key_caps_pkey PRIMARY KEY (account_id, credit_type, key_id, shard),
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

CREATE TABLE farebox.keys (
  key_id text COLLATE "C" NOT NULL,
  account_id text COLLATE "C" NOT NULL,
  shard integer NOT NULL,
  hash bytea NOT NULL,
  prefix text NOT NULL,
  hint text NOT NULL,
  name text NOT NULL,
  state text NOT NULL DEFAULT 'active'::text,
  created_at timestamp with time zone NOT NULL DEFAULT clock_timestamp(),
  expires_at timestamp with time zone,
  revoked_at timestamp with time zone,
  changed_at timestamp with time zone NOT NULL DEFAULT clock_timestamp(),
  last_used_at timestamp with time zone,
  scopes jsonb,
  CONSTRAINT keys_pkey PRIMARY KEY (key_id),
  CONSTRAINT keys_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(account_id),
  CONSTRAINT keys_check CHECK (((state = 'revoked'::text) = (revoked_at IS NOT NULL))),
  CONSTRAINT keys_hash_check CHECK ((octet_length(hash) = 32)),
  CONSTRAINT keys_hash_key UNIQUE (hash),
  CONSTRAINT keys_name_check CHECK ((length(name) <= 200)),
  CONSTRAINT keys_scopes_check CHECK ((jsonb_typeof(scopes) = 'array'::text)),
  CONSTRAINT keys_state_check CHECK ((state = ANY (ARRAY['active'::text, 'revoked'::text])))
);
CREATE INDEX keys_by_account ON farebox.keys USING btree (account_id, created_at, key_id);
CREATE INDEX keys_by_change ON farebox.keys USING btree (changed_at);

CREATE TABLE farebox.migrations (
  number integer NOT NULL,
  name text NOT NULL,
  checksum text NOT NULL,
  applied_at timestamp with time zone NOT NULL DEFAULT clock_timestamp(),
  CONSTRAINT migrations_pkey PRIMARY KEY (number)
);

CREATE TABLE farebox.once_windows (
  account_id text COLLATE "C" NOT NULL,
  endpoint text COLLATE "C" NOT NULL,
  value text COLLATE "C" NOT NULL,
  shard integer NOT NULL,
  until timestamp with time zone NOT NULL,
  CONSTRAINT once_windows_pkey PRIMARY KEY (account_id, endpoint, value, shard)
);
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
CREATE INDEX operator_audit_by_account_time ON farebox.operator_audit USING btree (account_id, at, audit_id);
CREATE INDEX operator_audit_by_action ON farebox.operator_audit USING btree (action, at, audit_id);
CREATE INDEX operator_audit_by_target ON farebox.operator_audit USING btree (target, at, audit_id);
CREATE INDEX operator_audit_by_time ON farebox.operator_audit USING btree (at, audit_id);

CREATE TABLE farebox.operator_requests (
  key text COLLATE "C" NOT NULL,
  request_hash text NOT NULL,
  status integer NOT NULL,
  body jsonb NOT NULL,
  created_at timestamp with time zone NOT NULL DEFAULT clock_timestamp(),
  CONSTRAINT operator_requests_pkey PRIMARY KEY (key)
);
CREATE INDEX operator_requests_by_age ON farebox.operator_requests USING btree (created_at);

CREATE TABLE farebox.plans (
  name text COLLATE "C" NOT NULL,
  body jsonb NOT NULL,
  changed_at timestamp with time zone NOT NULL DEFAULT clock_timestamp(),
  version integer NOT NULL DEFAULT 1,
  CONSTRAINT plans_pkey PRIMARY KEY (name)
);

CREATE TABLE farebox.pools (
  account_id text COLLATE "C" NOT NULL,
  credit_type text COLLATE "C" NOT NULL,
  shard integer NOT NULL,
  balance bigint NOT NULL DEFAULT 0,
  held bigint NOT NULL DEFAULT 0,
  spent bigint NOT NULL DEFAULT 0,
  drawn bigint NOT NULL DEFAULT 0,
  overdue bigint NOT NULL DEFAULT 0,
  uncollected bigint NOT NULL DEFAULT 0,
  last_seq bigint NOT NULL DEFAULT 0,
  next_event_at timestamp with time zone,
  capped boolean NOT NULL DEFAULT false,
  CONSTRAINT pools_pkey PRIMARY KEY (account_id, credit_type, shard),
  CONSTRAINT pools_counts CHECK (((overdue >= 0) AND (uncollected >= 0) AND (last_seq >= 0))),
  CONSTRAINT pools_drawn_within_spent CHECK (((drawn >= 0) AND (drawn <= spent))),
  CONSTRAINT pools_never_negative CHECK (((balance >= 0) AND (held >= 0) AND (held <= balance)))
) WITH (fillfactor=50);
CREATE INDEX pools_next_event ON farebox.pools USING btree (next_event_at, shard) WHERE (next_event_at IS NOT NULL);

CREATE TABLE farebox.price_lists (
  version integer NOT NULL,
  hash text NOT NULL,
  body jsonb NOT NULL,
  effective_at timestamp with time zone NOT NULL,
  published_at timestamp with time zone NOT NULL DEFAULT clock_timestamp(),
  cancelled_at timestamp with time zone,
  file_read_at timestamp with time zone,
  CONSTRAINT price_lists_pkey PRIMARY KEY (version),
  CONSTRAINT price_lists_check CHECK ((cancelled_at < effective_at)),
  CONSTRAINT price_lists_version_check CHECK ((version > 0))
);

CREATE TABLE farebox.recalls (
  owner text COLLATE "C" NOT NULL,
  account_id text COLLATE "C" NOT NULL,
  credit_type text COLLATE "C" NOT NULL,
  shard integer NOT NULL,
  CONSTRAINT recalls_pkey PRIMARY KEY (owner, account_id, credit_type, shard)
);

CREATE TABLE farebox.recurring (
  account_id text COLLATE "C" NOT NULL,
  credit_type text COLLATE "C" NOT NULL,
  item text COLLATE "C" NOT NULL,
  shard integer NOT NULL,
  amount bigint NOT NULL,
  rollover_cap bigint,
  anchor_at timestamp with time zone NOT NULL,
  next_at timestamp with time zone NOT NULL,
  next_period integer NOT NULL,
  priority integer NOT NULL,
  every text NOT NULL,
  rollover text NOT NULL,
  until timestamp with time zone,
  CONSTRAINT recurring_pkey PRIMARY KEY (account_id, credit_type, item, shard),
  CONSTRAINT recurring_amount_check CHECK ((amount > 0)),
  CONSTRAINT recurring_cap_given CHECK (((rollover = 'cap'::text) = (rollover_cap IS NOT NULL))),
  CONSTRAINT recurring_every_check CHECK ((every = ANY (ARRAY['day'::text, 'week'::text, 'month'::text, 'year'::text]))),
  CONSTRAINT recurring_next_period_check CHECK ((next_period >= 0)),
  CONSTRAINT recurring_rollover_cap_check CHECK ((rollover_cap >= 0)),
  CONSTRAINT recurring_rollover_check CHECK ((rollover = ANY (ARRAY['none'::text, 'all'::text, 'cap'::text])))
);

CREATE TABLE farebox.refunds (
  account_id text COLLATE "C" NOT NULL,
  credit_type text COLLATE "C" NOT NULL,
  seq bigint NOT NULL,
  reference text COLLATE "C" NOT NULL,
  shard integer NOT NULL,
  amount bigint NOT NULL,
  refund_seq bigint NOT NULL,
  balance_after bigint NOT NULL,
  CONSTRAINT refunds_pkey PRIMARY KEY (account_id, credit_type, seq, reference, shard),
  CONSTRAINT refunds_amount_check CHECK ((amount > 0))
);

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
CREATE INDEX rotated_secrets_by_expiry ON farebox.rotated_secrets USING btree (expires_at);
CREATE INDEX rotated_secrets_by_key ON farebox.rotated_secrets USING btree (key_id);

CREATE TABLE farebox.usage (
  account_id text COLLATE "C" NOT NULL,
  credit_type text COLLATE "C" NOT NULL,
  quarter timestamp with time zone NOT NULL,
  key_id text COLLATE "C" NOT NULL,
  endpoint text COLLATE "C" NOT NULL,
  shard integer NOT NULL,
  requests bigint NOT NULL,
  units bigint NOT NULL,
  credits bigint NOT NULL,
  refunded bigint NOT NULL DEFAULT 0,
  CONSTRAINT usage_pkey PRIMARY KEY (account_id, credit_type, quarter, key_id, endpoint, shard),
  CONSTRAINT usage_refunds_within_credits CHECK (((refunded >= 0) AND (refunded <= credits)))
) WITH (fillfactor=50);
CREATE INDEX usage_by_quarter ON farebox.usage USING brin (quarter);

CREATE TABLE farebox.usage_summed (
  shard integer NOT NULL,
  until timestamp with time zone NOT NULL,
  next_until timestamp with time zone,
  after_account text COLLATE "C" NOT NULL DEFAULT ''::text,
  after_type text COLLATE "C" NOT NULL DEFAULT ''::text,
  CONSTRAINT usage_summed_pkey PRIMARY KEY (shard)
);

CREATE TABLE farebox.usage_sums (
  account_id text COLLATE "C" NOT NULL,
  credit_type text COLLATE "C" NOT NULL,
  span text COLLATE "C" NOT NULL,
  start timestamp with time zone NOT NULL,
  key_id text COLLATE "C" NOT NULL,
  endpoint text COLLATE "C" NOT NULL,
  shard integer NOT NULL,
  requests bigint NOT NULL,
  units bigint NOT NULL,
  credits bigint NOT NULL,
  refunded bigint NOT NULL,
  CONSTRAINT usage_sums_pkey PRIMARY KEY (account_id, credit_type, span, start, key_id, endpoint, shard),
  CONSTRAINT usage_sums_span_check CHECK ((span = ANY (ARRAY['hour'::text, 'day'::text])))
);
CREATE INDEX usage_sums_by_start ON farebox.usage_sums USING btree (span, start);

CREATE OR REPLACE FUNCTION farebox.adjust_pool(p_shard integer, p_account text, p_type text, p_amount bigint, p_reason text, p_reference text, OUT outcome text, OUT balance bigint, OUT seq bigint, OUT available bigint)
 RETURNS record
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
AS $function$
DECLARE
  v_opened record;
  v_pool farebox.pools;
  v_now timestamptz;
  v_left bigint := -p_amount;
  v_granted record;
  d record;
BEGIN
  v_opened := farebox.open_pool(p_shard, p_account, p_type);
  v_pool := v_opened.o_pool; v_now := v_opened.o_now;
  balance := v_pool.balance;
  available := v_pool.balance - v_pool.held;
  SELECT a.amount, a.balance_after, a.adjustment_seq INTO d FROM farebox.adjustments a
  WHERE a.account_id = p_account AND a.credit_type = p_type AND a.reference = p_reference AND a.shard = p_shard;
  IF FOUND THEN
    outcome := CASE WHEN d.amount = p_amount THEN 'repeated' ELSE 'conflict' END;
    balance := d.balance_after; seq := d.adjustment_seq;
    RETURN;
  END IF;
  IF p_amount > 0 THEN
    SELECT g.outcome, g.balance, g.seq INTO v_granted FROM farebox.grant_credits(p_shard, p_account, p_type,
      farebox.derived_grant_id(format('%s/adjustment:%s:%s', p_account, p_type, p_reference)), p_amount, 100, NULL, NULL,
      'adjustment', format('adjustment:%s:%s', p_type, p_reference), p_reason) g;
    balance := v_granted.balance; seq := v_granted.seq;
    IF v_granted.outcome <> 'granted' THEN outcome := v_granted.outcome; RETURN; END IF;
    available := available + p_amount;
  ELSE
    IF v_left > available THEN outcome := 'insufficient'; RETURN; END IF;
    FOR d IN
      SELECT g.grant_id, g.remaining FROM farebox.grants g
      WHERE g.account_id = p_account AND g.credit_type = p_type AND g.shard = p_shard AND g.state <> 'ended'
        AND g.state = 'active'
      ORDER BY g.priority, g.expires_at NULLS LAST, g.effective_at, g.grant_id
    LOOP
      EXIT WHEN v_left = 0;
      UPDATE farebox.grants g SET remaining = g.remaining - least(v_left, d.remaining),
        overdue = g.overdue - least(g.overdue, v_left, d.remaining),
        state = CASE WHEN d.remaining <= v_left THEN 'ended' ELSE 'active' END
      WHERE g.account_id = p_account AND g.credit_type = p_type AND g.grant_id = d.grant_id AND g.shard = p_shard;
      v_left := v_left - least(v_left, d.remaining);
    END LOOP;
    SELECT coalesce(sum(g.overdue), 0) INTO v_pool.overdue FROM farebox.grants g
    WHERE g.account_id = p_account AND g.credit_type = p_type AND g.shard = p_shard AND g.state <> 'ended';
    v_pool.balance := v_pool.balance + p_amount;
    v_pool.last_seq := v_pool.last_seq + 1;
    balance := v_pool.balance; seq := v_pool.last_seq; available := available + p_amount;
    INSERT INTO farebox.entries (account_id, credit_type, seq, shard, at, amount, balance, spent, kind, reason)
    VALUES (p_account, p_type, seq, p_shard, v_now, p_amount, balance, v_pool.spent, 'adjustment', p_reason);
    PERFORM farebox.write_pool(v_pool);
  END IF;
  INSERT INTO farebox.adjustments (account_id, credit_type, reference, shard, amount, adjustment_seq, balance_after)
  VALUES (p_account, p_type, p_reference, p_shard, p_amount, seq, balance);
  outcome := 'adjusted';
END $function$;

CREATE OR REPLACE FUNCTION farebox.apply_default_caps(p_shard integer, p_account text, p_caps jsonb)
 RETURNS void
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
AS $function$
DECLARE
  v_type text;
  v_key text;
BEGIN
  -- All pools first, in the order of their keys: one key's caps may be on another pool than the next one's.
  FOR v_type IN
    SELECT t.credit_type FROM (
      SELECT c.credit_type FROM farebox.key_caps c WHERE c.account_id = p_account AND c.shard = p_shard
      UNION SELECT i.value ->> 'creditType' FROM jsonb_array_elements(p_caps) i
    ) t ORDER BY t.credit_type COLLATE "C"
  LOOP
    PERFORM farebox.open_pool(p_shard, p_account, v_type);
  END LOOP;
  FOR v_key IN
    SELECT k.key_id FROM farebox.keys k WHERE k.account_id = p_account AND k.state = 'active' ORDER BY k.key_id
  LOOP
    PERFORM farebox.set_key_caps(p_shard, p_account, v_key, 'plan', p_caps);
  END LOOP;
END $function$;

CREATE OR REPLACE FUNCTION farebox.begin_idempotent(p_account_id text, p_shard integer, p_key text, p_request_hash text, p_owner text, p_run_seconds integer)
 RETURNS TABLE(outcome text, stored_status integer, stored_headers jsonb, stored_body bytea)
 LANGUAGE plpgsql
AS $function$
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
$function$;

CREATE OR REPLACE FUNCTION farebox.calendar_anchor(p_every text)
 RETURNS timestamp with time zone
 LANGUAGE sql
 IMMUTABLE
RETURN CASE p_every WHEN 'day'::text THEN '2000-01-05 00:00:00+00'::timestamp with time zone WHEN 'week'::text THEN '2000-01-03 00:00:00+00'::timestamp with time zone WHEN 'month'::text THEN '2000-02-01 00:00:00+00'::timestamp with time zone ELSE '2000-01-01 00:00:00+00'::timestamp with time zone END;

CREATE OR REPLACE FUNCTION farebox.change_plan(p_shard integer, p_account text, p_plan text, p_version integer, p_items jsonb, p_types text[], p_at_refresh boolean, p_anchor timestamp with time zone, p_now timestamp with time zone)
 RETURNS void
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
AS $function$
DECLARE
  v record;
  v_at timestamptz;
  v_type text;
BEGIN
  v := farebox.open_plan(p_shard, p_account, p_items, p_types, p_now);
  IF v.o_next_plan_at IS NOT NULL THEN PERFORM farebox.withdraw_plan(p_shard, p_account, v.o_plan); END IF;
  IF p_at_refresh AND p_plan IS DISTINCT FROM v.o_plan THEN
    SELECT r.next_at INTO v_at FROM farebox.recurring r WHERE r.account_id = p_account AND r.shard = p_shard
    ORDER BY array_position(ARRAY['year', 'month', 'week', 'day'], r.every), r.next_at LIMIT 1;
  END IF;
  IF v_at IS NOT NULL THEN
    UPDATE farebox.recurring r SET until = v_at WHERE r.account_id = p_account AND r.shard = p_shard;
    IF p_plan IS NOT NULL THEN
      PERFORM farebox.write_plan(p_shard, p_account, p_plan, p_items, v_at, v_at, NULL);
    END IF;
    UPDATE farebox.accounts a SET next_plan = p_plan, next_plan_version = p_version, next_plan_at = v_at
    WHERE a.account_id = p_account;
  ELSE
    DELETE FROM farebox.recurring r
    WHERE r.account_id = p_account AND r.shard = p_shard AND (
      p_plan IS DISTINCT FROM v.o_plan
      OR (r.anchor_at <> p_anchor AND r.anchor_at <> farebox.calendar_anchor(r.every))
    );
    IF p_plan IS NOT NULL THEN
      PERFORM farebox.write_plan(p_shard, p_account, p_plan, p_items, greatest(v.o_now, p_anchor),
        coalesce(p_anchor, v.o_now), NULL);
    END IF;
    UPDATE farebox.accounts a SET plan = p_plan, plan_version = p_version WHERE a.account_id = p_account;
  END IF;
  FOREACH v_type IN ARRAY v.o_types LOOP
    PERFORM farebox.roll_pool_to(p_shard, p_account, v_type, v.o_now);
  END LOOP;
END $function$;

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

CREATE OR REPLACE FUNCTION farebox.close_pools(p_shard integer, p_account text)
 RETURNS TABLE(credit_type text, holds bigint, amount bigint)
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
AS $function$
DECLARE
  v_types text[];
BEGIN
  SELECT coalesce(array_agg(p.credit_type ORDER BY p.credit_type), '{}') INTO v_types
  FROM farebox.pools p WHERE p.account_id = p_account AND p.shard = p_shard;
  -- Pools in the order of their keys. Opening one rolls it: holds that are over end here, and what is due is granted.
  FOR k IN 1..cardinality(v_types) LOOP
    PERFORM farebox.open_pool(p_shard, p_account, v_types[k]);
  END LOOP;
  RETURN QUERY
    SELECT h.credit_type, count(*), sum(h.amount)::bigint FROM farebox.holds h
    WHERE h.account_id = p_account AND h.shard = p_shard AND h.kind = 'hold' AND h.state = 'live'
      AND h.expires_at > clock_timestamp()
    GROUP BY h.credit_type ORDER BY h.credit_type;
  IF FOUND THEN RETURN; END IF;
  DELETE FROM farebox.recurring r WHERE r.account_id = p_account AND r.shard = p_shard;
  INSERT INTO farebox.recalls (owner, account_id, credit_type, shard)
  SELECT h.owner, h.account_id, h.credit_type, h.shard FROM farebox.holds h
  WHERE h.account_id = p_account AND h.shard = p_shard AND h.kind = 'lease' AND h.amount > 0
  ORDER BY h.owner, h.credit_type
  ON CONFLICT DO NOTHING;
  -- What comes next on each pool is no refresh any more.
  FOR k IN 1..cardinality(v_types) LOOP
    PERFORM farebox.roll_pool(p_shard, p_account, v_types[k]);
  END LOOP;
END $function$;

CREATE OR REPLACE FUNCTION farebox.create_pools(p_shard integer, p_account text[], p_type text[])
 RETURNS void
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
AS $function$
DECLARE
  v_unknown text;
BEGIN
  SELECT u.a INTO v_unknown FROM unnest(p_account) u(a)
  WHERE NOT EXISTS (SELECT FROM farebox.accounts a WHERE a.account_id = u.a AND a.shard = p_shard) LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'unknown account' USING ERRCODE = 'FB404', DETAIL = v_unknown;
  END IF;
  INSERT INTO farebox.pools (account_id, credit_type, shard)
  SELECT u.a, u.t, p_shard FROM unnest(p_account, p_type) u(a, t) ORDER BY u.a COLLATE "C", u.t COLLATE "C"
  ON CONFLICT DO NOTHING;
END $function$;

CREATE OR REPLACE FUNCTION farebox.derived_grant_id(p_parts text)
 RETURNS text
 LANGUAGE sql
 IMMUTABLE
RETURN ('grt_'::text || "left"(translate(encode(sha256(convert_to(p_parts, 'UTF8'::name)), 'base64'::text), ('+/='::text || chr(10)), ''::text), 16));

CREATE OR REPLACE FUNCTION farebox.end_instance(p_shard integer, p_owner text)
 RETURNS boolean
 LANGUAGE plpgsql
AS $function$
BEGIN
  UPDATE farebox.instances n SET state = 'dead', dead_at = clock_timestamp()
  WHERE n.owner = p_owner AND n.shard = p_shard AND n.state = 'live';
  RETURN FOUND;
END $function$;

CREATE OR REPLACE FUNCTION farebox.ensure_partitions()
 RETURNS integer
 LANGUAGE plpgsql
 SET lock_timeout TO '2s'
AS $function$
DECLARE
  v_month timestamptz;
  v_name text;
  v_made integer := 0;
BEGIN
  FOR k IN 0..3 LOOP
    v_month := date_trunc('month', clock_timestamp() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC';
    v_month := farebox.period_start(v_month, 'month', k);
    v_name := 'entries_' || to_char(v_month AT TIME ZONE 'UTC', 'YYYY_MM');
    CONTINUE WHEN to_regclass('farebox.' || v_name) IS NOT NULL;
    PERFORM pg_advisory_xact_lock(hashtext('farebox.ensure_partitions'));
    CONTINUE WHEN to_regclass('farebox.' || v_name) IS NOT NULL;
    BEGIN
      -- Attached rather than created as a partition: that locks out only other changes of the table, not charges.
      EXECUTE format('CREATE TABLE farebox.%I (LIKE farebox.entries INCLUDING ALL)', v_name);
      EXECUTE format('ALTER TABLE farebox.entries ATTACH PARTITION farebox.%I FOR VALUES FROM (%L) TO (%L)', v_name, v_month,
        farebox.period_start(v_month, 'month', 1));
      v_made := v_made + 1;
    EXCEPTION WHEN lock_not_available OR check_violation OR deadlock_detected THEN
      NULL;
    END;
  END LOOP;
  RETURN v_made;
END $function$;

CREATE OR REPLACE FUNCTION farebox.find_dead_instances(p_shard integer, p_dead_after interval)
 RETURNS SETOF text
 LANGUAGE plpgsql
AS $function$
DECLARE
  v_owner text;
BEGIN
  FOR v_owner IN
    SELECT n.owner FROM farebox.instances n
    WHERE n.shard = p_shard AND n.state = 'live' AND n.seen_at < clock_timestamp() - p_dead_after
    ORDER BY n.owner FOR UPDATE SKIP LOCKED
  LOOP
    UPDATE farebox.instances n SET state = 'dead', dead_at = clock_timestamp()
    WHERE n.owner = v_owner AND n.shard = p_shard;
  END LOOP;
  RETURN QUERY SELECT n.owner FROM farebox.instances n
  WHERE n.shard = p_shard AND n.state = 'dead'
    AND EXISTS (SELECT FROM farebox.holds h WHERE h.owner = n.owner AND h.shard = p_shard AND h.kind = 'lease');
END $function$;

CREATE OR REPLACE FUNCTION farebox.first_seq_at(p_shard integer, p_account text, p_type text, p_at timestamp with time zone)
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
  WHERE p.account_id = p_account AND p.credit_type = p_type AND p.shard = p_shard;
  WHILE v_low < v_high LOOP
    v_middle := (v_low + v_high) / 2;
    SELECT e.at INTO v_at FROM farebox.entries e
    WHERE e.account_id = p_account AND e.credit_type = p_type AND e.seq = v_middle AND e.shard = p_shard;
    -- Not found: its month was taken out of the table, which happens to the oldest only.
    IF v_at >= p_at THEN v_high := v_middle; ELSE v_low := v_middle + 1; END IF;
  END LOOP;
  RETURN v_low;
END $function$;

CREATE OR REPLACE FUNCTION farebox.follow_plan(p_shard integer, p_account text, p_plan text, p_version integer, p_items jsonb, p_types text[], p_now timestamp with time zone)
 RETURNS void
 LANGUAGE plpgsql
AS $function$
DECLARE
  v record;
  v_type text;
BEGIN
  v := farebox.open_plan(p_shard, p_account, p_items, p_types, p_now);
  IF v.o_plan = p_plan THEN
    PERFORM farebox.write_plan(p_shard, p_account, p_plan, p_items, v.o_now, v.o_now, v.o_next_plan_at);
    UPDATE farebox.accounts a SET plan_version = p_version WHERE a.account_id = p_account;
  ELSIF v.o_next_plan = p_plan THEN
    PERFORM farebox.write_plan(p_shard, p_account, p_plan, p_items, v.o_next_plan_at, v.o_next_plan_at, NULL);
    UPDATE farebox.accounts a SET next_plan_version = p_version WHERE a.account_id = p_account;
  END IF;
  FOREACH v_type IN ARRAY v.o_types LOOP
    PERFORM farebox.roll_pool_to(p_shard, p_account, v_type, v.o_now);
  END LOOP;
END $function$;

CREATE OR REPLACE FUNCTION farebox.forget_old(p_shard integer, p_limit integer)
 RETURNS integer
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
AS $function$
DECLARE
  v_now CONSTANT timestamptz := clock_timestamp();
  v_gone integer := 0;
  x record;
BEGIN
  -- A resolved hold is kept for an hour after it would have expired: so long its charge may be repeated.
  FOR x IN
    SELECT h.account_id, h.credit_type, h.hold_id FROM farebox.holds h
    WHERE h.kind = 'hold' AND h.expires_at < v_now - interval '1 hour' AND h.shard = p_shard AND h.state <> 'live'
    ORDER BY h.expires_at LIMIT p_limit FOR UPDATE SKIP LOCKED
  LOOP
    DELETE FROM farebox.holds h
    WHERE h.account_id = x.account_id AND h.credit_type = x.credit_type AND h.hold_id = x.hold_id AND h.shard = p_shard;
    v_gone := v_gone + 1;
  END LOOP;
  FOR x IN
    SELECT w.account_id, w.endpoint, w.value FROM farebox.once_windows w
    WHERE w.until < v_now AND w.shard = p_shard ORDER BY w.until LIMIT p_limit FOR UPDATE SKIP LOCKED
  LOOP
    DELETE FROM farebox.once_windows w
    WHERE w.account_id = x.account_id AND w.endpoint = x.endpoint AND w.value = x.value AND w.shard = p_shard;
    v_gone := v_gone + 1;
  END LOOP;
  -- A dead instance may come back and ask for its last batch; after a month it does not.
  FOR x IN
    SELECT n.owner FROM farebox.instances n
    WHERE n.shard = p_shard AND n.state = 'dead' AND n.dead_at < v_now - interval '30 days'
      AND NOT EXISTS (SELECT FROM farebox.holds h WHERE h.owner = n.owner AND h.shard = p_shard AND h.kind = 'lease')
    LIMIT p_limit
  LOOP
    DELETE FROM farebox.instances n WHERE n.owner = x.owner AND n.shard = p_shard;
    v_gone := v_gone + 1;
  END LOOP;
  RETURN v_gone;
END $function$;

CREATE OR REPLACE FUNCTION farebox.grant_credits(p_shard integer, p_account text, p_type text, p_grant_id text, p_amount bigint, p_priority integer, p_effective_at timestamp with time zone, p_expires_at timestamp with time zone, p_source text, p_reference text, p_reason text, OUT outcome text, OUT grant_id text, OUT balance bigint, OUT seq bigint)
 RETURNS record
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
AS $function$
DECLARE
  max_balance CONSTANT bigint := 1000000000000000;
  v_opened record;
  v_pool farebox.pools;
  v_now timestamptz;
  v_old record;
BEGIN
  v_opened := farebox.open_pool(p_shard, p_account, p_type);
  v_pool := v_opened.o_pool; v_now := v_opened.o_now;
  balance := v_pool.balance;
  SELECT g.grant_id, g.credit_type, g.amount INTO v_old FROM farebox.grants g
  WHERE g.account_id = p_account AND g.reference = p_reference AND g.shard = p_shard;
  IF FOUND THEN
    grant_id := v_old.grant_id;
    outcome := CASE WHEN v_old.credit_type = p_type AND v_old.amount = p_amount THEN 'repeated' ELSE 'conflict' END;
    RETURN;
  END IF;
  grant_id := p_grant_id;
  p_effective_at := greatest(p_effective_at, v_now);
  IF p_expires_at <= p_effective_at THEN outcome := 'expired'; RETURN; END IF;
  IF v_pool.balance + p_amount > max_balance THEN outcome := 'too_large'; RETURN; END IF;
  INSERT INTO farebox.grants (account_id, credit_type, grant_id, shard, amount, remaining, effective_at, expires_at,
    created_at, priority, state, source, reference)
  VALUES (p_account, p_type, p_grant_id, p_shard, p_amount, p_amount, p_effective_at, p_expires_at,
    v_now, p_priority, CASE WHEN p_effective_at > v_now THEN 'pending' ELSE 'active' END, p_source, p_reference);
  IF p_effective_at > v_now THEN
    v_pool.next_event_at := least(v_pool.next_event_at, p_effective_at);
  ELSE
    v_pool.balance := v_pool.balance + p_amount;
    v_pool.last_seq := v_pool.last_seq + 1;
    v_pool.next_event_at := least(v_pool.next_event_at, p_expires_at);
    seq := v_pool.last_seq;
    INSERT INTO farebox.entries (account_id, credit_type, seq, shard, at, amount, balance, spent, kind, grant_id, reason)
    VALUES (p_account, p_type, v_pool.last_seq, p_shard, v_now, p_amount, v_pool.balance, v_pool.spent,
      CASE WHEN p_source IN ('adjustment', 'refund') THEN p_source ELSE 'grant' END, p_grant_id,
      coalesce(p_reason, p_source));
  END IF;
  PERFORM farebox.write_pool(v_pool);
  balance := v_pool.balance;
  outcome := 'granted';
END $function$;

CREATE OR REPLACE FUNCTION farebox.heartbeat(p_shard integer, p_owner text, OUT o_alive boolean, OUT o_accounts text[], OUT o_types text[])
 RETURNS record
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
AS $function$
BEGIN
  o_alive := EXISTS (
    SELECT FROM farebox.instances n WHERE n.owner = p_owner AND n.shard = p_shard AND n.state = 'live'
  );
  IF o_alive THEN
    PERFORM FROM farebox.instances n WHERE n.owner = p_owner AND n.shard = p_shard AND n.state = 'live'
    FOR UPDATE SKIP LOCKED;
    IF FOUND THEN
      UPDATE farebox.instances n SET seen_at = clock_timestamp() WHERE n.owner = p_owner AND n.shard = p_shard;
    END IF;
  END IF;
  WITH gone AS (
    DELETE FROM farebox.recalls r WHERE r.owner = p_owner AND r.shard = p_shard RETURNING r.account_id, r.credit_type
  )
  SELECT coalesce(array_agg(g.account_id), '{}'), coalesce(array_agg(g.credit_type), '{}') INTO o_accounts, o_types
  FROM gone g;
END $function$;

CREATE OR REPLACE FUNCTION farebox.keep_plan(p_shard integer, p_account text, p_types text[], p_now timestamp with time zone)
 RETURNS boolean
 LANGUAGE plpgsql
AS $function$
DECLARE
  v record;
  v_type text;
BEGIN
  v := farebox.open_plan(p_shard, p_account, '[]', p_types, p_now);
  IF v.o_next_plan_at IS NULL THEN RETURN false; END IF;
  PERFORM farebox.withdraw_plan(p_shard, p_account, v.o_plan);
  FOREACH v_type IN ARRAY v.o_types LOOP
    PERFORM farebox.roll_pool_to(p_shard, p_account, v_type, v.o_now);
  END LOOP;
  RETURN true;
END $function$;

CREATE OR REPLACE FUNCTION farebox.open_plan(p_shard integer, p_account text, p_items jsonb, p_types text[], p_now timestamp with time zone, OUT o_now timestamp with time zone, OUT o_types text[], OUT o_plan text, OUT o_next_plan text, OUT o_next_plan_at timestamp with time zone)
 RETURNS record
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
AS $function$
DECLARE
  v_type text;
BEGIN
  SELECT coalesce(array_agg(t.type ORDER BY t.type), '{}') INTO o_types FROM (
    SELECT r.credit_type AS type FROM farebox.recurring r WHERE r.account_id = p_account AND r.shard = p_shard
    UNION SELECT (i.value ->> 'creditType') COLLATE "C" FROM jsonb_array_elements(p_items) i
    UNION SELECT u.type COLLATE "C" FROM unnest(p_types) u(type)
    UNION SELECT c.credit_type FROM farebox.key_caps c WHERE c.account_id = p_account AND c.shard = p_shard
  ) t;
  FOREACH v_type IN ARRAY o_types LOOP
    PERFORM FROM farebox.pools p
    WHERE p.account_id = p_account AND p.credit_type = v_type AND p.shard = p_shard FOR UPDATE;
    IF NOT FOUND THEN
      PERFORM farebox.create_pools(p_shard, ARRAY[p_account], ARRAY[v_type]);
      PERFORM FROM farebox.pools p
      WHERE p.account_id = p_account AND p.credit_type = v_type AND p.shard = p_shard FOR UPDATE;
    END IF;
  END LOOP;
  o_now := coalesce(p_now, clock_timestamp());
  FOREACH v_type IN ARRAY o_types LOOP
    PERFORM farebox.roll_pool_to(p_shard, p_account, v_type, o_now);
  END LOOP;
  SELECT a.plan, a.next_plan, a.next_plan_at INTO o_plan, o_next_plan, o_next_plan_at
  FROM farebox.accounts a WHERE a.account_id = p_account;
  IF o_next_plan_at <= o_now THEN
    DELETE FROM farebox.recurring r WHERE r.account_id = p_account AND r.shard = p_shard AND r.until IS NOT NULL;
    UPDATE farebox.accounts a SET plan = a.next_plan, plan_version = a.next_plan_version, next_plan = NULL,
      next_plan_version = NULL, next_plan_at = NULL
    WHERE a.account_id = p_account;
    o_plan := o_next_plan; o_next_plan := NULL; o_next_plan_at := NULL;
  END IF;
END $function$;

CREATE OR REPLACE FUNCTION farebox.open_pool(p_shard integer, p_account text, p_type text, OUT o_pool pools, OUT o_now timestamp with time zone)
 RETURNS record
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
AS $function$
DECLARE
  x record;
BEGIN
  SELECT * INTO o_pool FROM farebox.pools p
  WHERE p.account_id = p_account AND p.credit_type = p_type AND p.shard = p_shard FOR UPDATE;
  IF NOT FOUND THEN
    PERFORM farebox.create_pools(p_shard, ARRAY[p_account], ARRAY[p_type]);
    SELECT * INTO STRICT o_pool FROM farebox.pools p
    WHERE p.account_id = p_account AND p.credit_type = p_type AND p.shard = p_shard FOR UPDATE;
  END IF;
  o_now := clock_timestamp();
  SELECT r.io_balance, r.io_held, r.io_drawn, r.io_last_seq, r.o_overdue, r.o_next_event_at INTO x
  FROM farebox.roll_pool_row(p_shard, p_account, p_type, o_now, o_pool.spent, o_pool.balance, o_pool.held, o_pool.drawn,
    o_pool.last_seq) r;
  o_pool.balance := x.io_balance; o_pool.held := x.io_held; o_pool.drawn := x.io_drawn; o_pool.last_seq := x.io_last_seq;
  o_pool.overdue := x.o_overdue; o_pool.next_event_at := x.o_next_event_at;
  PERFORM farebox.write_pool(o_pool);
END $function$;

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

CREATE OR REPLACE FUNCTION farebox.period_start(p_anchor timestamp with time zone, p_every text, p_period integer)
 RETURNS timestamp with time zone
 LANGUAGE sql
 IMMUTABLE
RETURN (((p_anchor AT TIME ZONE 'UTC'::text) + ((p_period)::double precision * (('1 '::text || p_every))::interval)) AT TIME ZONE 'UTC'::text);

CREATE OR REPLACE FUNCTION farebox.plan_roll(p_shard integer, p_account text, p_type text, p_now timestamp with time zone, p_balance bigint, p_held bigint, p_spent bigint, p_drawn bigint)
 RETURNS roll
 LANGUAGE plpgsql
 STABLE
 SET enable_seqscan TO 'off'
AS $function$
DECLARE
  -- A pool that slept for years catches up in several rolls instead of one that takes seconds under its lock.
  max_events CONSTANT integer := 1000;
  max_balance CONSTANT bigint := 1000000000000000;
  v farebox.roll;
  g_id text[]; g_amount bigint[]; g_remaining bigint[]; g_overdue bigint[]; g_state text[]; g_priority integer[];
  g_effective timestamptz[]; g_expires timestamptz[]; g_source text[]; g_item text[]; g_reference text[];
  v_order integer[];
  v_loaded integer;
  d_grant integer[] := '{}'; d_from bigint[] := '{}'; d_to bigint[] := '{}';
  e_kind text[] := '{}'; e_amount bigint[] := '{}'; e_balance bigint[] := '{}'; e_grant integer[] := '{}';
  h_id text[]; h_amount bigint[]; h_expires timestamptz[];
  r_item text[]; r_period integer[]; r_next timestamptz[]; r_amount bigint[]; r_every text[]; r_rollover text[];
  r_cap bigint[]; r_anchor timestamptz[]; r_priority integer[]; r_until timestamptz[];
  v_balance bigint := p_balance;
  v_held bigint := p_held;
  v_overdue bigint := 0;
  v_left bigint := p_spent - p_drawn;
  v_from bigint := p_drawn;
  v_holds_done integer := 0;
  v_more_holds timestamptz;
  v_events integer := 0;
  v_at timestamptz;
  v_what text;
  v_which integer;
  v_take bigint;
  v_cover bigint;
  v_sum bigint;
  v_reference text;
  v_id text;
  i integer;
  n integer;
BEGIN
  SELECT coalesce(array_agg(g.grant_id), '{}'), coalesce(array_agg(g.amount), '{}'), coalesce(array_agg(g.remaining), '{}'),
    coalesce(array_agg(g.overdue), '{}'), coalesce(array_agg(g.state), '{}'), coalesce(array_agg(g.priority), '{}'),
    coalesce(array_agg(g.effective_at), '{}'), coalesce(array_agg(g.expires_at), '{}'), coalesce(array_agg(g.source), '{}'),
    coalesce(array_agg(g.item), '{}'), coalesce(array_agg(g.reference), '{}'), coalesce(sum(g.overdue)::bigint, 0)
  INTO g_id, g_amount, g_remaining, g_overdue, g_state, g_priority, g_effective, g_expires, g_source, g_item,
    g_reference, v_overdue
  FROM (
    SELECT * FROM farebox.grants o
    WHERE o.account_id = p_account AND o.credit_type = p_type AND o.shard = p_shard AND o.state <> 'ended'
    ORDER BY o.priority, o.expires_at NULLS LAST, o.effective_at, o.grant_id
  ) g;
  v_loaded := cardinality(g_id);
  SELECT coalesce(array_agg(k ORDER BY k), '{}') INTO v_order FROM generate_series(1, v_loaded) k;

  SELECT coalesce(array_agg(h.hold_id), '{}'), coalesce(array_agg(h.amount), '{}'), coalesce(array_agg(h.expires_at), '{}')
  INTO h_id, h_amount, h_expires
  FROM (
    SELECT l.hold_id, l.amount, l.expires_at FROM farebox.holds l
    WHERE l.account_id = p_account AND l.credit_type = p_type AND l.shard = p_shard
      AND l.kind = 'hold' AND l.state = 'live' AND l.expires_at <= p_now
    ORDER BY l.expires_at LIMIT max_events
  ) h;
  SELECT min(l.expires_at) INTO v_more_holds FROM farebox.holds l
  WHERE l.account_id = p_account AND l.credit_type = p_type AND l.shard = p_shard
    AND l.kind = 'hold' AND l.state = 'live' AND l.expires_at > p_now;
  IF cardinality(h_id) = max_events THEN v_more_holds := p_now; END IF;

  SELECT coalesce(array_agg(r.item ORDER BY r.item), '{}'), coalesce(array_agg(r.next_period ORDER BY r.item), '{}'),
    coalesce(array_agg(r.next_at ORDER BY r.item), '{}'), coalesce(array_agg(r.amount ORDER BY r.item), '{}'),
    coalesce(array_agg(r.every ORDER BY r.item), '{}'), coalesce(array_agg(r.rollover ORDER BY r.item), '{}'),
    coalesce(array_agg(r.rollover_cap ORDER BY r.item), '{}'), coalesce(array_agg(r.anchor_at ORDER BY r.item), '{}'),
    coalesce(array_agg(r.priority ORDER BY r.item), '{}'), coalesce(array_agg(r.until ORDER BY r.item), '{}')
  INTO r_item, r_period, r_next, r_amount, r_every, r_rollover, r_cap, r_anchor, r_priority, r_until
  FROM farebox.recurring r
  WHERE r.account_id = p_account AND r.credit_type = p_type AND r.shard = p_shard;

  -- What was spent since the last roll was spent before anything that is due now: whoever charges rolls first.
  FOREACH i IN ARRAY v_order LOOP
    EXIT WHEN v_left = 0;
    CONTINUE WHEN g_state[i] <> 'active' OR g_remaining[i] = 0;
    v_take := least(v_left, g_remaining[i]);
    d_grant := d_grant || i; d_from := d_from || v_from; d_to := d_to || (v_from + v_take);
    g_remaining[i] := g_remaining[i] - v_take;
    -- What expired and was honoured for a hold is what the hold's charge draws.
    v_overdue := v_overdue - least(g_overdue[i], v_take);
    g_overdue[i] := g_overdue[i] - least(g_overdue[i], v_take);
    v_from := v_from + v_take;
    v_left := v_left - v_take;
  END LOOP;
  IF v_left <> 0 THEN
    RAISE EXCEPTION 'pool %/% has spent % more than its grants', p_account, p_type, v_left USING ERRCODE = 'FB001';
  END IF;

  LOOP
    -- Expiry never takes what a live hold covers. Holds cover the grants in the order in which they are drawn.
    IF v_overdue > 0 THEN
      v_cover := v_held;
      FOREACH i IN ARRAY v_order LOOP
        CONTINUE WHEN g_state[i] <> 'active';
        v_take := least(g_overdue[i], greatest(0, g_remaining[i] - v_cover));
        v_cover := greatest(0, v_cover - g_remaining[i]);
        CONTINUE WHEN v_take = 0;
        g_remaining[i] := g_remaining[i] - v_take;
        g_overdue[i] := g_overdue[i] - v_take;
        v_overdue := v_overdue - v_take;
        v_balance := v_balance - v_take;
        e_kind := e_kind || 'expiry'::text; e_amount := e_amount || -v_take; e_balance := e_balance || v_balance;
        e_grant := e_grant || i;
      END LOOP;
    END IF;

    -- The earliest of what comes next; at one moment: holds, expiries, plans, grants.
    v_at := v_more_holds; v_what := 'later hold';
    IF v_holds_done < cardinality(h_id) THEN
      v_at := h_expires[v_holds_done + 1]; v_what := 'hold';
    END IF;
    FOREACH i IN ARRAY v_order LOOP
      IF g_state[i] = 'active' AND g_overdue[i] < g_remaining[i] AND g_expires[i] < coalesce(v_at, 'infinity') THEN
        v_at := g_expires[i]; v_what := 'expiry'; v_which := i;
      END IF;
    END LOOP;
    FOR k IN 1..cardinality(r_item) LOOP
      -- An item that ends grants nothing at or after its end.
      IF r_next[k] < coalesce(v_at, 'infinity') AND r_next[k] < coalesce(r_until[k], 'infinity') THEN
        v_at := r_next[k]; v_what := 'recurring'; v_which := k;
      END IF;
    END LOOP;
    FOREACH i IN ARRAY v_order LOOP
      IF g_state[i] = 'pending' AND g_effective[i] < coalesce(v_at, 'infinity') THEN
        v_at := g_effective[i]; v_what := 'effective'; v_which := i;
      END IF;
    END LOOP;
    EXIT WHEN v_at IS NULL OR v_at > p_now OR v_what = 'later hold' OR v_events = max_events;
    v_events := v_events + 1;

    CASE v_what
    WHEN 'hold' THEN
      v_holds_done := v_holds_done + 1;
      v_held := v_held - h_amount[v_holds_done];
    WHEN 'expiry' THEN
      v_overdue := v_overdue + g_remaining[v_which] - g_overdue[v_which];
      g_overdue[v_which] := g_remaining[v_which];
    WHEN 'effective' THEN
      g_state[v_which] := 'active';
      v_balance := v_balance + g_amount[v_which];
      e_kind := e_kind || 'grant'::text; e_amount := e_amount || g_amount[v_which]; e_balance := e_balance || v_balance;
      e_grant := e_grant || v_which;
    WHEN 'recurring' THEN
      -- A cap limits what survives of this item's earlier grants; the first to be drawn go first.
      IF r_rollover[v_which] = 'cap' THEN
        v_sum := 0;
        FOREACH i IN ARRAY v_order LOOP
          IF g_state[i] = 'active' AND g_item[i] = r_item[v_which] THEN
            v_sum := v_sum + g_remaining[i] - g_overdue[i];
          END IF;
        END LOOP;
        v_sum := greatest(0, v_sum - r_cap[v_which]);
        FOREACH i IN ARRAY v_order LOOP
          EXIT WHEN v_sum = 0;
          CONTINUE WHEN g_state[i] <> 'active' OR g_item[i] IS DISTINCT FROM r_item[v_which];
          v_take := least(v_sum, g_remaining[i] - g_overdue[i]);
          g_overdue[i] := g_overdue[i] + v_take;
          v_overdue := v_overdue + v_take;
          v_sum := v_sum - v_take;
        END LOOP;
      END IF;
      -- The grant itself becomes effective in a later pass, after what this refresh let expire is gone.
      v_reference := format('recurring:%s:%s:%s:%s', p_type, r_item[v_which],
        (extract(epoch FROM r_anchor[v_which]) * 1000000)::bigint, r_period[v_which]);
      v_id := farebox.derived_grant_id(p_account || '/' || v_reference);
      r_next[v_which] := farebox.period_start(r_anchor[v_which], r_every[v_which], r_period[v_which] + 1);
      r_period[v_which] := r_period[v_which] + 1;
      v_take := least(r_amount[v_which], max_balance - v_balance + v_overdue);
      -- A plan that was left and taken again within a calendar period has granted for it already.
      IF v_take > 0 AND NOT EXISTS (
        SELECT FROM farebox.grants o
        WHERE o.account_id = p_account AND o.reference = v_reference AND o.shard = p_shard
      ) THEN
        n := cardinality(g_id) + 1;
        g_id[n] := v_id; g_amount[n] := v_take; g_remaining[n] := v_take; g_overdue[n] := 0; g_state[n] := 'pending';
        g_priority[n] := r_priority[v_which]; g_effective[n] := v_at; g_source[n] := 'recurring';
        g_expires[n] := CASE WHEN r_rollover[v_which] = 'none' THEN r_next[v_which] END;
        g_item[n] := r_item[v_which]; g_reference[n] := v_reference;
        SELECT array_agg(u.k ORDER BY u.priority, u.expires NULLS LAST, u.effective, u.id COLLATE "C") INTO v_order
        FROM unnest(g_priority, g_expires, g_effective, g_id) WITH ORDINALITY u(priority, expires, effective, id, k);
      END IF;
    END CASE;
  END LOOP;

  FOR k IN 1..cardinality(g_id) LOOP
    IF g_state[k] = 'active' AND g_remaining[k] = 0 THEN g_state[k] := 'ended'; END IF;
  END LOOP;
  v.balance := v_balance; v.held := v_held; v.overdue := v_overdue; v.next_event_at := v_at;
  v.g_loaded := v_loaded; v.g_id := g_id; v.g_amount := g_amount; v.g_remaining := g_remaining; v.g_overdue := g_overdue;
  v.g_state := g_state; v.g_priority := g_priority; v.g_effective := g_effective; v.g_expires := g_expires;
  v.g_source := g_source; v.g_item := g_item; v.g_reference := g_reference;
  v.d_grant := d_grant; v.d_from := d_from; v.d_to := d_to;
  v.e_kind := e_kind; v.e_amount := e_amount; v.e_balance := e_balance; v.e_grant := e_grant;
  v.h_id := h_id[1:v_holds_done];
  v.r_item := r_item; v.r_period := r_period; v.r_next := r_next; v.r_amount := r_amount; v.r_every := r_every;
  v.r_rollover := r_rollover; v.r_cap := r_cap; v.r_anchor := r_anchor; v.r_priority := r_priority;
  v.r_until := r_until;
  RETURN v;
END $function$;

CREATE OR REPLACE FUNCTION farebox.quarter_of(p_at timestamp with time zone)
 RETURNS timestamp with time zone
 LANGUAGE sql
 IMMUTABLE
RETURN date_bin('00:15:00'::interval, p_at, '2000-01-01 00:00:00+00'::timestamp with time zone);

CREATE OR REPLACE FUNCTION farebox.read_balances(p_shard integer, p_account text)
 RETURNS TABLE(credit_type text, balance bigint, held bigint, grants jsonb, recurring jsonb)
 LANGUAGE sql
 STABLE
AS $function$
  SELECT p.credit_type, (r.v).balance, (r.v).held,
    (
      SELECT coalesce(jsonb_agg(jsonb_build_object('grantId', g.id, 'amount', g.amount, 'remaining', g.remaining, 'source', g.source,
        'expiresAt', extract(epoch FROM g.expires) * 1000)
        ORDER BY g.priority, g.expires NULLS LAST, g.effective, g.id COLLATE "C"), '[]')
      FROM unnest((r.v).g_id, (r.v).g_remaining, (r.v).g_source, (r.v).g_expires, (r.v).g_priority, (r.v).g_effective,
        (r.v).g_state, (r.v).g_amount) g(id, remaining, source, expires, priority, effective, state, amount)
      WHERE g.state = 'active' AND g.remaining > 0
    ),
    (
      SELECT jsonb_build_object('amount', i.amount, 'every', i.every,
        'nextAt', (
          SELECT extract(epoch FROM min(n.next_at)) * 1000 FROM unnest((r.v).r_next, (r.v).r_until) n(next_at, until)
          WHERE n.next_at < coalesce(n.until, 'infinity')
        ),
        'rollover', CASE WHEN i.rollover = 'cap' THEN to_jsonb(i.cap) ELSE to_jsonb(i.rollover) END)
      FROM unnest((r.v).r_amount, (r.v).r_every, (r.v).r_rollover, (r.v).r_cap, (r.v).r_item)
        i(amount, every, rollover, cap, item)
      WHERE i.item = a.plan
    )
  FROM (
    SELECT CASE WHEN c.next_plan_at <= statement_timestamp() THEN c.next_plan ELSE c.plan END AS plan
    FROM farebox.accounts c WHERE c.account_id = p_account
  ) a
  CROSS JOIN farebox.pools p
  CROSS JOIN LATERAL (
    SELECT farebox.plan_roll(p.shard, p.account_id, p.credit_type, clock_timestamp(), p.balance, p.held, p.spent, p.drawn) AS v
    OFFSET 0
  ) r
  WHERE p.account_id = p_account AND p.shard = p_shard
  ORDER BY p.credit_type
$function$;

CREATE OR REPLACE FUNCTION farebox.read_key_caps(p_shard integer, p_account text, p_keys text[])
 RETURNS TABLE(key_id text, credit_type text, day_cap bigint, month_cap bigint, total_cap bigint, day_spent bigint, month_spent bigint, total_spent bigint, held bigint, day_ends_at timestamp with time zone, month_ends_at timestamp with time zone, source text)
 LANGUAGE sql
 STABLE
AS $function$
  SELECT c.key_id, c.credit_type, c.day_cap, c.month_cap, c.total_cap,
    CASE WHEN c.day < n.day THEN 0 ELSE c.day_spent END, CASE WHEN c.month < n.month THEN 0 ELSE c.month_spent END,
    c.total_spent, c.held, greatest(c.day, n.day) + interval '24 hours',
    farebox.period_start(greatest(c.month, n.month), 'month', 1), c.source
  FROM farebox.key_caps c, (
    SELECT date_trunc('day', clock_timestamp(), 'UTC') AS day, date_trunc('month', clock_timestamp(), 'UTC') AS month
  ) n
  WHERE c.account_id = p_account AND c.shard = p_shard AND c.key_id = ANY (p_keys)
  ORDER BY c.key_id, c.credit_type
$function$;

CREATE OR REPLACE FUNCTION farebox.refund_charge(p_shard integer, p_account text, p_type text, p_seq bigint, p_amount bigint, p_reason text, p_reference text, OUT outcome text, OUT refunded bigint, OUT balance bigint, OUT refund_seq bigint, OUT refundable bigint)
 RETURNS record
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
AS $function$
DECLARE
  v_opened record;
  v_pool farebox.pools;
  v_now timestamptz;
  v_charge record;
  v_before bigint;
  v_position bigint;
  v_start bigint;
  v_part bigint;
  v_homeless bigint := 0;
  v_until timestamptz;
  d record;
BEGIN
  v_opened := farebox.open_pool(p_shard, p_account, p_type);
  v_pool := v_opened.o_pool; v_now := v_opened.o_now;
  balance := v_pool.balance;
  SELECT r.amount, r.balance_after, r.refund_seq INTO d FROM farebox.refunds r
  WHERE r.account_id = p_account AND r.credit_type = p_type AND r.seq = p_seq AND r.reference = p_reference
    AND r.shard = p_shard;
  IF FOUND THEN
    outcome := 'repeated'; refunded := d.amount; balance := d.balance_after; refund_seq := d.refund_seq;
    RETURN;
  END IF;
  SELECT e.at, -e.amount AS amount, e.spent, e.key_id, e.endpoint, e.request_id INTO v_charge FROM farebox.entries e
  WHERE e.account_id = p_account AND e.credit_type = p_type AND e.seq = p_seq AND e.shard = p_shard AND e.kind = 'charge';
  IF NOT FOUND THEN outcome := 'unknown'; refunded := 0; RETURN; END IF;
  SELECT coalesce(sum(r.amount), 0) INTO v_before FROM farebox.refunds r
  WHERE r.account_id = p_account AND r.credit_type = p_type AND r.seq = p_seq AND r.shard = p_shard;
  refundable := v_charge.amount - v_before;
  IF p_amount > refundable THEN outcome := 'exceeds'; refunded := 0; RETURN; END IF;
  refunded := coalesce(p_amount, refundable);
  outcome := 'refunded';
  IF refunded = 0 THEN RETURN; END IF;

  -- Back to the grants that the charge drew from, the newest drawn first; an expired one cannot take it back.
  v_position := v_charge.spent - v_before;
  v_start := v_position - refunded;
  FOR d IN
    SELECT w.from_spent, w.to_spent, w.grant_id FROM farebox.draws w
    WHERE w.account_id = p_account AND w.credit_type = p_type AND w.from_spent < v_position AND w.shard = p_shard
    ORDER BY w.from_spent DESC
  LOOP
    EXIT WHEN d.to_spent <= v_start;
    v_part := least(d.to_spent, v_position) - greatest(d.from_spent, v_start);
    UPDATE farebox.grants g SET remaining = g.remaining + v_part, state = 'active'
    WHERE g.account_id = p_account AND g.credit_type = p_type AND g.grant_id = d.grant_id AND g.shard = p_shard
      AND (g.expires_at IS NULL OR g.expires_at > v_now)
    RETURNING g.expires_at INTO v_until;
    IF FOUND THEN
      v_pool.next_event_at := least(v_pool.next_event_at, v_until);
    ELSE
      v_homeless := v_homeless + v_part;
    END IF;
  END LOOP;
  v_pool.balance := v_pool.balance + refunded;
  v_pool.last_seq := v_pool.last_seq + 1;
  refund_seq := v_pool.last_seq;
  IF v_homeless > 0 THEN
    -- As long as the pool's longest-lived grant; for ever when one of them, or none, is.
    SELECT CASE WHEN count(*) = count(g.expires_at) THEN max(g.expires_at) END INTO v_until FROM farebox.grants g
    WHERE g.account_id = p_account AND g.credit_type = p_type AND g.shard = p_shard AND g.state <> 'ended'
      AND (g.expires_at IS NULL OR g.expires_at > v_now);
    INSERT INTO farebox.grants (account_id, credit_type, grant_id, shard, amount, remaining, effective_at, expires_at,
      created_at, priority, state, source, reference)
    VALUES (p_account, p_type, farebox.derived_grant_id(format('%s/refund:%s:%s', p_account, p_type, refund_seq)), p_shard,
      v_homeless, v_homeless, v_now, v_until, v_now, 100, 'active', 'refund', format('refund:%s:%s', p_type, refund_seq));
    v_pool.next_event_at := least(v_pool.next_event_at, v_until);
  END IF;
  INSERT INTO farebox.entries (account_id, credit_type, seq, shard, at, amount, balance, spent, refund_of, kind, request_id,
    key_id, endpoint, reason)
  VALUES (p_account, p_type, refund_seq, p_shard, v_now, refunded, v_pool.balance, v_pool.spent, p_seq, 'refund',
    v_charge.request_id, v_charge.key_id, v_charge.endpoint, p_reason);
  INSERT INTO farebox.refunds (account_id, credit_type, seq, reference, shard, amount, refund_seq, balance_after)
  VALUES (p_account, p_type, p_seq, p_reference, p_shard, refunded, refund_seq, v_pool.balance);
  UPDATE farebox.usage u SET refunded = u.refunded + refund_charge.refunded
  WHERE u.account_id = p_account AND u.credit_type = p_type AND u.quarter = farebox.quarter_of(v_charge.at)
    AND u.key_id = v_charge.key_id AND u.endpoint = v_charge.endpoint AND u.shard = p_shard;
  -- The sums of the charge's hour and day, if that day is summed. Two statements: of one with both rows the planner makes a scan
  -- of all sums of the pool.
  UPDATE farebox.usage_sums s SET refunded = s.refunded + refund_charge.refunded
  WHERE s.account_id = p_account AND s.credit_type = p_type AND s.span = 'hour'
    AND s.start = date_bin(interval '1 hour', v_charge.at, timestamptz '2000-01-01Z')
    AND s.key_id = v_charge.key_id AND s.endpoint = v_charge.endpoint AND s.shard = p_shard;
  UPDATE farebox.usage_sums s SET refunded = s.refunded + refund_charge.refunded
  WHERE s.account_id = p_account AND s.credit_type = p_type AND s.span = 'day'
    AND s.start = date_bin(interval '24 hours', v_charge.at, timestamptz '2000-01-01Z')
    AND s.key_id = v_charge.key_id AND s.endpoint = v_charge.endpoint AND s.shard = p_shard;
  -- What was refunded may be spent again, in the windows in which it was charged.
  UPDATE farebox.key_caps c SET total_spent = greatest(0, c.total_spent - refund_charge.refunded),
    day_spent = CASE WHEN v_charge.at >= c.day AND v_charge.at < c.day + interval '24 hours'
      THEN greatest(0, c.day_spent - refund_charge.refunded) ELSE c.day_spent END,
    month_spent = CASE WHEN v_charge.at >= c.month AND v_charge.at < farebox.period_start(c.month, 'month', 1)
      THEN greatest(0, c.month_spent - refund_charge.refunded) ELSE c.month_spent END
  WHERE v_pool.capped AND c.account_id = p_account AND c.credit_type = p_type AND c.key_id = v_charge.key_id
    AND c.shard = p_shard;
  PERFORM farebox.write_pool(v_pool);
  balance := v_pool.balance;
END $function$;

CREATE OR REPLACE FUNCTION farebox.register_instance(p_owner text, p_shards integer[])
 RETURNS void
 LANGUAGE sql
AS $function$
  INSERT INTO farebox.instances (owner, shard, seen_at)
  SELECT p_owner, s, clock_timestamp() FROM unnest(p_shards) s ORDER BY s
  ON CONFLICT DO NOTHING
$function$;

CREATE OR REPLACE FUNCTION farebox.release_leases(p_shard integer, p_owner text, p_limit integer)
 RETURNS integer
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
AS $function$
DECLARE
  v_account text[];
  v_type text[];
  v_freed bigint;
  v_overdue bigint;
  v_done integer := 0;
  x record;
BEGIN
  PERFORM FROM farebox.instances n WHERE n.owner = p_owner AND n.shard = p_shard AND n.state = 'dead';
  IF NOT FOUND THEN RETURN 0; END IF;
  -- Most leases of an instance that served many accounts are empty. They change no pool, so none is locked for them: batches
  -- of a dead instance are fenced, and nobody else touches its leases.
  DELETE FROM farebox.holds h WHERE h.owner = p_owner AND h.shard = p_shard AND h.kind = 'lease' AND h.amount = 0;
  SELECT coalesce(array_agg(l.account_id), '{}'), coalesce(array_agg(l.credit_type), '{}') INTO v_account, v_type
  FROM (
    SELECT DISTINCT h.account_id, h.credit_type FROM farebox.holds h
    WHERE h.owner = p_owner AND h.shard = p_shard AND h.kind = 'lease'
    ORDER BY h.account_id, h.credit_type LIMIT p_limit
  ) l;
  FOR k IN 1..cardinality(v_account) LOOP
    SELECT (p.o_pool).overdue INTO v_overdue FROM farebox.open_pool(p_shard, v_account[k], v_type[k]) p;
    v_freed := 0;
    -- Another process may have been faster; the pool's lock made this one wait for it. '0' follows '/': the pool's lease and
    -- those of its keys.
    FOR x IN
      DELETE FROM farebox.holds h
      WHERE h.account_id = v_account[k] AND h.credit_type = v_type[k] AND h.hold_id >= 'lease:' || p_owner
        AND h.hold_id < 'lease:' || p_owner || '0' AND h.shard = p_shard
      RETURNING h.hold_id, h.amount
    LOOP
      v_done := v_done + 1; v_freed := v_freed + x.amount;
      UPDATE farebox.key_caps c SET held = c.held - x.amount
      WHERE c.account_id = v_account[k] AND c.credit_type = v_type[k] AND c.key_id = split_part(x.hold_id, '/', 2)
        AND c.shard = p_shard;
    END LOOP;
    IF v_freed > 0 THEN
      UPDATE farebox.pools p SET held = p.held - v_freed
      WHERE p.account_id = v_account[k] AND p.credit_type = v_type[k] AND p.shard = p_shard;
      -- What expired while it was set aside goes now.
      IF v_overdue > 0 THEN PERFORM farebox.roll_pool(p_shard, v_account[k], v_type[k]); END IF;
    END IF;
  END LOOP;
  IF v_done = 0 AND cardinality(v_account) = 0 THEN
    DELETE FROM farebox.recalls r WHERE r.owner = p_owner AND r.shard = p_shard;
  END IF;
  RETURN v_done;
END $function$;

CREATE OR REPLACE FUNCTION farebox.roll_due_pools(p_shard integer, p_limit integer)
 RETURNS integer
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
AS $function$
DECLARE
  -- A constant, because clock_timestamp() in a condition cannot be looked up in an index.
  v_now CONSTANT timestamptz := clock_timestamp();
  v_account text[];
  v_type text[];
  v_rolled integer := 0;
BEGIN
  SELECT coalesce(array_agg(q.account_id ORDER BY q.account_id, q.credit_type), '{}'),
    coalesce(array_agg(q.credit_type ORDER BY q.account_id, q.credit_type), '{}')
  INTO v_account, v_type
  FROM (
    SELECT p.account_id, p.credit_type FROM farebox.pools p
    WHERE p.next_event_at <= v_now AND p.shard = p_shard ORDER BY p.next_event_at LIMIT p_limit
  ) q;
  FOR k IN 1..cardinality(v_account) LOOP
    BEGIN
      PERFORM farebox.roll_pool(p_shard, v_account[k], v_type[k]);
      v_rolled := v_rolled + 1;
    EXCEPTION WHEN SQLSTATE 'FB001' THEN
      -- Books that contradict each other: the audit names the pool. It must not keep the others from their refresh.
      CONTINUE;
    END;
  END LOOP;
  RETURN v_rolled;
END $function$;

CREATE OR REPLACE FUNCTION farebox.roll_pool(p_shard integer, p_account text, p_type text)
 RETURNS void
 LANGUAGE sql
AS $function$ SELECT farebox.open_pool(p_shard, p_account, p_type) $function$;

CREATE OR REPLACE FUNCTION farebox.roll_pool_row(p_shard integer, p_account text, p_type text, p_now timestamp with time zone, p_spent bigint, INOUT io_balance bigint, INOUT io_held bigint, INOUT io_drawn bigint, INOUT io_last_seq bigint, OUT o_overdue bigint, OUT o_next_event_at timestamp with time zone)
 RETURNS record
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
AS $function$
DECLARE
  v farebox.roll;
BEGIN
  v := farebox.plan_roll(p_shard, p_account, p_type, p_now, io_balance, io_held, p_spent, io_drawn);

  IF cardinality(v.d_grant) > 0 THEN
    INSERT INTO farebox.draws (account_id, credit_type, from_spent, shard, to_spent, grant_id)
    SELECT p_account, p_type, u.f, p_shard, u.t, v.g_id[u.g] FROM unnest(v.d_grant, v.d_from, v.d_to) u(g, f, t);
  END IF;
  IF v.g_loaded > 0 THEN
    UPDATE farebox.grants g SET remaining = u.remaining, overdue = u.overdue, state = u.state
    FROM unnest(v.g_id[1:v.g_loaded], v.g_remaining[1:v.g_loaded], v.g_overdue[1:v.g_loaded], v.g_state[1:v.g_loaded])
      u(id, remaining, overdue, state)
    WHERE g.account_id = p_account AND g.credit_type = p_type AND g.grant_id = u.id AND g.shard = p_shard
      AND (g.remaining <> u.remaining OR g.overdue <> u.overdue OR g.state <> u.state);
  END IF;
  IF cardinality(v.g_id) > v.g_loaded THEN
    INSERT INTO farebox.grants (account_id, credit_type, grant_id, shard, amount, remaining, overdue, effective_at,
      expires_at, created_at, priority, state, source, item, reference)
    SELECT p_account, p_type, v.g_id[k], p_shard, v.g_amount[k], v.g_remaining[k], v.g_overdue[k], v.g_effective[k],
      v.g_expires[k], p_now, v.g_priority[k], v.g_state[k], v.g_source[k], v.g_item[k], v.g_reference[k]
    FROM generate_series(v.g_loaded + 1, cardinality(v.g_id)) k;
  END IF;
  IF cardinality(v.e_kind) > 0 THEN
    INSERT INTO farebox.entries (account_id, credit_type, seq, shard, at, amount, balance, spent, kind, grant_id, reason)
    SELECT p_account, p_type, io_last_seq + u.k, p_shard, p_now, u.amount, u.balance, p_spent, u.kind, v.g_id[u.g],
      v.g_source[u.g]
    FROM unnest(v.e_kind, v.e_amount, v.e_balance, v.e_grant) WITH ORDINALITY u(kind, amount, balance, g, k);
  END IF;
  IF cardinality(v.h_id) > 0 THEN
    UPDATE farebox.holds h SET amount = 0, state = 'expired'
    FROM unnest(v.h_id) u(id)
    WHERE h.account_id = p_account AND h.credit_type = p_type AND h.hold_id = u.id AND h.shard = p_shard;
  END IF;
  IF cardinality(v.r_item) > 0 THEN
    UPDATE farebox.recurring r SET next_period = u.period, next_at = u.next_at
    FROM unnest(v.r_item, v.r_period, v.r_next) u(item, period, next_at)
    WHERE r.account_id = p_account AND r.credit_type = p_type AND r.item = u.item AND r.shard = p_shard
      AND r.next_period <> u.period;
  END IF;
  io_balance := v.balance;
  io_held := v.held;
  io_drawn := p_spent;
  io_last_seq := io_last_seq + cardinality(v.e_kind);
  o_overdue := v.overdue;
  o_next_event_at := v.next_event_at;
END $function$;

CREATE OR REPLACE FUNCTION farebox.roll_pool_to(p_shard integer, p_account text, p_type text, p_now timestamp with time zone)
 RETURNS void
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
AS $function$
DECLARE
  v_pool farebox.pools;
  x record;
BEGIN
  SELECT * INTO STRICT v_pool FROM farebox.pools p
  WHERE p.account_id = p_account AND p.credit_type = p_type AND p.shard = p_shard FOR UPDATE;
  LOOP
    SELECT r.io_balance, r.io_held, r.io_drawn, r.io_last_seq, r.o_overdue, r.o_next_event_at INTO x
    FROM farebox.roll_pool_row(p_shard, p_account, p_type, p_now, v_pool.spent, v_pool.balance, v_pool.held, v_pool.drawn,
      v_pool.last_seq) r;
    v_pool.balance := x.io_balance; v_pool.held := x.io_held; v_pool.drawn := x.io_drawn; v_pool.last_seq := x.io_last_seq;
    v_pool.overdue := x.o_overdue; v_pool.next_event_at := x.o_next_event_at;
    EXIT WHEN v_pool.next_event_at IS NULL OR v_pool.next_event_at > p_now;
  END LOOP;
  PERFORM farebox.write_pool(v_pool);
END $function$;

CREATE OR REPLACE FUNCTION farebox.run_batch(p_shard integer, p_owner text, p_number bigint, p_keep_seconds integer, p_account text[], p_type text[], p_back bigint[], p_lease_total bigint[], p_pool_total bigint[], p_count integer[], k_pool integer[], k_key text[], k_back bigint[], k_total bigint[], d_pool integer[], d_key text[], d_endpoint text[], d_count integer[], d_units bigint[], d_credits bigint[], c_dim integer[], c_source integer[], c_amount bigint[], c_running bigint[], c_nth integer[], c_request text[], c_units integer[], c_status integer[], c_list integer[], s_dim integer[], s_source integer[], s_amount bigint[], s_request text[], s_units integer[], s_status integer[], s_list integer[], s_once integer[], s_idempotency integer[], h_pool integer[], h_id text[], o_pool integer[], o_endpoint text[], o_value text[], o_seconds integer[], i_pool integer[], i_key text[], i_owner text[], i_status integer[], i_headers text[], i_body text[], r_hold integer[], l_pool integer[], l_key integer[], l_need bigint[], l_want bigint[], n_hold integer[], n_amount bigint[], n_seconds integer[], f_pool integer[])
 RETURNS text
 LANGUAGE plpgsql
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
AS $function$
DECLARE
  v_lease_id CONSTANT text := 'lease:' || p_owner;
  v_pools CONSTANT integer := cardinality(p_account);
  v_last bigint; v_state text; v_reply text;
  v_now timestamptz; v_quarter timestamptz; v_found integer; v_all_fast boolean := true;
  v_balance bigint[]; v_held bigint[]; v_spent bigint[]; v_drawn bigint[]; v_overdue bigint[]; v_uncollected bigint[];
  v_seq bigint[]; v_next timestamptz[];
  v_lease bigint[]; v_lease_before bigint[]; k_lease bigint[]; k_lease_before bigint[];
  v_capped boolean[]; v_day timestamptz; v_month timestamptz;
  g_pool integer[] := '{}'; g_key text[]; g_day_cap bigint[]; g_month_cap bigint[]; g_total_cap bigint[]; g_source text[];
  g_day timestamptz[]; g_day_spent bigint[]; g_month timestamptz[]; g_month_spent bigint[]; g_total_spent bigint[];
  g_held bigint[]; g_touched boolean[]; d_cap integer[]; k_cap integer[];
  b_balance bigint[]; b_seq bigint[]; b_spent bigint[]; b_fast boolean[]; b_freed boolean[];
  h_state text[]; h_amount bigint[]; h_asked bigint[]; h_expires timestamptz[]; h_seq bigint[]; h_charged bigint[];
  h_uncollected bigint[]; h_balance bigint[]; h_touched boolean[]; h_created timestamptz[];
  o_until timestamptz[]; o_touched boolean[];
  i_state text[]; i_touched boolean[];
  e_dim integer[] := '{}'; e_seq bigint[] := '{}'; e_amount bigint[] := '{}'; e_balance bigint[] := '{}';
  e_spent bigint[] := '{}'; e_uncollected bigint[] := '{}'; e_request text[] := '{}'; e_units integer[] := '{}';
  e_status integer[] := '{}'; e_list integer[] := '{}';
  x_kind text[] := '{}'; x_seq bigint[] := '{}'; x_charged bigint[] := '{}'; x_uncollected bigint[] := '{}';
  x_balance bigint[] := '{}';
  y_released bigint[] := '{}';
  y_granted bigint[] := '{}'; y_available bigint[] := '{}'; y_balance bigint[] := '{}'; y_next bigint[] := '{}';
  y_window integer[] := '{}'; y_cap bigint[] := '{}'; y_reset bigint[] := '{}';
  z_kind text[] := '{}'; z_available bigint[] := '{}'; z_expires bigint[] := '{}';
  -- Refused leases and holds: the pool, what was asked to grow (-1 a hold, 0 the pool's lease, n the key's lease n), and
  -- whether a cap refused it.
  v_refused integer[] := '{}'; v_refused_key integer[] := '{}'; v_refused_by_cap boolean[] := '{}'; v_recalled integer[] := '{}';
  i integer; h integer; g integer; v_take bigint; v_from_pool bigint; v_back bigint; v_wanted boolean; v_left bigint;
  x record;
BEGIN
  SELECT n.last_batch, n.state, n.reply INTO v_last, v_state, v_reply
  FROM farebox.instances n WHERE n.owner = p_owner AND n.shard = p_shard FOR UPDATE;
  IF NOT FOUND THEN RETURN '{"s":"fenced"}'; END IF;
  IF p_number = v_last THEN RETURN v_reply; END IF;
  IF p_number < v_last THEN
    RAISE EXCEPTION 'batch % of % was sent after batch %', p_number, p_owner, v_last USING ERRCODE = 'FB002';
  END IF;
  IF v_state <> 'live' THEN RETURN '{"s":"fenced"}'; END IF;

  -- One look-up by primary key after the other, in the order of the keys: LATERAL with FOR UPDATE leaves no other plan.
  SELECT count(*), array_agg(q.balance), array_agg(q.held), array_agg(q.spent), array_agg(q.drawn), array_agg(q.overdue),
    array_agg(q.uncollected), array_agg(q.last_seq), array_agg(q.next_event_at), array_agg(q.capped)
  INTO v_found, v_balance, v_held, v_spent, v_drawn, v_overdue, v_uncollected, v_seq, v_next, v_capped
  FROM (
    SELECT u.i, p.* FROM (
      SELECT * FROM unnest(p_account, p_type) WITH ORDINALITY k(a, t, i) ORDER BY k.a COLLATE "C", k.t COLLATE "C" OFFSET 0
    ) u CROSS JOIN LATERAL (
      SELECT o.balance, o.held, o.spent, o.drawn, o.overdue, o.uncollected, o.last_seq, o.next_event_at,
        o.capped
      FROM farebox.pools o WHERE o.account_id = u.a AND o.credit_type = u.t AND o.shard = p_shard FOR UPDATE
    ) p ORDER BY u.i
  ) q;
  -- Nothing was written, so the caller creates them in a transaction of its own and sends the batch again. Created here, a
  -- new row could wait for another batch's new row while that one waits for a lock held here.
  IF v_found < v_pools THEN RETURN '{"s":"missing"}'; END IF;
  -- Taken after the locks, so that times run in the order of the numbers of a pool's entries.
  v_now := clock_timestamp();
  v_quarter := farebox.quarter_of(v_now);

  SELECT array_agg((
    SELECT l.amount FROM farebox.holds l
    WHERE l.account_id = u.a AND l.credit_type = u.t AND l.hold_id = v_lease_id AND l.shard = p_shard
  )) INTO v_lease_before
  FROM unnest(p_account, p_type) u(a, t);
  v_lease := v_lease_before;
  IF cardinality(k_pool) > 0 THEN
    SELECT array_agg((
      SELECT l.amount FROM farebox.holds l
      WHERE l.account_id = p_account[u.p] AND l.credit_type = p_type[u.p] AND l.hold_id = v_lease_id || '/' || u.key
        AND l.shard = p_shard
    )) INTO k_lease_before
    FROM unnest(k_pool, k_key) u(p, key);
    k_lease := k_lease_before;
  END IF;
  IF true = ANY (v_capped) THEN
    v_day := date_trunc('day', v_now, 'UTC'); v_month := date_trunc('month', v_now, 'UTC');
    d_cap := array_fill(NULL::integer, ARRAY[cardinality(d_pool)]);
    k_cap := array_fill(NULL::integer, ARRAY[cardinality(k_pool)]);
    -- One row per key with what refers to it: a search of one list for each item of another would grow with their product.
    FOR x IN
      SELECT u.p, u.key, u.dims, u.leases, c.* FROM (
        SELECT o.p, o.key, coalesce(array_agg(o.dim) FILTER (WHERE o.dim IS NOT NULL), '{}') AS dims,
          coalesce(array_agg(o.lease) FILTER (WHERE o.lease IS NOT NULL), '{}') AS leases
        FROM (
          SELECT d.p, d.key, d.i AS dim, NULL::bigint AS lease FROM unnest(d_pool, d_key) WITH ORDINALITY d(p, key, i)
          WHERE v_capped[d.p]
          UNION ALL SELECT k.p, k.key, NULL, k.i FROM unnest(k_pool, k_key) WITH ORDINALITY k(p, key, i) WHERE v_capped[k.p]
        ) o GROUP BY o.p, o.key
      ) u CROSS JOIN LATERAL (
        SELECT * FROM farebox.key_caps o
        WHERE o.account_id = p_account[u.p] AND o.credit_type = p_type[u.p] AND o.key_id = u.key AND o.shard = p_shard
        LIMIT 1
      ) c
    LOOP
      g := cardinality(g_pool) + 1;
      g_pool[g] := x.p; g_key[g] := x.key; g_source[g] := x.source; g_held[g] := x.held; g_touched[g] := false;
      g_day_cap[g] := x.day_cap; g_month_cap[g] := x.month_cap; g_total_cap[g] := x.total_cap;
      g_day[g] := greatest(x.day, v_day); g_day_spent[g] := CASE WHEN x.day < v_day THEN 0 ELSE x.day_spent END;
      g_month[g] := greatest(x.month, v_month);
      g_month_spent[g] := CASE WHEN x.month < v_month THEN 0 ELSE x.month_spent END;
      g_total_spent[g] := x.total_spent;
      FOREACH i IN ARRAY x.dims LOOP d_cap[i] := g; END LOOP;
      FOREACH i IN ARRAY x.leases LOOP k_cap[i] := g; END LOOP;
    END LOOP;
  END IF;
  b_balance := v_balance; b_seq := v_seq; b_spent := v_spent;
  b_fast := array_fill(true, ARRAY[v_pools]); b_freed := array_fill(false, ARRAY[v_pools]);

  FOR i IN 1..v_pools LOOP
    IF v_next[i] <= v_now OR v_overdue[i] > 0 THEN
      SELECT r.io_balance, r.io_held, r.io_drawn, r.io_last_seq, r.o_overdue, r.o_next_event_at INTO x
      FROM farebox.roll_pool_row(p_shard, p_account[i], p_type[i], v_now, v_spent[i], v_balance[i], v_held[i], v_drawn[i],
        v_seq[i]) r;
      v_balance[i] := x.io_balance; v_held[i] := x.io_held; v_drawn[i] := x.io_drawn; v_seq[i] := x.io_last_seq;
      v_overdue[i] := x.o_overdue; v_next[i] := x.o_next_event_at;
    END IF;
    IF p_back[i] > 0 THEN
      v_take := least(p_back[i], coalesce(v_lease[i], 0));
      v_lease[i] := v_lease[i] - v_take; v_held[i] := v_held[i] - v_take; b_freed[i] := true;
    END IF;
  END LOOP;
  FOR k IN 1..cardinality(k_pool) LOOP
    CONTINUE WHEN k_back[k] = 0;
    i := k_pool[k]; g := k_cap[k]; v_take := least(k_back[k], coalesce(k_lease[k], 0));
    k_lease[k] := k_lease[k] - v_take; v_held[i] := v_held[i] - v_take; b_freed[i] := true;
    IF g IS NOT NULL THEN g_held[g] := g_held[g] - v_take; g_touched[g] := true; END IF;
  END LOOP;
  IF cardinality(h_pool) > 0 THEN
    -- After the rolls, which expire what is due: next_event_at is never later than a live hold's expiry.
    SELECT array_agg(q.state), array_agg(q.amount), array_agg(q.asked), array_agg(q.expires_at), array_agg(q.charged_seq),
      array_agg(q.charged), array_agg(q.uncollected), array_agg(q.balance_after), array_agg(q.created_at)
    INTO h_state, h_amount, h_asked, h_expires, h_seq, h_charged, h_uncollected, h_balance, h_created
    FROM unnest(h_pool, h_id) u(p, id)
    LEFT JOIN LATERAL (
      SELECT * FROM farebox.holds k
      WHERE k.account_id = p_account[u.p] AND k.credit_type = p_type[u.p] AND k.hold_id = u.id AND k.shard = p_shard
      LIMIT 1
    ) q ON true;
    h_touched := array_fill(false, ARRAY[cardinality(h_pool)]);
  END IF;
  FOREACH h IN ARRAY r_hold LOOP
    v_take := 0;
    IF h_state[h] = 'live' THEN
      i := h_pool[h]; v_take := h_amount[h];
      v_held[i] := v_held[i] - v_take; b_freed[i] := true;
      h_state[h] := 'released'; h_amount[h] := 0; h_touched[h] := true;
    END IF;
    y_released := y_released || v_take;
  END LOOP;

  -- Plain charges, where leases and pool cover all of a pool's: one insert, one update and one upsert for all of them.
  FOR k IN 1..cardinality(k_pool) LOOP
    IF k_total[k] > coalesce(k_lease[k], 0) THEN b_fast[k_pool[k]] := false; v_all_fast := false; END IF;
  END LOOP;
  FOR i IN 1..v_pools LOOP
    IF p_count[i] > 0 THEN
      -- What a capped pool pays without a lease is looked at one by one: its key's cap may not allow it.
      IF b_fast[i] AND p_lease_total[i] <= coalesce(v_lease[i], 0) AND p_pool_total[i] <= v_balance[i] - v_held[i]
        AND NOT (v_capped[i] AND p_pool_total[i] > 0)
      THEN
        b_balance[i] := v_balance[i]; b_seq[i] := v_seq[i]; b_spent[i] := v_spent[i];
        v_take := p_lease_total[i];
        IF v_take > 0 THEN v_lease[i] := v_lease[i] - v_take; v_held[i] := v_held[i] - v_take; END IF;
        v_take := v_take + p_pool_total[i];
        v_balance[i] := v_balance[i] - v_take; v_spent[i] := v_spent[i] + v_take;
        v_seq[i] := v_seq[i] + p_count[i];
      ELSE
        b_fast[i] := false; v_all_fast := false;
      END IF;
    END IF;
  END LOOP;
  FOR k IN 1..cardinality(k_pool) LOOP
    i := k_pool[k]; g := k_cap[k]; v_take := k_total[k];
    CONTINUE WHEN v_take = 0 OR NOT b_fast[i];
    k_lease[k] := k_lease[k] - v_take; v_held[i] := v_held[i] - v_take;
    v_balance[i] := v_balance[i] - v_take; v_spent[i] := v_spent[i] + v_take;
    IF g IS NOT NULL THEN g_held[g] := g_held[g] - v_take; END IF;
  END LOOP;
  IF cardinality(g_pool) > 0 THEN
    FOR k IN 1..cardinality(d_pool) LOOP
      g := d_cap[k];
      CONTINUE WHEN g IS NULL OR d_count[k] = 0 OR NOT b_fast[d_pool[k]];
      g_day_spent[g] := g_day_spent[g] + d_credits[k]; g_month_spent[g] := g_month_spent[g] + d_credits[k];
      g_total_spent[g] := g_total_spent[g] + d_credits[k]; g_touched[g] := true;
    END LOOP;
  END IF;
  IF cardinality(c_dim) > 0 THEN
    INSERT INTO farebox.entries (account_id, credit_type, seq, shard, at, amount, balance, spent, units, price_list, status,
      kind, request_id, key_id, endpoint)
    SELECT p_account[d_pool[c.dim]], p_type[d_pool[c.dim]], b_seq[d_pool[c.dim]] + c.nth, p_shard, v_now, -c.amount,
      b_balance[d_pool[c.dim]] - c.running, b_spent[d_pool[c.dim]] + c.running, c.units, c.list, c.status, 'charge',
      c.request, d_key[c.dim], d_endpoint[c.dim]
    FROM unnest(c_dim, c_amount, c_running, c_nth, c_request, c_units, c_status, c_list)
      c(dim, amount, running, nth, request, units, status, list)
    WHERE v_all_fast OR b_fast[d_pool[c.dim]];
    INSERT INTO farebox.usage AS g (account_id, credit_type, quarter, key_id, endpoint, shard, requests, units, credits)
    SELECT p_account[d.pool], p_type[d.pool], v_quarter, d.key, d.endpoint, p_shard, d.count,
      d.units, d.credits
    FROM unnest(d_pool, d_key, d_endpoint, d_count, d_units, d_credits) d(pool, key, endpoint, count, units, credits)
    WHERE d.count > 0 AND (v_all_fast OR b_fast[d.pool])
    ON CONFLICT (account_id, credit_type, quarter, key_id, endpoint, shard) DO UPDATE
    SET requests = g.requests + excluded.requests, units = g.units + excluded.units, credits = g.credits + excluded.credits;
  END IF;

  -- All other charges, one after the other, on the arrays; the writes follow in sets.
  IF NOT v_all_fast OR cardinality(s_dim) > 0 THEN
    IF cardinality(o_pool) > 0 THEN
      -- A row to lock, for values not seen before. A conflicting insert waits, so it is made in the order of the keys.
      INSERT INTO farebox.once_windows (account_id, endpoint, value, shard, until)
      SELECT p_account[u.p], u.e, u.v, p_shard, '-infinity' FROM unnest(o_pool, o_endpoint, o_value) u(p, e, v)
      ORDER BY p_account[u.p] COLLATE "C", u.e COLLATE "C", u.v COLLATE "C"
      ON CONFLICT DO NOTHING;
      SELECT array_agg(q.until) INTO o_until
      FROM (
        SELECT w.until FROM (
          SELECT * FROM unnest(o_pool, o_endpoint, o_value) WITH ORDINALITY k(p, e, v, n)
          ORDER BY p_account[k.p] COLLATE "C", k.e COLLATE "C", k.v COLLATE "C" OFFSET 0
        ) u CROSS JOIN LATERAL (
          SELECT o.until FROM farebox.once_windows o
          WHERE o.account_id = p_account[u.p] AND o.endpoint = u.e AND o.value = u.v AND o.shard = p_shard FOR UPDATE
        ) w ORDER BY u.n
      ) q;
      IF cardinality(o_until) <> cardinality(o_pool) THEN
        -- A sweep deleted one between the two statements: the same batch again finds a new one.
        RAISE EXCEPTION 'a once window vanished' USING ERRCODE = 'serialization_failure';
      END IF;
      o_touched := array_fill(false, ARRAY[cardinality(o_pool)]);
    END IF;
    IF cardinality(i_pool) > 0 THEN
      -- A key that nobody has any more, or that another run has begun again, does not stop the charge: the work was done.
      i_state := array_fill('gone'::text, ARRAY[cardinality(i_pool)]);
      FOR x IN
        SELECT u.n, k.state FROM (
          SELECT * FROM unnest(i_pool, i_key) WITH ORDINALITY o(p, key, n)
          ORDER BY p_account[o.p] COLLATE "C", o.key COLLATE "C" OFFSET 0
        ) u CROSS JOIN LATERAL (
          SELECT o.state FROM farebox.idempotency_keys o
          WHERE o.account_id = p_account[u.p] AND o.key = u.key AND o.shard = p_shard FOR UPDATE
        ) k
      LOOP i_state[x.n] := x.state; END LOOP;
      i_touched := array_fill(false, ARRAY[cardinality(i_pool)]);
    END IF;

    FOR x IN
      SELECT c.dim, c.source, c.amount, c.request, c.units, c.status, c.list, 0 AS once, 0 AS idempotency
      FROM unnest(c_dim, c_source, c_amount, c_request, c_units, c_status, c_list)
        c(dim, source, amount, request, units, status, list)
      WHERE NOT v_all_fast AND NOT b_fast[d_pool[c.dim]]
      UNION ALL
      SELECT * FROM unnest(s_dim, s_source, s_amount, s_request, s_units, s_status, s_list, s_once, s_idempotency)
    LOOP
      i := d_pool[x.dim]; h := x.source; v_back := 0; v_take := 0; g := d_cap[x.dim];
      IF h > 0 THEN
        IF h_state[h] IS NULL OR h_state[h] = 'charged' OR h_charged[h] IS NOT NULL THEN
          x_kind := x_kind || CASE WHEN h_state[h] IS NULL THEN 'unknown' ELSE 'charged' END; x_seq := x_seq || h_seq[h];
          x_charged := x_charged || coalesce(h_charged[h], 0); x_uncollected := x_uncollected || coalesce(h_uncollected[h], 0);
          x_balance := x_balance || coalesce(h_balance[h], v_balance[i]);
          CONTINUE;
        END IF;
        v_back := h_amount[h];
      END IF;
      v_wanted := true;
      IF x.idempotency > 0 AND i_state[x.idempotency] = 'done' THEN
        v_wanted := false; x_kind := x_kind || 'superseded'::text;
      ELSIF x.once > 0 AND o_until[x.once] > v_now THEN
        v_wanted := false; x_kind := x_kind || 'repeat'::text;
      ELSE
        x_kind := x_kind || 'charged'::text;
      END IF;
      v_from_pool := 0;
      IF v_wanted THEN
        -- First what was set aside for it, then what the pool has to spare; the rest is recorded as uncollected.
        v_take := least(x.amount, CASE WHEN h = 0 THEN 0 WHEN h = -1 THEN coalesce(v_lease[i], 0)
          WHEN h < 0 THEN coalesce(k_lease[-1 - h], 0) ELSE v_back END);
        IF h = -1 THEN v_lease[i] := v_lease[i] - v_take; v_back := v_take; END IF;
        IF h < -1 THEN
          k_lease[-1 - h] := k_lease[-1 - h] - v_take; v_back := v_take;
          IF g IS NOT NULL THEN g_held[g] := g_held[g] - v_take; END IF;
        END IF;
        v_from_pool := least(x.amount - v_take, v_balance[i] - v_held[i] + v_back - v_take);
        IF g IS NOT NULL THEN
          v_from_pool := least(v_from_pool, greatest(0, least(g_day_cap[g] - g_day_spent[g], g_month_cap[g] - g_month_spent[g],
            g_total_cap[g] - g_total_spent[g]) - g_held[g] - v_take));
          g_day_spent[g] := g_day_spent[g] + v_take + v_from_pool;
          g_month_spent[g] := g_month_spent[g] + v_take + v_from_pool;
          g_total_spent[g] := g_total_spent[g] + v_take + v_from_pool; g_touched[g] := true;
        END IF;
      END IF;
      v_held[i] := v_held[i] - v_back;
      IF v_back > v_take THEN b_freed[i] := true; END IF;
      v_take := v_take + v_from_pool;
      v_balance[i] := v_balance[i] - v_take; v_spent[i] := v_spent[i] + v_take;
      IF v_wanted AND x.amount > 0 THEN
        v_seq[i] := v_seq[i] + 1;
        v_uncollected[i] := v_uncollected[i] + x.amount - v_take;
        e_dim := e_dim || x.dim; e_seq := e_seq || v_seq[i]; e_amount := e_amount || -v_take;
        e_balance := e_balance || v_balance[i]; e_spent := e_spent || v_spent[i];
        e_uncollected := e_uncollected || (x.amount - v_take); e_request := e_request || x.request;
        e_units := e_units || x.units; e_status := e_status || x.status; e_list := e_list || x.list;
        x_seq := x_seq || v_seq[i]; x_uncollected := x_uncollected || (x.amount - v_take);
      ELSE
        x_seq := x_seq || NULL::bigint; x_uncollected := x_uncollected || 0::bigint;
      END IF;
      x_charged := x_charged || v_take; x_balance := x_balance || v_balance[i];
      IF x.once > 0 AND v_take > 0 THEN
        o_until[x.once] := v_now + make_interval(secs => o_seconds[x.once]); o_touched[x.once] := true;
      END IF;
      IF x.idempotency > 0 AND i_state[x.idempotency] <> 'done' THEN
        i_touched[x.idempotency] := i_state[x.idempotency] = 'running'; i_state[x.idempotency] := 'done';
      END IF;
      IF h > 0 THEN
        -- An expired or released hold stays what it is; the charge that came too late is remembered with it.
        IF h_state[h] = 'live' THEN h_state[h] := 'charged'; END IF;
        h_amount[h] := 0; h_seq[h] := x_seq[cardinality(x_seq)]; h_charged[h] := v_take;
        h_uncollected[h] := x_uncollected[cardinality(x_uncollected)]; h_balance[h] := v_balance[i]; h_touched[h] := true;
      END IF;
    END LOOP;

    IF cardinality(e_dim) > 0 THEN
      INSERT INTO farebox.entries (account_id, credit_type, seq, shard, at, amount, balance, spent, uncollected, units,
        price_list, status, kind, request_id, key_id, endpoint)
      SELECT p_account[d_pool[e.dim]], p_type[d_pool[e.dim]], e.seq, p_shard, v_now, e.amount, e.balance, e.spent,
        e.uncollected, e.units, e.list, e.status, 'charge', e.request, d_key[e.dim], d_endpoint[e.dim]
      FROM unnest(e_dim, e_seq, e_amount, e_balance, e_spent, e_uncollected, e_request, e_units, e_status, e_list)
        e(dim, seq, amount, balance, spent, uncollected, request, units, status, list);
      INSERT INTO farebox.usage AS g (account_id, credit_type, quarter, key_id, endpoint, shard, requests, units, credits)
      SELECT p_account[d_pool[e.dim]], p_type[d_pool[e.dim]], v_quarter, d_key[e.dim],
        d_endpoint[e.dim], p_shard, count(*), sum(e.units), -sum(e.amount)
      FROM unnest(e_dim, e_units, e_amount) e(dim, units, amount) GROUP BY e.dim
      ON CONFLICT (account_id, credit_type, quarter, key_id, endpoint, shard) DO UPDATE
      SET requests = g.requests + excluded.requests, units = g.units + excluded.units, credits = g.credits + excluded.credits;
    END IF;
    FOR k IN 1..cardinality(o_pool) LOOP
      CONTINUE WHEN NOT o_touched[k];
      UPDATE farebox.once_windows w SET until = o_until[k]
      WHERE w.account_id = p_account[o_pool[k]] AND w.endpoint = o_endpoint[k] AND w.value = o_value[k]
        AND w.shard = p_shard;
    END LOOP;
    FOR k IN 1..cardinality(i_pool) LOOP
      CONTINUE WHEN NOT i_touched[k];
      UPDATE farebox.idempotency_keys y SET state = 'done', owner = i_owner[k], status = i_status[k],
        headers = i_headers[k]::jsonb, body = decode(i_body[k], 'base64'),
        expires_at = v_now + make_interval(secs => p_keep_seconds)
      WHERE y.account_id = p_account[i_pool[k]] AND y.key = i_key[k] AND y.shard = p_shard;
    END LOOP;
  END IF;

  -- What this batch set free may have expired meanwhile; it must not be handed out below.
  FOR i IN 1..v_pools LOOP
    IF v_overdue[i] > 0 AND b_freed[i] THEN
      SELECT r.io_balance, r.io_held, r.io_drawn, r.io_last_seq, r.o_overdue, r.o_next_event_at INTO x
      FROM farebox.roll_pool_row(p_shard, p_account[i], p_type[i], v_now, v_spent[i], v_balance[i], v_held[i], v_drawn[i],
        v_seq[i]) r;
      v_balance[i] := x.io_balance; v_held[i] := x.io_held; v_drawn[i] := x.io_drawn; v_seq[i] := x.io_last_seq;
      v_overdue[i] := x.o_overdue; v_next[i] := x.o_next_event_at;
    END IF;
  END LOOP;

  -- Leases and holds, greedy in order: what does not fit is refused, a later smaller one may still fit.
  FOR k IN 1..cardinality(l_pool) LOOP
    i := l_pool[k]; h := l_key[k]; g := CASE WHEN h > 0 THEN k_cap[h] END;
    v_take := v_balance[i] - v_held[i];
    v_left := least(g_day_cap[g] - g_day_spent[g], g_month_cap[g] - g_month_spent[g], g_total_cap[g] - g_total_spent[g]);
    IF v_left - g_held[g] < v_take THEN
      -- A cap allows less than the pool has: it decides, and the answer says which one and until when.
      v_take := greatest(0, v_left - g_held[g]);
      y_window := y_window || CASE v_left WHEN g_total_cap[g] - g_total_spent[g] THEN 3
        WHEN g_month_cap[g] - g_month_spent[g] THEN 2 ELSE 1 END;
    ELSE
      y_window := y_window || 0;
    END IF;
    y_cap := y_cap || CASE y_window[k] WHEN 1 THEN g_day_cap[g] WHEN 2 THEN g_month_cap[g] WHEN 3 THEN g_total_cap[g] END;
    y_reset := y_reset || CASE y_window[k] WHEN 1 THEN ceil(extract(epoch FROM g_day[g] + interval '24 hours' - v_now) * 1000)
      WHEN 2 THEN ceil(extract(epoch FROM farebox.period_start(g_month[g], 'month', 1) - v_now) * 1000) END::bigint;
    IF v_take < l_need[k] THEN
      v_refused := v_refused || i; v_refused_key := v_refused_key || h;
      v_refused_by_cap := v_refused_by_cap || (y_window[k] > 0);
      y_available := y_available || v_take;
      v_take := 0;
    ELSE
      -- At most an eighth, so that the end of a pool, or of a cap, is not stranded in the lease of one instance.
      v_from_pool := v_take;
      v_take := greatest(l_need[k], least(l_want[k], v_take / 8));
      v_held[i] := v_held[i] + v_take;
      IF h = 0 THEN v_lease[i] := coalesce(v_lease[i], 0) + v_take; ELSE k_lease[h] := coalesce(k_lease[h], 0) + v_take; END IF;
      IF g IS NOT NULL THEN g_held[g] := g_held[g] + v_take; g_touched[g] := true; END IF;
      y_available := y_available || (v_from_pool - v_take);
    END IF;
    y_granted := y_granted || v_take;
    y_balance := y_balance || v_balance[i];
    -- A millisecond less than it seems: PGlite's clock has whole ones only, and shows up to one less than it is.
    y_next := y_next || CASE WHEN v_next[i] IS NOT NULL
      THEN greatest(0, floor(extract(epoch FROM v_next[i] - v_now) * 1000) - 1)::bigint END;
  END LOOP;
  FOR k IN 1..cardinality(n_hold) LOOP
    h := n_hold[k]; i := h_pool[h]; v_take := v_balance[i] - v_held[i];
    IF h_state[h] IS NULL AND v_take < n_amount[k] THEN
      z_kind := z_kind || 'insufficient'::text;
      v_refused := v_refused || i; v_refused_key := v_refused_key || -1; v_refused_by_cap := v_refused_by_cap || false;
    ELSIF h_state[h] IS NULL THEN
      h_state[h] := 'live'; h_amount[h] := n_amount[k]; h_asked[h] := n_amount[k];
      h_created[h] := v_now; h_touched[h] := true;
      h_expires[h] := v_now + make_interval(secs => n_seconds[k]);
      v_held[i] := v_held[i] + n_amount[k];
      v_next[i] := least(v_next[i], h_expires[h]);
      z_kind := z_kind || 'held'::text;
    ELSIF h_state[h] = 'live' AND h_asked[h] = n_amount[k] THEN
      z_kind := z_kind || 'held'::text;
    ELSE
      z_kind := z_kind || h_state[h];
    END IF;
    z_available := z_available || (v_balance[i] - v_held[i]);
    z_expires := z_expires || (extract(epoch FROM h_expires[h]) * 1000)::bigint;
  END LOOP;
  IF cardinality(v_refused) > 0 THEN
    -- Every other lease of the pool is called back, those of this very instance too; for a cap, the leases of its key. What a
    -- book asks for a lease it has given back of it, so that lease itself is not.
    FOR x IN
      SELECT DISTINCT u.i, l.owner FROM unnest(v_refused, v_refused_key, v_refused_by_cap) u(i, k, by_cap)
      CROSS JOIN LATERAL (
        SELECT o.owner, o.hold_id, o.amount FROM farebox.holds o
        WHERE o.account_id = p_account[u.i] AND o.credit_type = p_type[u.i]
          AND o.hold_id >= 'lease:' AND o.hold_id < 'lease;' AND o.shard = p_shard
        OFFSET 0
      ) l
      LEFT JOIN LATERAL (
        SELECT q.n FROM unnest(k_pool, k_key) WITH ORDINALITY q(p, key, n)
        WHERE q.p = u.i AND l.hold_id = v_lease_id || '/' || q.key
      ) own ON true
      WHERE CASE WHEN l.hold_id = v_lease_id THEN v_lease[u.i] WHEN own.n IS NOT NULL THEN k_lease[own.n] ELSE l.amount END > 0
        AND l.hold_id <> CASE u.k WHEN -1 THEN '' WHEN 0 THEN v_lease_id ELSE v_lease_id || '/' || k_key[u.k] END
        AND (NOT u.by_cap OR split_part(l.hold_id, '/', 2) = k_key[u.k])
      ORDER BY u.i, l.owner
    LOOP
      v_recalled := v_recalled || x.i;
      INSERT INTO farebox.recalls (owner, account_id, credit_type, shard)
      VALUES (x.owner, p_account[x.i], p_type[x.i], p_shard) ON CONFLICT DO NOTHING;
    END LOOP;
  END IF;

  -- Upserts, although the rows are there: an upsert looks each row up by its primary key. An UPDATE that joins was planned,
  -- while the table was small, as a scan of the whole index for each row, and stayed so when it had grown.
  INSERT INTO farebox.holds AS l (account_id, credit_type, hold_id, shard, amount, asked, created_at, owner, kind)
  SELECT u.a, u.t, v_lease_id, p_shard, v_lease[u.i], 0, v_now, p_owner, 'lease'
  FROM unnest(p_account, p_type) WITH ORDINALITY u(a, t, i)
  WHERE v_lease[u.i] IS DISTINCT FROM v_lease_before[u.i]
  ON CONFLICT (account_id, credit_type, hold_id, shard) DO UPDATE SET amount = excluded.amount;
  IF cardinality(k_pool) > 0 THEN
    INSERT INTO farebox.holds AS l (account_id, credit_type, hold_id, shard, amount, asked, created_at, owner, kind)
    SELECT p_account[u.p], p_type[u.p], v_lease_id || '/' || u.key, p_shard, k_lease[u.n], 0, v_now, p_owner, 'lease'
    FROM unnest(k_pool, k_key) WITH ORDINALITY u(p, key, n)
    WHERE k_lease[u.n] IS DISTINCT FROM k_lease_before[u.n]
    ON CONFLICT (account_id, credit_type, hold_id, shard) DO UPDATE SET amount = excluded.amount;
  END IF;
  IF cardinality(g_pool) > 0 THEN
    INSERT INTO farebox.key_caps AS c (account_id, credit_type, key_id, shard, day_cap, month_cap, total_cap, day, day_spent,
      month, month_spent, total_spent, held, source)
    SELECT p_account[u.p], p_type[u.p], u.key, p_shard, g_day_cap[u.n], g_month_cap[u.n], g_total_cap[u.n], g_day[u.n],
      g_day_spent[u.n], g_month[u.n], g_month_spent[u.n], g_total_spent[u.n], g_held[u.n], g_source[u.n]
    FROM unnest(g_pool, g_key) WITH ORDINALITY u(p, key, n) WHERE g_touched[u.n]
    ON CONFLICT (account_id, credit_type, key_id, shard) DO UPDATE
    SET day = excluded.day, day_spent = excluded.day_spent, month = excluded.month, month_spent = excluded.month_spent,
      total_spent = excluded.total_spent, held = excluded.held;
  END IF;
  IF cardinality(h_pool) > 0 THEN
    INSERT INTO farebox.holds AS k (account_id, credit_type, hold_id, shard, amount, asked, created_at, expires_at,
      charged_seq, charged, uncollected, balance_after, kind, state)
    SELECT p_account[u.p], p_type[u.p], u.id, p_shard, h_amount[u.n], h_asked[u.n], h_created[u.n], h_expires[u.n],
      h_seq[u.n], h_charged[u.n], h_uncollected[u.n], h_balance[u.n], 'hold', h_state[u.n]
    FROM unnest(h_pool, h_id) WITH ORDINALITY u(p, id, n) WHERE h_touched[u.n]
    ON CONFLICT (account_id, credit_type, hold_id, shard) DO UPDATE
    SET amount = excluded.amount, state = excluded.state, charged_seq = excluded.charged_seq, charged = excluded.charged,
      uncollected = excluded.uncollected, balance_after = excluded.balance_after;
  END IF;
  INSERT INTO farebox.pools AS p (account_id, credit_type, shard, balance, held, spent, drawn, overdue, uncollected,
    last_seq, next_event_at)
  SELECT u.a, u.t, p_shard, v_balance[u.i], v_held[u.i], v_spent[u.i], v_drawn[u.i], v_overdue[u.i], v_uncollected[u.i],
    v_seq[u.i], v_next[u.i]
  FROM unnest(p_account, p_type) WITH ORDINALITY u(a, t, i)
  ON CONFLICT (account_id, credit_type, shard) DO UPDATE
  SET balance = excluded.balance, held = excluded.held, spent = excluded.spent, drawn = excluded.drawn,
    overdue = excluded.overdue, uncollected = excluded.uncollected, last_seq = excluded.last_seq,
    next_event_at = excluded.next_event_at;

  v_reply := '{"s":"done","seq":[' || array_to_string(b_seq, ',') || '],"balance":[' || array_to_string(b_balance, ',')
    || '],"slow":[' || CASE WHEN v_all_fast THEN '' ELSE
      (SELECT string_agg(u.i::text, ',') FROM unnest(b_fast) WITH ORDINALITY u(fast, i) WHERE NOT u.fast) END
    || '],"charges":[["' || array_to_string(x_kind, '","') || '"],[' || array_to_string(x_seq, ',', 'null') || '],['
    || array_to_string(x_charged, ',') || '],[' || array_to_string(x_uncollected, ',') || '],['
    || array_to_string(x_balance, ',') || ']],"released":[' || array_to_string(y_released, ',')
    || '],"leases":[[' || array_to_string(y_granted, ',') || '],[' || array_to_string(y_available, ',') || '],['
    || array_to_string(y_balance, ',') || '],[' || array_to_string(y_next, ',', 'null') || '],['
    || array_to_string(y_window, ',') || '],[' || array_to_string(y_cap, ',', 'null') || '],['
    || array_to_string(y_reset, ',', 'null')
    || ']],"holds":[["' || array_to_string(z_kind, '","') || '"],[' || array_to_string(z_available, ',') || '],['
    || array_to_string(z_expires, ',', 'null') || ']],"recalled":[' || array_to_string(v_recalled, ',')
    || '],"final":[' || coalesce((SELECT string_agg(v_balance[f.i] || ',' || (v_balance[f.i] - v_held[f.i]), ',' ORDER BY f.n)
      FROM unnest(f_pool) WITH ORDINALITY f(i, n)), '')
    || ']}';
  UPDATE farebox.instances n SET last_batch = p_number, reply = v_reply, seen_at = v_now
  WHERE n.owner = p_owner AND n.shard = p_shard;
  RETURN v_reply;
END $function$;

CREATE OR REPLACE FUNCTION farebox.set_key_caps(p_shard integer, p_account text, p_key text, p_source text, p_caps jsonb)
 RETURNS void
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
AS $function$
DECLARE
  v_type text;
  v_cap jsonb;
  v_opened record;
  v_day timestamptz;
  v_month timestamptz;
BEGIN
  IF p_source = 'plan' AND EXISTS (
    SELECT FROM farebox.key_caps c
    WHERE c.account_id = p_account AND c.key_id = p_key AND c.shard = p_shard AND c.source = 'key'
  ) THEN RETURN; END IF;
  -- Pools in the order of their keys.
  FOR v_type IN
    SELECT t.credit_type FROM (
      SELECT c.credit_type FROM farebox.key_caps c
      WHERE c.account_id = p_account AND c.key_id = p_key AND c.shard = p_shard
      UNION SELECT i.value ->> 'creditType' FROM jsonb_array_elements(p_caps) i
    ) t ORDER BY t.credit_type COLLATE "C"
  LOOP
    v_opened := farebox.open_pool(p_shard, p_account, v_type);
    v_day := date_trunc('day', v_opened.o_now, 'UTC');
    v_month := date_trunc('month', v_opened.o_now, 'UTC');
    SELECT i.value INTO v_cap FROM jsonb_array_elements(p_caps) i WHERE i.value ->> 'creditType' = v_type;
    IF FOUND THEN
      INSERT INTO farebox.key_caps AS c (account_id, credit_type, key_id, shard, day_cap, month_cap, total_cap, day, day_spent,
        month, month_spent, total_spent, held, source)
      SELECT p_account, v_type, p_key, p_shard, (v_cap ->> 'day')::bigint, (v_cap ->> 'month')::bigint,
        (v_cap ->> 'total')::bigint, v_day, coalesce(sum(u.credits - u.refunded) FILTER (WHERE u.quarter >= v_day), 0),
        v_month, coalesce(sum(u.credits - u.refunded) FILTER (WHERE u.quarter >= v_month), 0),
        coalesce(sum(u.credits - u.refunded), 0),
        -- Leases of the key that outlived an earlier cap.
        (
          SELECT coalesce(sum(h.amount), 0) FROM farebox.holds h
          WHERE h.account_id = p_account AND h.credit_type = v_type AND h.hold_id >= 'lease:' AND h.hold_id < 'lease;'
            AND h.shard = p_shard AND split_part(h.hold_id, '/', 2) = p_key
        ), p_source
      FROM farebox.usage u
      WHERE u.account_id = p_account AND u.credit_type = v_type AND u.key_id = p_key AND u.shard = p_shard
      ON CONFLICT (account_id, credit_type, key_id, shard) DO UPDATE
      SET day_cap = excluded.day_cap, month_cap = excluded.month_cap, total_cap = excluded.total_cap, source = excluded.source;
    ELSE
      DELETE FROM farebox.key_caps c
      WHERE c.account_id = p_account AND c.credit_type = v_type AND c.key_id = p_key AND c.shard = p_shard;
    END IF;
    UPDATE farebox.pools p SET capped = EXISTS (
      SELECT FROM farebox.key_caps c
      WHERE c.account_id = p_account AND c.credit_type = v_type AND c.shard = p_shard
    )
    WHERE p.account_id = p_account AND p.credit_type = v_type AND p.shard = p_shard;
  END LOOP;
  UPDATE farebox.keys k SET changed_at = clock_timestamp() WHERE k.key_id = p_key;
END $function$;

CREATE OR REPLACE FUNCTION farebox.sum_usage(p_shard integer, p_most integer)
 RETURNS integer
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
AS $function$
DECLARE
  v_state farebox.usage_summed;
  v_closed timestamptz := date_bin(interval '24 hours', clock_timestamp() - interval '12 hours', timestamptz '2000-01-01Z');
  v_count integer := 0;
  p record;
BEGIN
  -- Nearly always: nothing is locked, nothing written.
  IF EXISTS (SELECT FROM farebox.usage_summed s WHERE s.shard = p_shard AND s.next_until IS NULL AND s.until >= v_closed) THEN
    RETURN 0;
  END IF;
  IF NOT EXISTS (SELECT FROM farebox.usage_summed s WHERE s.shard = p_shard) THEN
    INSERT INTO farebox.usage_summed (shard, until)
    SELECT p_shard, coalesce(date_bin(interval '24 hours', min(u.quarter), timestamptz '2000-01-01Z'), v_closed)
    FROM farebox.usage u WHERE u.shard = p_shard
    ON CONFLICT (shard) DO NOTHING;
  END IF;
  SELECT * INTO v_state FROM farebox.usage_summed s WHERE s.shard = p_shard FOR UPDATE SKIP LOCKED;
  -- Another process sums this shard.
  IF NOT FOUND THEN RETURN 0; END IF;
  IF v_state.next_until IS NULL THEN
    -- A month at a time where much is to be made up for.
    v_state.next_until := least(v_closed, v_state.until + interval '720 hours');
    IF v_state.next_until <= v_state.until THEN RETURN 0; END IF;
  END IF;
  FOR p IN
    SELECT t.account_id, t.credit_type FROM farebox.pools t
    WHERE (t.account_id, t.credit_type) > (v_state.after_account, v_state.after_type) AND t.shard = p_shard
    ORDER BY t.account_id, t.credit_type LIMIT p_most
  LOOP
    v_count := v_count + 1;
    v_state.after_account := p.account_id; v_state.after_type := p.credit_type;
    CONTINUE WHEN NOT EXISTS (
      SELECT FROM farebox.usage u
      WHERE u.account_id = p.account_id AND u.credit_type = p.credit_type AND u.shard = p_shard
        AND u.quarter >= v_state.until AND u.quarter < v_state.next_until);
    PERFORM FROM farebox.pools t
    WHERE t.account_id = p.account_id AND t.credit_type = p.credit_type AND t.shard = p_shard FOR UPDATE;
    INSERT INTO farebox.usage_sums AS s (account_id, credit_type, span, start, key_id, endpoint, shard, requests, units,
      credits, refunded)
    SELECT u.account_id, u.credit_type, w.span, date_bin(w.width, u.quarter, timestamptz '2000-01-01Z'), u.key_id,
      u.endpoint, p_shard, sum(u.requests), sum(u.units), sum(u.credits), sum(u.refunded)
    FROM farebox.usage u, (VALUES ('hour', interval '1 hour'), ('day', interval '24 hours')) w(span, width)
    WHERE u.account_id = p.account_id AND u.credit_type = p.credit_type AND u.shard = p_shard
      AND u.quarter >= v_state.until AND u.quarter < v_state.next_until
    GROUP BY 1, 2, 3, 4, 5, 6
    ON CONFLICT (account_id, credit_type, span, start, key_id, endpoint, shard) DO UPDATE
    SET requests = excluded.requests, units = excluded.units, credits = excluded.credits, refunded = excluded.refunded;
  END LOOP;
  IF v_count < p_most THEN
    v_state.until := v_state.next_until; v_state.next_until := NULL;
    v_state.after_account := ''; v_state.after_type := '';
    -- Block ranges that are not summarized are read by every report over all accounts; PGlite has no autovacuum that does it.
    PERFORM brin_summarize_new_values('farebox.usage_by_quarter');
  END IF;
  UPDATE farebox.usage_summed s SET until = v_state.until, next_until = v_state.next_until,
    after_account = v_state.after_account, after_type = v_state.after_type
  WHERE s.shard = p_shard;
  -- One more range may be left when this one has ended.
  RETURN greatest(v_count, CASE WHEN v_state.next_until IS NULL AND v_state.until < v_closed THEN p_most ELSE 0 END);
END $function$;

CREATE OR REPLACE FUNCTION farebox.usage_between(p_from timestamp with time zone, p_until timestamp with time zone)
 RETURNS SETOF usage
 LANGUAGE sql
 STABLE
 SET enable_seqscan TO 'off'
AS $function$ SELECT * FROM farebox.usage u WHERE u.quarter >= p_from AND u.quarter < p_until $function$;

CREATE OR REPLACE FUNCTION farebox.withdraw_plan(p_shard integer, p_account text, p_plan text)
 RETURNS void
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
AS $function$
BEGIN
  DELETE FROM farebox.recurring r WHERE r.account_id = p_account AND r.shard = p_shard AND r.item <> p_plan;
  UPDATE farebox.recurring r SET until = NULL WHERE r.account_id = p_account AND r.shard = p_shard AND r.until IS NOT NULL;
  UPDATE farebox.accounts a SET next_plan = NULL, next_plan_version = NULL, next_plan_at = NULL
  WHERE a.account_id = p_account;
END $function$;

CREATE OR REPLACE FUNCTION farebox.write_plan(p_shard integer, p_account text, p_plan text, p_items jsonb, p_start timestamp with time zone, p_anchor timestamp with time zone, p_until timestamp with time zone)
 RETURNS void
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
AS $function$
DECLARE
  v_old farebox.recurring;
  v_anchor timestamptz;
  x record;
BEGIN
  DELETE FROM farebox.recurring r
  WHERE r.account_id = p_account AND r.shard = p_shard AND r.item = p_plan
    AND r.credit_type NOT IN (SELECT i.value ->> 'creditType' FROM jsonb_array_elements(p_items) i);
  FOR x IN
    SELECT i.value ->> 'creditType' AS type, (i.value ->> 'amount')::bigint AS amount, i.value ->> 'every' AS every,
      CASE WHEN i.value ->> 'rollover' IN ('none', 'all') THEN i.value ->> 'rollover' ELSE 'cap' END AS rollover,
      CASE WHEN i.value ->> 'rollover' NOT IN ('none', 'all') THEN (i.value ->> 'rollover')::bigint END AS cap,
      coalesce(i.value ->> 'anchor' = 'calendar', false) AS calendar
    FROM jsonb_array_elements(p_items) i
  LOOP
    SELECT * INTO v_old FROM farebox.recurring r
    WHERE r.account_id = p_account AND r.credit_type = x.type AND r.item = p_plan AND r.shard = p_shard;
    IF NOT FOUND THEN
      v_anchor := CASE WHEN x.calendar THEN farebox.calendar_anchor(x.every) ELSE p_anchor END;
      INSERT INTO farebox.recurring (account_id, credit_type, item, shard, amount, rollover_cap, anchor_at, next_at,
        next_period, priority, every, rollover, until)
      VALUES (p_account, x.type, p_plan, p_shard, x.amount, x.cap, v_anchor, p_start,
        farebox.period_at(v_anchor, x.every, p_start), 100, x.every, x.rollover, p_until);
      CONTINUE;
    END IF;
    IF x.every <> v_old.every OR x.calendar <> (v_old.anchor_at = farebox.calendar_anchor(v_old.every)) THEN
      v_old.anchor_at := CASE WHEN x.calendar THEN farebox.calendar_anchor(x.every) ELSE v_old.next_at END;
      v_old.next_period := farebox.period_at(v_old.anchor_at, x.every, v_old.next_at);
    END IF;
    UPDATE farebox.recurring r SET amount = x.amount, rollover_cap = x.cap, rollover = x.rollover, every = x.every,
      anchor_at = v_old.anchor_at, next_period = v_old.next_period
    WHERE r.account_id = p_account AND r.credit_type = x.type AND r.item = p_plan AND r.shard = p_shard;
  END LOOP;
END $function$;

CREATE OR REPLACE FUNCTION farebox.write_pool(p pools)
 RETURNS void
 LANGUAGE sql
 SET enable_seqscan TO 'off'
AS $function$
  UPDATE farebox.pools t SET balance = p.balance, held = p.held, spent = p.spent, drawn = p.drawn, overdue = p.overdue,
    uncollected = p.uncollected, last_seq = p.last_seq, next_event_at = p.next_event_at
  WHERE t.account_id = p.account_id AND t.credit_type = p.credit_type AND t.shard = p.shard
$function$;
