-- Workers that were seen lately, and the jobs they hold.
select worker.id, worker.host, worker.pid, worker.started_at, worker.seen_at,
    (
        select count(*) from photoplay.leases lease
        where lease.worker_id = worker.id and lease.expires_at > photoplay.now()
    ) as holds
from photoplay.workers worker
order by worker.seen_at desc
limit 100
