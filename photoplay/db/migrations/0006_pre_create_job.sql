-- create_job: everything that must be true when a job is accepted, in one call and one transaction.
-- Lock: new function only. Duration: milliseconds.

create function photoplay.quota_day() returns date
language sql stable
as $$ select (photoplay.now() at time zone 'UTC')::date $$;

create function photoplay.limits_of(p_user_id uuid)
returns table (daily_limit integer, max_open_jobs integer, dedupe_open_jobs boolean)
language sql stable
as $$
    select
        coalesce(own.daily_limit, everybody.daily_limit),
        coalesce(own.max_open_jobs, everybody.max_open_jobs),
        coalesce(own.dedupe_open_jobs, everybody.dedupe_open_jobs)
    from photoplay.limits everybody
    left join photoplay.limits own on own.user_id = p_user_id
    where everybody.user_id is null
$$;

-- Runs as photoplay_api (or photoplay_admin for the command line) with the user's claims set; the
-- user, the limits and the clock come from the database, never from the arguments.
-- One user's creations run one after another (advisory lock), so key, duplicate, quota and open-job
-- decisions need no retry. Index: idx_video_jobs_client_request_id, idx_video_jobs_open.
create function photoplay.create_job(
    p_id uuid,
    p_key text,
    p_fingerprint bytea,
    p_image_id uuid,
    p_source text,
    p_prompt text,
    p_options jsonb,
    p_provider text,
    p_overdue_after interval
)
returns table (
    outcome text, job_id uuid, status text, provider text, created_at timestamptz, details jsonb
)
language plpgsql
set search_path = ''
as $$
#variable_conflict use_column
declare
    owner_id constant uuid := photoplay.user_id();
    -- The operator's own command line has no daily limit.
    exempt constant boolean := coalesce(photoplay.user_role() = 'service_role', false);
    today constant date := photoplay.quota_day();
    instant constant timestamptz := photoplay.now();
    known record;
    allowed record;
    picture text := p_source;
    used integer;
begin
    if owner_id is null then
        raise exception using errcode = '42501', message = 'no user in request.jwt.claims';
    end if;
    perform pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended(owner_id::text, 7406));

    if p_key is not null then
        select * into known from public.video_jobs j
            where j.user_id = owner_id and j.client_request_id = p_key;
        if found then
            return query select
                case when known.fingerprint is distinct from p_fingerprint then 'key_reused' else 'replayed' end,
                known.id, known.status, known.provider, known.created_at, '{}'::jsonb;
            return;
        end if;
        if exists (
            select from photoplay.erased_jobs e where e.user_id = owner_id and e.client_request_id = p_key
        ) then
            return query select 'erased', null::uuid, null::text, null::text, null::timestamptz, '{}'::jsonb;
            return;
        end if;
    end if;

    if p_image_id is not null then
        select i.path into picture from public.video_images i
            where i.id = p_image_id and i.user_id = owner_id and (p_source is null or i.path = p_source);
        if not found then
            return query select 'image_not_found', null::uuid, null::text, null::text, null::timestamptz, '{}'::jsonb;
            return;
        end if;
    end if;

    select * into allowed from photoplay.limits_of(owner_id);

    if p_key is null and allowed.dedupe_open_jobs then
        select * into known from public.video_jobs j
            where j.user_id = owner_id and j.fingerprint = p_fingerprint
                and j.status in ('queued', 'running')
            order by j.created_at limit 1;
        if found then
            return query select 'duplicate', known.id, known.status, known.provider, known.created_at, '{}'::jsonb;
            return;
        end if;
    end if;

    if not exempt then
        insert into public.video_quota as quota (user_id, date, count)
            select owner_id, today, 1 where allowed.daily_limit > 0
            on conflict (user_id, date) do update set count = quota.count + 1
            where quota.count < allowed.daily_limit
            returning quota.count into used;
        if used is null then
            return query select 'quota_exceeded', null::uuid, null::text, null::text, null::timestamptz,
                jsonb_build_object(
                    'limit', allowed.daily_limit, 'remaining', 0,
                    'resetsAt', to_char(today + 1, 'YYYY-MM-DD"T"00:00:00"Z"')
                );
            return;
        end if;
    end if;

    if (
        select count(*) >= allowed.max_open_jobs from public.video_jobs j
        where j.user_id = owner_id and j.status in ('queued', 'running')
    ) then
        -- The unit taken above goes back with it: nothing of a refused creation stays.
        if not exempt then
            update public.video_quota q set count = q.count - 1 where q.user_id = owner_id and q.date = today;
        end if;
        return query select 'too_many_open_jobs', null::uuid, null::text, null::text, null::timestamptz,
            jsonb_build_object('maxOpenJobs', allowed.max_open_jobs);
        return;
    end if;

    insert into public.video_jobs (
        id, created_at, updated_at, user_id, source_image_url, image_id, provider, options, prompt,
        client_request_id, fingerprint, overdue_at, quota_day
    ) values (
        p_id, instant, instant, owner_id, picture, p_image_id, p_provider, p_options, p_prompt,
        p_key, p_fingerprint, instant + p_overdue_after, case when exempt then null else today end
    );
    if not exempt then
        insert into photoplay.quota_ledger (user_id, day, job_id, delta, reason)
            values (owner_id, today, p_id, 1, 'job');
    end if;
    perform photoplay.wake(p_id);
    return query select 'created', p_id, 'queued', p_provider, instant,
        case when exempt then '{}'::jsonb
        else jsonb_build_object('limit', allowed.daily_limit, 'remaining', allowed.daily_limit - used) end;
