-- Called whenever the store has removed what was in an erased user's folder. Index: primary key.
update photoplay.erased_users set emptied_at = photoplay.now() where user_id = %(user_id)s
