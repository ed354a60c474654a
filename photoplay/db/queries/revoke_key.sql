-- From now on the key is refused; the first revocation's instant stays. Index: primary key.
update photoplay.api_keys set revoked_at = coalesce(revoked_at, photoplay.now())
where id = %(key_id)s
returning id, prefix, name, scope, user_id, created_at, created_by, expires_at, revoked_at, last_used_at
