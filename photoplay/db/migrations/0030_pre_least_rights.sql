-- Every role keeps the rights that its statements need, and no more; every function has its own search path.
-- Why: what a role cannot do, no mistake of ours can do either. Events and the ledger are only added to,
-- costs and attempts are the worker's, limits are the admin's. `lints/database.py` and
-- `tests/db/rights.json` hold every later migration to it.
-- Lock: access exclusive on the named tables for a moment. Duration: milliseconds.

revoke update on public.video_jobs from photoplay_api;
grant update (status, phase, progress, finished_at, quota_returned_at) on public.video_jobs to photoplay_api;
revoke update on public.video_quota from photoplay_api;
grant update (count) on public.video_quota to photoplay_api;
revoke update on photoplay.attempts from photoplay_api;
grant update (status, finished_at) on photoplay.attempts to photoplay_api;

-- Written by triggers with their owner's rights.
revoke insert on photoplay.events from photoplay_api;
revoke insert, update, delete on photoplay.events from photoplay_worker;
revoke insert, update on photoplay.events from photoplay_admin;
drop policy photoplay_request on photoplay.events;

revoke insert on public.video_quota from photoplay_worker;
revoke update, delete on photoplay.quota_ledger from photoplay_worker, photoplay_admin;
revoke update, delete on photoplay.erased_jobs from photoplay_worker, photoplay_admin;
revoke delete on photoplay.erased_objects from photoplay_worker;
revoke insert, update, delete on photoplay.limits from photoplay_worker;
revoke delete on photoplay.attempts from photoplay_worker;
revoke insert, delete on photoplay.attempts from photoplay_admin;
revoke delete on photoplay.leases from photoplay_worker, photoplay_admin;
revoke insert, update, delete on photoplay.workers from photoplay_admin;
revoke delete on photoplay.providers from photoplay_worker, photoplay_admin;
revoke update on photoplay.provider_verdicts from photoplay_worker;
revoke insert, update, delete on photoplay.provider_verdicts from photoplay_admin;

do $$
declare
    ours record;
begin
    for ours in
        select oid::regprocedure as name, prosqlbody is not null as is_resolved
        from pg_proc where pronamespace = 'photoplay'::regnamespace
    loop
        if not ours.is_resolved then
            execute format('alter function %s set search_path = %L', ours.name, '');
        end if;
        execute format('revoke execute on function %s from public', ours.name);
    end loop;
end
$$;
grant execute on function
    photoplay.now(), photoplay.quota_day(), photoplay.limits_of(uuid), photoplay.user_id(), photoplay.user_role()
    to authenticated, photoplay_api, photoplay_worker, photoplay_admin;
