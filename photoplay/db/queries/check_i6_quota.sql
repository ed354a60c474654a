-- I6: the counter is the ledger's sum, no unit went back twice, failed unbilled jobs hold none. Index: quota_ledger_user_day.
select quota.user_id || ' ' || quota.date as broken
from public.video_quota quota
left join (
    select user_id, day, sum(delta) as held from photoplay.quota_ledger group by user_id, day
) ledger on ledger.user_id = quota.user_id and ledger.day = quota.date
where ledger.user_id is not null and quota.count <> ledger.held
union all
select job_id::text from photoplay.quota_ledger
where job_id is not null group by job_id having sum(delta) < 0
union all
select id::text from public.video_jobs
where status = 'failed' and failure -> 'charged' = 'false'::jsonb
    and quota_day is not null and quota_returned_at is null
