-- The two tables with the columns and names that older clients know: made here, or found with an older
-- system's rows in them, which are then adopted (docs/supabase.md says what becomes of each kind).
-- Why so early: from here to 0003 the older system goes on working. What it writes meanwhile is kept in
-- step by a trigger; its old rows are brought up to date in batches (`photoplay migrate`) or all at once
-- by 0003, which is the moment it may write no more.
-- Lock: access exclusive for a moment. Duration: milliseconds at any size (added columns have constant
-- defaults), and one reading of the older rows before the lock.

create schema if not exists photoplay;

do $$
declare
    found record;
begin
    for found in
        select c.relname, a.attname, format_type(a.atttypid, null) as type, wanted.types
        from (values
            ('video_jobs', 'id', '{uuid}'), ('video_jobs', 'user_id', '{uuid}'),
            ('video_jobs', 'created_at', '{timestamp with time zone}'),
            ('video_jobs', 'updated_at', '{timestamp with time zone}'),
            ('video_jobs', 'source_image_url', '{text,character varying}'),
            ('video_jobs', 'provider', '{text,character varying}'),
            ('video_jobs', 'provider_job_id', '{text,character varying}'),
            ('video_jobs', 'status', '{text,character varying}'),
            ('video_jobs', 'error', '{text,character varying}'),
            ('video_jobs', 'output_video_url', '{text,character varying}'),
            ('video_jobs', 'options', '{jsonb}'),
            ('video_jobs', 'client_request_id', '{text,character varying}'),
            ('video_quota', 'id', '{uuid}'), ('video_quota', 'user_id', '{uuid}'),
            ('video_quota', 'date', '{date}'), ('video_quota', 'count', '{integer,bigint}')
        ) wanted (name, attribute, types)
        join pg_class c on c.oid = to_regclass('public.' || wanted.name)
        join pg_attribute a on a.attrelid = c.oid and a.attname = wanted.attribute and not a.attisdropped
        where format_type(a.atttypid, null) <> all (wanted.types::text[])
    loop
        raise exception 'public.%.% is %; only % can be taken over: change the column''s type first',
            found.relname, found.attname, found.type, array_to_string(found.types::text[], ' or ');
    end loop;
    for found in
        select c.relname, c.relowner::regrole::text as owner
        from pg_class c
        where c.oid in (to_regclass('public.video_jobs'), to_regclass('public.video_quota'))
            and not pg_has_role(c.relowner, 'usage')
    loop
        raise exception 'public.% belongs to %; migrate as that role', found.relname, found.owner;
    end loop;
    if to_regclass('public.video_jobs') is not null then
        for found in
            select status from public.video_jobs
            where status is null or status not in ('queued', 'running', 'succeeded', 'failed', 'cancelled')
            limit 1
        loop
            raise exception 'public.video_jobs has a row with status %; give it one that is known: queued, running, succeeded, failed or cancelled',
                coalesce(quote_literal(found.status), 'null');
        end loop;
    end if;
end
$$;

do $$
begin
    if to_regclass('public.video_jobs') is null then
        create table public.video_jobs (
            id uuid primary key default gen_random_uuid(),
            created_at timestamptz not null default now(),
            updated_at timestamptz not null default now(),
            user_id uuid not null,
            source_image_url text not null,
            provider text,
            provider_job_id text,
            status text not null default 'queued',
            error text,
            output_video_url text,
            options jsonb not null default '{}'::jsonb,
            client_request_id text
        );
        alter table public.video_jobs enable row level security;
    end if;
    if to_regclass('public.video_quota') is null then
        create table public.video_quota (
            id uuid primary key default gen_random_uuid(),
            created_at timestamptz not null default now(),
            updated_at timestamptz not null default now(),
            user_id uuid not null,
            date date not null,
            count integer not null default 0
        );
        alter table public.video_quota enable row level security;
    end if;
end
$$;

