-- First statement of every write of a worker: refuses one whose claim is no longer the newest (PP001).
select photoplay.hold_lease(%(job_id)s, %(fence)s)
