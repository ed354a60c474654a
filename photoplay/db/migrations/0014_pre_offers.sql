-- How fast each provider has been lately, and whether it takes attempts now: what people are shown
-- before they ask for a video.
-- Lock: share on video_jobs while the index is built. Duration: seconds at a million rows.

create index idx_video_jobs_pace on public.video_jobs (finished_at desc)
    where status = 'succeeded' and video is not null;

-- Figures of everybody's jobs together, without anybody's content; the median of the latest 500.
-- Security definer, because a user sees no other's jobs. Index: idx_video_jobs_pace.
create function photoplay.offer_facts()
returns table (provider text, resolution text, seconds_per_second double precision, is_available boolean)
language sql stable security definer
set search_path = ''
as $$
    with latest as (
        select job.provider, job.effective_options ->> 'resolution' as resolution,
            extract(epoch from job.finished_at - job.started_at)::double precision
                / greatest((job.video ->> 'duration_s')::double precision, 0.1) as pace
        from public.video_jobs job
        where job.status = 'succeeded' and job.video is not null and job.started_at is not null
        order by job.finished_at desc
        limit 500
    ), paces as (
        select latest.provider, latest.resolution,
            percentile_cont(0.5) within group (order by latest.pace) as pace
        from latest group by latest.provider, latest.resolution
    )
    select coalesce(paces.provider, health.name), paces.resolution, paces.pace,
        health.paused_at is null and coalesce(health.open_until <= photoplay.now(), true)
    from paces full join photoplay.providers health on health.name = paces.provider
$$;
comment on function photoplay.offer_facts is
    'Seconds of work a second of video took lately, by provider and resolution, and whether it takes attempts now.';
revoke all on function photoplay.offer_facts from public;
grant execute on function photoplay.offer_facts to authenticated, photoplay_api, photoplay_admin;
