-- A provider's newest attempts of 48 hours that came to nothing or are not known, and why. Index: attempts_newest.
select job_id, user_id, n, model, status, coalesce(refusal, error) as why, charged, cost_usd, created_at
from photoplay.attempts
where created_at > photoplay.now() - interval '48 hours' and provider = %(provider)s
    and status in ('failed', 'expired', 'lost', 'blocked', 'unknown')
order by created_at desc
limit 20
