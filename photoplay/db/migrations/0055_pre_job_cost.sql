-- What a job has cost is the sum of what its attempts have cost, whoever ends the job and however: by trigger.
-- Why: each statement that ended a job had to see to it, and cancelling or failing with a clip paid for did not.
-- Lock: share row exclusive on both tables for a moment. Duration: milliseconds.

-- As in 0050, but that a job without attempts has cost nothing, unless the older system may have had it made. Null
-- while the cost of one is not known. Index: attempts (job_id, n).
create or replace function photoplay.known_cost(p_job_id uuid) returns numeric
language sql stable
set search_path = ''
as $$
    select case
        when bool_or(a.cost_usd is null and a.charged is distinct from false) then null
        when count(*) = 0 then (select 0 from public.video_jobs j where j.id = p_job_id and j.adopted_at is null)
        else coalesce(sum(a.cost_usd) filter (where a.charged is distinct from false), 0)
    end
    from photoplay.attempts a where a.job_id = p_job_id
$$;

create function photoplay.sum_cost() returns trigger
language plpgsql security definer
set search_path = ''
as $$
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
revoke all on function photoplay.sum_cost from public;
create trigger sum_known_cost_job before update of status on public.video_jobs
    for each row when (new.status <> old.status and new.phase = 'done')
    execute function photoplay.sum_cost();
create trigger sum_known_cost_attempt after update on photoplay.attempts
    for each row when (
        new.cost_usd is distinct from old.cost_usd or new.charged is distinct from old.charged
    )
    execute function photoplay.sum_cost();
