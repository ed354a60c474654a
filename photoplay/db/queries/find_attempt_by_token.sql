-- The attempt that a callback's address names. Index: attempts_callback_token_key.
select id, job_id, provider, provider_task_id from photoplay.attempts where callback_token = %(token)s
