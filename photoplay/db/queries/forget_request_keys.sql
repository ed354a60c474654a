-- Remove the keys that an erased user's requests carried from what is left of the jobs. Index: erased_jobs_key.
update photoplay.erased_jobs set client_request_id = null
where user_id = %(user_id)s and client_request_id is not null
