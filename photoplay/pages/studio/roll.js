// The roll: this tab's pictures, each with its wish and its job. No page in here.

import { Problem } from "./api.js";
import { follow, hasEnded, pause } from "./follow.js";
import { forgetThumb, keepRoll, keepThumb, keptRoll, newKey } from "./intent.js";
import { looksLikePicture, preview } from "./picture.js";
import { shelve, shelved, unshelve } from "./shelf.js";

export const MOST_FRAMES = 24;
const HELD_MS = 5_000;
const MOST_FAULTS = 4;

/**
 * A frame's state: a job's status, or before there is one
 * sending | refused (the picture) | ready | asking | stopped (the wish was refused).
 */
export function stateOf(frame) {
  if (frame.job) return frame.job.status;
  if (frame.intent || frame.jobId) return "asking";
  if (frame.problem) return frame.imageId ? "stopped" : "refused";
  return frame.imageId ? "ready" : "sending";
}

export const isOpen = (frame) => ["asking", "queued", "running"].includes(stateOf(frame));
export const canAnimate = (frame) => !isOpen(frame) && stateOf(frame) !== "refused";

/** Emits `change` (detail: the frame or null), `ended` (a job has ended), `created`, `refused`. */
export class Roll extends EventTarget {
  frames = [];
  selected = null;
  #api;
  #followers = new Map();
  #nudge = new AbortController();

  constructor(api) {
    super();
    this.#api = api;
    document.addEventListener("visibilitychange", () => this.#followAll());
  }

  /** Bring back what was there before a refresh, and go on with what is open. */
  async restore() {
    const { frames, selected } = keptRoll();
    for (const frame of frames.filter((f) => !f.imageId)) frame.file = await shelved(frame.id);
    const back = frames.filter((f) => f.imageId || f.file);
    this.frames.unshift(...back);
    for (const frame of back.filter((f) => f.file)) this.#load(frame);
    this.selected ??= this.frames.find((f) => f.id === selected) ?? this.frames[0] ?? null;
    this.#changed(null);
    this.resume();
  }

  /** Ask and follow again, wherever that had stopped. */
  resume() {
    for (const frame of this.frames) {
      if (frame.jobId && !(frame.job && hasEnded(frame.job))) this.#follow(frame);
      else if (frame.intent && !frame.isAsking) this.#ask(frame);
    }
  }

  /** Take files in; returns those that are no pictures or were too many. */
  add(files) {
    const [taken, others] = [[], []];
    for (const file of files) {
      const fits = this.frames.length + taken.length < MOST_FRAMES;
      (fits && looksLikePicture(file) ? taken : others).push(file);
    }
    for (const file of taken) {
      const frame = { id: newKey(), name: file.name || "picture", file };
      this.frames.push(frame);
      if (file === taken[0]) this.selected = frame;
      shelve(frame.id, file);
      this.#load(frame);
    }
    if (taken.length) this.#changed(null);
    this.#followAll();
    return others;
  }

  select(frame) {
    if (frame === this.selected) return;
    this.selected = frame;
    this.#changed(null);
    this.#followAll();
  }

  /** Take a frame off the roll; its film, if there is one, stays in the gallery. */
  remove(frame) {
    const at = this.frames.indexOf(frame);
    if (at < 0 || isOpen(frame)) return;
    this.frames.splice(at, 1);
    if (frame.url) URL.revokeObjectURL(frame.url);
    forgetThumb(frame.id);
    if (this.selected === frame) this.selected = this.frames[at] ?? this.frames[at - 1] ?? null;
    this.#changed(null);
    this.#followAll();
  }

  /** One wish, one job: nothing happens while the frame has one in the works. */
  animate(frame, wish) {
    if (!canAnimate(frame)) return;
    Object.assign(frame, { intent: { key: newKey(), wish }, job: null, jobId: null, problem: null });
    this.#changed(frame);
    this.#ask(frame);
  }

  async cancel(frame) {
    frame.isCancelling = true;
    if (frame.jobId) {
      this.#changed(frame);
      try {
        this.#take(frame, await this.#api.cancel(frame.jobId));
      } catch {
        // It ended first, or we are offline: the follower tells, and the button is there again.
        frame.isCancelling = false;
        this.#changed(frame);
      }
      return;
    }
    // After a definite no there is nothing to take back; else the answer has to be waited for.
    if (frame.held) Object.assign(frame, { intent: null, held: null, isCancelling: false });
    else if (frame.intent) frame.intent.isUnwanted = true;
    this.#changed(frame);
  }

  /** A film was erased: its frame is a picture again. */
  forgetJob(jobId) {
    for (const frame of this.frames.filter((f) => f.jobId === jobId)) this.#release(frame);
  }

  #release(frame) {
    Object.assign(frame, { intent: null, job: null, jobId: null, problem: null, trouble: null });
    this.#changed(frame);
  }

