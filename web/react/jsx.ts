// What the elements take in JSX.

import type { AnimateButton } from "../src/animate-button.ts";
import type { PhotoplayGallery } from "../src/photoplay-gallery.ts";
import type { PhotoplayPlayer } from "../src/photoplay-player.ts";
import type { VideoJob } from "../src/video-job.ts";

type Custom<Kind extends HTMLElement, Names extends string> = React.HTMLAttributes<Kind> &
  React.RefAttributes<Kind> & { [Name in Names | "class" | "endpoint"]?: string | undefined };

declare module "react" {
  namespace JSX {
    interface IntrinsicElements {
      "animate-button": Custom<
        AnimateButton,
        "image-id" | "source-image-path" | "source-image-url" | "for" | "prompt" | "options"
      >;
      "video-job": Custom<VideoJob, "job-id">;
      "photoplay-player": Custom<PhotoplayPlayer, "job-id" | "for" | "src" | "poster" | "controls">;
      "photoplay-gallery": Custom<PhotoplayGallery, "for" | "page-size">;
    }
  }
}
