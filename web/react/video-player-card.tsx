import type { ReactNode } from "react";
import type { TokenSource } from "../src/logic/api.ts";
import "../src/photoplay-player.ts";
import type { PhotoplayPlayer } from "../src/photoplay-player.ts";
import { useElement } from "./elements.ts";

export interface VideoPlayerCardProps {
  /** The job; its addresses renew themselves. */
  jobId?: string | undefined;
  /** An address of a video, instead of a job. */
  videoUrl?: string | undefined;
  posterUrl?: string | undefined;
  /** The browser's own controls; on, unless `false`. */
  controls?: boolean | undefined;
  /** `videoUrl` has died: give another one. Not needed with `jobId`. */
  onRenew?: (() => void) | undefined;
  endpoint?: string | undefined;
  token?: TokenSource | undefined;
  className?: string | undefined;
  /** The picture, best as an `img`: it is there before the video, and under it. */
  children?: ReactNode;
}

/** `<photoplay-player>`: the video in place of its picture. */
export function VideoPlayerCard(props: VideoPlayerCardProps) {
  const { onRenew } = props;
  const ref = useElement<PhotoplayPlayer>(
    {
      renewrequest: (event) => {
        if (!onRenew) return;
        event.preventDefault();
        onRenew();
      },
    },
    props.token,
  );
  return (
    <photoplay-player
      ref={ref}
      class={props.className}
      job-id={props.jobId}
      src={props.videoUrl}
      poster={props.posterUrl}
      controls={props.controls === false ? undefined : ""}
      endpoint={props.endpoint}
    >
      {props.children}
    </photoplay-player>
  );
}