  #changed(frame) {
    keepRoll(this.frames, this.selected);
    this.dispatchEvent(new CustomEvent("change", { detail: frame }));
  }

  #load(frame) {
    frame.url = URL.createObjectURL(frame.file);
    frame.sending = this.#send(frame);
  }

  async #send(frame) {
    const seen = preview(frame.url).then((found) => {
      if (!found) frame.url = null;
      else Object.assign(frame, found);
      keepThumb(frame.id, found?.thumb);
      this.#changed(frame);
    });
    for (let failures = 0; !frame.imageId && this.frames.includes(frame); failures += 1) {
      try {
        const sent = await this.#api.sendPicture(frame.file);
        Object.assign(frame, { imageId: sent.imageId, trouble: null });
        frame.width ??= sent.width;
        frame.height ??= sent.height;
      } catch (problem) {
        if (!(await this.#again(frame, problem, failures))) {
          Object.assign(frame, { problem, intent: null, trouble: null });
          break;
        }
      }
    }
    frame.file = null;
    unshelve(frame.id);
    await seen;
    this.#changed(frame);
  }

  async #ask(frame) {
    const { intent } = frame;
    frame.isAsking = true;
    await frame.sending;
    for (let failures = 0; frame.intent === intent && frame.imageId; failures += 1) {
      try {
        const wish = { imageId: frame.imageId, clientRequestId: intent.key, ...intent.wish };
        const { jobId } = await this.#api.animate(wish);
        Object.assign(frame, { jobId, held: null, trouble: null });
        this.#changed(frame);
        this.dispatchEvent(new Event("created"));
        this.#follow(frame);
        if (intent.isUnwanted) this.cancel(frame);
        break;
      } catch (problem) {
        if (frame.intent !== intent) break;
        const isHeld = problem.code === "too_many_open_jobs";
        if (!(isHeld && intent.isUnwanted) && (await this.#again(frame, problem, failures))) continue;
        if (frame.intent !== intent) break;
        const shown = intent.isUnwanted ? null : problem;
        Object.assign(frame, { intent: null, problem: shown, held: null, trouble: null });
        frame.isCancelling = false;
        this.#changed(frame);
        this.dispatchEvent(new Event("refused"));
      }
    }
    frame.isAsking = false;
  }

  /** Whether a refused request is worth repeating, after the pause that it asks for. */
  async #again(frame, problem, failures) {
    if (problem.status === 401) {
      await new Promise((resolve) =>
        this.#api.addEventListener("identity", resolve, { once: true }),
      );
      return true;
    }
    if (!problem.retryable || problem.code === "quota_exceeded") return false;
    if (problem.status === 500 && failures >= MOST_FAULTS) return false;
    const isHeld = problem.code === "too_many_open_jobs";
    Object.assign(frame, { held: isHeld ? problem : null, trouble: isHeld ? null : problem });
    this.#changed(frame);
    await pause(isHeld ? HELD_MS : Math.min(1_000 * 2 ** failures, 15_000), this.#nudge.signal);
    return true;
  }

  #followAll() {
    for (const frame of this.frames) if (this.#followers.has(frame)) this.#follow(frame);
  }

  async #follow(frame) {
    const live = frame === this.selected && !document.hidden;
    const before = this.#followers.get(frame);
    if (before?.live === live && before.jobId === frame.jobId) return;
    before?.abort.abort();
    const abort = new AbortController();
    const follower = { live, abort, jobId: frame.jobId };
    this.#followers.set(frame, follower);
    const isCurrent = () => this.#followers.get(frame) === follower && frame.jobId === follower.jobId;
    try {
      await follow(this.#api, frame.jobId, {
        live,
        signal: abort.signal,
        onJob: (job) => isCurrent() && this.#take(frame, job),
        onTrouble: (problem) => {
          if (!isCurrent() || Boolean(frame.trouble) === Boolean(problem)) return;
          frame.trouble = problem;
          this.#changed(frame);
        },
      });
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      // 401 waits for an identity; a job that is not there any more leaves a picture.
      if (isCurrent() && problem.status !== 401) this.#release(frame);
    } finally {
      if (this.#followers.get(frame) === follower) this.#followers.delete(frame);
    }
  }

  #take(frame, job) {
    if (job.id !== frame.jobId || (frame.job && job.version < frame.job.version)) return;
    // Progress that goes back would look like a fault; the provider only counted anew.
    const shown = frame.job?.status === job.status ? (frame.job.progress ?? 0) : 0;
    if (job.progress !== null) job.progress = Math.max(job.progress, shown);
    const isNews = hasEnded(job) && Boolean(frame.intent);
    frame.job = job;
    if (hasEnded(job)) Object.assign(frame, { intent: null, isCancelling: false });
    this.#changed(frame);
    if (!isNews) return;
    // Those that were held back may find a place now.
    this.#nudge.abort();
    this.#nudge = new AbortController();
    this.dispatchEvent(new CustomEvent("ended", { detail: frame }));
  }
}
