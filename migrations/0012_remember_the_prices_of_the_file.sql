-- When an instance last started with a configuration that has these prices. A file that says the same as at the last start
-- says nothing new: it must not undo what an operator published, or announced, since.
ALTER TABLE farebox.price_lists ADD COLUMN file_read_at timestamptz;
