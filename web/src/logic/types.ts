// The API's bodies, generated from its description, and what the elements add to them.

import type { AnimateRequest, Job, Options } from "../../types/photoplay.ts";

export type { CreatedJob, Failure, Job, Offer, Options, Page, Video } from "../../types/photoplay.ts";

export type Status = Job["status"];

/** What is asked besides the picture. */
export type AnimateBody = Required<Pick<AnimateRequest, "clientRequestId">> & Pick<AnimateRequest, "prompt" | "options">;

/** How a picture is named in a request; exactly one of the three. */
export type PictureName = { imageId: string } | { sourceImagePath: string } | { sourceImageUrl: string };

/** A picture that the page shows; its bytes are sent before it is animated. */
export interface ShownPicture {
  src: string;
}

/** What the user asks for. */
export interface Wish {
  picture: PictureName | ShownPicture;
  prompt?: string;
  options?: Options;
}

const ENDED: readonly Status[] = ["succeeded", "failed", "cancelled"];

export const hasEnded = (status: Status): boolean => ENDED.includes(status);
