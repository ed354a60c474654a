-- Objects that must not exist: those not removed yet, or with `again` all of the last day, because a
-- late upload may bring one back. Small table; index: primary key.
select path from photoplay.erased_objects
where removed_at is null or (%(again)s and removed_at > photoplay.now() - interval '1 day')
order by erased_at limit 1000
