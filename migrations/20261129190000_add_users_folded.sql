-- The display name as searches compare it: without case, accents and compatibility forms. The same as `text::fold` of `protocol`.
alter table users add column folded text generated always as
    (regexp_replace(lower(normalize(display_name, nfkd) collate "und-x-icu"), '[\u0300-\u036f]', '', 'g')) stored;
