-- The name before the last change: a list that is read in pages keeps the order of its first page.
alter table users add column former_name text, add column renamed_at timestamptz;
