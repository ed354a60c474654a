-- What a Supabase project gets on top: Realtime for video_jobs, the two private buckets and their policies.
-- Why conditional: on any other Postgres there is no publication supabase_realtime and no schema storage, and
-- nothing happens here. Owners who may not do a part of it are told which (docs/supabase.md has the SQL).
-- Lock: share update exclusive on video_jobs, and access exclusive on storage.objects for the policies.
-- Duration: milliseconds at any size.

do $$
begin
    if exists (select from pg_publication where pubname = 'supabase_realtime' and not puballtables)
        and not exists (
            select from pg_publication_tables
            where pubname = 'supabase_realtime' and schemaname = 'public' and tablename = 'video_jobs'
        ) then
        -- Realtime shows a row to whom its policies show it: the user's own jobs.
        alter publication supabase_realtime add table public.video_jobs;
    end if;
exception when insufficient_privilege then
    raise warning 'video_jobs was not added to supabase_realtime: %', sqlerrm;
end
$$;

do $$
begin
    if (
        select count(*) < 5 from information_schema.columns
        where table_schema = 'storage' and table_name = 'buckets'
            and column_name in ('id', 'name', 'public', 'file_size_limit', 'allowed_mime_types')
    ) then
        return;
    end if;
    -- Posters lie beside their videos.
    insert into storage.buckets as bucket (id, name, public, file_size_limit, allowed_mime_types)
        values
            ('source-images', 'source-images', false, 10485760, array['image/png', 'image/jpeg', 'image/webp']),
            ('generated-videos', 'generated-videos', false, 104857600, array['video/mp4', 'image/jpeg'])
        on conflict (id) do update set
            public = false,
            file_size_limit = greatest(bucket.file_size_limit, excluded.file_size_limit),
            allowed_mime_types = excluded.allowed_mime_types;
exception when insufficient_privilege then
    raise warning 'the buckets source-images and generated-videos were not made: %', sqlerrm;
end
$$;

do $$
declare
    writes text;
begin
    if to_regclass('storage.objects') is null or to_regprocedure('storage.foldername(text)') is null then
        return;
    end if;
    create policy photoplay_own on storage.objects for select to authenticated
        using (
            bucket_id in ('source-images', 'generated-videos')
            and (storage.foldername(name))[1] = (select auth.uid())::text
        );
    -- Restrictive: also where an older policy lets users write what is theirs, no video is put, changed or
    -- removed around the API.
    foreach writes in array array['insert', 'update', 'delete'] loop
        execute format(
            'create policy photoplay_no_%1$s on storage.objects as restrictive for %1$s to anon, authenticated %2$s (bucket_id <> ''generated-videos'')',
            writes, case writes when 'insert' then 'with check' else 'using' end
        );
    end loop;
exception when insufficient_privilege then
    raise warning 'the policies of the buckets were not made: %', sqlerrm;
end
$$;
