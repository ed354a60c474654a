-- The user's data are erased in this transaction; waits for what is being made for the user, and from its
-- commit on nothing new is taken (refuse_erased_user). Index: primary key.
with alone as materialized (
    select pg_advisory_xact_lock(hashtextextended(%(user_id)s::uuid::text, 7406))
)
insert into photoplay.erased_users (user_id, erased_by, blocked)
select %(user_id)s::uuid, %(actor)s, %(blocked)s from alone
on conflict (user_id) do update set
    erased_at = excluded.erased_at, erased_by = excluded.erased_by, blocked = excluded.blocked,
    emptied_at = null