end
$$;
revoke all on function photoplay.create_job from public;
grant execute on function photoplay.create_job to photoplay_api, photoplay_admin;

-- Gives a job's quota unit back; once, however often and by whomever it is called.
create function photoplay.return_unit(p_job_id uuid) returns boolean
language plpgsql
set search_path = ''
as $$
declare
    held record;
begin
    update public.video_jobs j set quota_returned_at = photoplay.now()
        where j.id = p_job_id and j.quota_day is not null and j.quota_returned_at is null
        returning j.user_id, j.quota_day into held;
    if not found then
        return false;
    end if;
    perform from public.video_quota q
        where q.user_id = held.user_id and q.date = held.quota_day for update;
    -- A reset after this job took its unit has already given it back.
    if exists (
        select from photoplay.quota_ledger taken
        join photoplay.quota_ledger reset
            on reset.user_id = taken.user_id and reset.day = taken.day
            and reset.reason = 'reset' and reset.id > taken.id
        where taken.job_id = p_job_id and taken.reason = 'job'
    ) then
        return false;
    end if;
    insert into photoplay.quota_ledger (user_id, day, job_id, delta, reason)
        values (held.user_id, held.quota_day, p_job_id, -1, 'returned');
    update public.video_quota q set count = q.count - 1
        where q.user_id = held.user_id and q.date = held.quota_day;
    return true;
end
$$;
revoke all on function photoplay.return_unit from public;
grant execute on function photoplay.return_unit to photoplay_api, photoplay_worker, photoplay_admin;

-- Raises PP001 unless p_fence is the newest claim of the job; locks the lease against a new claim.
create function photoplay.hold_lease(p_job_id uuid, p_fence bigint) returns void
language plpgsql
set search_path = ''
as $$
begin
    perform from photoplay.leases l where l.job_id = p_job_id and l.fence = p_fence for update;
    if not found then
        raise exception using errcode = 'PP001', message = 'another worker holds this job';
    end if;
end
$$;
revoke all on function photoplay.hold_lease from public;
grant execute on function photoplay.hold_lease to photoplay_worker;

-- Begins a lease on a job: raises the fence, so that whoever held it before can write no more, and
-- frees the engine item's key so that the next wake makes a new item. fence is null while another
-- lease lives; `until` then says how long. job_exists is false when there is nothing to do any more.
create function photoplay.claim_job(p_job_id uuid, p_item_id bigint, p_worker_id uuid, p_lease interval)
returns table (fence bigint, until timestamptz, job_exists boolean)
language plpgsql
set search_path = ''
as $$
#variable_conflict use_column
declare
    held record;
begin
    update photoplay.pgqueuer set dedupe_key = null where id = p_item_id;
    -- A wake in flight has changed the row and not committed: wait for it, then see its state.
    perform from public.video_jobs j where j.id = p_job_id for update;
    if not found then
        return query select null::bigint, null::timestamptz, false;
        return;
    end if;
    insert into photoplay.leases (job_id) values (p_job_id) on conflict (job_id) do nothing;
    select l.fence, l.expires_at into held from photoplay.leases l where l.job_id = p_job_id for update;
    if held.expires_at > photoplay.now() then
        return query select null::bigint, held.expires_at, true;
        return;
    end if;
    return query
        update photoplay.leases l
        set fence = l.fence + 1, worker_id = p_worker_id, expires_at = photoplay.now() + p_lease
        where l.job_id = p_job_id
        returning l.fence, l.expires_at, true;
end
$$;
revoke all on function photoplay.claim_job from public;
grant execute on function photoplay.claim_job to photoplay_worker;
