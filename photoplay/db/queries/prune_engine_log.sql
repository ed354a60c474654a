-- The engine's log is for people and grows with every wake; an hour of it is kept. Index: pgqueuer_log_created.
delete from photoplay.pgqueuer_log where created < now() - interval '1 hour'
