-- I12: a day's spend is what its jobs hold, for each user and for everybody; an ended job holds what its
-- attempts cost; no cap is exceeded today. Index: job_spend_pkey, attempts (job_id, n).
with held as (
    select user_id, day, sum(usd) as usd from photoplay.job_spend group by user_id, day
)
select spend.user_id || ' ' || spend.day as broken
from photoplay.spend spend
full join held on held.user_id = spend.user_id and held.day = spend.day
where coalesce(spend.usd, 0) <> coalesce(held.usd, 0)
    and (spend.user_id is not null or held.user_id is not null)
union all
select 'everybody ' || total.day
from photoplay.spend total
where total.user_id is null and total.usd <> (
    select coalesce(sum(each.usd), 0) from photoplay.spend each
    where each.user_id is not null and each.day = total.day
)
union all
select job.id::text
from public.video_jobs job
join photoplay.job_spend own on own.job_id = job.id
where job.status not in ('queued', 'running') and own.usd <> photoplay.attempts_usd(job.id)
union all
select coalesce(spend.user_id::text, 'everybody') || ' is above the cap'
from photoplay.spend spend
cross join lateral photoplay.limits_of(spend.user_id) allowed
where spend.day = photoplay.quota_day()
    and spend.usd > case when spend.user_id is null
        then allowed.total_daily_spend_usd else allowed.daily_spend_usd end
