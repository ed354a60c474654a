-- Whether a key is revoked already, locked until the transaction ends. Index: primary key.
select revoked_at from photoplay.api_keys where id = %(key_id)s for update
