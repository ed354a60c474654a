-- What the logs said of each job, kept for a while beside its events, so that whoever is on call need not
-- search the logs of twenty machines.
-- Why unlogged: for people only; nothing is decided by it, and a crash may take it.
-- Lock: new table only. Duration: milliseconds.

create unlogged table photoplay.log_lines (
    id bigint generated always as identity primary key,
    job_id uuid not null references public.video_jobs (id) on delete cascade,
    at timestamptz not null,
    level text not null,
    line text not null
);
comment on table photoplay.log_lines is 'Log lines that name a job, redacted as in the log; gone with the job, and after a week.';
create index log_lines_job on photoplay.log_lines (job_id, id);
create index log_lines_at on photoplay.log_lines (at);

alter table photoplay.log_lines enable row level security;
alter table photoplay.log_lines force row level security;
do $$
begin
    execute format(
        'create policy photoplay_worker on photoplay.log_lines to photoplay_worker, photoplay_admin, %I using (true) with check (true)',
        current_user
    );
end
$$;
grant select, insert, delete on photoplay.log_lines to photoplay_worker;
grant select on photoplay.log_lines to photoplay_admin;
