// The API's answers, as far as the elements read them.

export type Status = "queued" | "running" | "succeeded" | "failed" | "cancelled";

export interface Failure {
  code: string;
  message: string;
  retryable: boolean;
  /** Null when it is not known. */
  charged: boolean | null;
}

export interface Video {
  width: number;
  height: number;
  duration_s: number;
  bytes: number;
}

/** What the camera or the model did; `generative` decides what a viewer must be told. */
export interface Result {
  generative?: boolean;
  move?: string;
}

export interface Job {
  id: string;
  status: Status;
  phase: "accepted" | "preparing" | "submitting" | "waiting" | "storing" | "done";
  /** 0 to 1, or null when the provider does not say. */
  progress: number | null;
  overdue: boolean;
  version: number;
  provider: string | null;
  error: string | null;
  failure: Failure | null;
  options: Options;
  created_at: string;
  updated_at: string;
  finished_at: string | null;
  result: Result | null;
  video: Video | null;
  client_request_id: string | null;
  signedVideoUrl?: string | null;
  signedPosterUrl?: string | null;
  signedUrlExpiresAt?: string | null;
}

export interface CreatedJob {
  jobId: string;
  status: Status;
  duplicate: boolean;
}

/** What a provider would make of the same options, and how long such a video took lately. */
export interface Offer {
  provider: string;
  typical_s: number | null;
}

export interface JobPage {
  items: Job[];
  next_cursor: string | null;
}

/** How a picture is named in a request; exactly one of the three. */
export type PictureName = { imageId: string } | { sourceImagePath: string } | { sourceImageUrl: string };

/** A picture that the page shows; its bytes are sent before it is animated. */
export interface ShownPicture {
  src: string;
}

export type Options = Record<string, string | number | boolean>;

/** What the user asks for. */
export interface Wish {
  picture: PictureName | ShownPicture;
  prompt?: string;
  options?: Options;
}

const ENDED: readonly Status[] = ["succeeded", "failed", "cancelled"];

export const hasEnded = (status: Status): boolean => ENDED.includes(status);
