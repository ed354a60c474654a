-- Whether a provider takes an attempt now; locks the provider's door until the transaction ends. Index: attempts_open_by_provider.
select photoplay.may_begin(%(provider)s, %(concurrency)s, %(siblings)s) as entry
