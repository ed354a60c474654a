-- Seconds until the next task of an account is due; null when none is followed. Index: polls_due.
select extract(epoch from min(next_at) - photoplay.now())::double precision as wait_s
from photoplay.polls where account = %(account)s
