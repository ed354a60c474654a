// The API's bodies and the rows that a client may read, as types. Written by `make types` from
// docs/openapi.json and the database's schema, compared by `make check`; do not edit.

/** What a JSON column or an open object holds. */
export type Json = string | number | boolean | null | Json[] | { [key: string]: Json | undefined };

/** Every answer with a body, but for problems. */
export interface Success<T> {
  success: true;
  data: T;
}

/** A page of a list; ask again with `next_cursor` for the next one. */
export interface Page<T> {
  items: T[];
  next_cursor: string | null;
}

/** Something that an operator changed. */
export interface Act {
  id: number;
  at: string;
  actor: string;
  action: string;
  target: string;
  details: { [key: string]: Json | undefined };
}

/** Exactly one of `imageId`, `sourceImagePath` and `sourceImageUrl` names the picture. */
export interface AnimateRequest {
  imageId?: string | null;
  sourceImagePath?: string | null;
  sourceImageUrl?: string | null;
  prompt?: string | null;
  /** Same thing as the header Idempotency-Key. */
  clientRequestId?: string | null;
  options?: Options;
}

/** An API key without its secret. */
export interface ApiKey {
  id: string;
  prefix: string;
  name: string;
  scope: KeyScope;
  userId: string | null;
  createdAt: string;
  createdBy: string;
  expiresAt: string | null;
  revokedAt: string | null;
  /** To the minute. */
  lastUsedAt: string | null;
}

/** One try at one provider model. */
export interface Attempt {
  n: number;
  provider: string;
  model: string;
  status: string;
  error: string | null;
  started_at: string;
  finished_at: string | null;
}

/** One try at one provider model; at most one submission goes on the wire per attempt. */
export type AttemptStatus = "submitting" | "unknown" | "accepted" | "running" | "succeeded" | "failed" | "blocked" | "cancelled" | "expired" | "lost";

/** The job that serves the request. */
export interface CreatedJob {
  jobId: string;
  status: "queued" | "running" | "succeeded" | "failed" | "cancelled";
  provider: string;
  createdAt: string;
  duplicate: boolean;
}

/** How much was erased. */
export interface Erased {
  jobs: number;
  images: number;
}

/** Why a job failed; `charged` is null when it is not known. */
export interface Failure {
  code: string;
  message: string;
  retryable: boolean;
  charged: boolean | null;
}

/** One line of a job's timeline. */
export interface Happening {
  at: string;
  source: "event" | "attempt" | "callback" | "log" | "operator";
  level: string;
  text: string;
}

/** The limits that hold for a user; null where there is none. */
export interface HeldLimits {
  dailyLimit: number;
  maxOpenJobs: number;
  dedupeOpenJobs: boolean;
  requestsPerMinute: number | null;
  dailySpendUsd: number | null;
  /** For everybody together. */
  totalDailySpendUsd: number | null;
  timeZone: string;
}

/** A picture that can be animated. */
export interface Image {
  imageId: string;
  path: string;
  width: number;
  height: number;
  bytes: number;
}

/** A job as its user sees it. The older row's fields stay beside the newer ones. */
export interface Job {
  id: string;
  user_id: string;
  status: "queued" | "running" | "succeeded" | "failed" | "cancelled";
  phase: "accepted" | "preparing" | "submitting" | "waiting" | "storing" | "done";
  progress?: number | null;
  overdue: boolean;
  version: number;
  provider: string | null;
  provider_job_id: string | null;
  error: string | null;
  failure: Failure | null;
  created_at: string;
  updated_at: string;
  started_at: string | null;
  finished_at: string | null;
  expires_at: string | null;
  source_image_url: string;
  output_video_url: string | null;
  options: { [key: string]: Json | undefined };
  effective_options: { [key: string]: Json | undefined } | null;
  attempts: Attempt[];
  result: { [key: string]: Json | undefined } | null;
  video: Video | null;
  client_request_id: string | null;
  cost_usd: number | null;
  signedVideoUrl?: string | null;
  signedPosterUrl?: string | null;
  signedUrlExpiresAt?: string | null;
}

