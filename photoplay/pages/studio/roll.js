// The roll: this tab's pictures, each with its wish and its job. No page in here.

import { backoffMs, follow, hasEnded, pause } from "./follow.js";
import { forgetThumb, keepRoll, keepThumb, keptRoll, newKey } from "./intent.js";
import { looksLikePicture, thumbOf } from "./picture.js";
import { shelve, shelved, unshelve } from "./shelf.js";

export const MOST_FRAMES = 24;
const HELD_MS = 5_000;
const MOST_FAULTS = 4;

/** Whether a refusal holds until a new day begins: nothing is repeated by itself then. */
export const isForToday = ({ code }) => code === "quota_exceeded" || code === "spend_cap_reached";

/** A job's status, or before there is a job: sending, refused (the picture), ready, asking, stopped (the wish). */
export function stateOf(frame) {
  if (frame.job) return frame.job.status;
  if (frame.intent || frame.jobId) return "asking";
  if (frame.problem) return frame.imageId ? "stopped" : "refused";
  return frame.imageId ? "ready" : "sending";
}

export const isOpen = (frame) => ["asking", "queued", "running"].includes(stateOf(frame));
/** An older film on the stage is no frame of the roll: its picture is not at hand. */
export const canAnimate = (frame) => Boolean(frame.id) && !isOpen(frame) && stateOf(frame) !== "refused";

/** Emits `change`, `ended` (detail: the frame whose job has), and `counted` when the quota may differ. */
export class Roll extends EventTarget {
  frames = [];
  selected = null;
  #api;
  #followers = new Map();
  #nudge = new AbortController();

  constructor(api) {
    super();
    this.#api = api;
    document.addEventListener("visibilitychange", () => this.#refollow());
  }

  /** Bring back what was there before a refresh, and go on with what is open. */
  async restore() {
    const { frames, selected } = keptRoll();
    this.frames = frames;
    this.selected = frames.find((f) => f.id === selected) ?? null;
    this.#emit("change");
    for (const frame of frames.filter((f) => !f.imageId)) {
      frame.file = await shelved(frame.id);
      if (frame.file) this.#load(frame);
      else this.#takeOut(frame);
    }
    this.resume();
  }

  /** Ask and follow again, wherever that had stopped. */
  resume() {
    for (const frame of this.frames) {
      this.#showSent(frame);
      if (frame.jobId && !(frame.job && hasEnded(frame.job))) this.#follow(frame);
      else if (frame.intent && !frame.isAsking) this.#ask(frame);
    }
  }

  /** Take files in; returns those that are no pictures or were too many. */
  add(files) {
    const left = [];
    let first = null;
    for (const file of files) {
      if (this.frames.length >= MOST_FRAMES || !looksLikePicture(file)) {
        left.push(file);
        continue;
      }
      const frame = { id: newKey(), name: file.name || "picture", file };
      this.frames.push(frame);
      first ??= frame;
      shelve(frame.id, file);
      this.#load(frame);
    }
    if (first) this.select(first);
    return left;
  }

  select(frame) {
    this.selected = frame;
    this.#changed();
    this.#refollow();
  }

  /** Take a frame off the roll; its film, if there is one, stays in the gallery. */
  remove(frame) {
    if (isOpen(frame)) return;
    if (frame.url) URL.revokeObjectURL(frame.url);
    this.#takeOut(frame);
    this.#refollow();
  }

  /** One wish, one job: nothing happens while the frame has one in the works. */
  animate(frame, wish) {
    if (!canAnimate(frame)) return;
    this.#release(frame, { intent: { key: newKey(), wish }, isAsking: true });
    this.#ask(frame);
  }

  async cancel(frame) {
    frame.isCancelling = true;
    this.#changed();
    if (frame.jobId) {
      try {
        this.#take(frame, await this.#api.cancel(frame.jobId));
      } catch {
        // It ended first, or we are offline: the follower tells, and the button is there again.
        frame.isCancelling = false;
      }
    } else if (frame.held) {
      // After a definite no there is nothing to take back.
      this.#release(frame);
    } else if (frame.intent) {
      frame.intent.isUnwanted = true;
    }
    this.#changed();
  }

  /** A film was erased: its frame is a picture again. */
  forgetJob(jobId) {
    if (this.selected?.jobId === jobId && !this.selected.id) this.selected = this.frames[0] ?? null;
    for (const frame of this.frames) if (frame.jobId === jobId) this.#release(frame);
    this.#changed();
  }

  #emit(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }

  #changed() {
    keepRoll(this.frames, this.selected);
    this.#emit("change");
  }