alter table public.video_jobs
    add column if not exists client_request_id text,
    add column if not exists version bigint not null default 1,
    add column if not exists phase text not null default 'accepted',
    add column if not exists progress real,
    add column if not exists prompt text,
    add column if not exists image_id uuid,
    add column if not exists fingerprint bytea,
    add column if not exists effective_options jsonb,
    add column if not exists failure jsonb,
    add column if not exists result jsonb,
    add column if not exists video jsonb,
    add column if not exists poster_path text,
    add column if not exists cost_usd numeric(12, 6),
    add column if not exists overdue_at timestamptz,
    add column if not exists started_at timestamptz,
    add column if not exists finished_at timestamptz,
    add column if not exists expires_at timestamptz,
    add column if not exists quota_day date,
    add column if not exists quota_returned_at timestamptz,
    add column if not exists adopted_at timestamptz,
    alter column options set default '{}'::jsonb;

-- An older system's own rules for values: its states lack `cancelled`, its providers ours.
do $$
declare
    rule record;
begin
    for rule in
        select conrelid::regclass as table_name, conname from pg_constraint
        where conrelid in ('public.video_jobs'::regclass, 'public.video_quota'::regclass) and contype = 'c'
    loop
        execute format('alter table %s drop constraint %I', rule.table_name, rule.conname);
    end loop;
end
$$;

-- What follows lives until 0003 only.

-- Where an older row's video lies; null unless that is in the user's own folder: older clients could write the
-- column themselves, and what it names is signed.
create function photoplay.adopt_path(p_user_id uuid, p_output text) returns text
language sql immutable
as $$
    select substring(
        substr(p_output, nullif(position(p_user_id::text || '/generated-videos/' in p_output), 0))
        from '^[^/]+/generated-videos/[A-Za-z0-9._-]+[.]mp4(?=[?#]|$)'
    )
$$;

-- Whether an ended job says of itself what ours do: a video of its own exactly if it succeeded.
create function photoplay.adopt_is_plain(p_job public.video_jobs) returns boolean
language sql immutable
as $$
    select p_job.options is not null and p_job.created_at is not null and p_job.updated_at is not null
        and case p_job.status
            when 'succeeded' then p_job.output_video_url is not null and (
                p_job.output_video_url = p_job.user_id::text || '/generated-videos/' || p_job.id::text || '.mp4'
                or p_job.output_video_url
                    is not distinct from photoplay.adopt_path(p_job.user_id, p_job.output_video_url)
            )
            when 'failed' then p_job.output_video_url is null
            when 'cancelled' then p_job.output_video_url is null
            else false
        end
$$;

-- With its owner's rights: the older system's roles may not look into this schema.
create function photoplay.adopt_write() returns trigger
language plpgsql security definer
set search_path = ''
as $$
begin
    if current_setting('photoplay.adopting', true) = 'on' then
        -- An older trigger has just called this row updated, which it was not.
        new.updated_at := old.updated_at;
    elsif photoplay.adopt_is_plain(new) then
        new.phase := 'done';
        new.finished_at := coalesce(new.finished_at, now());
    else
        new.phase := 'accepted';
        new.finished_at := null;
    end if;
    return new;
end
$$;
-- Triggers fire in the order of their names.
create trigger zz_photoplay_adopt before insert or update on public.video_jobs
    for each row execute function photoplay.adopt_write();

-- Brings those of the next rows that are plain ended jobs up to date, in the order of ids, and returns the last
-- id; null after the last row. Rows that somebody is writing to are left out. Index: primary key.
create function photoplay.adopt_ended(p_after uuid, p_limit integer) returns uuid
language plpgsql
set search_path = ''
as $$
declare
    last_id uuid;
begin
    perform set_config('photoplay.adopting', 'on', true);
    select next.id into last_id from (
        select id from public.video_jobs where id > p_after order by id limit p_limit
    ) next order by next.id desc limit 1;
    update public.video_jobs j set phase = 'done', finished_at = j.updated_at
    where j.ctid = any (array(
        select e.ctid from public.video_jobs e
        where e.id > p_after and e.id <= last_id and e.phase <> 'done' and photoplay.adopt_is_plain(e)
        for update skip locked
    ));
    return last_id;
end
$$;

