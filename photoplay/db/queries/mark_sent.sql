-- The submission leaves now; refused once the job has ended, so that nothing is sent for it any more. Index: primary key.
update photoplay.attempts attempt
set sent_at = coalesce(attempt.sent_at, photoplay.now()), placed_picture = %(placed_picture)s
from photoplay.require_open(%(job_id)s)
where attempt.id = %(attempt_id)s and attempt.job_id = %(job_id)s
