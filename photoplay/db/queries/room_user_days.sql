-- A user's units and spend in each of the last 30 days of the quota. Index: idx_video_quota_user_date,
-- spend_user_id_day_key.
select each.day::date as day, coalesce(quota.count, 0) as units, coalesce(spend.usd, 0) as usd
from generate_series(
    photoplay.quota_day() - interval '29 days', photoplay.quota_day(), interval '1 day'
) as each (day)
left join public.video_quota quota on quota.user_id = %(user_id)s and quota.date = each.day::date
left join photoplay.spend spend on spend.user_id = %(user_id)s and spend.day = each.day::date
order by each.day
