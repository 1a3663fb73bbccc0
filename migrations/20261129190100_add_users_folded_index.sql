-- Trigrams find prefixes, parts and names with typos.
create index users_folded on users using gin (folded gin_trgm_ops);
