-- What became of a provider's attempts, by the hour they were begun in, for the last 48 hours (UTC).
-- Index: attempts_newest.
select hour, coalesce(begun.outcome, 'succeeded') as outcome, coalesce(begun.attempts, 0) as attempts
from generate_series(
    date_trunc('hour', photoplay.now() - interval '47 hours'), photoplay.now(), interval '1 hour'
) as hour
left join (
    select date_trunc('hour', created_at) as at,
        case
            when status in ('failed', 'expired', 'lost') then 'failed'
            when status in ('submitting', 'accepted', 'running') then 'under way'
            else status
        end as outcome,
        count(*) as attempts
    from photoplay.attempts
    where created_at > photoplay.now() - interval '48 hours' and provider = %(provider)s
    group by 1, 2
) begun on begun.at = hour
order by hour, outcome
