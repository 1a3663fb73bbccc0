-- Of a direct chat whose other one has blocked this member: how far that one had read by then. It is what
-- the member goes on being shown, so that neither the block nor reading after it is told.

alter table members add column others_read_no bigint not null default 0;

update members m set others_read_no = o.read_no
from members o where m.blocked and o.chat_id = m.chat_id and o.user_id <> m.user_id;
