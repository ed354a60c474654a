-- Stored videos with the length that was recorded; read by the check of I5.
select id, output_video_url, (video ->> 'bytes')::bigint as bytes
from public.video_jobs where status = 'succeeded' and video is not null
