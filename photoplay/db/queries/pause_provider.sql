-- No attempt begins at a paused provider (may_begin). Index: primary key.
insert into photoplay.providers as provider (name, paused_at, paused_by)
values (%(name)s, photoplay.now(), %(actor)s)
on conflict (name) do update set
    paused_at = coalesce(provider.paused_at, excluded.paused_at),
    paused_by = coalesce(provider.paused_by, excluded.paused_by),
    updated_at = photoplay.now()
