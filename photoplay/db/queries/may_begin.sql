-- Whether a provider takes an attempt now, and the job may cost as much; locks the provider's door until the
-- transaction ends. Index: attempts_open_by_provider.
select photoplay.may_begin(
    %(provider)s, %(concurrency)s, %(siblings)s, %(job_id)s, %(estimate_usd)s::numeric
) as entry
