-- A request's own id, so that the same request twice is one job.

ALTER TABLE public.video_jobs ADD COLUMN IF NOT EXISTS client_request_id TEXT;
CREATE UNIQUE INDEX IF NOT EXISTS idx_video_jobs_client_request_id
ON public.video_jobs(user_id, client_request_id) WHERE client_request_id IS NOT NULL;

DO $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM pg_trigger
        WHERE tgrelid = 'public.video_jobs'::regclass AND tgname LIKE '%updated_at%' AND NOT tgisinternal
    ) THEN
        RAISE WARNING 'public.video_jobs has no trigger that keeps updated_at';
    END IF;
END
$$;
