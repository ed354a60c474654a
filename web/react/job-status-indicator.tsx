import type { TokenSource } from "../src/logic/api.ts";
import type { Job } from "../src/logic/types.ts";
import "../src/video-job.ts";
import type { VideoJob } from "../src/video-job.ts";
import { useElement } from "./elements.ts";

export interface JobStatusIndicatorProps {
  jobId: string;
  /** The video is there; the address lives for about an hour. */
  onComplete?: ((signedVideoUrl: string) => void) | undefined;
  /** The job ended without a video: failed or cancelled. */
  onEnd?: ((job: Job) => void) | undefined;
  endpoint?: string | undefined;
  token?: TokenSource | undefined;
  className?: string | undefined;
}

/** `<video-job>`: how one job stands, until it has ended. */
export function JobStatusIndicator(props: JobStatusIndicatorProps) {
  const { onComplete, onEnd } = props;
  const ref = useElement<VideoJob>(
    {
      jobend: ({ detail: { job } }) => {
        if (job.status !== "succeeded") onEnd?.(job);
        else if (job.signedVideoUrl) onComplete?.(job.signedVideoUrl);
      },
    },
    props.token,
  );
  return <video-job ref={ref} class={props.className} job-id={props.jobId} endpoint={props.endpoint} />;
}
