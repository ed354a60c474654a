-- Limits in full: days of a configurable time zone, a spend cap per user and for everybody, a request
-- rate per user; all decided in the creating transaction. And one order in which rows are locked.
-- Lock: access exclusive on limits and attempts for a moment. Duration: milliseconds.
--
-- Order of locks, so that nobody waits in a circle: a user's creations (advisory), a job's row, its
-- lease, a provider's door (advisory), the user's spend, everybody's spend, the quota, the work item.

alter table photoplay.limits
    add column requests_per_minute integer check (requests_per_minute between 1 and 6000),
    add column daily_spend_usd numeric(12, 6) check (daily_spend_usd >= 0),
    add column total_daily_spend_usd numeric(12, 6) check (total_daily_spend_usd >= 0),
    add column time_zone text,
    add constraint limits_of_the_installation
        check (user_id is null or (total_daily_spend_usd is null and time_zone is null));
update photoplay.limits set time_zone = 'UTC' where user_id is null;
comment on column photoplay.limits.requests_per_minute is 'Requests for a video; null: not limited.';
comment on column photoplay.limits.daily_spend_usd is 'Cap of what one user''s videos of a day may cost; null: none.';
comment on column photoplay.limits.total_daily_spend_usd is 'Cap of what everybody''s videos of a day may cost together; null: none.';
comment on column photoplay.limits.time_zone is 'In whose midnight a day of the quota begins (IANA name).';
comment on table public.video_quota is 'Units of the daily quota in use; one row a user and day. The ledger explains it.';

create table photoplay.spend (
    user_id uuid,
    day date not null,
    usd numeric(12, 6) not null default 0 check (usd >= 0),
    unique nulls not distinct (user_id, day)
) with (fillfactor = 70);
comment on table photoplay.spend is
    'What the jobs of a day cost or may still cost, by user. The row without user is everybody''s sum, kept only while it is capped.';

create table photoplay.job_spend (
    job_id uuid primary key,
    user_id uuid not null,
    day date not null,
    usd numeric(12, 6) not null check (usd >= 0)
);
comment on table photoplay.job_spend is
    'A job''s part of its day''s spend: while it is open what it may cost, afterwards what its attempts cost. Outlives the job.';

create unlogged table photoplay.request_rates (
    user_id uuid primary key,
    full_at timestamptz not null
) with (fillfactor = 70);
comment on table photoplay.request_rates is
    'A bucket of requests a user, by when it will be full again. After a crash of the server all are full.';

alter table photoplay.attempts add column reserved_usd numeric(12, 6) check (reserved_usd >= 0);
comment on column photoplay.attempts.reserved_usd is 'List price of what it asks for; null when it is not known. Counts until its cost is known.';

do $$
declare
    internal text;
begin
    foreach internal in array array['spend', 'job_spend', 'request_rates'] loop
        execute format('alter table photoplay.%I enable row level security', internal);
        execute format('alter table photoplay.%I force row level security', internal);
        execute format(
            'create policy photoplay_worker on photoplay.%I to photoplay_worker, photoplay_admin, %I using (true) with check (true)',
            internal, current_user
        );
    end loop;
end
$$;
create policy photoplay_own on photoplay.request_rates for select to authenticated
    using (user_id = (select auth.uid()));
grant select on photoplay.request_rates to authenticated;
grant select, insert, update on photoplay.spend, photoplay.job_spend to photoplay_worker;
grant select, insert, delete on photoplay.spend to photoplay_admin;
grant select on photoplay.job_spend, photoplay.request_rates to photoplay_admin;
grant select, delete on photoplay.request_rates to photoplay_worker;

-- A day of the quota.

create or replace function photoplay.quota_day() returns date
language sql stable
set search_path = ''
as $$
    select (photoplay.now() at time zone everybody.time_zone)::date
    from photoplay.limits everybody where everybody.user_id is null
$$;

-- The first instant of a day. A midnight that comes twice, because the clock is set back over it, is
-- taken at its first coming; one that is skipped is the instant after the gap.
create function photoplay.day_begins(p_day date, p_zone text) returns timestamptz
language sql stable
set search_path = ''
as $$
    select case
        when ((midnight - interval '1 hour') at time zone p_zone)::date >= p_day
        then midnight - interval '1 hour' else midnight
    end
    from (select p_day::timestamp at time zone p_zone as midnight) last
