-- When an erased user's folder was emptied last: what comes late must be removed by the first worker that runs
-- again, however long none did.
-- Lock: exclusive on a small table, for an instant. Duration: milliseconds.
alter table photoplay.erased_users add column emptied_at timestamptz;
comment on column photoplay.erased_users.emptied_at is
    'When a worker last looked through the folder and removed what was in it; null before the first time.';

create policy photoplay_sweep on photoplay.erased_users for update to photoplay_worker using (true) with check (true);
grant update (emptied_at) on photoplay.erased_users to photoplay_worker;
