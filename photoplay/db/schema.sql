-- The schema after all migrations; written by `make schema`, compared by `make check`. Not run by anything.

-- 0000_pre_tables
-- 0001_pre_roles
-- 0002_pre_engine
-- 0003_pre_jobs
-- 0004_pre_internals
-- 0005_pre_state_machine
-- 0006_pre_create_job
-- 0007_pre_providers
-- 0008_pre_identity
-- 0009_pre_limits
-- 0010_pre_polling
-- 0011_pre_log_lines
-- 0012_pre_control_room
-- 0013_pre_supabase
-- 0014_pre_offers
-- 0016_pre_placed_picture
-- 0030_pre_least_rights
-- 0040_pre_adopted_jobs
-- 0050_pre_erasure
-- 0051_pre_erasure_at_providers
-- 0055_pre_job_cost
-- 0060_pre_quotas_and_callbacks
-- 0061_pre_erased_folders
CREATE SCHEMA auth;

CREATE SCHEMA photoplay;

CREATE TYPE photoplay.pgqueuer_status AS ENUM (
    'queued',
    'picked',
    'successful',
    'exception',
    'canceled',
    'deleted',
    'failed'
);

CREATE FUNCTION auth.role() RETURNS text
    LANGUAGE sql STABLE
    AS $$
            select nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'role'
        $$;

COMMENT ON FUNCTION auth.role() IS 'The role claim of this transaction; null when unset.';

CREATE FUNCTION auth.uid() RETURNS uuid
    LANGUAGE sql STABLE
    AS $$
            select nullif(
                nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub', ''
            )::uuid
        $$;

COMMENT ON FUNCTION auth.uid() IS 'The user of this transaction, from request.jwt.claims; null when unset.';

CREATE FUNCTION photoplay.add_spend(p_user_id uuid, p_day date, p_usd numeric, p_is_spent boolean) RETURNS text
    LANGUAGE plpgsql
    SET search_path TO ''
    AS $$
declare
    allowed record;
begin
    select * into allowed from photoplay.limits_of(p_user_id);
    insert into photoplay.spend (user_id, day) values (p_user_id, p_day) on conflict do nothing;
    update photoplay.spend s set usd = s.usd + p_usd
        where s.user_id = p_user_id and s.day = p_day
            and (p_is_spent or allowed.daily_spend_usd is null or s.usd + p_usd <= allowed.daily_spend_usd);
    if not found then
        return 'user';
    end if;
    if allowed.total_daily_spend_usd is null then
        return null;
    end if;
    if not p_is_spent then
        insert into photoplay.spend (day) values (p_day) on conflict do nothing;
    end if;
    update photoplay.spend s set usd = s.usd + p_usd
        where s.user_id is null and s.day = p_day
            and (p_is_spent or s.usd + p_usd <= allowed.total_daily_spend_usd);
    if found or p_is_spent then
        return null;
    end if;
    update photoplay.spend s set usd = s.usd - p_usd where s.user_id = p_user_id and s.day = p_day;
    return 'installation';
end
$$;

CREATE FUNCTION photoplay.announce_attempt() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
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

CREATE FUNCTION photoplay.announce_job() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
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

CREATE FUNCTION photoplay.attempts_usd(p_job_id uuid) RETURNS numeric
    LANGUAGE sql STABLE
    SET search_path TO ''
    AS $$
    select coalesce(sum(coalesce(a.cost_usd, a.reserved_usd)), 0) from photoplay.attempts a
    where a.job_id = p_job_id and a.charged is distinct from false
$$;

CREATE FUNCTION photoplay.claim_job(p_job_id uuid, p_item_id bigint, p_worker_id uuid, p_lease interval) RETURNS TABLE(fence bigint, until timestamp with time zone, job_exists boolean)
    LANGUAGE plpgsql
    SET search_path TO ''
    AS $$
#variable_conflict use_column
declare
    held record;
begin
    -- A wake in flight has changed the row and not committed: wait for it, then see its state.
    perform from public.video_jobs j where j.id = p_job_id for update;
    job_exists := found;
    if job_exists then
        insert into photoplay.leases (job_id) values (p_job_id) on conflict (job_id) do nothing;
        select l.fence, l.expires_at into held from photoplay.leases l where l.job_id = p_job_id for update;
    end if;
    update photoplay.pgqueuer set dedupe_key = null where id = p_item_id;
    if not job_exists then
        return next;
    elsif held.expires_at > photoplay.now() then
        until := held.expires_at;
        return next;
    else
        return query
            update photoplay.leases l
            set fence = l.fence + 1, worker_id = p_worker_id, expires_at = photoplay.now() + p_lease
            where l.job_id = p_job_id
            returning l.fence, l.expires_at, true;
    end if;
end
$$;

CREATE FUNCTION photoplay.count_verdict(p_provider text, p_failed boolean, p_attention text) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO ''
    AS $$
declare
    recent record;
begin
    insert into photoplay.provider_verdicts (provider, at, failed)
        values (p_provider, photoplay.now(), p_failed);
    delete from photoplay.provider_verdicts
        where provider = p_provider and at < photoplay.now() - interval '60 seconds';
    select count(*) as verdicts, count(*) filter (where failed) as failures into recent
        from photoplay.provider_verdicts where provider = p_provider;
    insert into photoplay.providers as provider (name, open_until, attention, attention_at)
        values (
            p_provider,
            case when p_failed and recent.verdicts >= 20 and 2 * recent.failures >= recent.verdicts
                then photoplay.now() + interval '30 seconds' end,
            p_attention, case when p_attention is not null then photoplay.now() end
        )
        on conflict (name) do update set
            open_until = case
                when not p_failed then null
                when excluded.open_until is not null then excluded.open_until
                when provider.open_until is not null then photoplay.now() + interval '30 seconds'
            end,
            attention = case when p_failed then coalesce(excluded.attention, provider.attention) end,
            attention_at = case
                when not p_failed then null
                when excluded.attention is not null then excluded.attention_at
                else provider.attention_at
            end,
            updated_at = photoplay.now();
end
$$;

CREATE FUNCTION photoplay.create_job(p_id uuid, p_key text, p_fingerprint bytea, p_image_id uuid, p_source text, p_prompt text, p_options jsonb, p_provider text, p_overdue_after interval, p_estimate_usd numeric DEFAULT NULL::numeric, p_was_counted boolean DEFAULT false, OUT outcome text, OUT job_id uuid, OUT status text, OUT provider text, OUT created_at timestamp with time zone, OUT facts jsonb) RETURNS record
    LANGUAGE plpgsql
    SET search_path TO ''
    AS $$
#variable_conflict use_column
declare
    owner_id constant uuid := photoplay.user_id();
    -- The operator's own command line has no daily limit and no rate.
    exempt constant boolean := coalesce(photoplay.user_role() = 'service_role', false);
    instant constant timestamptz := photoplay.now();
    known record;
    allowed record;
    bucket record;
    picture text := p_source;
    today date;
    resets_at timestamptz;
    used integer := 0;
    open_jobs integer;
    refused_by text;
