-- Callbacks of a provider in each of the last 48 hours (UTC), by what they were. Index: callbacks_newest.
select hour, coalesce(came.result, 'accepted') as result, coalesce(came.callbacks, 0) as callbacks
from generate_series(
    date_trunc('hour', photoplay.now() - interval '47 hours'), photoplay.now(), interval '1 hour'
) as hour
left join (
    select date_trunc('hour', at) as at, result, count(*) as callbacks
    from photoplay.callbacks
    where provider = %(provider)s and at > photoplay.now() - interval '48 hours'
    group by 1, 2
) came on came.at = hour
order by hour, result
