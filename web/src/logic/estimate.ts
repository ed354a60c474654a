// How long a job will still take, from its own progress and from what such videos took lately.

import type { Job } from "./types.ts";

// Before this share of the work, a job's own pace says little.
const TELLING_SHARE = 0.15;
const LATE_FACTOR = 3;

/** A job as it was seen, and when by this machine's clock; the service's clock may differ. */
export interface Sight {
  job: Job;
  seenAtMs: number;
}

/** Milliseconds since the job was accepted. */
export function elapsedMs({ job, seenAtMs }: Sight, nowMs: number): number {
  return Date.parse(job.updated_at) - Date.parse(job.created_at) + (nowMs - seenAtMs);
}

/**
 * Milliseconds that an open job will still take, or null when nothing can be said.
 *
 * @param typicalMs what such a video takes, null when there is no figure yet.
 */
export function timeLeftMs(sight: Sight, typicalMs: number | null, nowMs: number): number | null {
  const { job, seenAtMs } = sight;
  const elapsed = elapsedMs(sight, nowMs);
  const share = job.progress ?? 0;
  if (job.status === "running" && share >= TELLING_SHARE) {
    const atSight = elapsedMs(sight, seenAtMs);
    return Math.max((atSight / share) * (1 - share) - (nowMs - seenAtMs), 0);
  }
  if (typicalMs === null || elapsed > typicalMs) return null;
  return typicalMs - elapsed;
}

/** Whether a job takes much longer than such videos do. */
export function isLate(sight: Sight, typicalMs: number | null, nowMs: number): boolean {
  return sight.job.overdue || (typicalMs !== null && elapsedMs(sight, nowMs) > LATE_FACTOR * typicalMs + 60_000);
}
