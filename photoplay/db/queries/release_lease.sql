-- End a claim in good order, so that the next wake need not wait for its time-out. Index: primary key.
update photoplay.leases
set expires_at = '-infinity', failures = case when %(failed)s then failures + 1 else 0 end
where job_id = %(job_id)s and fence = %(fence)s
