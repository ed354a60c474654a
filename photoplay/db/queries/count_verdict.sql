-- Count a definite verdict; opens or closes the provider's circuit breaker. Index: provider_verdicts_recent.
select photoplay.count_verdict(%(provider)s, %(failed)s, %(attention)s)
