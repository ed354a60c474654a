-- Every provider that was used or touched lately: health, and its attempts of 24 hours. Index: attempts_newest,
-- attempts_open_by_provider.
select
    coalesce(health.name, tried.provider) as name,
    health.paused_at, health.paused_by, health.attention, health.attention_at,
    case when health.open_until > photoplay.now() then health.open_until end as open_until,
    coalesce(tried.attempts, 0) as attempts,
    coalesce(tried.succeeded, 0) as succeeded,
    coalesce(tried.failed, 0) as failed,
    coalesce(tried.refused, 0) as refused,
    coalesce(tried.unknown, 0) as unknown,
    coalesce(tried.under_way, 0) as under_way,
    coalesce(tried.spent_usd, 0) as spent_usd,
    tried.median_s
from photoplay.providers health
full join (
    select
        provider,
        count(*) as attempts,
        count(*) filter (where status = 'succeeded') as succeeded,
        count(*) filter (where status in ('failed', 'expired', 'lost')) as failed,
        count(*) filter (where status = 'blocked') as refused,
        count(*) filter (where status = 'unknown') as unknown,
        count(*) filter (where status in ('submitting', 'unknown', 'accepted', 'running')) as under_way,
        sum(cost_usd) filter (where charged is not false) as spent_usd,
        percentile_cont(0.5) within group (order by extract(epoch from finished_at - created_at))
            filter (where status = 'succeeded') as median_s
    from photoplay.attempts
    where created_at > photoplay.now() - interval '24 hours'
        or status in ('submitting', 'unknown', 'accepted', 'running')
    group by provider
) tried on tried.provider = health.name
order by 1
