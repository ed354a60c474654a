-- Users erased within a day, whose folder must be empty: an upload that was on its way may have filled it.
-- Small table; no index needed.
select user_id from photoplay.erased_users
where blocked and erased_at > photoplay.now() - interval '1 day'
