-- Objects that must not exist: those not removed yet, or with `again` those not removed since the day after
-- they were erased, because a late upload may bring one back. Small table; index: primary key.
select path from photoplay.erased_objects
where removed_at is null or (%(again)s and removed_at <= erased_at + interval '1 day')
order by removed_at nulls first, path limit 1000
