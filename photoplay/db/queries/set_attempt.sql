-- Move an attempt along; what is null stays. The guard refuses an edge that is none. Index: primary key.
update photoplay.attempts
set status = %(status)s,
    provider_task_id = coalesce(%(provider_task_id)s, provider_task_id),
    outcome = coalesce(%(outcome)s, outcome),
    error = coalesce(%(error)s, error),
    refusal = coalesce(%(refusal)s, refusal),
    charged = coalesce(%(charged)s, charged),
    cost_usd = coalesce(%(cost_usd)s, cost_usd),
    accepted_at = case when %(status)s = 'accepted' then photoplay.now() else accepted_at end,
    finished_at = case
        when %(status)s in ('succeeded', 'failed', 'blocked', 'cancelled', 'expired', 'lost')
        then coalesce(finished_at, photoplay.now()) end
where id = %(attempt_id)s and job_id = %(job_id)s