/** A job with everything that happened to it. */
export interface JobHistory {
  job: { [key: string]: Json | undefined };
  attempts: ({ [key: string]: Json | undefined })[];
  events: ({ [key: string]: Json | undefined })[];
  timeline: Happening[];
}

/** What a key should be. */
export interface KeyRequest {
  /** For people. */
  name: string;
  scope?: KeyScope;
  /** Whom a key of scope `jobs` acts for. */
  userId?: string | null;
  expiresAt?: string | null;
}

/** What a key may do. */
export type KeyScope = "jobs" | "admin";

/** A job of anybody, without its content. */
export interface ListedJob {
  id: string;
  user_id: string;
  created_at: string;
  updated_at: string;
  started_at: string | null;
  finished_at: string | null;
  status: Status;
  phase: Phase;
  provider: string | null;
  failure: Failure | null;
  cost_usd: number | null;
  version: number;
  overdue: boolean;
  attempts: number;
  /** Of the newest attempt. */
  attempt_status: AttemptStatus | null;
}

/** A key with its text, which is shown this once. */
export interface NewApiKey {
  id: string;
  prefix: string;
  name: string;
  scope: KeyScope;
  userId: string | null;
  createdAt: string;
  createdBy: string;
  expiresAt: string | null;
  revokedAt: string | null;
  /** To the minute. */
  lastUsedAt: string | null;
  key: string;
}

/** What one provider would make of a wish. */
export interface Offer {
  provider: string;
  model: string;
  /** Whether it is tried when a job names no provider. */
  is_default: boolean;
  /** False while it is paused or its circuit is open. */
  is_available: boolean;
  /** False for a camera move over the picture itself. */
  generative: boolean;
  billed: boolean;
  /** Camera moves that can be named; empty: words only. */
  moves: string[];
  effective_options: { [key: string]: Json | undefined } | null;
  /** Why the wish cannot be met at all. */
  reason: string | null;
  /** List price; null when it is not known. */
  cost_usd: number | null;
  /** Seconds such a clip took lately; null: no figure yet. */
  typical_s: number | null;
}

/** A wish without its picture. */
export interface OffersRequest {
  options?: Options;
}

/** How the clip should be; whatever is left out is chosen by the server. */
export interface Options {
  /** Length in seconds. */
  durationSec?: number | null;
  resolution?: "480p" | "720p" | "1080p" | null;
  motionStrength?: "low" | "medium" | "high" | null;
  aspectRatio?: "auto" | "16:9" | "9:16" | "1:1" | "4:3" | "3:4" | null;
  seed?: number | null;
  provider?: string | null;
  loop?: boolean | null;
  /** Camera move of the built-in renderer. */
  move?: string | null;
  fps?: 24 | 30 | null;
}

/** A user's own limits; what is null or left out is as for everybody. */
export interface OwnLimitsInput {
  dailyLimit?: number | null;
  maxOpenJobs?: number | null;
  dedupeOpenJobs?: boolean | null;
  requestsPerMinute?: number | null;
  dailySpendUsd?: number | string | null;
}

/** A user's own limits; what is null or left out is as for everybody. */
export interface OwnLimitsOutput {
  dailyLimit?: number | null;
  maxOpenJobs?: number | null;
  dedupeOpenJobs?: boolean | null;
  requestsPerMinute?: number | null;
  dailySpendUsd?: number | null;
}

/** Where the worker is; one commit ends each phase, at most one foreign effect lies between two. */
export type Phase = "accepted" | "preparing" | "submitting" | "waiting" | "storing" | "done";

