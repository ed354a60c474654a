-- Buckets that have been full for long say nothing any more. Index: none; one small row a user.
delete from photoplay.request_rates where full_at < photoplay.now() - interval '1 hour'
