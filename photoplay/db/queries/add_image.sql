-- Remember a picture that is in the store; the same bytes of one user stay one row (idx_video_images_content).
-- Returns the row that holds, new or old.
with added as (
    insert into public.video_images (id, created_at, user_id, path, content_type, width, height, bytes, sha256)
    values (
        %(id)s, photoplay.now(), %(user_id)s, %(path)s, %(content_type)s, %(width)s, %(height)s, %(bytes)s, %(sha256)s
    )
    on conflict (user_id, sha256) do nothing
    returning id, path, width, height, bytes
)
select id, path, width, height, bytes from added
union all
select id, path, width, height, bytes from public.video_images
where user_id = %(user_id)s and sha256 = %(sha256)s and not exists (select from added)
