-- The provider was asked to delete what it holds of the task. Index: primary key.
update photoplay.attempts set erased_there_at = photoplay.now()
where id = %(attempt_id)s and job_id = %(job_id)s
