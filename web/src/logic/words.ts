// What is said of a state: a headline, a line of detail, or an alert with what to do.

import { resetsAtMs, type State } from "./wished-job.ts";
import type { Problem } from "./api.ts";
import { isLate, type Sight, timeLeftMs } from "./estimate.ts";
import { fill, type Language } from "./language.ts";
import type { Failure, Job } from "./types.ts";

/** What is to be said of. */
export interface Situation {
  state: State;
  sight: Sight | null;
  typicalMs: number | null;
  problem: Problem | null;
  isTroubled: boolean;
  isCancelling: boolean;
  nowMs: number;
}

export interface Words {
  status: string;
  detail: string;
  /** Said at once by a screen reader; instead of a detail. */
  alert: string;
  /** What support finds the job by. */
  reference?: string;
}

const FOR_SUPPORT = ["outcome_unknown", "storage_failed", "expired"];

export function wordsFor(situation: Situation, language: Language): Words {
  const { state, sight, problem, isTroubled, isCancelling } = situation;
  const { texts } = language;
  const say = (status: string, detail = "", alert = ""): Words => ({ status, detail, alert });
  const trouble = isTroubled && problem ? texts.offlineDetail : "";
  if (isCancelling) return say(texts.cancelling, trouble);
  if (trouble) return say(texts.offline, trouble);
  switch (state) {
    case "idle":
      return say("");
    case "starting":
      return say(texts.starting);
    case "queued":
      return say(texts.queued, timeDetail(situation, language));
    case "running":
      return say(phaseText(sight?.job ?? null, language), timeDetail(situation, language));
    case "succeeded":
      return say(texts.succeeded);
    case "cancelled":
      return say(texts.cancelled, chargeText(sight?.job.failure?.charged, language));
    case "signed-out":
      return say(texts.signedOut, "", texts.signedOutDetail);
    case "quota":
      return say(texts.quota, "", quotaText(problem, language));
    case "busy":
      return say(texts.busy, "", fill(texts.busyDetail, { n: String(problem?.details.maxOpenJobs ?? "") }));
    case "failed":
      if (!sight) return say(texts.failed, "", problemText(problem, language));
      return { ...say(texts.failed, "", failureText(sight.job, language)), reference: referenceOf(sight.job) };
  }
}

function phaseText(job: Job | null, { texts }: Language): string {
  const phase = job?.phase ?? "waiting";
  return phase === "accepted" ? texts.queued : phase === "done" ? texts.storing : texts[phase];
}

function timeDetail({ sight, typicalMs, nowMs }: Situation, { texts }: Language): string {
  if (!sight) return "";
  if (isLate(sight, typicalMs, nowMs)) return texts.late;
  const left = timeLeftMs(sight, typicalMs, nowMs);
  if (left === null) return texts.goesOn;
  if (left < 4_000) return texts.momentLeft;
  const seconds = left / 1_000;
  // A figure that changes each second would look more exact than it is.
  if (seconds <= 55) return fill(texts.secondsLeft, { n: seconds < 20 ? Math.ceil(seconds / 5) * 5 : Math.ceil(seconds / 10) * 10 });
  return fill(texts.minutesLeft, { n: Math.ceil(seconds / 60) });
}

function chargeText(charged: boolean | null | undefined, { texts }: Language): string {
  if (charged === undefined) return "";
  return charged === null ? texts.chargeUnknown : charged ? texts.charged : texts.notCharged;
}

function failureText(job: Job, language: Language): string {
  const { failure } = job;
  if (!failure) return job.error ?? language.texts.faulty;
  const support = referenceOf(job) && language.texts.support;
  return [reasonText(failure, language), chargeText(failure.charged, language), support].filter(Boolean).join(" ");
}

const referenceOf = ({ id, failure }: Job): string => (FOR_SUPPORT.includes(failure?.code ?? "") ? id : "");

function reasonText({ code, message }: Failure, { texts }: Language): string {
  const reasons: Record<string, string> = {
    content_refused: texts.contentRefused,
    image_rejected: texts.imageRejected,
    providers_unavailable: texts.providersUnavailable,
    outcome_unknown: texts.outcomeUnknown,
    provider_failed: texts.providerFailed,
    storage_failed: texts.storageFailed,
    expired: texts.expired,
  };
  return reasons[code] ?? message;
}

function problemText(problem: Problem | null, { texts }: Language): string {
  const code = problem?.code ?? "";
  const reasons: Record<string, string> = {
    image_not_found: texts.imageNotFound,
    image_too_large: texts.imageTooLarge,
    payload_too_large: texts.imageTooLarge,
    image_too_many_pixels: texts.imageTooLarge,
  };
  const isPicture = code.startsWith("image_") || code === "url_not_allowed";
  const reason = reasons[code] ?? (isPicture ? texts.imageRejected : problem?.status === 500 ? texts.faulty : texts.refused);
  return `${reason} ${texts.notCharged}`;
}

function quotaText(problem: Problem | null, { tag, texts }: Language): string {
  if (!problem) return texts.notCharged;
  const clock = new Intl.DateTimeFormat(tag, { hour: "numeric", minute: "2-digit" });
  return `${fill(texts.quotaDetail, { time: clock.format(resetsAtMs(problem)) })} ${texts.notCharged}`;
}
