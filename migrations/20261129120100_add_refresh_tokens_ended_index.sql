-- Clean-up reads used and expired refresh tokens in batches, oldest first.
create index refresh_tokens_ended on refresh_tokens (coalesce(used_at, created_at));