$$;
revoke all on function photoplay.day_begins from public;
grant execute on function photoplay.day_begins
    to authenticated, photoplay_api, photoplay_worker, photoplay_admin;

drop function photoplay.limits_of(uuid);
create function photoplay.limits_of(p_user_id uuid)
returns table (
    daily_limit integer, max_open_jobs integer, dedupe_open_jobs boolean, requests_per_minute integer,
    daily_spend_usd numeric, total_daily_spend_usd numeric, time_zone text
)
language sql stable
set search_path = ''
as $$
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

-- Makes limits hold for everybody; nothing is written when they do already.
create function photoplay.set_limits(
    p_daily_limit integer, p_max_open_jobs integer, p_dedupe_open_jobs boolean,
    p_requests_per_minute integer, p_daily_spend_usd numeric, p_total_daily_spend_usd numeric,
    p_time_zone text
)
returns void
language plpgsql
set search_path = ''
as $$
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
revoke all on function photoplay.set_limits from public;
grant execute on function photoplay.set_limits to photoplay_admin;

-- Spend. One word for what a job may cost and what it has cost: what it holds.

-- Adds p_usd to what a user, and everybody where that is capped, spends on a day. Returns whose cap
-- forbids it ('user', 'installation'), null when it is done; then nothing has changed. What has been
-- spent already is not asked about (p_is_spent). Locks both rows until the transaction ends.
create function photoplay.add_spend(p_user_id uuid, p_day date, p_usd numeric, p_is_spent boolean)
returns text
language plpgsql
set search_path = ''
as $$
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
revoke all on function photoplay.add_spend from public;
grant execute on function photoplay.add_spend to photoplay_worker;

-- A new job of the asking user holds p_usd; returns whose cap forbids it, null when none does.
create function photoplay.hold_first(p_job_id uuid, p_day date, p_usd numeric) returns text
language plpgsql security definer
set search_path = ''
as $$
declare
    refused_by constant text := photoplay.add_spend(photoplay.user_id(), p_day, p_usd, false);
begin
    if refused_by is null then
        insert into photoplay.job_spend (job_id, user_id, day, usd) values (p_job_id, photoplay.user_id(), p_day, p_usd);
    end if;
    return refused_by;
end
$$;
revoke all on function photoplay.hold_first from public;
grant execute on function photoplay.hold_first to photoplay_api, photoplay_admin;

-- What the attempts of a job cost or may cost; those that cost nothing for sure are left out.
create function photoplay.attempts_usd(p_job_id uuid) returns numeric
language sql stable
set search_path = ''
as $$
    select coalesce(sum(coalesce(a.cost_usd, a.reserved_usd)), 0) from photoplay.attempts a
    where a.job_id = p_job_id and a.charged is distinct from false
$$;
revoke all on function photoplay.attempts_usd from public;
grant execute on function photoplay.attempts_usd to photoplay_worker, photoplay_admin;

-- Makes an open job hold what one more attempt of p_usd may bring it to; false when a cap forbids it,
-- or when there is a cap and the price is not known (null). While it is open a job holds never less
-- than before, so that its place is not lost to others. The job's row is locked (hold_lease).
create function photoplay.hold_attempt(p_job_id uuid, p_usd numeric) returns boolean
language plpgsql
set search_path = ''
as $$
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
revoke all on function photoplay.hold_attempt from public;
grant execute on function photoplay.hold_attempt to photoplay_worker;

-- An ended job holds what its attempts cost: by trigger, whoever ends it, and whenever a cost becomes
-- known afterwards.
create function photoplay.settle_spend() returns trigger
language plpgsql security definer
set search_path = ''
as $$
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
revoke all on function photoplay.settle_spend from public;
create trigger settle_spend_of_job after update of status on public.video_jobs
    for each row when (new.status <> old.status and new.phase = 'done')
    execute function photoplay.settle_spend();
