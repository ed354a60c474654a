// What pages of the older system use. Its source was not to be had: these three are written after its description alone
// (their names and props, what they send and read, when they ask and when they stop), and know nothing of this project.
// They are here to break when an answer loses a field that such a page relies on.

import { useEffect, useState } from "react";

interface AnimateButtonProps {
  imageId?: string;
  imageUrl?: string;
  sourceImagePath?: string;
  onJobCreated?: (jobId: string) => void;
}

export function AnimateButton({ imageId, imageUrl, sourceImagePath, onJobCreated }: AnimateButtonProps) {
  const [loading, setLoading] = useState(false);
  const [error, setError] = useState<string | null>(null);

  const handleAnimate = async () => {
    setLoading(true);
    setError(null);
    try {
      const response = await fetch("/api/video/animate", {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({
          imageId,
          sourceImageUrl: imageUrl,
          sourceImagePath,
          clientRequestId: crypto.randomUUID(),
        }),
      });
      const result = await response.json();
      if (response.status === 429) {
        const { limit, remaining } = result.details;
        throw new Error(`${result.error} (limit ${limit}, remaining ${remaining})`);
      }
      if (!result.success) throw new Error(result.error);
      onJobCreated?.(result.data.jobId);
    } catch (problem) {
      setError((problem as Error).message);
    } finally {
      setLoading(false);
    }
  };

  return (
    <div>
      <button onClick={handleAnimate} disabled={loading}>
        {loading ? "Animating..." : "Animate"}
      </button>
      {error && <p className="error">{error}</p>}
    </div>
  );
}

interface VideoJob {
  id: string;
  user_id: string;
  status: "queued" | "running" | "succeeded" | "failed";
  provider: string;
  error: string | null;
  output_video_url: string | null;
  signedVideoUrl?: string;
}

interface JobStatusIndicatorProps {
  jobId: string;
  onComplete?: (signedVideoUrl: string) => void;
}

export function JobStatusIndicator({ jobId, onComplete }: JobStatusIndicatorProps) {
  const [job, setJob] = useState<VideoJob | null>(null);

  useEffect(() => {
    let interval: ReturnType<typeof setInterval>;
    const poll = async () => {
      const response = await fetch(`/api/video/jobs/${jobId}`);
      const result = await response.json();
      if (!result.success) return;
      const current: VideoJob = result.data;
      setJob(current);
      if (current.status === "succeeded" || current.status === "failed") {
        clearInterval(interval);
        if (current.status === "succeeded" && current.signedVideoUrl) onComplete?.(current.signedVideoUrl);
      }
    };
    poll();
    interval = setInterval(poll, 3000);
    return () => clearInterval(interval);
  }, [jobId]);

  if (!job) return null;
  return (
    <p className="status">
      {job.status} · {job.provider} · {job.error ?? job.output_video_url ?? ""}
    </p>
  );
}

interface VideoPlayerCardProps {
  videoUrl: string;
  posterUrl?: string;
}

export function VideoPlayerCard({ videoUrl, posterUrl }: VideoPlayerCardProps) {
  return <video controls src={videoUrl} poster={posterUrl} width={480} />;
}
