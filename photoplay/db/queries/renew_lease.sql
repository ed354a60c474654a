-- Keep a claim alive during a long step; no row when it was lost. Index: primary key.
update photoplay.leases set expires_at = photoplay.now() + %(lease)s
where job_id = %(job_id)s and fence = %(fence)s
returning expires_at
