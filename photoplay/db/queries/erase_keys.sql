-- Remove every API key of a user. Index: api_keys_user.
delete from photoplay.api_keys where user_id = %(user_id)s
