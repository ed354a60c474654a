-- Remove the limits of a user's own. Index: limits_user_id_key.
delete from photoplay.limits where user_id = %(user_id)s
