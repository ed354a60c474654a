-- A provider is asked too often: hold the account's polls for a while, and halve their rate, once a hold.
-- Index: primary key.
update photoplay.accounts
set per_s = case
        when held_until > photoplay.now() then per_s
        else greatest(coalesce(per_s, %(per_s)s) / 2, %(per_s)s::double precision / 16)
    end,
    held_until = greatest(held_until, photoplay.now() + %(pause)s::interval)
where name = %(account)s