/** RFC 9457, with the fields that older clients read. */
export interface Problem {
  type: string;
  title: string;
  status: number;
  detail: string;
  instance: string;
  code: "malformed_json" | "malformed_form" | "idempotency_key_mismatch" | "image_required" | "image_ambiguous" | "image_not_found" | "image_empty" | "image_type" | "image_unreadable" | "image_too_large" | "image_too_many_pixels" | "image_dimensions" | "image_ratio" | "url_not_allowed" | "unknown_provider" | "unknown_move" | "price_unknown" | "cursor_invalid" | "on_behalf_of_required" | "on_behalf_of_invalid" | "unauthenticated" | "invalid_subject" | "ticket_invalid" | "media_link_refused" | "admin_required" | "host_not_loopback" | "foreign_origin" | "not_found" | "job_not_found" | "picture_not_found" | "provider_not_found" | "key_not_found" | "method_not_allowed" | "callback_forged" | "already_finished" | "not_finished" | "nothing_unresolved" | "several_unresolved" | "already_uploaded" | "erased" | "user_erased" | "payload_too_large" | "unprocessable" | "idempotency_key_reused" | "quota_exceeded" | "too_many_open_jobs" | "rate_limited" | "spend_cap_reached" | "internal" | "database_unavailable" | "identity_unavailable" | "storage_unavailable" | "contention";
  retryable: boolean;
  request_id: string;
  success: false;
  error: string;
  details?: { [key: string]: Json | undefined } | null;
}

/** A provider as all workers see it. */
export interface Provider {
  name: string;
  /** Its place in the order of trying; null when not tried. */
  place: number | null;
  pausedAt: string | null;
  pausedBy: string | null;
  /** Circuit breaker: nothing is sent until then. */
  openUntil: string | null;
  /** Why its operator must act. */
  attention: string | null;
  attentionAt: string | null;
  /** Attempts that it may be working on. */
  underWay: number;
  /** Attempts whose submission is being resolved. */
  unknown: number;
}

/** Today's quota and what is in progress. */
export interface Quota {
  limit: number;
  used: number;
  remaining: number;
  resetsAt: string;
  openJobs: number;
  maxOpenJobs: number;
}

/** What a reset gave back. */
export interface QuotaReset {
  givenBack: number;
}

/** What became of a submission that could not be confirmed: a task, or nothing. */
export interface Resolution {
  /** The provider's name of the task. */
  providerTaskId?: string | null;
  /** It never arrived, and was not charged. */
  notAccepted?: true | null;
  /** Which of the job's attempts, by its `n`; needed where several are unresolved. */
  attempt?: number | null;
}

/** What a run found and did. */
export interface Retention {
  /** Jobs past their retention before the run. */
  expired: number;
  /** Jobs erased by it; run it again while it is less. */
  erased: number;
}

/** The same with an address that shows it without a header. */
export interface SignedImage {
  imageId: string;
  path: string;
  width: number;
  height: number;
  bytes: number;
  signedUrl: string;
  signedUrlExpiresAt: string;
}

/** What the user sees of a job; the terminal ones never change. */
export type Status = "queued" | "running" | "succeeded" | "failed" | "cancelled";

/** Lets an address without headers (a video element, an event source) read one job for a while. */
export interface Ticket {
  ticket: string;
  expiresAt: string;
}

/** Where to PUT a picture's bytes; afterwards animate its `path`. */
export interface Upload {
  uploadUrl: string;
  method: "PUT";
  path: string;
  expiresAt: string;
}

/** How a user stands today. */
export interface UserQuota {
  userId: string;
  own: OwnLimitsOutput;
  limits: HeldLimits;
  day: string;
  resetsAt: string;
  used: number;
  remaining: number;
  openJobs: number;
  /** What its videos of today cost or may still cost. */
  spentUsd: number;
  /** Everybody's; null while that is not capped. */
  totalSpentUsd: number | null;
}

/** Facts of the stored video. */
export interface Video {
  width: number;
  height: number;
  duration_s: number;
  bytes: number;
  sha256: string;
}

