-- Usage of all accounts in [p_from, p_until), for reports over all of them. By the block range index whatever the planner knows:
-- on a table that was never analysed it reads all of it for each bucket that begins or ends within an hour.
CREATE FUNCTION farebox.usage_between(p_from timestamptz, p_until timestamptz) RETURNS SETOF farebox.usage
LANGUAGE sql STABLE
SET enable_seqscan = off
AS $$ SELECT * FROM farebox.usage u WHERE u.quarter >= p_from AND u.quarter < p_until $$;
