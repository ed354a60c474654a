-- From now on an accepted task is polled; harmless when repeated. Index: primary keys.
insert into photoplay.polls (attempt_id, job_id, user_id, account, next_at)
select attempt.id, attempt.job_id, attempt.user_id, %(account)s,
    photoplay.now() + photoplay.poll_pause(
        photoplay.now() - attempt.accepted_at, %(shortest)s::interval, %(longest)s::interval
    )
from photoplay.attempts attempt
where attempt.id = %(attempt_id)s and attempt.job_id = %(job_id)s
    and attempt.status in ('accepted', 'running')
on conflict (attempt_id) do nothing
