import { AnimateButton, JobStatusIndicator, useAnimation, VideoPlayerCard } from "@photoplay/elements/react";
import { useState } from "react";

interface Picture {
  src: string;
  alt: string;
}

/** The three components. */
export function Animated({ src, alt }: Picture) {
  const [videoId, setVideoId] = useState<string>();
  return (
    <figure>
      <VideoPlayerCard jobId={videoId}>
        <img id="photo" src={src} alt={alt} width={1200} height={800} />
      </VideoPlayerCard>
      <AnimateButton
        htmlFor="photo"
        options={{ durationSec: 2 }}
        onJobChange={(job) => job.status === "succeeded" && setVideoId(job.id)}
      >
        Bring it to life
      </AnimateButton>
    </figure>
  );
}

/** A button of your own, and the job somewhere else. */
export function OwnButton({ src }: Picture) {
  const { state, isOpen, jobId, animate, cancel } = useAnimation({ picture: { src }, options: { durationSec: 2 } });
  return (
    <>
      <button onClick={isOpen ? cancel : animate} disabled={state === "quota"}>
        {isOpen ? "Stop" : "Animate"}
      </button>
      {jobId && <JobStatusIndicator jobId={jobId} onComplete={(videoUrl) => console.info(videoUrl)} />}
    </>
  );
}
