-- The provider is asked to stop, once. Index: primary key.
update photoplay.attempts set cancel_asked_at = coalesce(cancel_asked_at, photoplay.now())
where id = %(attempt_id)s and job_id = %(job_id)s
