-- Request limits over all instances. A limit of N requests a window is N places of one account or key. An instance counts its
-- requests in a sliding window of the places that it has, in its own memory; together they never have more than N. So no request
-- asks the database, and no clock but that of the one instance decides when a place is free again.

CREATE TABLE farebox.limit_places (
  -- The id of the account or the key that is limited.
  subject text COLLATE "C" NOT NULL,
  -- A digest of what the limit says: match, requests, window, whose.
  rule text COLLATE "C" NOT NULL,
  shard smallint NOT NULL,
  -- Who has how many, and until when they are theirs: a window after they last said so. Then none of them can be taken any more.
  owners text[] NOT NULL DEFAULT '{}',
  places bigint[] NOT NULL DEFAULT '{}',
  untils timestamptz[] NOT NULL DEFAULT '{}',
  -- The latest of these: nothing of it counts any more after it. No index has it, so that an update stays in its page.
  until timestamptz NOT NULL,
  PRIMARY KEY (subject, rule, shard)
) WITH (fillfactor = 50);
COMMENT ON TABLE farebox.limit_places IS 'What each instance has of a request limit, for accounts and keys that use theirs.';

-- p_asks: [[subject, rule, limit, seconds, have, want], …], each subject and rule once. `have` is all that the instance keeps, whatever
-- it was given before, so that a lost answer costs nothing; `want` is how many more. Answers [[granted, left] or null, …] in the same
-- order; null: somebody else is asking for the same at this moment. Nobody waits for a row that is there: one customer's holds up no
-- other's. Who makes a row waits for another that is making the same one; so they are made in one order, whatever that of the asks.
CREATE FUNCTION farebox.share_limits(p_shard smallint, p_owner text, p_asks jsonb) RETURNS jsonb
LANGUAGE plpgsql SET enable_seqscan = off AS $$
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
    SELECT count(*) FROM farebox.lanes l WHERE l.shard = p_shard AND l.state = 'live'));
END $$;
COMMENT ON FUNCTION farebox.share_limits IS
  'Called by instances. Says what an instance keeps of request limits and gives it more of them, as far as the others have left some.';

CREATE FUNCTION farebox.forget_limits(p_shard smallint, p_limit integer) RETURNS integer
LANGUAGE plpgsql AS $$
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
END $$;
COMMENT ON FUNCTION farebox.forget_limits IS
  'Called by the sweep. Deletes places of limits that nobody uses any more: of instances that died, and of what they had forgotten.';
