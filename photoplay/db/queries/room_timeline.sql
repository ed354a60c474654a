-- Everything that happened to one job, oldest first: events, the instants of its attempts, callbacks, what the
-- log said, what operators did. Index: events_job, attempts (job_id, n), callbacks_attempt,
-- log_lines_job, audit_target.
select at, source, level, text from (
    select created_at as at, id, 1 as rank, 'event' as source, 'info' as level,
        kind || ' · ' || status || ', ' || phase || ', version ' || version
            || case when data <> '{}'::jsonb then ' · ' || data::text else '' end as text
    from photoplay.events where job_id = %(job_id)s
    union all
    select instant.at, attempt.n, 2, 'attempt', 'info',
        'attempt ' || attempt.n || ' at ' || attempt.provider || ': ' || instant.what
    from photoplay.attempts attempt
    cross join lateral (values
        (attempt.sent_at, 'submission sent'),
        (attempt.accepted_at, 'accepted as ' || coalesce(attempt.provider_task_id, '?')),
        (attempt.cancel_asked_at, 'provider asked to stop')
    ) instant (at, what)
    where attempt.job_id = %(job_id)s and instant.at is not null
    union all
    select callback.at, callback.id, 2, 'callback', case callback.result when 'forged' then 'warning' else 'info' end,
        'callback of ' || callback.provider || ' for attempt ' || attempt.n || ': ' || callback.result
    from photoplay.attempts attempt
    join photoplay.callbacks callback on callback.attempt_id = attempt.id
    where attempt.job_id = %(job_id)s
    union all
    select at, id, 3, 'log', level, line from photoplay.log_lines where job_id = %(job_id)s
    union all
    select at, id, 4, 'operator', 'warning', actor || ': ' || action || ' ' || details::text
    from photoplay.audit where target = %(job_id)s::text
) happened
order by at, rank, id
limit 2000
