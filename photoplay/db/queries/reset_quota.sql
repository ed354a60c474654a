-- Set a user's used units of today to zero, as a row in the ledger. Index: idx_video_quota_user_date.
with held as (
    select user_id, date, count from public.video_quota
    where user_id = %(user_id)s and date = photoplay.quota_day() and count > 0
    for update
), explained as (
    insert into photoplay.quota_ledger (user_id, day, delta, reason, actor)
    select user_id, date, -count, 'reset', %(actor)s from held
)
update public.video_quota quota set count = 0
from held where quota.user_id = held.user_id and quota.date = held.date
returning held.count as given_back
