-- A page of API keys, newest first, without their hashes. Index: api_keys_newest, api_keys_user.
select id, prefix, name, scope, user_id, created_at, created_by, expires_at, revoked_at, last_used_at
from photoplay.api_keys
where (%(user_id)s::uuid is null or user_id = %(user_id)s)
    and (
        %(before_at)s::timestamptz is null
        or (created_at, id) < (%(before_at)s::timestamptz, %(before_id)s::uuid)
    )
order by created_at desc, id desc
limit %(limit)s
