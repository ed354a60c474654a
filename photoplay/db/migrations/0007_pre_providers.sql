-- What it takes to follow paid attempts at remote providers: health and limits of each provider shared
-- by all workers, hints of callbacks, and a few more facts of an attempt.
-- Lock: access exclusive on photoplay.attempts for a moment. Duration: milliseconds.

alter table photoplay.attempts
    add column refusal text,
    add column sent_at timestamptz,
    add column hinted_task_id text,
    add column called_back_at timestamptz,
    add column cancel_asked_at timestamptz;
comment on column photoplay.attempts.refusal is 'Class of the definite verdict that ended it (domain/outcomes.py).';
comment on column photoplay.attempts.hinted_task_id is 'Task id from a genuine callback that came before we knew it.';
create index attempts_open_by_provider on photoplay.attempts (provider)
    where status in ('submitting', 'unknown', 'accepted', 'running');

create table photoplay.providers (
    name text primary key,
    paused_at timestamptz,
    paused_by text,
    open_until timestamptz,
    attention text,
    attention_at timestamptz,
    updated_at timestamptz not null default now()
);
comment on table photoplay.providers is 'Health of a provider as all workers see it.';
comment on column photoplay.providers.open_until is 'Circuit breaker: until then nothing is sent; then one probe at a time.';
comment on column photoplay.providers.attention is 'Why an operator must act (no_credit, unauthenticated); cleared by the next success.';

create unlogged table photoplay.provider_verdicts (
    provider text not null,
    at timestamptz not null default now(),
    failed boolean not null
);
comment on table photoplay.provider_verdicts is 'Definite verdicts of the last minute, for the circuit breaker; ambiguous ones do not count.';
create index provider_verdicts_recent on photoplay.provider_verdicts (provider, at);

do $$
declare
    internal text;
begin
    foreach internal in array array['providers', 'provider_verdicts'] loop
        execute format('alter table photoplay.%I enable row level security', internal);
        execute format('alter table photoplay.%I force row level security', internal);
        execute format(
            'create policy photoplay_worker on photoplay.%I to photoplay_worker, photoplay_admin, %I using (true) with check (true)',
            internal, current_user
        );
    end loop;
end
$$;
grant select, insert, update, delete on photoplay.providers, photoplay.provider_verdicts
    to photoplay_worker, photoplay_admin;

-- Whether an attempt may be begun at a provider now: 'yes', or why not. One provider's answers are
-- given one after another, so a limit of n means n. Index: attempts_open_by_provider.
create function photoplay.may_begin(p_provider text, p_concurrency integer, p_siblings text[]) returns text
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

-- Counts a definite verdict and opens or closes the provider's circuit breaker: open for 30 s when half
-- or more of at least 20 verdicts within 60 s were failures, closed by the next success.
create function photoplay.count_verdict(p_provider text, p_failed boolean, p_attention text) returns void
language plpgsql
set search_path = ''
as $$
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
revoke all on function photoplay.count_verdict from public;
grant execute on function photoplay.count_verdict to photoplay_worker;

-- Raises PP003 when the job has ended; locks its row against an ending until the transaction is over.
create function photoplay.require_open(p_job_id uuid) returns void
language plpgsql
set search_path = ''
as $$
begin
    perform from public.video_jobs j
        where j.id = p_job_id and j.status in ('queued', 'running') for update;
    if not found then
        raise exception using errcode = 'PP003', message = 'the job has ended';
    end if;
end
$$;
revoke all on function photoplay.require_open from public;
grant execute on function photoplay.require_open to photoplay_worker;
