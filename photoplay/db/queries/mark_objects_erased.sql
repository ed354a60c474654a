-- Name the objects that must not exist any more; the worker removes them (sweep_erased.sql lists them).
insert into photoplay.erased_objects (path, job_id)
select path, %(job_id)s from unnest(%(paths)s::text[]) as path
on conflict (path) do nothing
