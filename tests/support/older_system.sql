-- What an older system may have besides `photoplay/db/supabase/*.sql`: every kind of row, rules and rights that
-- must not stay, and things of its own that must.

create function public.update_updated_at_column() returns trigger
language plpgsql
as $$ begin new.updated_at = now(); return new; end $$;
drop trigger set_video_jobs_updated_at on public.video_jobs;
create trigger update_video_jobs_updated_at before update on public.video_jobs
    for each row execute function public.update_updated_at_column();
alter table public.video_jobs
    alter column options drop not null,
    add constraint video_jobs_provider_check check (provider in ('fal-pika', 'kling', 'runway', 'luma')),
    add constraint video_jobs_user_id_fkey foreign key (user_id) references auth.users (id) on delete cascade;
create policy "Users update their own video jobs" on public.video_jobs for update to authenticated
    using (user_id = auth.uid());
create policy "Users insert their own video jobs" on public.video_jobs for insert to authenticated
    with check (user_id = auth.uid());
create index idx_video_jobs_status on public.video_jobs (status);
drop index public.idx_video_quota_user_date;
