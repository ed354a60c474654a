-- Erased users whose folder must be empty, until it was emptied a day after they were erased: an upload that was
-- on its way may have filled it. Small table; no index needed.
select user_id from photoplay.erased_users
where blocked and (emptied_at is null or emptied_at <= erased_at + interval '1 day')
order by emptied_at nulls first limit 1000
