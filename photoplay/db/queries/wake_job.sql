-- Make the engine run this job's handler after `delay` (null: now). Index: pgqueuer_unique_dedupe_key.
select photoplay.wake(%(job_id)s, now() + coalesce(%(delay)s::interval, '0'), %(lane)s)
