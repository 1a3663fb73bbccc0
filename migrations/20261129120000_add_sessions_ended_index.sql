-- Clean-up reads ended sessions in batches, oldest first.
create index sessions_ended on sessions (coalesce(revoked_at, expires_at));
