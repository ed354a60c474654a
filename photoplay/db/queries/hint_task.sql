-- A task id that an operator found; the worker confirms it with the provider. Index: primary key.
update photoplay.attempts set hinted_task_id = %(task_id)s where id = %(attempt_id)s
