-- Health of every provider that was ever used or paused, with what is under way. Index: attempts_open_by_provider.
select
    name, paused_at, paused_by, attention, attention_at,
    case when open_until > photoplay.now() then open_until end as open_until,
    (
        select count(*) from photoplay.attempts attempt
        where attempt.provider = name
            and attempt.status in ('submitting', 'unknown', 'accepted', 'running')
    ) as under_way,
    (
        select count(*) from photoplay.attempts attempt
        where attempt.provider = name and attempt.status = 'unknown'
    ) as unknown
from (
    select name from photoplay.providers
    union
    select distinct provider from photoplay.attempts
    where status in ('submitting', 'unknown', 'accepted', 'running')
) used
left join photoplay.providers using (name)
order by name
