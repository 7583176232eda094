-- Operators look for whose a key is, by its text or by its hint, and go through accounts by name. These tables grow by customers, not by
-- requests: a million rows take some seconds.

-- By the last four characters, which a hint is quoted by: some keys share them.
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX keys_by_hint ON farebox.keys ("right"(hint, 4));
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX rotated_secrets_by_hint ON farebox.rotated_secrets ("right"(hint, 4));
-- By the beginning, so that a page can say where it ended in a short text.
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX accounts_by_name ON farebox.accounts ("left"(lower(name), 60) COLLATE "C", account_id);
