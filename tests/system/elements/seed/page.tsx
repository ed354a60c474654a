// A page of the older system: `?name=value` is the button's picture.

import { useState } from "react";
import { createRoot } from "react-dom/client";
import { AnimateButton, JobStatusIndicator, VideoPlayerCard } from "./components.tsx";

function Page() {
  const [jobId, setJobId] = useState<string | null>(null);
  const [videoUrl, setVideoUrl] = useState<string | null>(null);
  return (
    <>
      <AnimateButton {...Object.fromEntries(new URLSearchParams(location.search))} onJobCreated={setJobId} />
      {jobId && <JobStatusIndicator key={jobId} jobId={jobId} onComplete={setVideoUrl} />}
      {videoUrl && <VideoPlayerCard videoUrl={videoUrl} />}
    </>
  );
}

createRoot(document.querySelector("main") as HTMLElement).render(<Page />);