begin
    if owner_id is null then
        raise exception using errcode = '42501', message = 'no user in request.jwt.claims';
    end if;
    perform pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended(owner_id::text, 7406));
    facts := '{}';

    if p_key is not null then
        select * into known from public.video_jobs j
            where j.user_id = owner_id and j.client_request_id = p_key;
        if found then
            outcome := case when known.fingerprint is distinct from p_fingerprint then 'key_reused' else 'replayed' end;
            job_id := known.id;
            status := known.status;
            provider := known.provider;
            created_at := known.created_at;
            return;
        end if;
        if exists (
            select from photoplay.erased_jobs e where e.user_id = owner_id and e.client_request_id = p_key
        ) then
            outcome := 'erased';
            return;
        end if;
    end if;

    select * into strict allowed from photoplay.limits_of(owner_id);
    if allowed.requests_per_minute is not null and not exempt and not p_was_counted then
        select request.taken, bucket_left.* into bucket
            from photoplay.take_request(allowed.requests_per_minute) request
            cross join lateral photoplay.requests_left(allowed.requests_per_minute, request.full_at) bucket_left;
        facts := jsonb_build_object(
            'requests_per_minute', allowed.requests_per_minute,
            'requests_left', bucket.requests_left, 'request_in_s', bucket.request_in_s
        );
        if not bucket.taken then
            outcome := 'rate_limited';
            return;
        end if;
    end if;

    if p_image_id is not null then
        select i.path into picture from public.video_images i
            where i.id = p_image_id and i.user_id = owner_id and (p_source is null or i.path = p_source);
        if not found then
            outcome := 'image_not_found';
            return;
        end if;
    end if;

    if p_key is null and allowed.dedupe_open_jobs then
        select * into known from public.video_jobs j
            where j.user_id = owner_id and j.fingerprint = p_fingerprint
                and j.status in ('queued', 'running')
            order by j.created_at limit 1;
        if found then
            outcome := 'duplicate';
            job_id := known.id;
            status := known.status;
            provider := known.provider;
            created_at := known.created_at;
            return;
        end if;
    end if;

    today := (instant at time zone allowed.time_zone)::date;
    resets_at := photoplay.day_begins(today + 1, allowed.time_zone);
    facts := facts || jsonb_build_object(
        'resets_at', to_char(resets_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
        'resets_in_s', ceil(extract(epoch from resets_at - instant)),
        'day_s', extract(epoch from resets_at - photoplay.day_begins(today, allowed.time_zone))::integer
    );
    if not exempt then
        select coalesce(max(q.count), 0) into used from public.video_quota q
            where q.user_id = owner_id and q.date = today;
        if (used < allowed.daily_limit) is not true then
            outcome := 'quota_exceeded';
            facts := facts || jsonb_build_object('daily_limit', allowed.daily_limit, 'used', used);
            return;
        end if;
    end if;

    select count(*) into open_jobs from public.video_jobs j
        where j.user_id = owner_id and j.status in ('queued', 'running');
    if (open_jobs < allowed.max_open_jobs) is not true then
        outcome := 'too_many_open_jobs';
        facts := facts || jsonb_build_object('max_open_jobs', allowed.max_open_jobs, 'open_jobs', open_jobs);
        return;
    end if;

    if p_estimate_usd is null and (allowed.daily_spend_usd is not null or allowed.total_daily_spend_usd is not null) then
        outcome := 'price_unknown';
        return;
    end if;
    if p_estimate_usd > 0 then
        refused_by := photoplay.hold_first(p_id, today, p_estimate_usd);
        if refused_by is not null then
            outcome := 'spend_cap_reached';
            facts := facts || jsonb_build_object('refused_by', refused_by);
            return;
        end if;
    end if;

    if not exempt then
        insert into public.video_quota as quota (user_id, date, count) values (owner_id, today, 1)
            on conflict (user_id, date) do update set count = quota.count + 1
            where quota.count < allowed.daily_limit
            returning quota.count into used;
        if used is null then
            -- Not by us: all is undone, and the next try sees it.
            raise exception using errcode = '40001', message = 'somebody else took a unit meanwhile';
        end if;
        insert into photoplay.quota_ledger (user_id, day, job_id, delta, reason)
            values (owner_id, today, p_id, 1, 'job');
        facts := facts || jsonb_build_object('daily_limit', allowed.daily_limit, 'used', used);
    end if;
    insert into public.video_jobs (
        id, created_at, updated_at, user_id, source_image_url, image_id, provider, options, prompt,
        client_request_id, fingerprint, overdue_at, quota_day
    ) values (
        p_id, instant, instant, owner_id, picture, p_image_id, p_provider, p_options, p_prompt,
        p_key, p_fingerprint, instant + p_overdue_after, case when exempt then null else today end
    );
    perform photoplay.wake(p_id);
    outcome := 'created';
    job_id := p_id;
    status := 'queued';
    provider := p_provider;
    created_at := instant;
    facts := facts || jsonb_build_object('max_open_jobs', allowed.max_open_jobs, 'open_jobs', open_jobs + 1);
end
$$;

CREATE FUNCTION photoplay.day_begins(p_day date, p_zone text) RETURNS timestamp with time zone
    LANGUAGE sql STABLE
    SET search_path TO ''
    AS $$
    select case
        when ((midnight - interval '1 hour') at time zone p_zone)::date >= p_day
        then midnight - interval '1 hour' else midnight
    end
    from (select p_day::timestamp at time zone p_zone as midnight) last
$$;

CREATE FUNCTION photoplay.erase_job(p_job_id uuid) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
declare
    job record;
begin
    select * into job from public.video_jobs j
        where j.id = p_job_id and j.erased_at is null and j.phase = 'done'
            and (
                pg_catalog.current_setting('role') in ('photoplay_worker', 'photoplay_admin')
                or j.user_id = photoplay.user_id()
            )
        for update;
    if not found then
        return;
    end if;
    insert into photoplay.erased_jobs (
        id, user_id, client_request_id, status, created_at, finished_at, erased_at, cost_usd, quota_day,
        quota_returned_at
    ) values (
        job.id, job.user_id, job.client_request_id, job.status, job.created_at, job.finished_at, photoplay.now(),
        coalesce(photoplay.known_cost(job.id), job.cost_usd), job.quota_day, job.quota_returned_at
    );
    if not (photoplay.has_open_attempt(job.id) or photoplay.is_held_elsewhere(job.id)) then
        delete from public.video_jobs where id = job.id;
        return;
    end if;
    update public.video_jobs
    set erased_at = photoplay.now(), prompt = null, options = '{}', source_image_url = '', image_id = null,
        fingerprint = null, result = null, provider_job_id = null, error = null, expires_at = null
    where id = job.id;
    delete from photoplay.log_lines where job_id = job.id;
    perform photoplay.wake(job.id);
end
$$;

CREATE FUNCTION photoplay.fn_pgqueuer_changed() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO ''
    AS $$
DECLARE
    to_emit BOOLEAN := false;  -- Flag to decide whether to emit a notification
BEGIN
    -- Check operation type and set the emit flag accordingly
    IF TG_OP = 'UPDATE' AND OLD IS DISTINCT FROM NEW THEN
        to_emit := true;
    ELSIF TG_OP = 'DELETE' THEN
        to_emit := true;
    ELSIF TG_OP = 'INSERT' THEN
        to_emit := true;
    ELSIF TG_OP = 'TRUNCATE' THEN
        to_emit := true;
    END IF;

    -- Perform notification if the emit flag is set
    IF to_emit THEN
        PERFORM pg_notify(
            'ch_pgqueuer',
            json_build_object(
                'channel', 'ch_pgqueuer',
                'operation', lower(TG_OP),
                'sent_at', NOW(),
                'table', TG_TABLE_NAME,
                'type', 'table_changed_event'
            )::text
        );
    END IF;

    -- Return appropriate value based on the operation
    IF TG_OP IN ('INSERT', 'UPDATE') THEN
        RETURN NEW;
    ELSIF TG_OP = 'DELETE' THEN
        RETURN OLD;
    ELSE
        RETURN NULL; -- For TRUNCATE and other non-row-specific contexts
    END IF;

END;
$$;

CREATE FUNCTION photoplay.forget_erased_job(p_job_id uuid) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
declare
    job record;
begin
    select * into job from public.video_jobs j where j.id = p_job_id and j.erased_at is not null for update;
    if not found or photoplay.has_open_attempt(p_job_id) then
        return false;
    end if;
    if photoplay.is_held_elsewhere(p_job_id) and job.erased_at > photoplay.now() - interval '1 day' then
        return false;
    end if;
    update photoplay.erased_jobs
    set cost_usd = coalesce(photoplay.known_cost(p_job_id), cost_usd), quota_returned_at = job.quota_returned_at
    where id = p_job_id;
    delete from public.video_jobs where id = p_job_id;
    return true;
end
$$;

CREATE FUNCTION photoplay.forget_poll() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
begin
    delete from photoplay.polls where attempt_id = new.id;
    return null;
end
$$;

CREATE FUNCTION photoplay.guard_attempt() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO ''
    AS $$
begin
    if (new.id, new.job_id, new.user_id, new.n, new.provider, new.model, new.fence, new.callback_token)
        is distinct from
        (old.id, old.job_id, old.user_id, old.n, old.provider, old.model, old.fence, old.callback_token) then
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

CREATE FUNCTION photoplay.guard_job() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO ''
    AS $$
declare
    edge constant text := old.phase || '>' || new.phase;
begin
    if (new.id, new.user_id, new.created_at) is distinct from (old.id, old.user_id, old.created_at)
        or new.client_request_id is distinct from old.client_request_id
        or new.quota_day is distinct from old.quota_day then
        raise exception using errcode = 'PP004',
            message = 'id, user, creation time, request key and quota day never change';
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

CREATE FUNCTION photoplay.guard_new_job() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO ''
    AS $$
begin
    if new.status <> 'queued' or new.phase <> 'accepted' or new.version <> 1 then
        raise exception using errcode = 'PP002', message = 'a job begins as queued, accepted, version 1';
    end if;
    return new;
end
$$;

CREATE FUNCTION photoplay.has_open_attempt(p_job_id uuid) RETURNS boolean
    LANGUAGE sql STABLE
    SET search_path TO ''
    AS $$
    select exists (
        select from photoplay.attempts a
        where a.job_id = p_job_id and a.status in ('submitting', 'unknown', 'accepted', 'running')
    )
$$;

CREATE FUNCTION photoplay.hold_attempt(p_job_id uuid, p_usd numeric) RETURNS boolean
    LANGUAGE plpgsql
    SET search_path TO ''
    AS $$
declare
    job record;
    more numeric;
begin
    if p_usd = 0 then
        return true;
    end if;
    select j.user_id, coalesce(h.day, j.quota_day, (j.created_at at time zone allowed.time_zone)::date) as day,
            coalesce(h.usd, 0) as held,
            allowed.daily_spend_usd is not null or allowed.total_daily_spend_usd is not null as is_capped
        into strict job
        from public.video_jobs j
        cross join lateral photoplay.limits_of(j.user_id) allowed
        left join photoplay.job_spend h on h.job_id = j.id
        where j.id = p_job_id;
    if p_usd is null then
        return not job.is_capped;
    end if;
    more := p_usd + photoplay.attempts_usd(p_job_id) - job.held;
    if more <= 0 then
        return true;
    end if;
    if photoplay.add_spend(job.user_id, job.day, more, false) is not null then
        return false;
    end if;
    insert into photoplay.job_spend as held (job_id, user_id, day, usd)
        values (p_job_id, job.user_id, job.day, more)
        on conflict (job_id) do update set usd = held.usd + excluded.usd;
    return true;
end
$$;

CREATE FUNCTION photoplay.hold_first(p_job_id uuid, p_day date, p_usd numeric) RETURNS text
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
declare
    refused_by constant text := photoplay.add_spend(photoplay.user_id(), p_day, p_usd, false);
begin
    if refused_by is null then
        insert into photoplay.job_spend (job_id, user_id, day, usd) values (p_job_id, photoplay.user_id(), p_day, p_usd);
    end if;
    return refused_by;
end
$$;

CREATE FUNCTION photoplay.hold_lease(p_job_id uuid, p_fence bigint) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO ''
    AS $$
begin
    perform from public.video_jobs j where j.id = p_job_id for no key update;
    perform from photoplay.leases l where l.job_id = p_job_id and l.fence = p_fence for update;
    if not found then
        raise exception using errcode = 'PP001', message = 'another worker holds this job';
    end if;
end
$$;

CREATE FUNCTION photoplay.is_held_elsewhere(p_job_id uuid) RETURNS boolean
    LANGUAGE sql STABLE
    SET search_path TO ''
    AS $$
    select exists (
        select from photoplay.attempts a
        where a.job_id = p_job_id and a.provider <> 'local' and a.provider_task_id is not null
            and a.erased_there_at is null
    )
$$;

CREATE FUNCTION photoplay.known_cost(p_job_id uuid) RETURNS numeric
    LANGUAGE sql STABLE
    SET search_path TO ''
    AS $$
    select case
        when bool_or(a.cost_usd is null and a.charged is distinct from false) then null
        when count(*) = 0 then (select 0 from public.video_jobs j where j.id = p_job_id and j.adopted_at is null)
        else coalesce(sum(a.cost_usd) filter (where a.charged is distinct from false), 0)
    end
    from photoplay.attempts a where a.job_id = p_job_id
$$;

CREATE FUNCTION photoplay.limits_of(p_user_id uuid) RETURNS TABLE(daily_limit integer, max_open_jobs integer, dedupe_open_jobs boolean, requests_per_minute integer, daily_spend_usd numeric, total_daily_spend_usd numeric, time_zone text)
    LANGUAGE sql STABLE
    SET search_path TO ''
    AS $$
    select
        coalesce(own.daily_limit, everybody.daily_limit),
        coalesce(own.max_open_jobs, everybody.max_open_jobs),
        coalesce(own.dedupe_open_jobs, everybody.dedupe_open_jobs),
        coalesce(own.requests_per_minute, everybody.requests_per_minute),
        coalesce(own.daily_spend_usd, everybody.daily_spend_usd),
        everybody.total_daily_spend_usd,
        everybody.time_zone
    from photoplay.limits everybody
    left join photoplay.limits own on own.user_id = p_user_id
    where everybody.user_id is null
$$;

CREATE FUNCTION photoplay.may_begin(p_provider text, p_concurrency integer, p_siblings text[], p_job_id uuid, p_usd numeric) RETURNS text
    LANGUAGE plpgsql
    SET search_path TO ''
    AS $$
declare
    health record;
begin
    perform pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended(p_siblings[1], 7408));
    select * into health from photoplay.providers p where p.name = p_provider;
    if health.paused_at is not null then
        return 'paused';
    end if;
    if health.open_until > photoplay.now() then
        return 'open';
    end if;
    if p_concurrency is not null and (
        select count(*) >= p_concurrency from photoplay.attempts a
        where a.provider = any(p_siblings) and a.status in ('submitting', 'unknown', 'accepted', 'running')
    ) then
        return 'full';
    end if;
    if not photoplay.hold_attempt(p_job_id, p_usd) then
        return 'capped';
    end if;
    if health.open_until is not null then
        -- Half-open: this attempt is the probe, and keeps others away until its verdict.
        update photoplay.providers set open_until = photoplay.now() + interval '30 seconds'
            where name = p_provider;
    end if;
    return 'yes';
end
$$;

CREATE FUNCTION photoplay.now() RETURNS timestamp with time zone
    LANGUAGE sql STABLE
    SET search_path TO ''
    AS $$
    select case
        when current_database() like 'photoplay\_test%'
        then coalesce(
            nullif(current_setting('photoplay.test_now', true), '')::timestamptz, clock_timestamp()
        )
        else clock_timestamp()
    end
$$;

CREATE FUNCTION photoplay.offer_facts() RETURNS TABLE(provider text, resolution text, seconds_per_second double precision, is_available boolean)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO ''
    AS $$
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

COMMENT ON FUNCTION photoplay.offer_facts() IS 'Seconds of work a second of video took lately, by provider and resolution, and whether it takes attempts now.';

CREATE FUNCTION photoplay.poll_pause(p_age interval, p_shortest interval, p_longest interval) RETURNS interval
    LANGUAGE sql
    SET search_path TO ''
    AS $$ select least(greatest(p_age / 10, p_shortest), p_longest) * (0.9 + 0.2 * random()) $$;

CREATE FUNCTION photoplay.quota_day() RETURNS date
    LANGUAGE sql STABLE
    SET search_path TO ''
    AS $$
    select (photoplay.now() at time zone everybody.time_zone)::date
    from photoplay.limits everybody where everybody.user_id is null
$$;

CREATE FUNCTION photoplay.refuse_erased_user() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
begin
    perform pg_catalog.pg_advisory_xact_lock_shared(pg_catalog.hashtextextended(new.user_id::text, 7406));
    if exists (select from photoplay.erased_users u where u.user_id = new.user_id and u.blocked) then
        raise exception using errcode = 'PP005', message = 'the user was erased';
    end if;
    return new;
end
$$;

CREATE FUNCTION photoplay.requests_left(p_per_minute integer, p_full_at timestamp with time zone, OUT requests_left integer, OUT request_in_s integer) RETURNS record
    LANGUAGE sql STABLE
    SET search_path TO ''
    AS $$
    select whole.n, ceil(bucket.missing_s - 60 + (whole.n + 1) * bucket.pace_s)::integer
    from (
        select floor(60000000 / p_per_minute) / 1000000 as pace_s,
            greatest(extract(epoch from p_full_at - photoplay.now()), 0) as missing_s
    ) bucket
    cross join lateral (select floor((60 - bucket.missing_s) / bucket.pace_s)::integer as n) whole
    where p_per_minute is not null
$$;

CREATE FUNCTION photoplay.require_open(p_job_id uuid) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO ''
    AS $$
begin
    perform from public.video_jobs j
        where j.id = p_job_id and j.status in ('queued', 'running') for update;
    if not found then
        raise exception using errcode = 'PP003', message = 'the job has ended';
    end if;
end
$$;

CREATE FUNCTION photoplay.return_unit(p_job_id uuid) RETURNS boolean
    LANGUAGE plpgsql
    SET search_path TO ''
    AS $$
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

CREATE FUNCTION photoplay.set_limits(p_daily_limit integer, p_max_open_jobs integer, p_dedupe_open_jobs boolean, p_requests_per_minute integer, p_daily_spend_usd numeric, p_total_daily_spend_usd numeric, p_time_zone text) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO ''
    AS $$
declare
    before record;
begin
    perform pg_catalog.pg_advisory_xact_lock(7409);
    select * into before from photoplay.limits_of(null);
    if (before.total_daily_spend_usd is null) <> (p_total_daily_spend_usd is null) then
        -- Whoever decides by the old limits ends first: the sum misses nothing, and none is left behind.
        lock table photoplay.limits in access exclusive mode;
        delete from photoplay.spend s where s.user_id is null;
        if p_total_daily_spend_usd is not null then
            insert into photoplay.spend (day, usd)
                select s.day, sum(s.usd) from photoplay.spend s
                where s.day >= photoplay.now()::date - 3 group by s.day;
        end if;
    end if;
    insert into photoplay.limits as everybody (
        daily_limit, max_open_jobs, dedupe_open_jobs, requests_per_minute, daily_spend_usd,
        total_daily_spend_usd, time_zone
    ) values (
        p_daily_limit, p_max_open_jobs, p_dedupe_open_jobs, p_requests_per_minute, p_daily_spend_usd,
        p_total_daily_spend_usd, p_time_zone
    )
    on conflict ((user_id is null)) where user_id is null do update set
        daily_limit = excluded.daily_limit,
        max_open_jobs = excluded.max_open_jobs,
        dedupe_open_jobs = excluded.dedupe_open_jobs,
        requests_per_minute = excluded.requests_per_minute,
        daily_spend_usd = excluded.daily_spend_usd,
        total_daily_spend_usd = excluded.total_daily_spend_usd,
        time_zone = excluded.time_zone
    where everybody is distinct from excluded;
