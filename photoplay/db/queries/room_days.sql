-- What was spent on each provider (or on one) in each of the last 30 days (UTC); unknown costs are counted beside
-- it, because unknown is not zero. Index: attempts_newest.
select day::date as day, coalesce(spent.provider, '') as provider,
    coalesce(spent.usd, 0) as usd, coalesce(spent.unknown, 0) as unknown
from generate_series(
    date_trunc('day', photoplay.now() at time zone 'UTC') - interval '29 days',
    photoplay.now() at time zone 'UTC', interval '1 day'
) as day
left join (
    select date_trunc('day', created_at at time zone 'UTC') as at, provider,
        sum(cost_usd) filter (where charged is not false) as usd,
        count(*) filter (where charged is not false and cost_usd is null and sent_at is not null) as unknown
    from photoplay.attempts
    where created_at > photoplay.now() - interval '31 days'
        and (%(provider)s::text is null or provider = %(provider)s)
    group by 1, 2
) spent on spent.at = day
order by day, provider
