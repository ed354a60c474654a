-- Accept a job or say why not; called by operations/create_job.py.
-- Locks: one user's creations in turn (advisory). Index: see migrations 0006 and 0009.
select outcome, job_id, status, provider, created_at, facts
from photoplay.create_job(
    %(id)s, %(key)s, %(fingerprint)s, %(image_id)s, %(source)s, %(prompt)s, %(options)s,
    %(provider)s, %(overdue_after)s, %(estimate_usd)s::numeric, %(was_counted)s
)
