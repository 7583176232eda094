-- Bringing a pool up to now: what was spent is drawn from its grants, then everything that is due happens in the order of time:
-- holds end, grants expire, plans refresh, grants begin.
--
-- These are the steps (load, draw what was spent, pass time); the next file reads with them and writes what they made. They hand on
-- a `roll_state`; arrays are copied to variables before a loop, where assigning an element is cheap. Types of its own rather than
-- the tables' rows: they hold only what a roll needs.

CREATE TYPE farebox.open_grant AS (
  grant_id text COLLATE "C", amount bigint, remaining bigint, overdue bigint, effective_at timestamptz, expires_at timestamptz,
  priority integer, state text, source text, item text COLLATE "C", reference text COLLATE "C",
  -- What the entry of a grant that begins says; null: its source.
  reason text
);
CREATE TYPE farebox.ending_hold AS (hold_id text COLLATE "C", amount bigint, expires_at timestamptz);
CREATE TYPE farebox.recurring_item AS (
  item text COLLATE "C", amount bigint, every text, rollover text, rollover_cap bigint, anchor_at timestamptz, next_at timestamptz,
  next_period integer, priority integer, until timestamptz, is_refreshed boolean
);

-- What comes first at one moment stands first.
CREATE TYPE farebox.event_kind AS ENUM ('hold ends', 'grant expires', 'plan refreshes', 'grant begins');
-- `which` is an index of the holds, grants or items of the state.
CREATE TYPE farebox.roll_event AS (at timestamptz, kind farebox.event_kind, which integer);

-- So much of a grant, by its index in the state.
CREATE TYPE farebox.part_of_grant AS (which integer, amount bigint);
CREATE TYPE farebox.new_draw AS (from_spent bigint, to_spent bigint, grant_id text);
CREATE TYPE farebox.new_entry AS (kind "char", amount bigint, balance bigint, grant_id text, reason text);

CREATE TYPE farebox.roll_state AS (
  -- As it was locked, and then as it is to be written.
  pool farebox.pools,
  -- Open grants as they were read, in the order in which they are drawn; and as they are to be, with new ones at the end.
  loaded farebox.open_grant[],
  grants farebox.open_grant[],
  -- The grants that something can be drawn from, by index, in the order in which they are drawn.
  draw_order integer[],
  -- Clients' holds that end by now, in order of time. `holds_ended` of them have.
  holds farebox.ending_hold[],
  holds_ended integer,
  -- When the next hold after those ends.
  later_hold_at timestamptz,
  recurring farebox.recurring_item[],
  -- What is written besides.
  draws farebox.new_draw[],
  entries farebox.new_entry[]
);

-- The start of a period. Always from the anchor, so that 31 Jan is followed by 28 Feb and then 31 Mar; in UTC, where no hour is
-- missing or double.
CREATE FUNCTION farebox.period_start(p_anchor timestamptz, p_every text, p_period integer) RETURNS timestamptz
LANGUAGE sql IMMUTABLE
RETURN ((p_anchor AT TIME ZONE 'UTC') + p_period * ('1 ' || p_every)::interval) AT TIME ZONE 'UTC';
COMMENT ON FUNCTION farebox.period_start IS 'When a period of this length begins, counted from an anchor.';

-- The base64 digits of a hash without the two that are not letters or digits: the same parts give the same grant.
CREATE FUNCTION farebox.derived_grant_id(p_parts text) RETURNS text
LANGUAGE sql IMMUTABLE
RETURN 'grt_' || left(translate(encode(sha256(convert_to(p_parts, 'UTF8')), 'base64'), '+/=' || chr(10), ''), 16);
COMMENT ON FUNCTION farebox.derived_grant_id IS
  'Internal. The id of a grant that the ledger itself makes. p_parts begins with the account''s id, never with its number.';

CREATE FUNCTION farebox.credits_text(p_amount bigint) RETURNS text
LANGUAGE sql IMMUTABLE
RETURN trim_scale(p_amount::numeric / 1000000)::text;
COMMENT ON FUNCTION farebox.credits_text IS 'Internal. Micro-credits as people read them, in credits.';