-- The rest, in one transaction and with both tables locked: afterwards every row and counter keeps our
-- rules, and nothing of the older system's access is left. Open jobs stay open (0040).
create function photoplay.adopt_rest() returns void
language plpgsql
set search_path = ''
as $$
declare
    older record;
begin
    lock table public.video_jobs, public.video_quota in access exclusive mode;
    perform set_config('photoplay.adopting', 'on', true);
    update public.video_jobs j set phase = 'done', finished_at = j.updated_at
    where j.phase <> 'done' and photoplay.adopt_is_plain(j);
    with odd as (
        select j.id, photoplay.adopt_path(j.user_id, j.output_video_url) as path,
            j.status in ('queued', 'running') as is_open
        from public.video_jobs j where j.phase <> 'done'
    ), told as (
        select odd.id, odd.path,
            case
                when odd.path is not null and (odd.is_open or j.status = 'succeeded') then 'succeeded'
                when j.status = 'succeeded' then 'lost'
                else j.status
            end as verdict
        from odd join public.video_jobs j on j.id = odd.id
    )
    update public.video_jobs j
    set options = coalesce(j.options, '{}'::jsonb),
        created_at = coalesce(j.created_at, j.updated_at, now()),
        updated_at = coalesce(j.updated_at, j.created_at, now()),
        status = case t.verdict when 'lost' then 'failed' else t.verdict end,
        phase = case when t.verdict in ('queued', 'running') then j.phase else 'done' end,
        finished_at = case
            when t.verdict not in ('queued', 'running') then coalesce(j.updated_at, j.created_at, now())
        end,
        output_video_url = case t.verdict when 'succeeded' then t.path end,
        -- What the column said is not lost with it.
        result = case
            when j.output_video_url is not null and (t.verdict <> 'succeeded' or t.path <> j.output_video_url)
            then jsonb_build_object('olderOutput', split_part(j.output_video_url, '?', 1))
        end,
        error = case t.verdict when 'lost' then coalesce(j.error, text.lost) else j.error end,
        failure = case t.verdict
            when 'lost' then jsonb_build_object(
                'code', 'storage_failed', 'message', text.lost, 'retryable', false, 'charged', null
            )
        end
    from told t,
        (values ('The finished video could not be stored. Please contact support.')) text (lost)
    where j.id = t.id;

    with doubled as (
        select user_id, date, sum(greatest(count, 0)) as total, (array_agg(id order by created_at, id))[1] as first_id
        from public.video_quota group by user_id, date having count(*) > 1
    ), gone as (
        delete from public.video_quota q using doubled d
        where q.user_id = d.user_id and q.date = d.date and q.id <> d.first_id
    )
    update public.video_quota q set count = d.total from doubled d where q.id = d.first_id;
    update public.video_quota set count = 0 where count is null or count < 0;

    for older in
        select tablename, policyname from pg_policies
        where schemaname = 'public' and tablename in ('video_jobs', 'video_quota')
    loop
        execute format('drop policy %I on public.%I', older.policyname, older.tablename);
    end loop;
    for older in
        select tgrelid::regclass as table_name, tgname from pg_trigger
        where tgrelid in ('public.video_jobs'::regclass, 'public.video_quota'::regclass) and not tgisinternal
            and (tgname like '%updated_at%' or tgname = 'zz_photoplay_adopt')
    loop
        execute format('drop trigger %I on %s', older.tgname, older.table_name);
    end loop;
    -- Of `photoplay supabase init`; another's may serve other tables.
    drop function if exists public.touch_video_updated_at();
    for older in
        select distinct c.oid::regclass as table_name,
            case g.grantee when 0 then 'public' else quote_ident(g.grantee::regrole::text) end as grantee
        from pg_class c, aclexplode(c.relacl) g
        where c.oid in ('public.video_jobs'::regclass, 'public.video_quota'::regclass) and g.grantee <> c.relowner
    loop
        execute format('revoke all on %s from %s', older.table_name, older.grantee);
    end loop;
end
$$;
revoke all on function photoplay.adopt_ended, photoplay.adopt_rest from public;
