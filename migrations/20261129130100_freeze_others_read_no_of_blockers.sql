-- After a block both members of a direct chat are shown each other's read mark as of then, not only the blocked one.
update members m set others_read_no = o.read_no
from members o where o.chat_id = m.chat_id and o.user_id <> m.user_id and o.blocked and not m.blocked;
