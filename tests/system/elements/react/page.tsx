// A React page as a product would write it: `?show=` names the part that is shown, in StrictMode.

import { AnimateButton, configure, JobStatusIndicator, useAnimation, VideoPlayerCard } from "@photoplay/elements/react";
import { StrictMode, useEffect, useState } from "react";
import { createRoot } from "react-dom/client";

declare global {
  interface Window {
    service: string;
    bearer: string;
    heard: string[];
  }
}

const OPTIONS = { durationSec: 1, resolution: "480p" } as const;
const PICTURE = "/picture.jpg";
window.heard = [];
configure({ endpoint: window.service, token: () => window.bearer });

/** The three components, wired as those that they replace. */
function Components() {
  const [jobId, setJobId] = useState<string | null>(null);
  const [videoUrl, setVideoUrl] = useState<string | null>(null);
  return (
    <>
      <img id="photo" src={PICTURE} alt="Coffee" width="600" height="400" />
      <AnimateButton htmlFor="photo" options={OPTIONS} onJobCreated={setJobId}>
        Bring it to life
      </AnimateButton>
      {jobId && (
        <JobStatusIndicator jobId={jobId} onComplete={setVideoUrl} onEnd={(job) => window.heard.push(job.status)} />
      )}
      {videoUrl && <VideoPlayerCard videoUrl={videoUrl} posterUrl={PICTURE} />}
    </>
  );
}

/** A button that comes and goes with what is around it. */
function Leaving() {
  const [isThere, setThere] = useState(true);
  return (
    <>
      <button id="toggle" onClick={() => setThere(!isThere)}>
        Toggle
      </button>
      <img id="photo" src={PICTURE} alt="Coffee" width="600" height="400" />
      {isThere && <AnimateButton htmlFor="photo" options={OPTIONS} />}
    </>
  );
}

/** A button of one's own; with `isAtOnce`, pressed by the page itself. */
function Own({ isAtOnce = false }: { isAtOnce?: boolean }) {
  const { state, job, jobId, isOpen, animate, cancel } = useAnimation({ picture: { src: PICTURE }, options: OPTIONS });
  useEffect(() => {
    if (isAtOnce) animate();
  }, []);
  return (
    <>
      <button id="own" onClick={isOpen ? cancel : animate}>
        {isOpen ? "Stop" : "Animate"}
      </button>
      <output>{state}</output>
      {jobId && state === "succeeded" && <VideoPlayerCard jobId={jobId} posterUrl={PICTURE} />}
      <p>{job?.provider}</p>
    </>
  );
}

const shown: Record<string, React.ReactNode> = {
  components: <Components />,
  leaving: <Leaving />,
  own: <Own />,
  "at-once": <Own isAtOnce />,
};
const root = document.querySelector("main") as HTMLElement;
createRoot(root).render(
  <StrictMode>
    <h1>A product</h1>
    {shown[new URLSearchParams(location.search).get("show") ?? ""]}
  </StrictMode>,
);
