-- When another session was at it, partitions that were missing were taken for made: the step had succeeded, and nobody was told, for as long
-- as that session kept its lock.

-- Makes the partitions of this month and of the three that follow. Returns what stands in the way of those that are missing,
-- and tries nothing that cannot succeed: a table that is created in vain leaves dead rows in the catalogue, every time.
-- Of several processes one is at it; the others wait for it, for a second at most. When nothing is missing none waits. What is charged meanwhile
-- in a month without a partition lands in the default one.
CREATE OR REPLACE FUNCTION farebox.ensure_partitions() RETURNS text[]
LANGUAGE plpgsql SET lock_timeout = '1s' AS $$
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
END $$;
COMMENT ON FUNCTION farebox.ensure_partitions IS 'Called by migrate and by the sweep. Makes the partitions of the months to come; returns what stands in the way.';
