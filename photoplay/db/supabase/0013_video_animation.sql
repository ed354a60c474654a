-- The tables of the video feature as the system before Photoplay had them. A database that has them already,
-- also under another file's name, is left as it is. Photoplay's own files take them over.

do $$
begin
    if to_regclass('public.video_jobs') is not null then
        return;
    end if;

    create table public.video_jobs (
        id uuid primary key default gen_random_uuid(),
        created_at timestamptz not null default now(),
        updated_at timestamptz not null default now(),
        user_id uuid not null,
        source_image_url text not null,
        provider text,
        provider_job_id text,
        status text not null default 'queued'
            constraint video_jobs_status_check check (status in ('queued', 'running', 'succeeded', 'failed')),
        error text,
        output_video_url text,
        options jsonb not null default '{}'::jsonb
    );
    create table public.video_quota (
        id uuid primary key default gen_random_uuid(),
        created_at timestamptz not null default now(),
        updated_at timestamptz not null default now(),
        user_id uuid not null,
        date date not null,
        count integer not null default 0
    );
    create unique index idx_video_quota_user_date on public.video_quota (user_id, date);

    create function public.touch_video_updated_at() returns trigger
    language plpgsql
    set search_path = ''
    as $f$
    begin
        new.updated_at := now();
        return new;
    end
    $f$;
    create trigger set_video_jobs_updated_at before update on public.video_jobs
        for each row execute function public.touch_video_updated_at();
    create trigger set_video_quota_updated_at before update on public.video_quota
        for each row execute function public.touch_video_updated_at();

    -- Users read what is theirs; only the service role, which no policy stops, writes.
    alter table public.video_jobs enable row level security;
    alter table public.video_quota enable row level security;
    create policy "Users read their own video jobs" on public.video_jobs for select to authenticated
        using (user_id = (select auth.uid()));
    create policy "Users read their own video quota" on public.video_quota for select to authenticated
        using (user_id = (select auth.uid()));
end
$$;
