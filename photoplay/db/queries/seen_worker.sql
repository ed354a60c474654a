-- A worker says that it lives; those not seen for a day are forgotten.
with forgotten as (
    delete from photoplay.workers where seen_at < now() - interval '1 day' and id <> %(worker_id)s
)
insert into photoplay.workers (id, host, pid) values (%(worker_id)s, %(host)s, %(pid)s)
on conflict (id) do update set seen_at = now()