end
$$;

CREATE FUNCTION photoplay.settle_spend() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
declare
    ended_id uuid;
    ended record;
    cost numeric;
begin
    if tg_table_name = 'attempts' then
        ended_id := new.job_id;
    else
        ended_id := new.id;
    end if;
    select j.user_id, coalesce(h.day, j.quota_day, (j.created_at at time zone everybody.time_zone)::date) as day,
            coalesce(h.usd, 0) as held
        into ended
        from public.video_jobs j
        cross join photoplay.limits everybody
        left join photoplay.job_spend h on h.job_id = j.id
        where j.id = ended_id and j.status not in ('queued', 'running') and everybody.user_id is null;
    if not found then
        return null;
    end if;
    cost := photoplay.attempts_usd(ended_id);
    if cost <> ended.held then
        perform photoplay.add_spend(ended.user_id, ended.day, cost - ended.held, true);
        insert into photoplay.job_spend (job_id, user_id, day, usd)
            values (ended_id, ended.user_id, ended.day, cost)
            on conflict (job_id) do update set usd = excluded.usd;
    end if;
    return null;
end
$$;

CREATE FUNCTION photoplay.sum_cost() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
begin
    if tg_table_name = 'video_jobs' then
        new.cost_usd := photoplay.known_cost(new.id);
        return new;
    end if;
    update public.video_jobs job set cost_usd = photoplay.known_cost(job.id)
    where job.id = new.job_id and job.phase = 'done'
        and job.cost_usd is distinct from photoplay.known_cost(job.id);
    return null;
end
$$;

CREATE FUNCTION photoplay.take_polls(p_account text, p_per_s double precision, p_most integer, p_shortest interval, p_longest interval) RETURNS TABLE(attempt_id uuid, job_id uuid, provider text, model text, task_id text, accepted_at timestamp with time zone, due_at timestamp with time zone, taken_at timestamp with time zone)
    LANGUAGE plpgsql
    SET search_path TO ''
    AS $$
#variable_conflict use_column
declare
    instant timestamptz := photoplay.now();
    account record;
    elapsed_s double precision;
    rate double precision;
    allowed double precision;
    picked uuid[];
    latest_user uuid;
begin
    if not exists (
        select from photoplay.polls p where p.account = p_account and p.next_at <= instant
    ) then
        return;
    end if;
    -- A crash of the server may forget this: then the same tasks are polled again.
    perform pg_catalog.set_config('synchronous_commit', 'off', true);
    insert into photoplay.accounts (name) values (p_account) on conflict (name) do nothing;
    select * into account from photoplay.accounts a where a.name = p_account for update;
    instant := photoplay.now();
    if account.held_until > instant then
        return;
    end if;
    elapsed_s := greatest(coalesce(extract(epoch from instant - account.counted_at), 60), 0);
    -- Slowed down by its provider, the account finds its way back within minutes.
    rate := least(p_per_s, coalesce(account.per_s, p_per_s) * (1 + elapsed_s / 60));
    allowed := least(greatest(rate, 1), account.polls_left + elapsed_s * rate);

    select array_agg(p.attempt_id), (array_agg(p.user_id order by due.place desc))[1]
    into picked, latest_user
    from (
        select d.attempt_id, row_number() over (
            order by d.turn, coalesce(d.user_id <= account.last_user, false), d.user_id
        ) as place
        from (
            select p.attempt_id, p.user_id,
                row_number() over (partition by p.user_id order by p.next_at) as turn
            from photoplay.polls p where p.account = p_account and p.next_at <= instant
        ) d
        order by place
        limit least(floor(allowed), p_most)
    ) due
    join lateral (
        select l.attempt_id, l.user_id from photoplay.polls l
        where l.attempt_id = due.attempt_id for update skip locked
    ) p on true;

    update photoplay.accounts a
    set polls_left = allowed - coalesce(cardinality(picked), 0), counted_at = instant,
        per_s = nullif(rate, p_per_s), last_user = coalesce(latest_user, a.last_user)
    where a.name = p_account;
    return query
        update photoplay.polls p
        set next_at = instant + photoplay.poll_pause(instant - attempt.accepted_at, p_shortest, p_longest)
        from photoplay.polls before, photoplay.attempts attempt
        where p.attempt_id = any(picked)
            and before.attempt_id = p.attempt_id and attempt.id = p.attempt_id
        returning p.attempt_id, p.job_id, attempt.provider, attempt.model, attempt.provider_task_id,
            attempt.accepted_at, before.next_at, instant;
end
$$;

CREATE FUNCTION photoplay.take_request(p_per_minute integer, OUT taken boolean, OUT full_at timestamp with time zone) RETURNS record
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
declare
    instant constant timestamptz := photoplay.now();
    latest constant timestamptz := instant + interval '1 minute';
    -- Rounded down, so that p_per_minute of them never are more than a minute.
    pace constant interval := floor(60000000 / p_per_minute) * interval '1 microsecond';
begin
    insert into photoplay.request_rates as bucket (user_id, full_at) values (photoplay.user_id(), instant + pace)
        on conflict (user_id) do update set full_at = excluded.full_at
            -- Further away than a minute was written by a clock that was set back since.
            + case when bucket.full_at between instant and latest then bucket.full_at - instant else '0' end
        where bucket.full_at + pace <= latest or bucket.full_at > latest
        returning bucket.full_at into full_at;
    taken := found;
    if not taken then
        select b.full_at into full_at from photoplay.request_rates b where b.user_id = photoplay.user_id();
    end if;
end
$$;

CREATE FUNCTION photoplay.touch_updated_at() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO ''
    AS $$
begin
    new.updated_at := photoplay.now();
    return new;
end
$$;

CREATE FUNCTION photoplay.user_id() RETURNS uuid
    LANGUAGE sql STABLE
    RETURN auth.uid();

CREATE FUNCTION photoplay.user_role() RETURNS text
    LANGUAGE sql STABLE
    RETURN auth.role();