/** By method and path, what is sent and what a success answers, as JSON. */
export interface Operations {
  "POST /api/video/animate": { body: AnimateRequest; answer: Success<CreatedJob> };
  "POST /api/video/callbacks/{provider}/{token}": { answer: Success<null> };
  "GET /api/video/jobs": { answer: Success<Page<Job>> };
  "GET /api/video/jobs/{job_id}": { answer: Success<Job> };
  "POST /api/video/jobs/{job_id}/cancel": { answer: Success<Job> };
  "POST /api/video/jobs/{job_id}/ticket": { answer: Success<Ticket> };
  "POST /api/video/images": { answer: Success<Image> };
  "POST /api/video/images/uploads": { answer: Success<Upload> };
  "GET /api/video/images/{image_id}": { answer: Success<SignedImage> };
  "POST /api/video/offers": { body: OffersRequest; answer: Success<Offer[]> };
  "GET /api/video/quota": { answer: Success<Quota> };
  "GET /api/admin/audit": { answer: Success<Page<Act>> };
  "GET /api/admin/jobs": { answer: Success<Page<ListedJob>> };
  "GET /api/admin/jobs/{job_id}": { answer: Success<JobHistory> };
  "POST /api/admin/jobs/{job_id}/requeue": { answer: Success<JobHistory> };
  "POST /api/admin/jobs/{job_id}/resolve": { body: Resolution; answer: Success<JobHistory> };
  "GET /api/admin/keys": { answer: Success<Page<ApiKey>> };
  "POST /api/admin/keys": { body: KeyRequest; answer: Success<NewApiKey> };
  "POST /api/admin/keys/{key_id}/revoke": { answer: Success<ApiKey> };
  "GET /api/admin/providers": { answer: Success<Provider[]> };
  "POST /api/admin/providers/{name}/pause": { answer: Success<Provider> };
  "POST /api/admin/providers/{name}/resume": { answer: Success<Provider> };
  "GET /api/admin/quotas/{user_id}": { answer: Success<UserQuota> };
  "PUT /api/admin/quotas/{user_id}": { body: OwnLimitsInput; answer: Success<UserQuota> };
  "POST /api/admin/quotas/{user_id}/reset": { answer: Success<QuotaReset> };
  "POST /api/admin/retention": { answer: Success<Retention> };
  "DELETE /api/admin/users/{user_id}": { answer: Success<Erased> };
}

/** What users asked for; one row a job. Clients read own rows and write none. */
export type VideoJob = {
  id: string;
  created_at: string;
  updated_at: string;
  user_id: string;
  source_image_url: string;
  provider?: string | null;
  provider_job_id?: string | null;
  status: "queued" | "running" | "succeeded" | "failed" | "cancelled";
  error?: string | null;
  output_video_url?: string | null;
  options: Options;
  client_request_id?: string | null;
  version: number;
  phase: "accepted" | "preparing" | "submitting" | "waiting" | "storing" | "done";
  progress?: number | null;
  prompt?: string | null;
  image_id?: string | null;
  fingerprint?: string | null;
  effective_options?: Json | null;
  failure?: Failure | null;
  result?: Json | null;
  video?: Video | null;
  poster_path?: string | null;
  cost_usd?: number | null;
  overdue_at?: string | null;
  started_at?: string | null;
  finished_at?: string | null;
  expires_at?: string | null;
  quota_day?: string | null;
  quota_returned_at?: string | null;
  adopted_at?: string | null;
  erased_at?: string | null;
};

/** Units of the daily quota in use; one row a user and day. The ledger explains it. */
export type VideoQuota = {
  id: string;
  created_at: string;
  updated_at: string;
  user_id: string;
  date: string;
  count: number;
};

/** Source pictures that passed intake; the same bytes of one user are one row. */
export type VideoImage = {
  id: string;
  created_at: string;
  user_id: string;
  path: string;
  content_type: string;
  width: number;
  height: number;
  bytes: number;
  sha256: string;
};

/** For `createClient<Database>()` of supabase-js; clients write none of it. */
export type Database = {
  public: {
    Tables: {
      video_jobs: { Row: VideoJob; Insert: never; Update: never; Relationships: [] };
      video_quota: { Row: VideoQuota; Insert: never; Update: never; Relationships: [] };
      video_images: { Row: VideoImage; Insert: never; Update: never; Relationships: [] };
    };
    Views: { [name in never]: never };
    Functions: { [name in never]: never };
    Enums: { [name in never]: never };
    CompositeTypes: { [name in never]: never };
  };
};
