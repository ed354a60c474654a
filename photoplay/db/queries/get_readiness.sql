-- What /readyz and `photoplay doctor` look at. Index: none needed, small tables.
select
    array(select name from photoplay.schema_migrations) as migrations,
    (select count(*) from photoplay.workers where seen_at > now() - interval '1 minute') as workers
