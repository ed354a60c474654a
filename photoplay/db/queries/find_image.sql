-- A user's picture by its content, before anything is uploaded twice. Index: idx_video_images_content.
select id, path, width, height, bytes from public.video_images
where user_id = %(user_id)s and sha256 = %(sha256)s
