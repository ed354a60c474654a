-- Following tasks at remote providers: when each one is looked at next, and how often an account is asked.
-- Why a table of its own: its row is written at every poll, the attempt's only when something changes.
-- Lock: share row exclusive on photoplay.attempts while its trigger is made. Duration: milliseconds.

create table photoplay.polls (
    attempt_id uuid primary key references photoplay.attempts (id) on delete cascade,
    job_id uuid not null,
    user_id uuid not null,
    account text not null,
    next_at timestamptz not null
)
with (
    fillfactor = 70,
    autovacuum_vacuum_scale_factor = 0.05,
    autovacuum_vacuum_threshold = 1000,
    autovacuum_vacuum_cost_delay = 0
);
comment on table photoplay.polls is 'Accepted tasks that a provider is asked about; one row while the attempt is with the provider.';
create index polls_due on photoplay.polls (account, next_at);

create table photoplay.accounts (
    name text primary key,
    polls_left double precision not null default 0,
    counted_at timestamptz,
    per_s double precision,
    held_until timestamptz,
    last_user uuid
);
comment on table photoplay.accounts is 'How often each provider account is asked about its tasks, by all workers together.';
comment on column photoplay.accounts.polls_left is 'Polls that could be made at counted_at without exceeding the rate.';
comment on column photoplay.accounts.per_s is 'Rate after the provider asked for less; null: the configured one.';
comment on column photoplay.accounts.last_user is 'Whose task was taken last: the next users come first.';

do $$
declare
    internal text;
begin
    foreach internal in array array['polls', 'accounts'] loop
        execute format('alter table photoplay.%I enable row level security', internal);
        execute format('alter table photoplay.%I force row level security', internal);
        execute format(
            'create policy photoplay_worker on photoplay.%I to photoplay_worker, photoplay_admin, %I using (true) with check (true)',
            internal, current_user
        );
    end loop;
end
$$;
grant select, insert, update on photoplay.polls, photoplay.accounts to photoplay_worker;
grant select on photoplay.polls, photoplay.accounts to photoplay_admin;

-- Whoever ends an attempt, also a user who cancels: nobody asks about it any more.
create function photoplay.forget_poll() returns trigger
language plpgsql security definer
set search_path = ''
as $$
begin
    delete from photoplay.polls where attempt_id = new.id;
    return null;
end
$$;
revoke all on function photoplay.forget_poll from public;
create trigger forget_poll after update of status on photoplay.attempts
    for each row when (old.status in ('accepted', 'running') and new.status not in ('accepted', 'running'))
    execute function photoplay.forget_poll();

-- Pause before the next poll: a tenth of the task's age, within the provider's bounds, spread by a tenth.
create function photoplay.poll_pause(p_age interval, p_shortest interval, p_longest interval) returns interval
language sql volatile
set search_path = ''
as $$ select least(greatest(p_age / 10, p_shortest), p_longest) * (0.9 + 0.2 * random()) $$;
revoke all on function photoplay.poll_pause from public;
grant execute on function photoplay.poll_pause to photoplay_worker;

-- Takes tasks of an account that are due, and puts each one's next poll where it belongs at the same
-- time: an unchanged answer writes nothing, and what a lost worker took is polled a pause later.
-- At most p_per_s * (t + 1) are handed out in any t seconds, to all workers together. When not all can
-- be had, users take turns, each with the task that waits longest. Index: polls_due, primary keys.
create function photoplay.take_polls(
    p_account text, p_per_s double precision, p_most integer, p_shortest interval, p_longest interval
)
returns table (
    attempt_id uuid, job_id uuid, provider text, model text, task_id text, accepted_at timestamptz,
    due_at timestamptz, taken_at timestamptz
)
language plpgsql
set search_path = ''
as $$
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
revoke all on function photoplay.take_polls from public;
grant execute on function photoplay.take_polls to photoplay_worker;