create trigger settle_spend_of_attempt after update on photoplay.attempts
    for each row when (
        new.cost_usd is distinct from old.cost_usd or new.charged is distinct from old.charged
    )
    execute function photoplay.settle_spend();

-- What is left of a bucket of p_per_minute requests, which refills evenly and will be full at p_full_at:
-- how many may come at once, and the seconds until there is one more.
create function photoplay.requests_left(
    p_per_minute integer, p_full_at timestamptz, out requests_left integer, out request_in_s integer
)
language sql stable
set search_path = ''
as $$
    select whole.n, ceil(bucket.missing_s - 60 + (whole.n + 1) * bucket.pace_s)::integer
    from (
        select floor(60000000 / p_per_minute) / 1000000 as pace_s,
            greatest(extract(epoch from p_full_at - photoplay.now()), 0) as missing_s
    ) bucket
    cross join lateral (select floor((60 - bucket.missing_s) / bucket.pace_s)::integer as n) whole
    where p_per_minute is not null
$$;
revoke all on function photoplay.requests_left from public;
grant execute on function photoplay.requests_left
    to authenticated, photoplay_api, photoplay_worker, photoplay_admin;

-- Takes a request out of the asking user's bucket; false when it is empty.
create function photoplay.take_request(p_per_minute integer, out taken boolean, out full_at timestamptz)
language plpgsql security definer
set search_path = ''
as $$
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
revoke all on function photoplay.take_request from public;
grant execute on function photoplay.take_request to photoplay_api, photoplay_admin;

-- As in 0006, with more to decide. The estimate and whether this request was counted before come from
-- the server, which makes them itself; the user, the limits and the clock from the database.
-- One user's creations run one after another (advisory lock), and only they take units and open jobs:
-- what is looked at here can only become less until it is written.
drop function photoplay.create_job(uuid, text, bytea, uuid, text, text, jsonb, text, interval);
create function photoplay.create_job(
    p_id uuid,
    p_key text,
    p_fingerprint bytea,
    p_image_id uuid,
    p_source text,
    p_prompt text,
    p_options jsonb,
    p_provider text,
    p_overdue_after interval,
    p_estimate_usd numeric default null,
    p_was_counted boolean default false,
    out outcome text,
    out job_id uuid,
    out status text,
    out provider text,
    out created_at timestamptz,
    out facts jsonb
)
language plpgsql
set search_path = ''
as $$
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
revoke all on function photoplay.create_job from public;
grant execute on function photoplay.create_job to photoplay_api, photoplay_admin;

-- As in 0007; with 'yes' the job also holds what the attempt may cost (p_usd, null when not known),
-- and 'capped' when the day's spend leaves no room for that.
drop function photoplay.may_begin(text, integer, text[]);
create function photoplay.may_begin(
    p_provider text, p_concurrency integer, p_siblings text[], p_job_id uuid, p_usd numeric
)
returns text
language plpgsql
set search_path = ''
as $$
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
revoke all on function photoplay.may_begin from public;
grant execute on function photoplay.may_begin to photoplay_worker;

-- As in 0006; the job's row is locked before its lease, as everybody else does it.
create or replace function photoplay.hold_lease(p_job_id uuid, p_fence bigint) returns void
language plpgsql
set search_path = ''
as $$
begin
    perform from public.video_jobs j where j.id = p_job_id for no key update;
    perform from photoplay.leases l where l.job_id = p_job_id and l.fence = p_fence for update;
    if not found then
        raise exception using errcode = 'PP001', message = 'another worker holds this job';
    end if;
end
$$;

-- As in 0006; the job's row is locked before its work item: who changes a job wakes it afterwards.
create or replace function photoplay.claim_job(p_job_id uuid, p_item_id bigint, p_worker_id uuid, p_lease interval)
returns table (fence bigint, until timestamptz, job_exists boolean)
language plpgsql
set search_path = ''
as $$
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

-- What names an attempt, and the day whose unit a job took, never change either.
create or replace function photoplay.guard_job() returns trigger
language plpgsql
set search_path = ''
as $$
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

create or replace function photoplay.guard_attempt() returns trigger
language plpgsql
set search_path = ''
as $$
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
