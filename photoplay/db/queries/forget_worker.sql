-- A worker that stops in good order takes its row away. Index: primary key.
delete from photoplay.workers where id = %(worker_id)s
