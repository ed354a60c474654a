-- What the control room's pages of quotas and providers look through: who used how much of a day, and which
-- callbacks came.
-- Why a row a callback: a count would be one row that all callbacks wait for. At most 20 rows an attempt and
-- result are written (note_callback.sql), so that nobody fills the table by repeating one.
-- Lock: share on video_quota, spend and attempts while the indexes are built. Duration: seconds at a million rows.

-- Of the day alone: with an amount in it the index would have to follow every job.
create index idx_video_quota_day on public.video_quota (date);
create index spend_day on photoplay.spend (day);
-- Submissions whose outcome nobody knows: few at any time.
create index attempts_to_resolve on photoplay.attempts (job_id)
    where status in ('unknown', 'lost') and charged is null;

create table photoplay.callbacks (
    id bigint generated always as identity primary key,
    attempt_id uuid not null references photoplay.attempts (id) on delete cascade,
    provider text not null,
    at timestamptz not null,
    result text not null check (result in ('accepted', 'repeated', 'late', 'forged'))
);
comment on table photoplay.callbacks is 'Callbacks that came for an attempt; for people only, gone with the job.';
comment on column photoplay.callbacks.result is
    'accepted: the first genuine one; repeated: another one; late: after the attempt had ended; forged: not genuine, nothing was done.';
create index callbacks_attempt on photoplay.callbacks (attempt_id, result);
create index callbacks_newest on photoplay.callbacks (provider, at);

alter table photoplay.callbacks enable row level security;
alter table photoplay.callbacks force row level security;
do $$
begin
    execute format(
        'create policy photoplay_worker on photoplay.callbacks to photoplay_worker, photoplay_admin, %I using (true) with check (true)',
        current_user
    );
end
$$;
-- Of earlier callbacks the first of each attempt is known.
insert into photoplay.callbacks (attempt_id, provider, at, result)
select id, provider, called_back_at, 'accepted' from photoplay.attempts where called_back_at is not null;

grant select, insert on photoplay.callbacks to photoplay_worker;
grant select on photoplay.callbacks to photoplay_admin;
