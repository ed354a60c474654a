-- I5: succeeded exactly when there is a video with length and checksum; no two jobs share one. Index: primary key.
select id as broken from public.video_jobs
where (status = 'succeeded') <> (output_video_url is not null)
    or (status = 'succeeded' and version > 1 and video is not null and not (video ? 'bytes' and video ? 'sha256'))
union all
select min(id::text)::uuid from public.video_jobs where output_video_url is not null
group by output_video_url having count(*) > 1
