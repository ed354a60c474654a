-- What each provider called back in 24 hours, beside the tasks it accepted; and when it last did.
-- Index: attempts_newest, callbacks_newest.
select used.name as provider, used.accepted as tasks, used.called_back,
    came.accepted, came.repeated, came.late, came.forged,
    (select max(at) from photoplay.callbacks latest where latest.provider = used.name) as last_at
from (
    select coalesce(health.name, tried.provider) as name,
        coalesce(tried.accepted, 0) as accepted, coalesce(tried.called_back, 0) as called_back
    from photoplay.providers health
    full join (
        select provider, count(accepted_at) as accepted,
            count(*) filter (where accepted_at is not null and called_back_at is not null) as called_back
        from photoplay.attempts where created_at > photoplay.now() - interval '24 hours'
        group by provider
    ) tried on tried.provider = health.name
) used
cross join lateral (
    select count(*) filter (where result = 'accepted') as accepted,
        count(*) filter (where result = 'repeated') as repeated,
        count(*) filter (where result = 'late') as late,
        count(*) filter (where result = 'forged') as forged
    from photoplay.callbacks callback
    where callback.provider = used.name and callback.at > photoplay.now() - interval '24 hours'
) came
order by used.name
