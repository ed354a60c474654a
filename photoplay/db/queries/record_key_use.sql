-- When a key was last used, to the minute. Index: api_keys_prefix_key.
update photoplay.api_keys set last_used_at = photoplay.now()
where prefix = %(prefix)s
    and (last_used_at is null or last_used_at < photoplay.now() - interval '1 minute')