  #release(frame, rest) {
    const none = { intent: null, job: null, jobId: null, problem: null, trouble: null, held: null };
    Object.assign(frame, none, { isCancelling: false }, rest);
    this.#changed();
  }

  #takeOut(frame) {
    const at = this.frames.indexOf(frame);
    this.frames.splice(at, 1);
    forgetThumb(frame.id);
    if (this.selected === frame) this.selected = this.frames[at] ?? this.frames[at - 1] ?? null;
    this.#changed();
  }

  #load(frame) {
    frame.url = URL.createObjectURL(frame.file);
    frame.seen = thumbOf(frame.url).then((thumb) => {
      if (thumb) keepThumb(frame.id, thumb);
      else frame.url = null;
      frame.thumb = thumb;
      this.#changed();
    });
    frame.sending = this.#send(frame);
  }

  async #send(frame) {
    for (let failures = 0; !frame.imageId && this.frames.includes(frame); failures += 1) {
      try {
        frame.imageId = (await this.#api.sendPicture(frame.file)).imageId;
        frame.trouble = null;
      } catch (problem) {
        if (await this.#mayRepeat(frame, problem, failures)) continue;
        this.#release(frame, { problem });
        break;
      }
    }
    await frame.seen;
    this.#showSent(frame);
    frame.file = null;
    unshelve(frame.id);
    this.#changed();
  }

  /** A picture that this browser cannot show (HEIC, mostly) comes back from the server as one it can. */
  async #showSent(frame) {
    if (frame.thumb || frame.url || frame.shown || !frame.imageId) return;
    frame.shown = await this.#api.picture(frame.imageId).catch(() => null);
    if (frame.shown) this.#changed();
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
        this.#changed();
        this.#emit("counted");
        this.#follow(frame);
        if (intent.isUnwanted) this.cancel(frame);
        break;
      } catch (problem) {
        const isOver = intent.isUnwanted && problem.status === 429;
        if (!isOver && (await this.#mayRepeat(frame, problem, failures))) continue;
        if (frame.intent !== intent) break;
        this.#release(frame, { problem: intent.isUnwanted ? null : problem });
        this.#emit("counted");
      }
    }
    frame.isAsking = false;
  }

  /** Whether a refused request is worth repeating, after the pause that it asks for. */
  async #mayRepeat(frame, problem, failures) {
    if (problem.status === 401) {
      await new Promise((resolve) => this.#api.addEventListener("identity", resolve, { once: true }));
      return true;
    }
    if (!problem.retryable || isForToday(problem)) return false;
    if (problem.status === 500 && failures >= MOST_FAULTS) return false;
    const isHeld = problem.code === "too_many_open_jobs";
    Object.assign(frame, { held: isHeld ? problem : null, trouble: isHeld ? null : problem });
    this.#changed();
    await pause(isHeld ? HELD_MS : backoffMs(failures), this.#nudge.signal);
    return true;
  }

  #refollow() {
    for (const frame of this.#followers.keys()) this.#follow(frame);
  }

  async #follow(frame) {
    const { jobId } = frame;
    const live = frame === this.selected && !document.hidden;
    const before = this.#followers.get(frame);
    if (before?.live === live && before.jobId === jobId) return;
    before?.abort();
    const stopping = new AbortController();
    const follower = { live, jobId, abort: () => stopping.abort() };
    this.#followers.set(frame, follower);
    const isCurrent = () => this.#followers.get(frame) === follower && frame.jobId === jobId;
    try {
      await follow(this.#api, jobId, {
        live,
        signal: stopping.signal,
        onJob: (job) => isCurrent() && this.#take(frame, job),
        onTrouble: (problem) => {
          if (!isCurrent() || Boolean(frame.trouble) === Boolean(problem)) return;
          frame.trouble = problem;
          this.#changed();
        },
      });
    } catch (problem) {
      // 401 waits for an identity; a job that is not there any more leaves a picture.
      if (isCurrent() && problem.status !== 401) this.#release(frame);
    }
    if (this.#followers.get(frame) === follower) this.#followers.delete(frame);
  }

  #take(frame, job) {
    if (job.id !== frame.jobId || job.version < frame.job?.version) return;
    // Progress that goes back would look like a fault; the provider only counted anew.
    if (job.progress !== null) job.progress = Math.max(job.progress, frame.job?.progress ?? 0);
    frame.job = job;
    const isNews = hasEnded(job) && Boolean(frame.intent);
    if (hasEnded(job)) Object.assign(frame, { intent: null, isCancelling: false });
    this.#changed();
    if (!isNews) return;
    // Those that were held back may find a place now.
    this.#nudge.abort();
    this.#nudge = new AbortController();
    this.#emit("ended", frame);
    this.#emit("counted");
  }
}
