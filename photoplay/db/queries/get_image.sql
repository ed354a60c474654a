-- A picture's place in the store; the worker reads it while preparing. Index: primary key.
select id, user_id, path, content_type, width, height, bytes from public.video_images where id = %(image_id)s
