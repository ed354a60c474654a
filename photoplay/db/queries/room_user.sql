-- What there is of one user, for the control room; how it stands today is said by get_limits.
-- Index: idx_video_jobs_user_newest, erased_users_pkey.
select
    (select count(*) from public.video_jobs where user_id = %(user_id)s) as jobs,
    (select sum(cost_usd) from public.video_jobs where user_id = %(user_id)s) as spent_usd,
    (select count(*) from public.video_images where user_id = %(user_id)s) as pictures,
    erased.erased_at, erased.erased_by, erased.blocked
from (values (1)) once
left join photoplay.erased_users erased on erased.user_id = %(user_id)s