-- A pool that slept for years catches up in several rolls: each does a thousand events at most, and reads no more holds.
CREATE FUNCTION farebox.load_roll(p_pool farebox.pools, p_now timestamptz) RETURNS farebox.roll_state
LANGUAGE plpgsql STABLE SET enable_seqscan = off AS $$
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
END $$;
COMMENT ON FUNCTION farebox.load_roll IS 'Internal. First step of a roll: reads the pool''s open grants, ending holds and recurring grants.';

-- What was spent since the last roll was spent before anything that is due now: whoever charges rolls first.
CREATE FUNCTION farebox.draw_spent(INOUT io farebox.roll_state)
LANGUAGE plpgsql IMMUTABLE AS $$
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
END $$;
COMMENT ON FUNCTION farebox.draw_spent IS
  'Internal. Second step of a roll: draws what was spent from the grants by priority, then earliest expiry, then age.';

-- An item that ends grants nothing at or after its end.
CREATE FUNCTION farebox.list_events(p farebox.roll_state) RETURNS farebox.roll_event[]
LANGUAGE plpgsql IMMUTABLE AS $$
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
END $$;
COMMENT ON FUNCTION farebox.list_events IS 'Internal. Third step of a roll: all that has a moment, the first first.';

-- p_next: the first event of the queue that is not over. The ones before it are left out.
CREATE FUNCTION farebox.add_event(p_queue farebox.roll_event[], p_next integer, p_event farebox.roll_event)
RETURNS farebox.roll_event[]
LANGUAGE plpgsql IMMUTABLE AS $$
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
END $$;
COMMENT ON FUNCTION farebox.add_event IS 'Internal. Adds an event to those that are still to come, in its place.';

CREATE FUNCTION farebox.add_to_order(p_order integer[], p_grants farebox.open_grant[], p_which integer) RETURNS integer[]
LANGUAGE plpgsql IMMUTABLE AS $$
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
END $$;
COMMENT ON FUNCTION farebox.add_to_order IS 'Internal. Puts a grant in its place among those that are drawn.';

-- Expiry never takes what a live hold covers. Holds cover the grants in the order in which they are drawn: what a grant covers,
-- the ones after it need not.
CREATE FUNCTION farebox.uncovered_overdue(p_grants farebox.open_grant[], p_order integer[], p_held bigint, p_overdue bigint)
RETURNS farebox.part_of_grant[]
LANGUAGE plpgsql IMMUTABLE AS $$
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
END $$;
COMMENT ON FUNCTION farebox.uncovered_overdue IS 'Internal. What of the overdue parts of grants no hold covers: it goes now.';

-- The first to be drawn go first.
CREATE FUNCTION farebox.beyond_cap(p_grants farebox.open_grant[], p_order integer[], p_item farebox.recurring_item)
RETURNS farebox.part_of_grant[]
LANGUAGE plpgsql IMMUTABLE AS $$
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
END $$;
COMMENT ON FUNCTION farebox.beyond_cap IS
  'Internal. What an item''s earlier grants have above its rollover cap at a refresh: it expires.';

-- Null: the period was granted before, which a plan that is left and taken again within a calendar period would repeat. Of amount 0
-- when the pool is full. What does not fit is lost, and the grant's reason says so.
CREATE FUNCTION farebox.grant_of_period(p_pool farebox.pools, p_item farebox.recurring_item, p_room bigint)
RETURNS farebox.open_grant
LANGUAGE plpgsql STABLE SET enable_seqscan = off AS $$
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
END $$;
COMMENT ON FUNCTION farebox.grant_of_period IS
  'Internal. What a plan grants for the period that begins: once, however often that period is reached.';

-- An event of a grant that something else has ended is none any more.
CREATE FUNCTION farebox.is_due(p_event farebox.roll_event, p_grants farebox.open_grant[]) RETURNS boolean
LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
  RETURN p_event.kind <> 'grant expires'
    OR (p_grants[p_event.which].state = 'active' AND p_grants[p_event.which].overdue < p_grants[p_event.which].remaining);
END $$;
COMMENT ON FUNCTION farebox.is_due IS 'Internal. Whether an event still stands when its turn comes.';

-- Ends where the pool's next event lies ahead, or after a thousand of them.
CREATE FUNCTION farebox.pass_time(INOUT io farebox.roll_state, p_now timestamptz)
LANGUAGE plpgsql STABLE AS $$
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
END $$;
COMMENT ON FUNCTION farebox.pass_time IS 'Internal. Last step of a roll: everything that is due happens, in the order of time.';
