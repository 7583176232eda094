-- An instance wrote its number into a table of which every server of a cluster has a copy, so none could start while one server was away.
-- Its lanes say who it is, the first one in each shard, and a server that answers is enough. (A CHECK that only the first does would be a
-- cost of every batch.)

ALTER TABLE farebox.lanes ADD COLUMN instance_id text COLLATE "C", ADD COLUMN started_at timestamptz;
UPDATE farebox.lanes l SET instance_id = i.instance_id, started_at = i.started_at
FROM farebox.instances i WHERE i.instance_no = l.instance_no AND l.nth = 0;
-- squawk-ignore constraint-missing-not-valid, disallowed-unique-constraint
ALTER TABLE farebox.lanes ADD CONSTRAINT lanes_instance_id_key UNIQUE (instance_id, shard);

-- Stays where it is asked on Citus.
CREATE SEQUENCE farebox.instance_numbers AS integer;
SELECT setval('farebox.instance_numbers', (SELECT coalesce(max(i.instance_no), 0) + 1 FROM farebox.instances i), false);
-- squawk-ignore ban-drop-table
DROP TABLE farebox.instances;

DROP FUNCTION farebox.register_lane(smallint, integer);

-- A number that another instance has here is a broken invariant: they would take each other's batches for their own.
CREATE FUNCTION farebox.register_lane(p_shard smallint, p_instance integer, p_id text) RETURNS void
LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
  v_now CONSTANT timestamptz := clock_timestamp();
BEGIN
  INSERT INTO farebox.lanes (instance_no, shard, instance_id, seen_at, started_at)
  VALUES (p_instance, p_shard, p_id, v_now, v_now) ON CONFLICT DO NOTHING;
  IF FOUND THEN RETURN; END IF;
  PERFORM FROM farebox.lanes l WHERE l.instance_no = p_instance AND l.shard = p_shard AND l.instance_id = p_id;
  IF NOT FOUND THEN RAISE EXCEPTION 'the number % is another instance''s', p_instance; END IF;
END $$;
COMMENT ON FUNCTION farebox.register_lane IS
  'Called by instances. An instance begins to serve a shard, under its id and the number that it has in all shards. Safe to repeat.';

-- One that has no lane in the shard has done nothing there.
CREATE OR REPLACE FUNCTION farebox.is_instance_live(p_shard smallint, p_instance text) RETURNS boolean
LANGUAGE plpgsql STABLE SET enable_seqscan = off AS $$
BEGIN
  PERFORM FROM farebox.lanes l WHERE l.instance_id = p_instance AND l.shard = p_shard AND l.state = 'live';
  RETURN FOUND;
END $$;
COMMENT ON FUNCTION farebox.is_instance_live IS
  'Internal. Whether an instance serves this shard and was not declared dead.';
COMMENT ON TABLE farebox.lanes IS
  'An instance in a shard: who it is, its last batch, and when the database last heard of it. More rows than the one of nth 0, which has the name, are spare lanes: see pass_lane.';
