-- The state machine as the database holds it, for every role: terminal is final, the version grows,
-- each state change writes one event row and tells the listeners, in the same transaction.
-- SQLSTATEs: PP001 lease lost · PP002 no such edge · PP003 terminal is final · PP004 immutable column.
-- Lock: share row exclusive on video_jobs while the triggers are made. Duration: milliseconds.

create function photoplay.guard_new_job() returns trigger
language plpgsql
as $$
begin
    if new.status <> 'queued' or new.phase <> 'accepted' or new.version <> 1 then
        raise exception using errcode = 'PP002', message = 'a job begins as queued, accepted, version 1';
    end if;
    return new;
end
$$;

create function photoplay.guard_job() returns trigger
language plpgsql
as $$
declare
    edge constant text := old.phase || '>' || new.phase;
begin
    if (new.id, new.user_id, new.created_at) is distinct from (old.id, old.user_id, old.created_at)
        or new.client_request_id is distinct from old.client_request_id then
        raise exception using errcode = 'PP004', message = 'id, user, creation time and request key never change';
    end if;
    if old.status in ('succeeded', 'failed', 'cancelled') then
        if (new.status, new.phase) is distinct from (old.status, old.phase)
            or new.output_video_url is distinct from old.output_video_url
            or new.video is distinct from old.video
            or new.failure is distinct from old.failure
            or new.finished_at is distinct from old.finished_at then
            raise exception using errcode = 'PP003',
                message = format('job is %s; terminal states never change', old.status);
        end if;
    elsif new.status <> old.status and old.status || '>' || new.status not in (
        'queued>running', 'queued>failed', 'queued>cancelled',
        'running>succeeded', 'running>failed', 'running>cancelled'
    ) then
        raise exception using errcode = 'PP002', message = format('no edge %s>%s', old.status, new.status);
    end if;
    if new.phase <> old.phase and edge not in (
        'accepted>preparing', 'accepted>done',
        'preparing>submitting', 'preparing>done',
        'submitting>preparing', 'submitting>waiting', 'submitting>done',
        'waiting>preparing', 'waiting>storing', 'waiting>done',
        'storing>preparing', 'storing>done'
    ) then
        raise exception using errcode = 'PP002', message = format('no edge %s', edge);
    end if;
    new.version := old.version + 1;
    return new;
end
$$;

create function photoplay.announce_job() returns trigger
language plpgsql security definer
set search_path = ''
as $$
begin
    if tg_op = 'INSERT' then
        insert into photoplay.events (job_id, user_id, version, kind, status, phase, created_at)
        values (new.id, new.user_id, new.version, 'job.queued', new.status, new.phase, photoplay.now());
    elsif new.status <> old.status or new.phase <> old.phase then
        insert into photoplay.events (job_id, user_id, version, kind, status, phase, data, created_at)
        values (
            new.id, new.user_id, new.version,
            case when new.status <> old.status then 'job.' || new.status else 'phase.' || new.phase end,
            new.status, new.phase,
            case when new.status = 'failed'
                then jsonb_build_object('code', new.failure ->> 'code', 'charged', new.failure -> 'charged')
                else '{}'::jsonb end,
            photoplay.now()
        );
    end if;
    perform pg_notify('photoplay_jobs', new.id || ':' || new.version);
    return null;
end
$$;

-- Progress and costs are visible changes too, so they raise the version; only states make events.
create trigger guard_new_job before insert on public.video_jobs
    for each row execute function photoplay.guard_new_job();
create trigger guard_job before update on public.video_jobs
    for each row execute function photoplay.guard_job();
create trigger announce_job after insert or update on public.video_jobs
    for each row execute function photoplay.announce_job();

create function photoplay.guard_attempt() returns trigger
language plpgsql
as $$
begin
    if (new.id, new.job_id, new.n, new.provider, new.model, new.fence, new.callback_token)
        is distinct from (old.id, old.job_id, old.n, old.provider, old.model, old.fence, old.callback_token) then
        raise exception using errcode = 'PP004', message = 'what names an attempt never changes';
    end if;
    if new.status <> old.status and old.status || '>' || new.status not in (
        'submitting>accepted', 'submitting>unknown', 'submitting>failed', 'submitting>blocked',
        'submitting>cancelled',
        'unknown>accepted', 'unknown>lost', 'lost>accepted',
        'accepted>running', 'accepted>succeeded', 'accepted>failed', 'accepted>blocked',
        'accepted>cancelled', 'accepted>expired',
        'running>succeeded', 'running>failed', 'running>blocked', 'running>cancelled', 'running>expired'
    ) then
        raise exception using errcode = 'PP002', message = format('no edge %s>%s', old.status, new.status);
    end if;
    return new;
end
$$;

create function photoplay.announce_attempt() returns trigger
language plpgsql security definer
set search_path = ''
as $$
begin
    if tg_op = 'INSERT' or new.status <> old.status then
        insert into photoplay.events (job_id, user_id, version, kind, status, phase, data, created_at)
        select new.job_id, new.user_id, job.version, 'attempt.' || new.status, job.status, job.phase,
            jsonb_build_object('n', new.n, 'provider', new.provider, 'model', new.model),
            photoplay.now()
        from public.video_jobs job where job.id = new.job_id;
    end if;
    return null;
end
$$;

create trigger guard_attempt before update on photoplay.attempts
    for each row execute function photoplay.guard_attempt();
create trigger announce_attempt after insert or update on photoplay.attempts
    for each row execute function photoplay.announce_attempt();
revoke all on function photoplay.announce_job, photoplay.announce_attempt from public;
