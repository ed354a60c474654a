-- I1: one (user, key) is at most one job, erased ones included. Index: idx_video_jobs_client_request_id.
select user_id || ' ' || md5(client_request_id) as broken
from (
    select user_id, client_request_id from public.video_jobs where client_request_id is not null
    union all
    select user_id, client_request_id from photoplay.erased_jobs where client_request_id is not null
) keyed
group by user_id, client_request_id having count(*) > 1
