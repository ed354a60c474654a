-- Name the objects that must not exist any more; the worker removes them (sweep_erased.sql lists them).
insert into photoplay.erased_objects (path, job_id, erased_at)
select path, %(job_id)s, photoplay.now() from unnest(%(paths)s::text[]) as path
on conflict (path) do nothing
