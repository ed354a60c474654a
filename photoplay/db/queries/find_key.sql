-- The API key that a request names, when it works at all; read at sign-in. Index: api_keys_prefix_key.
select prefix, secret_hash, scope, user_id, expires_at,
    last_used_at is null or last_used_at < photoplay.now() - interval '1 minute' as is_use_news
from photoplay.api_keys
where prefix = %(prefix)s and revoked_at is null
    and (expires_at is null or expires_at > photoplay.now())
