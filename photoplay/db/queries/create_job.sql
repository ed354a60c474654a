-- Accept a job or say why not; called by operations/create_job.py.
-- Locks: one user's creations in turn (advisory). Index: see migration 0006.
select outcome, job_id, status, provider, created_at, details
from photoplay.create_job(
    %(id)s, %(key)s, %(fingerprint)s, %(image_id)s, %(source)s, %(prompt)s, %(options)s,
    %(provider)s, %(overdue_after)s
)
