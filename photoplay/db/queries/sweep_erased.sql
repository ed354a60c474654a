-- Objects that must not exist. Kept for a day after removal, because a late upload may bring one back.
select path from photoplay.erased_objects
where removed_at is null or removed_at > photoplay.now() - interval '1 day'
order by erased_at limit 1000
