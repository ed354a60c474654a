-- Remember an API key by the hash of its secret. Index: api_keys_prefix_key.
insert into photoplay.api_keys (id, prefix, secret_hash, name, scope, user_id, created_by, expires_at)
values (
    %(id)s, %(prefix)s, %(secret_hash)s, %(name)s, %(scope)s, %(user_id)s, %(created_by)s, %(expires_at)s
)
returning id, prefix, name, scope, user_id, created_at, created_by, expires_at, revoked_at, last_used_at
