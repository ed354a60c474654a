-- Paused or shut by its circuit breaker: from now on it is tried again. Index: primary key.
update photoplay.providers
set paused_at = null, paused_by = null, open_until = null, updated_at = photoplay.now()
where name = %(name)s
