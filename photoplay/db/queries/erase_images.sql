-- Remove every picture of a user and return where they lie. Index: idx_video_images_content.
delete from public.video_images where user_id = %(user_id)s returning path
