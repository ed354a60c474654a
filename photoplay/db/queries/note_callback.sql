-- Note a callback for people to see, and say what it was; the attempt's row is held, so that of two at once one is
-- the first. Index: primary key, callbacks_attempt.
with called as (
    select id, provider,
        case
            when %(is_forged)s then 'forged'
            when finished_at is not null then 'late'
            when called_back_at is not null then 'repeated'
            else 'accepted'
        end as result
    from photoplay.attempts where id = %(attempt_id)s for no key update
), noted as (
    insert into photoplay.callbacks (attempt_id, provider, at, result)
    select id, provider, photoplay.now(), result from called
    where 20 > (
        select count(*) from photoplay.callbacks before
        where before.attempt_id = called.id and before.result = called.result
    )
)
select result from called
