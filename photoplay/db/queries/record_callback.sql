-- A genuine callback: its task id is a hint until the provider itself confirms it. Only the first one
-- writes. Index: primary key.
update photoplay.attempts
set called_back_at = photoplay.now(),
    hinted_task_id = coalesce(hinted_task_id, %(task_id)s)
where id = %(attempt_id)s
    and (called_back_at is null or (hinted_task_id is null and %(task_id)s::text is not null))
