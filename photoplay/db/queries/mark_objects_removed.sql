-- Called whenever the store has removed them. Index: primary key.
update photoplay.erased_objects set removed_at = photoplay.now() where path = any(%(paths)s)
