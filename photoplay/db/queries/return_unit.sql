-- Give a job's quota unit back, once. Index: primary key, quota_ledger_once.
select photoplay.return_unit(%(job_id)s) as returned
