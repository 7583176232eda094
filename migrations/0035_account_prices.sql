-- An account may have price lists of its own. They stand among the others, so that their numbers are taken from the same ones, and a
-- charge names the list that priced it, whosever it is.
--
-- `cancelled_at` is always set on them: whatever asks for the list that everybody has passes them by, also an instance of the version
-- before that is still running and knows nothing of accounts' lists.
ALTER TABLE farebox.price_lists
  ADD COLUMN account_id text COLLATE "C",
  -- From here on it does not apply any more; null: until another list takes its place.
  ADD COLUMN until_at timestamptz,
  -- When an operator took it back, before or after it took effect.
  ADD COLUMN ended_at timestamptz;
ALTER TABLE farebox.price_lists DROP CONSTRAINT price_lists_check;
-- A small table: a list is published by a person.
-- squawk-ignore constraint-missing-not-valid
ALTER TABLE farebox.price_lists ADD CONSTRAINT price_lists_cancelled_before CHECK (account_id IS NOT NULL OR cancelled_at < effective_at);
-- squawk-ignore constraint-missing-not-valid
ALTER TABLE farebox.price_lists ADD CONSTRAINT price_lists_passed_by CHECK (account_id IS NULL OR cancelled_at IS NOT NULL);
-- squawk-ignore constraint-missing-not-valid
ALTER TABLE farebox.price_lists ADD CONSTRAINT price_lists_end
  CHECK (until_at > effective_at AND account_id IS NOT NULL OR until_at IS NULL);
-- squawk-ignore constraint-missing-not-valid
ALTER TABLE farebox.price_lists ADD CONSTRAINT price_lists_ended CHECK (account_id IS NOT NULL OR ended_at IS NULL);
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX price_lists_by_account ON farebox.price_lists (account_id, effective_at) WHERE account_id IS NOT NULL;
COMMENT ON TABLE farebox.price_lists IS
  'Dated, immutable lists of prices, everybody''s and those of single accounts. Every charge names the one that priced it.';