CREATE FUNCTION photoplay.wake(p_job_id uuid, p_at timestamp with time zone DEFAULT NULL::timestamp with time zone, p_lane text DEFAULT 'steps'::text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
declare
    key constant text := p_lane || ':' || p_job_id;
    due constant timestamptz := coalesce(p_at, now());
begin
    insert into photoplay.pgqueuer as item
        (priority, entrypoint, payload, execute_after, dedupe_key, status)
    values (0, p_lane, convert_to(p_job_id::text, 'utf8'), due, key, 'queued')
    on conflict (dedupe_key) where status in ('queued', 'picked') and dedupe_key is not null
    do update set execute_after = least(item.execute_after, excluded.execute_after)
    where item.status = 'queued';
    if not found then
        insert into photoplay.pgqueuer
            (priority, entrypoint, payload, execute_after, dedupe_key, status)
        values (0, p_lane, convert_to(p_job_id::text, 'utf8'), due, key || ':again', 'queued')
        on conflict (dedupe_key) where status in ('queued', 'picked') and dedupe_key is not null
        do nothing;
    end if;
end
$$;

COMMENT ON FUNCTION photoplay.wake(p_job_id uuid, p_at timestamp with time zone, p_lane text) IS 'Makes the engine run the handler of this job at p_at (default: now); harmless when repeated.';

CREATE TABLE photoplay.accounts (
    name text NOT NULL,
    polls_left double precision DEFAULT 0 NOT NULL,
    counted_at timestamp with time zone,
    per_s double precision,
    held_until timestamp with time zone,
    last_user uuid
);

ALTER TABLE ONLY photoplay.accounts FORCE ROW LEVEL SECURITY;

COMMENT ON TABLE photoplay.accounts IS 'How often each provider account is asked about its tasks, by all workers together.';

COMMENT ON COLUMN photoplay.accounts.polls_left IS 'Polls that could be made at counted_at without exceeding the rate.';

COMMENT ON COLUMN photoplay.accounts.per_s IS 'Rate after the provider asked for less; null: the configured one.';

COMMENT ON COLUMN photoplay.accounts.last_user IS 'Whose task was taken last: the next users come first.';

CREATE TABLE photoplay.api_keys (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    prefix text NOT NULL,
    secret_hash bytea NOT NULL,
    name text NOT NULL,
    scope text NOT NULL,
    user_id uuid,
    created_at timestamp with time zone DEFAULT photoplay.now() NOT NULL,
    created_by text NOT NULL,
    expires_at timestamp with time zone,
    revoked_at timestamp with time zone,
    last_used_at timestamp with time zone,
    CONSTRAINT api_keys_belong_to_a_user CHECK (((scope = 'jobs'::text) = (user_id IS NOT NULL))),
    CONSTRAINT api_keys_name_check CHECK (((char_length(name) >= 1) AND (char_length(name) <= 100))),
    CONSTRAINT api_keys_prefix_check CHECK ((prefix ~ '^[0-9a-f]{12}$'::text)),
    CONSTRAINT api_keys_scope_check CHECK ((scope = ANY (ARRAY['jobs'::text, 'admin'::text]))),
    CONSTRAINT api_keys_secret_hash_check CHECK ((octet_length(secret_hash) = 32))
);

ALTER TABLE ONLY photoplay.api_keys FORCE ROW LEVEL SECURITY;

COMMENT ON TABLE photoplay.api_keys IS 'Keys of ours. The secret is shown once and kept as its SHA-256; it is random, so nothing slower is needed.';

COMMENT ON COLUMN photoplay.api_keys.prefix IS 'The visible part of the key; names it in lists, the audit and look-ups.';

COMMENT ON COLUMN photoplay.api_keys.user_id IS 'Whom a key of scope jobs acts for; a key of scope admin names somebody at each request.';

CREATE TABLE photoplay.attempts (
    id uuid NOT NULL,
    job_id uuid NOT NULL,
    user_id uuid NOT NULL,
    n integer NOT NULL,
    provider text NOT NULL,
    model text NOT NULL,
    status text DEFAULT 'submitting'::text NOT NULL,
    fence bigint NOT NULL,
    callback_token text NOT NULL,
    provider_task_id text,
    outcome jsonb,
    error text,
    charged boolean,
    cost_usd numeric(12,6),
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    accepted_at timestamp with time zone,
    finished_at timestamp with time zone,
    refusal text,
    sent_at timestamp with time zone,
    hinted_task_id text,
    called_back_at timestamp with time zone,
    cancel_asked_at timestamp with time zone,
    reserved_usd numeric(12,6),
    placed_picture text,
    erased_there_at timestamp with time zone,
    CONSTRAINT attempts_n_check CHECK ((n > 0)),
    CONSTRAINT attempts_reserved_usd_check CHECK ((reserved_usd >= (0)::numeric)),
    CONSTRAINT attempts_status_check CHECK ((status = ANY (ARRAY['submitting'::text, 'unknown'::text, 'accepted'::text, 'running'::text, 'succeeded'::text, 'failed'::text, 'blocked'::text, 'cancelled'::text, 'expired'::text, 'lost'::text])))
);

ALTER TABLE ONLY photoplay.attempts FORCE ROW LEVEL SECURITY;

COMMENT ON TABLE photoplay.attempts IS 'One try at one provider model; at most one submission goes on the wire per row.';

COMMENT ON COLUMN photoplay.attempts.fence IS 'Lease that may submit; after a take-over nobody may, and the attempt is resolved instead.';

COMMENT ON COLUMN photoplay.attempts.charged IS 'null: not known.';

COMMENT ON COLUMN photoplay.attempts.refusal IS 'Class of the definite verdict that ended it (domain/outcomes.py).';

COMMENT ON COLUMN photoplay.attempts.hinted_task_id IS 'Task id from a genuine callback that came before we knew it.';

COMMENT ON COLUMN photoplay.attempts.reserved_usd IS 'List price of what it asks for; null when it is not known. Counts until its cost is known.';

COMMENT ON COLUMN photoplay.attempts.placed_picture IS 'Address of the picture in the submission, where it names nothing of ours; null where the attempt''s id is in it.';

COMMENT ON COLUMN photoplay.attempts.erased_there_at IS 'When its provider was asked to delete what it holds of the task of an erased job.';

CREATE TABLE photoplay.audit (
    id bigint NOT NULL,
    at timestamp with time zone DEFAULT photoplay.now() NOT NULL,
    actor text NOT NULL,
    action text NOT NULL,
    target text NOT NULL,
    details jsonb DEFAULT '{}'::jsonb NOT NULL
);

ALTER TABLE ONLY photoplay.audit FORCE ROW LEVEL SECURITY;

COMMENT ON TABLE photoplay.audit IS 'What operators did, written in the same transaction; no content, and nobody may change it.';

ALTER TABLE photoplay.audit ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME photoplay.audit_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE photoplay.callbacks (
    id bigint NOT NULL,
    attempt_id uuid NOT NULL,
    provider text NOT NULL,
    at timestamp with time zone NOT NULL,
    result text NOT NULL,
    CONSTRAINT callbacks_result_check CHECK ((result = ANY (ARRAY['accepted'::text, 'repeated'::text, 'late'::text, 'forged'::text])))
);

ALTER TABLE ONLY photoplay.callbacks FORCE ROW LEVEL SECURITY;

COMMENT ON TABLE photoplay.callbacks IS 'Callbacks that came for an attempt; for people only, gone with the job.';

COMMENT ON COLUMN photoplay.callbacks.result IS 'accepted: the first genuine one; repeated: another one; late: after the attempt had ended; forged: not genuine, nothing was done.';

ALTER TABLE photoplay.callbacks ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME photoplay.callbacks_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE photoplay.erased_jobs (
    id uuid NOT NULL,
    user_id uuid NOT NULL,
    client_request_id text,
    status text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    finished_at timestamp with time zone,
    erased_at timestamp with time zone DEFAULT now() NOT NULL,
    cost_usd numeric(12,6),
    quota_day date,
    quota_returned_at timestamp with time zone
);

ALTER TABLE ONLY photoplay.erased_jobs FORCE ROW LEVEL SECURITY;

COMMENT ON TABLE photoplay.erased_jobs IS 'What is left of an erased job: no content. Its key answers 410, its quota unit still counts.';

CREATE TABLE photoplay.erased_objects (
    path text NOT NULL,
    job_id uuid,
    erased_at timestamp with time zone DEFAULT now() NOT NULL,
    removed_at timestamp with time zone
);

ALTER TABLE ONLY photoplay.erased_objects FORCE ROW LEVEL SECURITY;

COMMENT ON TABLE photoplay.erased_objects IS 'Objects that must not exist: removed by the worker, again whenever one comes back.';

COMMENT ON COLUMN photoplay.erased_objects.job_id IS 'Null for what belonged to no job.';

CREATE TABLE photoplay.erased_users (
    user_id uuid NOT NULL,
    erased_at timestamp with time zone DEFAULT photoplay.now() NOT NULL,
    erased_by text NOT NULL,
    blocked boolean NOT NULL,
    emptied_at timestamp with time zone
);

ALTER TABLE ONLY photoplay.erased_users FORCE ROW LEVEL SECURITY;

COMMENT ON TABLE photoplay.erased_users IS 'Users whose data were erased.';

COMMENT ON COLUMN photoplay.erased_users.blocked IS 'No job and no picture of this user is taken any more; false for the one user of local mode.';

COMMENT ON COLUMN photoplay.erased_users.emptied_at IS 'When a worker last looked through the folder and removed what was in it; null before the first time.';

CREATE TABLE photoplay.events (
    id bigint NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    job_id uuid NOT NULL,
    user_id uuid NOT NULL,
    version bigint NOT NULL,
    kind text NOT NULL,
    status text NOT NULL,
    phase text NOT NULL,
    data jsonb DEFAULT '{}'::jsonb NOT NULL
);

ALTER TABLE ONLY photoplay.events FORCE ROW LEVEL SECURITY;

COMMENT ON TABLE photoplay.events IS 'Every state change of a job, once, written by trigger in the same transaction; no content.';

ALTER TABLE photoplay.events ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME photoplay.events_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE photoplay.job_spend (
    job_id uuid NOT NULL,
    user_id uuid NOT NULL,
    day date NOT NULL,
    usd numeric(12,6) NOT NULL,
    CONSTRAINT job_spend_usd_check CHECK ((usd >= (0)::numeric))
);

ALTER TABLE ONLY photoplay.job_spend FORCE ROW LEVEL SECURITY;

COMMENT ON TABLE photoplay.job_spend IS 'A job''s part of its day''s spend: while it is open what it may cost, afterwards what its attempts cost. Outlives the job.';

CREATE TABLE photoplay.leases (
    job_id uuid NOT NULL,
    fence bigint DEFAULT 0 NOT NULL,
    failures integer DEFAULT 0 NOT NULL,
    worker_id uuid,
    expires_at timestamp with time zone DEFAULT '-infinity'::timestamp with time zone NOT NULL
);

ALTER TABLE ONLY photoplay.leases FORCE ROW LEVEL SECURITY;

COMMENT ON TABLE photoplay.leases IS 'Who may write for a job: the holder of the newest fence. Every claim raises the fence.';

COMMENT ON COLUMN photoplay.leases.failures IS 'Handler runs in a row that ended in an unexpected error; spaces the next ones out.';

CREATE TABLE photoplay.limits (
    user_id uuid,
    daily_limit integer,
    max_open_jobs integer,
    dedupe_open_jobs boolean,
    requests_per_minute integer,
    daily_spend_usd numeric(12,6),
    total_daily_spend_usd numeric(12,6),
    time_zone text,
    CONSTRAINT limits_daily_limit_check CHECK ((daily_limit >= 0)),
    CONSTRAINT limits_daily_spend_usd_check CHECK ((daily_spend_usd >= (0)::numeric)),
    CONSTRAINT limits_max_open_jobs_check CHECK ((max_open_jobs >= 0)),
    CONSTRAINT limits_of_the_installation CHECK (((user_id IS NULL) OR ((total_daily_spend_usd IS NULL) AND (time_zone IS NULL)))),
    CONSTRAINT limits_requests_per_minute_check CHECK (((requests_per_minute >= 1) AND (requests_per_minute <= 6000))),
    CONSTRAINT limits_total_daily_spend_usd_check CHECK ((total_daily_spend_usd >= (0)::numeric))
);

ALTER TABLE ONLY photoplay.limits FORCE ROW LEVEL SECURITY;

COMMENT ON TABLE photoplay.limits IS 'The row without user holds for everybody; a user row overrides what it does not leave null.';

COMMENT ON COLUMN photoplay.limits.requests_per_minute IS 'Requests for a video; null: not limited.';

COMMENT ON COLUMN photoplay.limits.daily_spend_usd IS 'Cap of what one user''s videos of a day may cost; null: none.';

COMMENT ON COLUMN photoplay.limits.total_daily_spend_usd IS 'Cap of what everybody''s videos of a day may cost together; null: none.';

COMMENT ON COLUMN photoplay.limits.time_zone IS 'In whose midnight a day of the quota begins (IANA name).';

CREATE UNLOGGED TABLE photoplay.log_lines (
    id bigint NOT NULL,
    job_id uuid NOT NULL,
    at timestamp with time zone NOT NULL,
    level text NOT NULL,
    line text NOT NULL
);

ALTER TABLE ONLY photoplay.log_lines FORCE ROW LEVEL SECURITY;

COMMENT ON TABLE photoplay.log_lines IS 'Log lines that name a job, redacted as in the log; gone with the job, and after a week.';

ALTER TABLE photoplay.log_lines ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME photoplay.log_lines_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE photoplay.pgqueuer (
    id bigint NOT NULL,
    priority integer NOT NULL,
    queue_manager_id uuid,
    created timestamp with time zone DEFAULT now() NOT NULL,
    updated timestamp with time zone DEFAULT now() NOT NULL,
    heartbeat timestamp with time zone DEFAULT now() NOT NULL,
    execute_after timestamp with time zone DEFAULT now() NOT NULL,
    status photoplay.pgqueuer_status NOT NULL,
    entrypoint text NOT NULL,
    dedupe_key text,
    payload bytea,
    headers jsonb,
    attempts integer DEFAULT 0 NOT NULL,
    slot bigint
)
WITH (autovacuum_vacuum_scale_factor='0.01', autovacuum_vacuum_threshold='1000', autovacuum_analyze_scale_factor='0.02', autovacuum_analyze_threshold='500', autovacuum_vacuum_cost_limit='10000', autovacuum_vacuum_cost_delay='0', fillfactor='70');

CREATE SEQUENCE photoplay.pgqueuer_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE photoplay.pgqueuer_id_seq OWNED BY photoplay.pgqueuer.id;

CREATE UNLOGGED TABLE photoplay.pgqueuer_log (
    id bigint NOT NULL,
    created timestamp with time zone DEFAULT now() NOT NULL,
    job_id bigint NOT NULL,
    status photoplay.pgqueuer_status NOT NULL,
    priority integer NOT NULL,
    entrypoint text NOT NULL,
    traceback jsonb,
    aggregated boolean DEFAULT false
)
WITH (autovacuum_vacuum_scale_factor='0.95', autovacuum_vacuum_threshold='1000000', autovacuum_analyze_scale_factor='0.05', autovacuum_analyze_threshold='10000');

ALTER TABLE photoplay.pgqueuer_log ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME photoplay.pgqueuer_log_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE photoplay.pgqueuer_schedules (
    id bigint NOT NULL,
    expression text NOT NULL,
    entrypoint text NOT NULL,
    heartbeat timestamp with time zone DEFAULT now() NOT NULL,
    created timestamp with time zone DEFAULT now() NOT NULL,
    updated timestamp with time zone DEFAULT now() NOT NULL,
    next_run timestamp with time zone DEFAULT now() NOT NULL,
    last_run timestamp with time zone,
    status photoplay.pgqueuer_status DEFAULT 'queued'::photoplay.pgqueuer_status
)
WITH (autovacuum_vacuum_scale_factor='0.01', autovacuum_vacuum_threshold='1000', autovacuum_analyze_scale_factor='0.02', autovacuum_analyze_threshold='500', autovacuum_vacuum_cost_limit='10000', autovacuum_vacuum_cost_delay='0', fillfactor='70');

CREATE SEQUENCE photoplay.pgqueuer_schedules_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE photoplay.pgqueuer_schedules_id_seq OWNED BY photoplay.pgqueuer_schedules.id;

CREATE UNLOGGED TABLE photoplay.pgqueuer_statistics (
    id bigint NOT NULL,
    created timestamp with time zone DEFAULT date_trunc('sec'::text, now()) NOT NULL,
    count bigint NOT NULL,
    priority integer NOT NULL,
    status photoplay.pgqueuer_status NOT NULL,
    entrypoint text NOT NULL
)
WITH (autovacuum_vacuum_scale_factor='0.95', autovacuum_vacuum_threshold='1000000', autovacuum_analyze_scale_factor='0.05', autovacuum_analyze_threshold='10000');

CREATE UNLOGGED SEQUENCE photoplay.pgqueuer_statistics_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE photoplay.pgqueuer_statistics_id_seq OWNED BY photoplay.pgqueuer_statistics.id;

CREATE TABLE photoplay.polls (
    attempt_id uuid NOT NULL,
    job_id uuid NOT NULL,
    user_id uuid NOT NULL,
    account text NOT NULL,
    next_at timestamp with time zone NOT NULL
)
WITH (fillfactor='70', autovacuum_vacuum_scale_factor='0.05', autovacuum_vacuum_threshold='1000', autovacuum_vacuum_cost_delay='0');

ALTER TABLE ONLY photoplay.polls FORCE ROW LEVEL SECURITY;

COMMENT ON TABLE photoplay.polls IS 'Accepted tasks that a provider is asked about; one row while the attempt is with the provider.';

CREATE UNLOGGED TABLE photoplay.provider_verdicts (
    provider text NOT NULL,
    at timestamp with time zone DEFAULT now() NOT NULL,
    failed boolean NOT NULL
);

ALTER TABLE ONLY photoplay.provider_verdicts FORCE ROW LEVEL SECURITY;

COMMENT ON TABLE photoplay.provider_verdicts IS 'Definite verdicts of the last minute, for the circuit breaker; ambiguous ones do not count.';

CREATE TABLE photoplay.providers (
    name text NOT NULL,
    paused_at timestamp with time zone,
    paused_by text,
    open_until timestamp with time zone,
    attention text,
    attention_at timestamp with time zone,
    updated_at timestamp with time zone DEFAULT now() NOT NULL
);

ALTER TABLE ONLY photoplay.providers FORCE ROW LEVEL SECURITY;

COMMENT ON TABLE photoplay.providers IS 'Health of a provider as all workers see it.';

COMMENT ON COLUMN photoplay.providers.open_until IS 'Circuit breaker: until then nothing is sent; then one probe at a time.';

COMMENT ON COLUMN photoplay.providers.attention IS 'Why an operator must act (no_credit, unauthenticated); cleared by the next success.';

CREATE TABLE photoplay.quota_ledger (
    id bigint NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    user_id uuid NOT NULL,
    day date NOT NULL,
    job_id uuid,
    delta integer NOT NULL,
    reason text NOT NULL,
    actor text DEFAULT CURRENT_USER NOT NULL,
    CONSTRAINT quota_ledger_delta_check CHECK ((delta <> 0)),
    CONSTRAINT quota_ledger_reason_check CHECK ((reason = ANY (ARRAY['job'::text, 'returned'::text, 'reset'::text, 'adopted'::text])))
);

ALTER TABLE ONLY photoplay.quota_ledger FORCE ROW LEVEL SECURITY;

COMMENT ON TABLE photoplay.quota_ledger IS 'Why video_quota.count is what it is: their sums agree for every user and day.';

ALTER TABLE photoplay.quota_ledger ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME photoplay.quota_ledger_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE UNLOGGED TABLE photoplay.request_rates (
    user_id uuid NOT NULL,
    full_at timestamp with time zone NOT NULL
)
WITH (fillfactor='70');

ALTER TABLE ONLY photoplay.request_rates FORCE ROW LEVEL SECURITY;

COMMENT ON TABLE photoplay.request_rates IS 'A bucket of requests a user, by when it will be full again. After a crash of the server all are full.';

CREATE TABLE photoplay.schema_migrations (
    name text NOT NULL,
    checksum text NOT NULL,
    applied_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL
);

CREATE TABLE photoplay.spend (
    user_id uuid,
    day date NOT NULL,
    usd numeric(12,6) DEFAULT 0 NOT NULL,
    CONSTRAINT spend_usd_check CHECK ((usd >= (0)::numeric))
)
WITH (fillfactor='70');

ALTER TABLE ONLY photoplay.spend FORCE ROW LEVEL SECURITY;

COMMENT ON TABLE photoplay.spend IS 'What the jobs of a day cost or may still cost, by user. The row without user is everybody''s sum, kept only while it is capped.';

CREATE TABLE photoplay.workers (
    id uuid NOT NULL,
    host text NOT NULL,
    pid integer NOT NULL,
    started_at timestamp with time zone DEFAULT now() NOT NULL,
    seen_at timestamp with time zone DEFAULT now() NOT NULL
);

ALTER TABLE ONLY photoplay.workers FORCE ROW LEVEL SECURITY;

CREATE TABLE public.video_images (
    id uuid NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    user_id uuid NOT NULL,
    path text NOT NULL,
    content_type text NOT NULL,
    width integer NOT NULL,
    height integer NOT NULL,
    bytes bigint NOT NULL,
    sha256 bytea NOT NULL,
    CONSTRAINT video_images_bytes_check CHECK ((bytes > 0)),
    CONSTRAINT video_images_height_check CHECK ((height > 0)),
    CONSTRAINT video_images_sha256_check CHECK ((octet_length(sha256) = 32)),
    CONSTRAINT video_images_width_check CHECK ((width > 0))
);

ALTER TABLE ONLY public.video_images FORCE ROW LEVEL SECURITY;

COMMENT ON TABLE public.video_images IS 'Source pictures that passed intake; the same bytes of one user are one row.';

CREATE TABLE public.video_jobs (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    user_id uuid NOT NULL,
    source_image_url text NOT NULL,
    provider text,
    provider_job_id text,
    status text DEFAULT 'queued'::text NOT NULL,
    error text,
    output_video_url text,
    options jsonb DEFAULT '{}'::jsonb NOT NULL,
    client_request_id text,
    version bigint DEFAULT 1 NOT NULL,
    phase text DEFAULT 'accepted'::text NOT NULL,
    progress real,
    prompt text,
    image_id uuid,
    fingerprint bytea,
    effective_options jsonb,
    failure jsonb,
    result jsonb,
    video jsonb,
    poster_path text,
    cost_usd numeric(12,6),
    overdue_at timestamp with time zone,
    started_at timestamp with time zone,
    finished_at timestamp with time zone,
    expires_at timestamp with time zone,
    quota_day date,
    quota_returned_at timestamp with time zone,
    adopted_at timestamp with time zone,
    erased_at timestamp with time zone,
    CONSTRAINT video_jobs_done_is_terminal CHECK (((phase = 'done'::text) = (status = ANY (ARRAY['succeeded'::text, 'failed'::text, 'cancelled'::text])))),
    CONSTRAINT video_jobs_finished_is_terminal CHECK (((finished_at IS NOT NULL) = (status = ANY (ARRAY['succeeded'::text, 'failed'::text, 'cancelled'::text])))),
    CONSTRAINT video_jobs_phase_known CHECK ((phase = ANY (ARRAY['accepted'::text, 'preparing'::text, 'submitting'::text, 'waiting'::text, 'storing'::text, 'done'::text]))),
    CONSTRAINT video_jobs_progress_is_a_fraction CHECK (((progress >= (0)::double precision) AND (progress <= (1)::double precision))),
    CONSTRAINT video_jobs_status_known CHECK ((status = ANY (ARRAY['queued'::text, 'running'::text, 'succeeded'::text, 'failed'::text, 'cancelled'::text]))),
    CONSTRAINT video_jobs_succeeded_has_video CHECK (((status <> 'succeeded'::text) OR (output_video_url IS NOT NULL)))
);

ALTER TABLE ONLY public.video_jobs FORCE ROW LEVEL SECURITY;

COMMENT ON TABLE public.video_jobs IS 'What users asked for; one row a job. Clients read own rows and write none.';

COMMENT ON COLUMN public.video_jobs.output_video_url IS 'A storage path ({user_id}/generated-videos/{id}.mp4), set exactly when succeeded.';

COMMENT ON COLUMN public.video_jobs.version IS 'Grows by one with every visible change.';

COMMENT ON COLUMN public.video_jobs.quota_day IS 'Day whose quota this job took a unit of; null when it was exempt.';

COMMENT ON COLUMN public.video_jobs.quota_returned_at IS 'When that unit was given back; at most once.';

COMMENT ON COLUMN public.video_jobs.adopted_at IS 'When it was taken over, still open, from an older system.';

COMMENT ON COLUMN public.video_jobs.erased_at IS 'Erased: without content and seen by the worker alone, until its provider was asked to stop and what it cost is known.';

CREATE TABLE public.video_quota (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    user_id uuid NOT NULL,
    date date NOT NULL,
    count integer DEFAULT 0 NOT NULL,
    CONSTRAINT video_quota_count_not_negative CHECK ((count >= 0))
);

ALTER TABLE ONLY public.video_quota FORCE ROW LEVEL SECURITY;

COMMENT ON TABLE public.video_quota IS 'Units of the daily quota in use; one row a user and day. The ledger explains it.';

ALTER TABLE ONLY photoplay.pgqueuer ALTER COLUMN id SET DEFAULT nextval('photoplay.pgqueuer_id_seq'::regclass);

ALTER TABLE ONLY photoplay.pgqueuer_schedules ALTER COLUMN id SET DEFAULT nextval('photoplay.pgqueuer_schedules_id_seq'::regclass);

ALTER TABLE ONLY photoplay.pgqueuer_statistics ALTER COLUMN id SET DEFAULT nextval('photoplay.pgqueuer_statistics_id_seq'::regclass);

ALTER TABLE ONLY photoplay.accounts
    ADD CONSTRAINT accounts_pkey PRIMARY KEY (name);

ALTER TABLE ONLY photoplay.api_keys
    ADD CONSTRAINT api_keys_pkey PRIMARY KEY (id);

ALTER TABLE ONLY photoplay.api_keys
    ADD CONSTRAINT api_keys_prefix_key UNIQUE (prefix);

ALTER TABLE ONLY photoplay.attempts
    ADD CONSTRAINT attempts_callback_token_key UNIQUE (callback_token);

ALTER TABLE ONLY photoplay.attempts
    ADD CONSTRAINT attempts_job_id_n_key UNIQUE (job_id, n);

ALTER TABLE ONLY photoplay.attempts
    ADD CONSTRAINT attempts_pkey PRIMARY KEY (id);

ALTER TABLE ONLY photoplay.audit
    ADD CONSTRAINT audit_pkey PRIMARY KEY (id);

ALTER TABLE ONLY photoplay.callbacks
    ADD CONSTRAINT callbacks_pkey PRIMARY KEY (id);

ALTER TABLE ONLY photoplay.erased_jobs
    ADD CONSTRAINT erased_jobs_pkey PRIMARY KEY (id);

ALTER TABLE ONLY photoplay.erased_objects
    ADD CONSTRAINT erased_objects_pkey PRIMARY KEY (path);

ALTER TABLE ONLY photoplay.erased_users
    ADD CONSTRAINT erased_users_pkey PRIMARY KEY (user_id);

ALTER TABLE ONLY photoplay.events
    ADD CONSTRAINT events_pkey PRIMARY KEY (id);

ALTER TABLE ONLY photoplay.job_spend
    ADD CONSTRAINT job_spend_pkey PRIMARY KEY (job_id);

ALTER TABLE ONLY photoplay.leases
    ADD CONSTRAINT leases_pkey PRIMARY KEY (job_id);

ALTER TABLE ONLY photoplay.limits
    ADD CONSTRAINT limits_user_id_key UNIQUE (user_id);

ALTER TABLE ONLY photoplay.log_lines
    ADD CONSTRAINT log_lines_pkey PRIMARY KEY (id);

ALTER TABLE ONLY photoplay.pgqueuer_log
    ADD CONSTRAINT pgqueuer_log_pkey PRIMARY KEY (id);

ALTER TABLE ONLY photoplay.pgqueuer
    ADD CONSTRAINT pgqueuer_pkey PRIMARY KEY (id);

ALTER TABLE ONLY photoplay.pgqueuer_schedules
    ADD CONSTRAINT pgqueuer_schedules_expression_entrypoint_key UNIQUE (expression, entrypoint);

ALTER TABLE ONLY photoplay.pgqueuer_schedules
    ADD CONSTRAINT pgqueuer_schedules_pkey PRIMARY KEY (id);

ALTER TABLE ONLY photoplay.pgqueuer_statistics
    ADD CONSTRAINT pgqueuer_statistics_pkey PRIMARY KEY (id);

ALTER TABLE ONLY photoplay.polls
    ADD CONSTRAINT polls_pkey PRIMARY KEY (attempt_id);

ALTER TABLE ONLY photoplay.providers
    ADD CONSTRAINT providers_pkey PRIMARY KEY (name);

ALTER TABLE ONLY photoplay.quota_ledger
    ADD CONSTRAINT quota_ledger_pkey PRIMARY KEY (id);

ALTER TABLE ONLY photoplay.request_rates
    ADD CONSTRAINT request_rates_pkey PRIMARY KEY (user_id);

ALTER TABLE ONLY photoplay.schema_migrations
    ADD CONSTRAINT schema_migrations_pkey PRIMARY KEY (name);

ALTER TABLE ONLY photoplay.spend
    ADD CONSTRAINT spend_user_id_day_key UNIQUE NULLS NOT DISTINCT (user_id, day);

ALTER TABLE ONLY photoplay.workers
    ADD CONSTRAINT workers_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.video_images
    ADD CONSTRAINT video_images_path_key UNIQUE (path);

ALTER TABLE ONLY public.video_images
    ADD CONSTRAINT video_images_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.video_jobs
    ADD CONSTRAINT video_jobs_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.video_quota
    ADD CONSTRAINT video_quota_pkey PRIMARY KEY (id);

CREATE INDEX api_keys_newest ON photoplay.api_keys USING btree (created_at DESC, id DESC);

CREATE INDEX api_keys_user ON photoplay.api_keys USING btree (user_id) WHERE (user_id IS NOT NULL);

CREATE INDEX attempts_newest ON photoplay.attempts USING btree (created_at);

CREATE UNIQUE INDEX attempts_one_open ON photoplay.attempts USING btree (job_id) WHERE (status = ANY (ARRAY['submitting'::text, 'unknown'::text, 'accepted'::text, 'running'::text]));

CREATE INDEX attempts_open_by_provider ON photoplay.attempts USING btree (provider) WHERE (status = ANY (ARRAY['submitting'::text, 'unknown'::text, 'accepted'::text, 'running'::text]));

CREATE INDEX attempts_task ON photoplay.attempts USING btree (provider_task_id) WHERE (provider_task_id IS NOT NULL);

CREATE INDEX attempts_to_resolve ON photoplay.attempts USING btree (job_id) WHERE ((status = ANY (ARRAY['unknown'::text, 'lost'::text])) AND (charged IS NULL));

CREATE INDEX audit_target ON photoplay.audit USING btree (target, id DESC);

CREATE INDEX callbacks_attempt ON photoplay.callbacks USING btree (attempt_id, result);

CREATE INDEX callbacks_newest ON photoplay.callbacks USING btree (provider, at);

CREATE UNIQUE INDEX erased_jobs_key ON photoplay.erased_jobs USING btree (user_id, client_request_id) WHERE (client_request_id IS NOT NULL);

CREATE INDEX events_job ON photoplay.events USING btree (job_id, id);

CREATE UNIQUE INDEX limits_default_once ON photoplay.limits USING btree (((user_id IS NULL))) WHERE (user_id IS NULL);

CREATE INDEX log_lines_at ON photoplay.log_lines USING btree (at);

CREATE INDEX log_lines_job ON photoplay.log_lines USING btree (job_id, id);

CREATE INDEX pgqueuer_ep_ea_idx ON photoplay.pgqueuer USING btree (entrypoint, execute_after) WHERE (status = 'queued'::photoplay.pgqueuer_status);

CREATE INDEX pgqueuer_ep_prio_id_idx ON photoplay.pgqueuer USING btree (entrypoint, priority DESC, id) WHERE (status = 'queued'::photoplay.pgqueuer_status);

CREATE INDEX pgqueuer_log_created ON photoplay.pgqueuer_log USING btree (created);

CREATE INDEX pgqueuer_log_job_id_status ON photoplay.pgqueuer_log USING btree (job_id, created DESC);

CREATE INDEX pgqueuer_log_not_aggregated ON photoplay.pgqueuer_log USING btree ((1)) WHERE (NOT aggregated);

CREATE INDEX pgqueuer_log_status ON photoplay.pgqueuer_log USING btree (status);

CREATE INDEX pgqueuer_picked_heartbeat_idx ON photoplay.pgqueuer USING btree (heartbeat) WHERE (status = 'picked'::photoplay.pgqueuer_status);

CREATE UNIQUE INDEX pgqueuer_picked_slot_idx ON photoplay.pgqueuer USING btree (entrypoint, slot) WHERE ((status = 'picked'::photoplay.pgqueuer_status) AND (slot IS NOT NULL));

CREATE INDEX pgqueuer_priority_id_id1_idx ON photoplay.pgqueuer USING btree (priority, id DESC) INCLUDE (id) WHERE (status = 'queued'::photoplay.pgqueuer_status);

CREATE INDEX pgqueuer_queue_manager_id_idx ON photoplay.pgqueuer USING btree (queue_manager_id) WHERE (queue_manager_id IS NOT NULL);

CREATE UNIQUE INDEX pgqueuer_statistics_unique_count ON photoplay.pgqueuer_statistics USING btree (priority, date_trunc('sec'::text, timezone('UTC'::text, created)), status, entrypoint);

CREATE UNIQUE INDEX pgqueuer_unique_dedupe_key ON photoplay.pgqueuer USING btree (dedupe_key) WHERE ((status = ANY (ARRAY['queued'::photoplay.pgqueuer_status, 'picked'::photoplay.pgqueuer_status])) AND (dedupe_key IS NOT NULL));

CREATE INDEX pgqueuer_updated_id_id1_idx ON photoplay.pgqueuer USING btree (updated, id DESC) INCLUDE (id) WHERE (status = 'picked'::photoplay.pgqueuer_status);

CREATE INDEX polls_due ON photoplay.polls USING btree (account, next_at);

CREATE INDEX provider_verdicts_recent ON photoplay.provider_verdicts USING btree (provider, at);

CREATE UNIQUE INDEX quota_ledger_once ON photoplay.quota_ledger USING btree (job_id, reason) WHERE (job_id IS NOT NULL);

CREATE INDEX quota_ledger_user_day ON photoplay.quota_ledger USING btree (user_id, day);

CREATE INDEX spend_day ON photoplay.spend USING btree (day);

CREATE UNIQUE INDEX idx_video_images_content ON public.video_images USING btree (user_id, sha256);

CREATE UNIQUE INDEX idx_video_jobs_client_request_id ON public.video_jobs USING btree (user_id, client_request_id) WHERE (client_request_id IS NOT NULL);

CREATE INDEX idx_video_jobs_erased ON public.video_jobs USING btree (erased_at) WHERE (erased_at IS NOT NULL);

CREATE INDEX idx_video_jobs_expiring ON public.video_jobs USING btree (expires_at) WHERE (expires_at IS NOT NULL);

CREATE INDEX idx_video_jobs_finished ON public.video_jobs USING btree (finished_at) WHERE (finished_at IS NOT NULL);

CREATE INDEX idx_video_jobs_key ON public.video_jobs USING btree (client_request_id) WHERE (client_request_id IS NOT NULL);

CREATE INDEX idx_video_jobs_newest ON public.video_jobs USING btree (created_at DESC, id DESC);

CREATE INDEX idx_video_jobs_open ON public.video_jobs USING btree (user_id, fingerprint) WHERE (status = ANY (ARRAY['queued'::text, 'running'::text]));

CREATE INDEX idx_video_jobs_pace ON public.video_jobs USING btree (finished_at DESC) WHERE ((status = 'succeeded'::text) AND (video IS NOT NULL));

CREATE INDEX idx_video_jobs_user_newest ON public.video_jobs USING btree (user_id, created_at DESC, id DESC);

CREATE INDEX idx_video_quota_day ON public.video_quota USING btree (date);

CREATE UNIQUE INDEX idx_video_quota_user_date ON public.video_quota USING btree (user_id, date);

CREATE TRIGGER announce_attempt AFTER INSERT OR UPDATE ON photoplay.attempts FOR EACH ROW EXECUTE FUNCTION photoplay.announce_attempt();

CREATE TRIGGER forget_poll AFTER UPDATE OF status ON photoplay.attempts FOR EACH ROW WHEN (((old.status = ANY (ARRAY['accepted'::text, 'running'::text])) AND (new.status <> ALL (ARRAY['accepted'::text, 'running'::text])))) EXECUTE FUNCTION photoplay.forget_poll();

CREATE TRIGGER guard_attempt BEFORE UPDATE ON photoplay.attempts FOR EACH ROW EXECUTE FUNCTION photoplay.guard_attempt();

CREATE TRIGGER settle_spend_of_attempt AFTER UPDATE ON photoplay.attempts FOR EACH ROW WHEN (((new.cost_usd IS DISTINCT FROM old.cost_usd) OR (new.charged IS DISTINCT FROM old.charged))) EXECUTE FUNCTION photoplay.settle_spend();

CREATE TRIGGER sum_known_cost_attempt AFTER UPDATE ON photoplay.attempts FOR EACH ROW WHEN (((new.cost_usd IS DISTINCT FROM old.cost_usd) OR (new.charged IS DISTINCT FROM old.charged))) EXECUTE FUNCTION photoplay.sum_cost();

CREATE TRIGGER tg_pgqueuer_changed AFTER INSERT OR DELETE OR UPDATE OR TRUNCATE ON photoplay.pgqueuer FOR EACH STATEMENT EXECUTE FUNCTION photoplay.fn_pgqueuer_changed();

CREATE TRIGGER announce_job AFTER INSERT OR UPDATE ON public.video_jobs FOR EACH ROW EXECUTE FUNCTION photoplay.announce_job();

CREATE TRIGGER guard_job BEFORE UPDATE ON public.video_jobs FOR EACH ROW EXECUTE FUNCTION photoplay.guard_job();

CREATE TRIGGER guard_new_job BEFORE INSERT ON public.video_jobs FOR EACH ROW EXECUTE FUNCTION photoplay.guard_new_job();

CREATE TRIGGER refuse_erased_user BEFORE INSERT ON public.video_images FOR EACH ROW EXECUTE FUNCTION photoplay.refuse_erased_user();

CREATE TRIGGER refuse_erased_user BEFORE INSERT ON public.video_jobs FOR EACH ROW EXECUTE FUNCTION photoplay.refuse_erased_user();

CREATE TRIGGER set_video_jobs_updated_at BEFORE UPDATE ON public.video_jobs FOR EACH ROW EXECUTE FUNCTION photoplay.touch_updated_at();

CREATE TRIGGER set_video_quota_updated_at BEFORE UPDATE ON public.video_quota FOR EACH ROW EXECUTE FUNCTION photoplay.touch_updated_at();

CREATE TRIGGER settle_spend_of_job AFTER UPDATE OF status ON public.video_jobs FOR EACH ROW WHEN (((new.status <> old.status) AND (new.phase = 'done'::text))) EXECUTE FUNCTION photoplay.settle_spend();

CREATE TRIGGER sum_known_cost_job BEFORE UPDATE OF status ON public.video_jobs FOR EACH ROW WHEN (((new.status <> old.status) AND (new.phase = 'done'::text))) EXECUTE FUNCTION photoplay.sum_cost();

ALTER TABLE ONLY photoplay.attempts
    ADD CONSTRAINT attempts_job_id_fkey FOREIGN KEY (job_id) REFERENCES public.video_jobs(id) ON DELETE CASCADE;

ALTER TABLE ONLY photoplay.callbacks
    ADD CONSTRAINT callbacks_attempt_id_fkey FOREIGN KEY (attempt_id) REFERENCES photoplay.attempts(id) ON DELETE CASCADE;

ALTER TABLE ONLY photoplay.leases
    ADD CONSTRAINT leases_job_id_fkey FOREIGN KEY (job_id) REFERENCES public.video_jobs(id) ON DELETE CASCADE;

ALTER TABLE ONLY photoplay.log_lines
    ADD CONSTRAINT log_lines_job_id_fkey FOREIGN KEY (job_id) REFERENCES public.video_jobs(id) ON DELETE CASCADE;

ALTER TABLE ONLY photoplay.polls
    ADD CONSTRAINT polls_attempt_id_fkey FOREIGN KEY (attempt_id) REFERENCES photoplay.attempts(id) ON DELETE CASCADE;

ALTER TABLE photoplay.accounts ENABLE ROW LEVEL SECURITY;

ALTER TABLE photoplay.api_keys ENABLE ROW LEVEL SECURITY;

ALTER TABLE photoplay.attempts ENABLE ROW LEVEL SECURITY;

ALTER TABLE photoplay.audit ENABLE ROW LEVEL SECURITY;

ALTER TABLE photoplay.callbacks ENABLE ROW LEVEL SECURITY;

CREATE POLICY engine ON photoplay.pgqueuer TO photoplay_worker USING (true) WITH CHECK (true);

CREATE POLICY engine ON photoplay.pgqueuer_log TO photoplay_worker USING (true) WITH CHECK (true);

CREATE POLICY engine ON photoplay.pgqueuer_schedules TO photoplay_worker USING (true) WITH CHECK (true);

CREATE POLICY engine ON photoplay.pgqueuer_statistics TO photoplay_worker USING (true) WITH CHECK (true);

ALTER TABLE photoplay.erased_jobs ENABLE ROW LEVEL SECURITY;

ALTER TABLE photoplay.erased_objects ENABLE ROW LEVEL SECURITY;

ALTER TABLE photoplay.erased_users ENABLE ROW LEVEL SECURITY;

ALTER TABLE photoplay.events ENABLE ROW LEVEL SECURITY;

ALTER TABLE photoplay.job_spend ENABLE ROW LEVEL SECURITY;

ALTER TABLE photoplay.leases ENABLE ROW LEVEL SECURITY;

ALTER TABLE photoplay.limits ENABLE ROW LEVEL SECURITY;

ALTER TABLE photoplay.log_lines ENABLE ROW LEVEL SECURITY;

CREATE POLICY look ON photoplay.pgqueuer FOR SELECT TO photoplay_admin USING (true);

ALTER TABLE photoplay.pgqueuer ENABLE ROW LEVEL SECURITY;

ALTER TABLE photoplay.pgqueuer_log ENABLE ROW LEVEL SECURITY;

ALTER TABLE photoplay.pgqueuer_schedules ENABLE ROW LEVEL SECURITY;

ALTER TABLE photoplay.pgqueuer_statistics ENABLE ROW LEVEL SECURITY;

CREATE POLICY photoplay_admin ON photoplay.api_keys TO postgres, photoplay_admin USING (true) WITH CHECK (true);

CREATE POLICY photoplay_admin ON photoplay.audit TO postgres, photoplay_admin USING (true) WITH CHECK (true);

CREATE POLICY photoplay_admin ON photoplay.erased_users TO postgres, photoplay_admin USING (true) WITH CHECK (true);

CREATE POLICY photoplay_end ON photoplay.attempts FOR UPDATE TO photoplay_api USING ((user_id = ( SELECT auth.uid() AS uid))) WITH CHECK ((user_id = ( SELECT auth.uid() AS uid)));

CREATE POLICY photoplay_own ON photoplay.attempts FOR SELECT TO authenticated, photoplay_api USING ((user_id = ( SELECT auth.uid() AS uid)));

CREATE POLICY photoplay_own ON photoplay.erased_jobs FOR SELECT TO photoplay_api USING ((user_id = ( SELECT auth.uid() AS uid)));

CREATE POLICY photoplay_own ON photoplay.events FOR SELECT TO authenticated, photoplay_api USING ((user_id = ( SELECT auth.uid() AS uid)));

CREATE POLICY photoplay_own ON photoplay.quota_ledger FOR SELECT TO photoplay_api USING ((user_id = ( SELECT auth.uid() AS uid)));

CREATE POLICY photoplay_own ON photoplay.request_rates FOR SELECT TO authenticated USING ((user_id = ( SELECT auth.uid() AS uid)));

CREATE POLICY photoplay_read ON photoplay.erased_users FOR SELECT TO photoplay_worker USING (true);

CREATE POLICY photoplay_read ON photoplay.limits FOR SELECT TO authenticated, photoplay_api USING (((user_id IS NULL) OR (user_id = ( SELECT auth.uid() AS uid))));

CREATE POLICY photoplay_read ON photoplay.schema_migrations FOR SELECT TO photoplay_worker, photoplay_admin USING (true);

CREATE POLICY photoplay_request ON photoplay.attempts FOR INSERT TO photoplay_api WITH CHECK ((user_id = ( SELECT auth.uid() AS uid)));

CREATE POLICY photoplay_request ON photoplay.erased_objects TO photoplay_api USING ((path ~~ (( SELECT auth.uid() AS uid) || '/%'::text))) WITH CHECK ((path ~~ (( SELECT auth.uid() AS uid) || '/%'::text)));

CREATE POLICY photoplay_request ON photoplay.quota_ledger FOR INSERT TO photoplay_api WITH CHECK ((user_id = ( SELECT auth.uid() AS uid)));

CREATE POLICY photoplay_sweep ON photoplay.erased_users FOR UPDATE TO photoplay_worker USING (true) WITH CHECK (true);

CREATE POLICY photoplay_worker ON photoplay.accounts TO postgres, photoplay_worker, photoplay_admin USING (true) WITH CHECK (true);

CREATE POLICY photoplay_worker ON photoplay.attempts TO postgres, photoplay_worker, photoplay_admin USING (true) WITH CHECK (true);

CREATE POLICY photoplay_worker ON photoplay.callbacks TO postgres, photoplay_worker, photoplay_admin USING (true) WITH CHECK (true);

CREATE POLICY photoplay_worker ON photoplay.erased_jobs TO postgres, photoplay_worker, photoplay_admin USING (true) WITH CHECK (true);

CREATE POLICY photoplay_worker ON photoplay.erased_objects TO postgres, photoplay_worker, photoplay_admin USING (true) WITH CHECK (true);

CREATE POLICY photoplay_worker ON photoplay.events TO postgres, photoplay_worker, photoplay_admin USING (true) WITH CHECK (true);

CREATE POLICY photoplay_worker ON photoplay.job_spend TO postgres, photoplay_worker, photoplay_admin USING (true) WITH CHECK (true);

CREATE POLICY photoplay_worker ON photoplay.leases TO postgres, photoplay_worker, photoplay_admin USING (true) WITH CHECK (true);

CREATE POLICY photoplay_worker ON photoplay.limits TO postgres, photoplay_worker, photoplay_admin USING (true) WITH CHECK (true);

CREATE POLICY photoplay_worker ON photoplay.log_lines TO postgres, photoplay_worker, photoplay_admin USING (true) WITH CHECK (true);

CREATE POLICY photoplay_worker ON photoplay.polls TO postgres, photoplay_worker, photoplay_admin USING (true) WITH CHECK (true);

CREATE POLICY photoplay_worker ON photoplay.provider_verdicts TO postgres, photoplay_worker, photoplay_admin USING (true) WITH CHECK (true);

CREATE POLICY photoplay_worker ON photoplay.providers TO postgres, photoplay_worker, photoplay_admin USING (true) WITH CHECK (true);

CREATE POLICY photoplay_worker ON photoplay.quota_ledger TO postgres, photoplay_worker, photoplay_admin USING (true) WITH CHECK (true);

CREATE POLICY photoplay_worker ON photoplay.request_rates TO postgres, photoplay_worker, photoplay_admin USING (true) WITH CHECK (true);

CREATE POLICY photoplay_worker ON photoplay.spend TO postgres, photoplay_worker, photoplay_admin USING (true) WITH CHECK (true);

CREATE POLICY photoplay_worker ON photoplay.workers TO postgres, photoplay_worker, photoplay_admin USING (true) WITH CHECK (true);

ALTER TABLE photoplay.polls ENABLE ROW LEVEL SECURITY;

ALTER TABLE photoplay.provider_verdicts ENABLE ROW LEVEL SECURITY;

ALTER TABLE photoplay.providers ENABLE ROW LEVEL SECURITY;

ALTER TABLE photoplay.quota_ledger ENABLE ROW LEVEL SECURITY;

ALTER TABLE photoplay.request_rates ENABLE ROW LEVEL SECURITY;

ALTER TABLE photoplay.schema_migrations ENABLE ROW LEVEL SECURITY;

ALTER TABLE photoplay.spend ENABLE ROW LEVEL SECURITY;

ALTER TABLE photoplay.workers ENABLE ROW LEVEL SECURITY;

CREATE POLICY photoplay_admin ON public.video_jobs TO photoplay_admin USING ((erased_at IS NULL)) WITH CHECK ((erased_at IS NULL));

CREATE POLICY photoplay_own ON public.video_images FOR SELECT TO authenticated USING ((user_id = ( SELECT auth.uid() AS uid)));

CREATE POLICY photoplay_own ON public.video_jobs FOR SELECT TO authenticated USING (((user_id = ( SELECT auth.uid() AS uid)) AND (erased_at IS NULL)));

CREATE POLICY photoplay_own ON public.video_quota FOR SELECT TO authenticated USING ((user_id = ( SELECT auth.uid() AS uid)));

CREATE POLICY photoplay_owner ON public.video_images TO postgres USING (true) WITH CHECK (true);

CREATE POLICY photoplay_owner ON public.video_jobs TO postgres USING (true) WITH CHECK (true);

CREATE POLICY photoplay_owner ON public.video_quota TO postgres USING (true) WITH CHECK (true);

CREATE POLICY photoplay_request ON public.video_images TO photoplay_api USING ((user_id = ( SELECT auth.uid() AS uid))) WITH CHECK ((user_id = ( SELECT auth.uid() AS uid)));

CREATE POLICY photoplay_request ON public.video_jobs TO photoplay_api USING (((user_id = ( SELECT auth.uid() AS uid)) AND (erased_at IS NULL))) WITH CHECK (((user_id = ( SELECT auth.uid() AS uid)) AND (erased_at IS NULL)));

CREATE POLICY photoplay_request ON public.video_quota TO photoplay_api USING ((user_id = ( SELECT auth.uid() AS uid))) WITH CHECK ((user_id = ( SELECT auth.uid() AS uid)));

CREATE POLICY photoplay_worker ON public.video_images TO photoplay_worker, photoplay_admin USING (true) WITH CHECK (true);

CREATE POLICY photoplay_worker ON public.video_jobs TO photoplay_worker USING (true) WITH CHECK (true);

CREATE POLICY photoplay_worker ON public.video_quota TO photoplay_worker, photoplay_admin USING (true) WITH CHECK (true);

ALTER TABLE public.video_images ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.video_jobs ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.video_quota ENABLE ROW LEVEL SECURITY;

GRANT USAGE ON SCHEMA auth TO anon;
GRANT USAGE ON SCHEMA auth TO authenticated;
GRANT USAGE ON SCHEMA auth TO service_role;
GRANT USAGE ON SCHEMA auth TO photoplay_api;
GRANT USAGE ON SCHEMA auth TO photoplay_worker;
GRANT USAGE ON SCHEMA auth TO photoplay_admin;

GRANT USAGE ON SCHEMA photoplay TO authenticated;
GRANT USAGE ON SCHEMA photoplay TO photoplay_api;
GRANT USAGE ON SCHEMA photoplay TO photoplay_worker;
GRANT USAGE ON SCHEMA photoplay TO photoplay_admin;

GRANT USAGE ON SCHEMA public TO anon;
GRANT USAGE ON SCHEMA public TO authenticated;
GRANT USAGE ON SCHEMA public TO photoplay_api;
GRANT USAGE ON SCHEMA public TO photoplay_worker;
GRANT USAGE ON SCHEMA public TO photoplay_admin;

GRANT ALL ON FUNCTION auth.role() TO anon;
GRANT ALL ON FUNCTION auth.role() TO authenticated;
GRANT ALL ON FUNCTION auth.role() TO service_role;
GRANT ALL ON FUNCTION auth.role() TO photoplay_api;
GRANT ALL ON FUNCTION auth.role() TO photoplay_worker;
GRANT ALL ON FUNCTION auth.role() TO photoplay_admin;

GRANT ALL ON FUNCTION auth.uid() TO anon;
GRANT ALL ON FUNCTION auth.uid() TO authenticated;
GRANT ALL ON FUNCTION auth.uid() TO service_role;
GRANT ALL ON FUNCTION auth.uid() TO photoplay_api;
GRANT ALL ON FUNCTION auth.uid() TO photoplay_worker;
GRANT ALL ON FUNCTION auth.uid() TO photoplay_admin;

REVOKE ALL ON FUNCTION photoplay.add_spend(p_user_id uuid, p_day date, p_usd numeric, p_is_spent boolean) FROM PUBLIC;
GRANT ALL ON FUNCTION photoplay.add_spend(p_user_id uuid, p_day date, p_usd numeric, p_is_spent boolean) TO photoplay_worker;

REVOKE ALL ON FUNCTION photoplay.announce_attempt() FROM PUBLIC;

REVOKE ALL ON FUNCTION photoplay.announce_job() FROM PUBLIC;

REVOKE ALL ON FUNCTION photoplay.attempts_usd(p_job_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION photoplay.attempts_usd(p_job_id uuid) TO photoplay_worker;
GRANT ALL ON FUNCTION photoplay.attempts_usd(p_job_id uuid) TO photoplay_admin;

REVOKE ALL ON FUNCTION photoplay.claim_job(p_job_id uuid, p_item_id bigint, p_worker_id uuid, p_lease interval) FROM PUBLIC;
GRANT ALL ON FUNCTION photoplay.claim_job(p_job_id uuid, p_item_id bigint, p_worker_id uuid, p_lease interval) TO photoplay_worker;

REVOKE ALL ON FUNCTION photoplay.count_verdict(p_provider text, p_failed boolean, p_attention text) FROM PUBLIC;
GRANT ALL ON FUNCTION photoplay.count_verdict(p_provider text, p_failed boolean, p_attention text) TO photoplay_worker;

REVOKE ALL ON FUNCTION photoplay.create_job(p_id uuid, p_key text, p_fingerprint bytea, p_image_id uuid, p_source text, p_prompt text, p_options jsonb, p_provider text, p_overdue_after interval, p_estimate_usd numeric, p_was_counted boolean, OUT outcome text, OUT job_id uuid, OUT status text, OUT provider text, OUT created_at timestamp with time zone, OUT facts jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION photoplay.create_job(p_id uuid, p_key text, p_fingerprint bytea, p_image_id uuid, p_source text, p_prompt text, p_options jsonb, p_provider text, p_overdue_after interval, p_estimate_usd numeric, p_was_counted boolean, OUT outcome text, OUT job_id uuid, OUT status text, OUT provider text, OUT created_at timestamp with time zone, OUT facts jsonb) TO photoplay_api;
GRANT ALL ON FUNCTION photoplay.create_job(p_id uuid, p_key text, p_fingerprint bytea, p_image_id uuid, p_source text, p_prompt text, p_options jsonb, p_provider text, p_overdue_after interval, p_estimate_usd numeric, p_was_counted boolean, OUT outcome text, OUT job_id uuid, OUT status text, OUT provider text, OUT created_at timestamp with time zone, OUT facts jsonb) TO photoplay_admin;

REVOKE ALL ON FUNCTION photoplay.day_begins(p_day date, p_zone text) FROM PUBLIC;
GRANT ALL ON FUNCTION photoplay.day_begins(p_day date, p_zone text) TO authenticated;
GRANT ALL ON FUNCTION photoplay.day_begins(p_day date, p_zone text) TO photoplay_api;
GRANT ALL ON FUNCTION photoplay.day_begins(p_day date, p_zone text) TO photoplay_worker;
GRANT ALL ON FUNCTION photoplay.day_begins(p_day date, p_zone text) TO photoplay_admin;

REVOKE ALL ON FUNCTION photoplay.erase_job(p_job_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION photoplay.erase_job(p_job_id uuid) TO photoplay_api;
GRANT ALL ON FUNCTION photoplay.erase_job(p_job_id uuid) TO photoplay_worker;
GRANT ALL ON FUNCTION photoplay.erase_job(p_job_id uuid) TO photoplay_admin;

REVOKE ALL ON FUNCTION photoplay.fn_pgqueuer_changed() FROM PUBLIC;

REVOKE ALL ON FUNCTION photoplay.forget_erased_job(p_job_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION photoplay.forget_erased_job(p_job_id uuid) TO photoplay_worker;

REVOKE ALL ON FUNCTION photoplay.forget_poll() FROM PUBLIC;

REVOKE ALL ON FUNCTION photoplay.guard_attempt() FROM PUBLIC;

REVOKE ALL ON FUNCTION photoplay.guard_job() FROM PUBLIC;

REVOKE ALL ON FUNCTION photoplay.guard_new_job() FROM PUBLIC;

REVOKE ALL ON FUNCTION photoplay.has_open_attempt(p_job_id uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION photoplay.hold_attempt(p_job_id uuid, p_usd numeric) FROM PUBLIC;
GRANT ALL ON FUNCTION photoplay.hold_attempt(p_job_id uuid, p_usd numeric) TO photoplay_worker;

REVOKE ALL ON FUNCTION photoplay.hold_first(p_job_id uuid, p_day date, p_usd numeric) FROM PUBLIC;
GRANT ALL ON FUNCTION photoplay.hold_first(p_job_id uuid, p_day date, p_usd numeric) TO photoplay_api;
GRANT ALL ON FUNCTION photoplay.hold_first(p_job_id uuid, p_day date, p_usd numeric) TO photoplay_admin;

REVOKE ALL ON FUNCTION photoplay.hold_lease(p_job_id uuid, p_fence bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION photoplay.hold_lease(p_job_id uuid, p_fence bigint) TO photoplay_worker;

REVOKE ALL ON FUNCTION photoplay.is_held_elsewhere(p_job_id uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION photoplay.known_cost(p_job_id uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION photoplay.limits_of(p_user_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION photoplay.limits_of(p_user_id uuid) TO authenticated;
GRANT ALL ON FUNCTION photoplay.limits_of(p_user_id uuid) TO photoplay_api;
GRANT ALL ON FUNCTION photoplay.limits_of(p_user_id uuid) TO photoplay_worker;
GRANT ALL ON FUNCTION photoplay.limits_of(p_user_id uuid) TO photoplay_admin;

REVOKE ALL ON FUNCTION photoplay.may_begin(p_provider text, p_concurrency integer, p_siblings text[], p_job_id uuid, p_usd numeric) FROM PUBLIC;
GRANT ALL ON FUNCTION photoplay.may_begin(p_provider text, p_concurrency integer, p_siblings text[], p_job_id uuid, p_usd numeric) TO photoplay_worker;

REVOKE ALL ON FUNCTION photoplay.now() FROM PUBLIC;
GRANT ALL ON FUNCTION photoplay.now() TO authenticated;
GRANT ALL ON FUNCTION photoplay.now() TO photoplay_api;
GRANT ALL ON FUNCTION photoplay.now() TO photoplay_worker;
GRANT ALL ON FUNCTION photoplay.now() TO photoplay_admin;

REVOKE ALL ON FUNCTION photoplay.offer_facts() FROM PUBLIC;
GRANT ALL ON FUNCTION photoplay.offer_facts() TO authenticated;
GRANT ALL ON FUNCTION photoplay.offer_facts() TO photoplay_api;
GRANT ALL ON FUNCTION photoplay.offer_facts() TO photoplay_admin;

REVOKE ALL ON FUNCTION photoplay.poll_pause(p_age interval, p_shortest interval, p_longest interval) FROM PUBLIC;
GRANT ALL ON FUNCTION photoplay.poll_pause(p_age interval, p_shortest interval, p_longest interval) TO photoplay_worker;

REVOKE ALL ON FUNCTION photoplay.quota_day() FROM PUBLIC;
GRANT ALL ON FUNCTION photoplay.quota_day() TO authenticated;
GRANT ALL ON FUNCTION photoplay.quota_day() TO photoplay_api;
GRANT ALL ON FUNCTION photoplay.quota_day() TO photoplay_worker;
GRANT ALL ON FUNCTION photoplay.quota_day() TO photoplay_admin;

REVOKE ALL ON FUNCTION photoplay.refuse_erased_user() FROM PUBLIC;

REVOKE ALL ON FUNCTION photoplay.requests_left(p_per_minute integer, p_full_at timestamp with time zone, OUT requests_left integer, OUT request_in_s integer) FROM PUBLIC;
GRANT ALL ON FUNCTION photoplay.requests_left(p_per_minute integer, p_full_at timestamp with time zone, OUT requests_left integer, OUT request_in_s integer) TO authenticated;
GRANT ALL ON FUNCTION photoplay.requests_left(p_per_minute integer, p_full_at timestamp with time zone, OUT requests_left integer, OUT request_in_s integer) TO photoplay_api;
GRANT ALL ON FUNCTION photoplay.requests_left(p_per_minute integer, p_full_at timestamp with time zone, OUT requests_left integer, OUT request_in_s integer) TO photoplay_worker;
GRANT ALL ON FUNCTION photoplay.requests_left(p_per_minute integer, p_full_at timestamp with time zone, OUT requests_left integer, OUT request_in_s integer) TO photoplay_admin;

REVOKE ALL ON FUNCTION photoplay.require_open(p_job_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION photoplay.require_open(p_job_id uuid) TO photoplay_worker;

REVOKE ALL ON FUNCTION photoplay.return_unit(p_job_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION photoplay.return_unit(p_job_id uuid) TO photoplay_api;
GRANT ALL ON FUNCTION photoplay.return_unit(p_job_id uuid) TO photoplay_worker;
GRANT ALL ON FUNCTION photoplay.return_unit(p_job_id uuid) TO photoplay_admin;

REVOKE ALL ON FUNCTION photoplay.set_limits(p_daily_limit integer, p_max_open_jobs integer, p_dedupe_open_jobs boolean, p_requests_per_minute integer, p_daily_spend_usd numeric, p_total_daily_spend_usd numeric, p_time_zone text) FROM PUBLIC;
GRANT ALL ON FUNCTION photoplay.set_limits(p_daily_limit integer, p_max_open_jobs integer, p_dedupe_open_jobs boolean, p_requests_per_minute integer, p_daily_spend_usd numeric, p_total_daily_spend_usd numeric, p_time_zone text) TO photoplay_admin;

REVOKE ALL ON FUNCTION photoplay.settle_spend() FROM PUBLIC;

REVOKE ALL ON FUNCTION photoplay.sum_cost() FROM PUBLIC;

REVOKE ALL ON FUNCTION photoplay.take_polls(p_account text, p_per_s double precision, p_most integer, p_shortest interval, p_longest interval) FROM PUBLIC;
GRANT ALL ON FUNCTION photoplay.take_polls(p_account text, p_per_s double precision, p_most integer, p_shortest interval, p_longest interval) TO photoplay_worker;

REVOKE ALL ON FUNCTION photoplay.take_request(p_per_minute integer, OUT taken boolean, OUT full_at timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION photoplay.take_request(p_per_minute integer, OUT taken boolean, OUT full_at timestamp with time zone) TO photoplay_api;
GRANT ALL ON FUNCTION photoplay.take_request(p_per_minute integer, OUT taken boolean, OUT full_at timestamp with time zone) TO photoplay_admin;

REVOKE ALL ON FUNCTION photoplay.touch_updated_at() FROM PUBLIC;

REVOKE ALL ON FUNCTION photoplay.user_id() FROM PUBLIC;
GRANT ALL ON FUNCTION photoplay.user_id() TO authenticated;
GRANT ALL ON FUNCTION photoplay.user_id() TO photoplay_api;
GRANT ALL ON FUNCTION photoplay.user_id() TO photoplay_worker;
GRANT ALL ON FUNCTION photoplay.user_id() TO photoplay_admin;

REVOKE ALL ON FUNCTION photoplay.user_role() FROM PUBLIC;
GRANT ALL ON FUNCTION photoplay.user_role() TO authenticated;
GRANT ALL ON FUNCTION photoplay.user_role() TO photoplay_api;
GRANT ALL ON FUNCTION photoplay.user_role() TO photoplay_worker;
GRANT ALL ON FUNCTION photoplay.user_role() TO photoplay_admin;

REVOKE ALL ON FUNCTION photoplay.wake(p_job_id uuid, p_at timestamp with time zone, p_lane text) FROM PUBLIC;
GRANT ALL ON FUNCTION photoplay.wake(p_job_id uuid, p_at timestamp with time zone, p_lane text) TO photoplay_api;
GRANT ALL ON FUNCTION photoplay.wake(p_job_id uuid, p_at timestamp with time zone, p_lane text) TO photoplay_worker;
GRANT ALL ON FUNCTION photoplay.wake(p_job_id uuid, p_at timestamp with time zone, p_lane text) TO photoplay_admin;

GRANT SELECT,INSERT,UPDATE ON TABLE photoplay.accounts TO photoplay_worker;
GRANT SELECT ON TABLE photoplay.accounts TO photoplay_admin;

GRANT SELECT,INSERT,DELETE ON TABLE photoplay.api_keys TO photoplay_admin;

GRANT UPDATE(revoked_at) ON TABLE photoplay.api_keys TO photoplay_admin;

GRANT UPDATE(last_used_at) ON TABLE photoplay.api_keys TO photoplay_admin;

GRANT SELECT ON TABLE photoplay.attempts TO photoplay_api;
GRANT SELECT,INSERT,UPDATE ON TABLE photoplay.attempts TO photoplay_worker;
GRANT SELECT,UPDATE ON TABLE photoplay.attempts TO photoplay_admin;

GRANT SELECT(id) ON TABLE photoplay.attempts TO authenticated;

GRANT SELECT(job_id) ON TABLE photoplay.attempts TO authenticated;

GRANT SELECT(user_id) ON TABLE photoplay.attempts TO authenticated;

GRANT SELECT(n) ON TABLE photoplay.attempts TO authenticated;

GRANT SELECT(provider) ON TABLE photoplay.attempts TO authenticated;

GRANT SELECT(model) ON TABLE photoplay.attempts TO authenticated;

GRANT SELECT(status) ON TABLE photoplay.attempts TO authenticated;
GRANT UPDATE(status) ON TABLE photoplay.attempts TO photoplay_api;

GRANT SELECT(error) ON TABLE photoplay.attempts TO authenticated;

GRANT SELECT(cost_usd) ON TABLE photoplay.attempts TO authenticated;

GRANT SELECT(created_at) ON TABLE photoplay.attempts TO authenticated;

GRANT SELECT(finished_at) ON TABLE photoplay.attempts TO authenticated;
GRANT UPDATE(finished_at) ON TABLE photoplay.attempts TO photoplay_api;

GRANT SELECT,INSERT ON TABLE photoplay.audit TO photoplay_admin;

GRANT SELECT,INSERT ON TABLE photoplay.callbacks TO photoplay_worker;
GRANT SELECT ON TABLE photoplay.callbacks TO photoplay_admin;

GRANT SELECT ON TABLE photoplay.erased_jobs TO photoplay_api;
GRANT SELECT ON TABLE photoplay.erased_jobs TO photoplay_worker;
GRANT SELECT ON TABLE photoplay.erased_jobs TO photoplay_admin;

GRANT UPDATE(client_request_id) ON TABLE photoplay.erased_jobs TO photoplay_admin;

GRANT SELECT,INSERT ON TABLE photoplay.erased_objects TO photoplay_api;
GRANT SELECT,INSERT,UPDATE ON TABLE photoplay.erased_objects TO photoplay_worker;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE photoplay.erased_objects TO photoplay_admin;

GRANT SELECT,INSERT,UPDATE ON TABLE photoplay.erased_users TO photoplay_admin;
GRANT SELECT ON TABLE photoplay.erased_users TO photoplay_worker;

GRANT UPDATE(emptied_at) ON TABLE photoplay.erased_users TO photoplay_worker;

GRANT SELECT ON TABLE photoplay.events TO authenticated;
GRANT SELECT ON TABLE photoplay.events TO photoplay_api;
GRANT SELECT ON TABLE photoplay.events TO photoplay_worker;
GRANT SELECT,DELETE ON TABLE photoplay.events TO photoplay_admin;

GRANT SELECT,INSERT,UPDATE ON TABLE photoplay.job_spend TO photoplay_worker;
GRANT SELECT ON TABLE photoplay.job_spend TO photoplay_admin;

GRANT SELECT,INSERT,UPDATE ON TABLE photoplay.leases TO photoplay_worker;
GRANT SELECT,INSERT,UPDATE ON TABLE photoplay.leases TO photoplay_admin;

GRANT SELECT ON TABLE photoplay.limits TO authenticated;
GRANT SELECT ON TABLE photoplay.limits TO photoplay_api;
GRANT SELECT ON TABLE photoplay.limits TO photoplay_worker;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE photoplay.limits TO photoplay_admin;

GRANT SELECT,INSERT,DELETE ON TABLE photoplay.log_lines TO photoplay_worker;
GRANT SELECT ON TABLE photoplay.log_lines TO photoplay_admin;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE photoplay.pgqueuer TO photoplay_worker;
GRANT SELECT ON TABLE photoplay.pgqueuer TO photoplay_admin;

GRANT SELECT,USAGE ON SEQUENCE photoplay.pgqueuer_id_seq TO photoplay_worker;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE photoplay.pgqueuer_log TO photoplay_worker;

GRANT SELECT,USAGE ON SEQUENCE photoplay.pgqueuer_log_id_seq TO photoplay_worker;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE photoplay.pgqueuer_schedules TO photoplay_worker;

GRANT SELECT,USAGE ON SEQUENCE photoplay.pgqueuer_schedules_id_seq TO photoplay_worker;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE photoplay.pgqueuer_statistics TO photoplay_worker;

GRANT SELECT,USAGE ON SEQUENCE photoplay.pgqueuer_statistics_id_seq TO photoplay_worker;

GRANT SELECT,INSERT,UPDATE ON TABLE photoplay.polls TO photoplay_worker;
GRANT SELECT ON TABLE photoplay.polls TO photoplay_admin;

GRANT SELECT,INSERT,DELETE ON TABLE photoplay.provider_verdicts TO photoplay_worker;
GRANT SELECT ON TABLE photoplay.provider_verdicts TO photoplay_admin;

GRANT SELECT,INSERT,UPDATE ON TABLE photoplay.providers TO photoplay_worker;
GRANT SELECT,INSERT,UPDATE ON TABLE photoplay.providers TO photoplay_admin;

GRANT SELECT,INSERT ON TABLE photoplay.quota_ledger TO photoplay_api;
GRANT SELECT,INSERT ON TABLE photoplay.quota_ledger TO photoplay_worker;
GRANT SELECT,INSERT ON TABLE photoplay.quota_ledger TO photoplay_admin;

GRANT SELECT ON TABLE photoplay.request_rates TO authenticated;
GRANT SELECT ON TABLE photoplay.request_rates TO photoplay_admin;
GRANT SELECT,DELETE ON TABLE photoplay.request_rates TO photoplay_worker;

GRANT SELECT ON TABLE photoplay.schema_migrations TO photoplay_admin;
GRANT SELECT ON TABLE photoplay.schema_migrations TO photoplay_worker;

GRANT SELECT,INSERT,UPDATE ON TABLE photoplay.spend TO photoplay_worker;
GRANT SELECT,INSERT,DELETE ON TABLE photoplay.spend TO photoplay_admin;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE photoplay.workers TO photoplay_worker;
GRANT SELECT ON TABLE photoplay.workers TO photoplay_admin;

GRANT SELECT ON TABLE public.video_images TO authenticated;
GRANT SELECT,INSERT,DELETE ON TABLE public.video_images TO photoplay_api;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.video_images TO photoplay_admin;
GRANT SELECT,INSERT,DELETE ON TABLE public.video_images TO photoplay_worker;

GRANT SELECT ON TABLE public.video_jobs TO authenticated;
GRANT SELECT,INSERT ON TABLE public.video_jobs TO photoplay_api;
GRANT SELECT,UPDATE ON TABLE public.video_jobs TO photoplay_worker;
GRANT SELECT,INSERT,UPDATE ON TABLE public.video_jobs TO photoplay_admin;

GRANT UPDATE(status) ON TABLE public.video_jobs TO photoplay_api;

GRANT UPDATE(phase) ON TABLE public.video_jobs TO photoplay_api;

GRANT UPDATE(progress) ON TABLE public.video_jobs TO photoplay_api;

GRANT UPDATE(finished_at) ON TABLE public.video_jobs TO photoplay_api;

GRANT UPDATE(quota_returned_at) ON TABLE public.video_jobs TO photoplay_api;

GRANT SELECT ON TABLE public.video_quota TO authenticated;
GRANT SELECT,INSERT ON TABLE public.video_quota TO photoplay_api;
GRANT SELECT,UPDATE ON TABLE public.video_quota TO photoplay_worker;
GRANT SELECT,INSERT,UPDATE ON TABLE public.video_quota TO photoplay_admin;

GRANT UPDATE(count) ON TABLE public.video_quota TO photoplay_api;
