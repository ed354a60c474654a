-- One picture of a user; called by GET /api/video/images/{id}. Missing and foreign are the same: no row
-- (policy). Index: primary key.
select id, path, width, height, bytes from public.video_images where id = %(image_id)s
