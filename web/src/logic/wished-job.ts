// One wish, one job: what a button does, without the button.

import { type Api, Problem } from "./api.ts";
import { Following } from "./following.ts";
import type { Intent, Intents, Place } from "./intents.ts";
import { nameOf } from "./picture.ts";
import { backoffMs, pause } from "./surroundings.ts";
import { hasEnded, type Job, type Status, type Wish } from "./types.ts";

/**
 * `starting` from the press until there is a job; `quota` while the day's videos are used up; `busy` when too many
 * are open; `signed-out` until there is a token; the others are the job's own.
 */
export type State = "idle" | "starting" | "quota" | "busy" | "signed-out" | Status;

const OPEN: readonly State[] = ["starting", "queued", "running"];
// A limit that was reached; repeating at once would change nothing.
const REFUSALS: Record<string, State> = {
  quota_exceeded: "quota",
  spend_cap_reached: "quota",
  too_many_open_jobs: "busy",
};
const MOST_FAULTS = 4;
const LONGEST_WAIT_MS = 60_000;

export const isOpen = (state: State): boolean => OPEN.includes(state);

/** A wish, and how the page it is made on would find it again. */
export interface Subject {
  wish: Wish;
  names: readonly string[];
}

export type Snapshot = Pick<WishedJob, "state" | "job" | "jobId" | "problem" | "isCancelling">;

/** Emits `change`, and `created` when a job has come into being. */
export class WishedJob extends EventTarget {
  state: State = "idle";
  job: Job | null = null;
  /** Why there is no job, or no answer at the moment. */
  problem: Problem | null = null;
  /** Something keeps answers from coming; it goes on by itself. */
  isTroubled = false;
  #intent: Intent | null = null;
  #place: Place = { scope: "", names: [] };
  #run = new AbortController();
  #following: Following | null = null;
  #shown = Promise.resolve();
  #snapshot: Snapshot = { state: "idle", job: null, jobId: null, problem: null, isCancelling: false };

  constructor(
    readonly api: Api,
    private readonly intents: Intents,
  ) {
    super();
  }

  get jobId(): string | null {
    return this.#intent?.jobId ?? null;
  }

  /** All of it; another object only when something has changed. */
  get snapshot(): Snapshot {
    return this.#snapshot;
  }

  get isCancelling(): boolean {
    return Boolean(this.#intent?.isUnwanted || this.#following?.isCancelling);
  }

  /** Turn to a picture: go on with what is open for it, or show what became of it. */
  show(subject: Subject | null): Promise<void> {
    const run = this.#begin();
    this.#become("idle");
    this.#shown = (async () => {
      if (!subject) return;
      const place = await this.#placeOf(subject);
      if (run.aborted) return;
      const intent = this.intents.find(place, subject.wish);
      if (intent) this.#goOn(place, intent);
    })();
    return this.#shown;
  }

  /** Make a wish. Nothing happens while one is open: one wish, one job. */
  async start(subject: Subject): Promise<void> {
    if (isOpen(this.state)) return;
    const waiting = this.state === "signed-out" ? this.#intent : null;
    const shown = this.#shown;
    this.#become("starting");
    await shown;
    // Another tab, or this one before a refresh, has asked for the same already.
    if (this.#intent?.jobId && isOpen(this.state) && this.state !== "starting") return;
    const run = this.#begin();
    this.#become("starting");
    const place = await this.#placeOf(subject);
    const intent = waiting ?? (await this.intents.open(place, subject.wish));
    if (!run.aborted) this.#goOn(place, intent);
  }

  /** Stop the job, also one that is only being asked for. */
  async cancel(): Promise<void> {
    const intent = this.#intent;
    if (!intent || !isOpen(this.state) || this.isCancelling) return;
    if (this.#following) return this.#following.cancel();
    // After it was sent there may be a job, and only its answer names it.
    if (!intent.isSent) return this.#settle("cancelled");
    intent.isUnwanted = true;
    this.#keep(intent);
    this.#emit();
  }

  /** Go on with what waited for an identity. */
  retry(): void {
    if (this.state === "signed-out" && this.#intent) this.#goOn(this.#place, this.#intent);
  }

  /** Another tab wrote down something; take part when it is about the same wish. */
  async heard(key: string | null, subject: Subject | null): Promise<void> {
    if (!subject || isOpen(this.state)) return;
    const place = await this.#placeOf(subject);
    if (!this.intents.isAbout(key, place, subject.wish) || isOpen(this.state)) return;
    const intent = this.intents.find({ ...place, names: [] }, subject.wish);
    if (!intent) return;
    this.#begin();
    this.#goOn(place, intent);
  }

  /** Stop looking; the job goes on. */
  stop(): void {
    this.#begin();
  }

  async #placeOf({ names }: Subject): Promise<Place> {
    return { scope: `${this.api.endpoint}\n${await this.api.owner()}`, names };
  }

  #begin(): AbortSignal {
    this.#run.abort();
    this.#following?.stop();
    this.#following = null;
    this.#run = new AbortController();
    this.#intent = null;
    return this.#run.signal;
  }

  #goOn(place: Place, intent: Intent): void {
    this.#place = place;
    this.#intent = intent;
    if (!intent.jobId) return void this.#ask(intent, this.#run.signal);
    this.#become(intent.status ?? "queued");
    this.#follow(intent, intent.jobId);
  }

  async #ask(intent: Intent, run: AbortSignal): Promise<void> {
    this.#become("starting");
    for (let failures = 0; !run.aborted; failures += 1) {
      try {
        intent.picture ??= await nameOf(this.api, intent.wish.picture, run);
        // It may have been cancelled, or the page have turned to another picture.
        if (run.aborted) return;
        intent.isSent = true;
        this.#keep(intent);
        const { prompt, options } = intent.wish;
        const body = { ...intent.picture, clientRequestId: intent.key };
        const created = await this.api.animate({ ...body, ...(prompt && { prompt }), ...(options && { options }) });
        this.#created(intent, created.jobId, created.status, run);
        return;
      } catch (error) {
        const problem = error instanceof Problem ? error : new Problem(0);
        if (run.aborted) return;
        if (!mayRepeat(problem, failures)) return this.#refused(intent, problem);
        this.#become("starting", { problem, isTroubled: true });
        await pause(Math.max(problem.retryAfterMs, backoffMs(failures)), run);
      }
    }
  }

  #created(intent: Intent, jobId: string, status: Status, run: AbortSignal): void {
    Object.assign(intent, { jobId, status });
    if (run.aborted) return;
    this.#keep(intent);
    this.dispatchEvent(new CustomEvent("created", { detail: { jobId } }));
    this.#become(status);
    this.#follow(intent, jobId);
  }

  /** A definite no: nothing was made, nothing is charged. */
  #refused(intent: Intent, problem: Problem): void {
    if (problem.status === 401) return this.#become("signed-out", { problem });
    if (intent.isUnwanted) return this.#settle("cancelled");
    if (problem.code === "erased") return this.#settle("idle");
    this.#settle(REFUSALS[problem.code] ?? "failed", problem);
    if (this.state === "quota") void this.#idleAt(resetsAtMs(problem), this.#run.signal);
  }

  async #idleAt(instantMs: number, run: AbortSignal): Promise<void> {
    while (Date.now() < instantMs && !run.aborted) await pause(instantMs - Date.now(), run);
    if (!run.aborted && this.state === "quota") this.#become("idle");
  }

  #follow(intent: Intent, jobId: string): void {
    const following = new Following(this.api, jobId);
    this.#following = following;
    following.addEventListener("change", () => {
      const { job, problem, isGone } = following;
      if (isGone) {
        if (problem?.status === 401) this.#become("signed-out", { problem });
        else this.#settle("idle");
        return;
      }
      if (job && job !== this.job) {
        intent.status = job.status;
        if (hasEnded(job.status)) delete intent.isUnwanted;
        this.#keep(intent);
        this.job = job;
      }
      this.#become(intent.status ?? "queued", { problem, isTroubled: Boolean(problem) });
    });
    if (intent.isUnwanted) void following.cancel();
  }

  #settle(state: State, problem: Problem | null = null): void {
    if (this.#intent) this.intents.drop(this.#place, this.#intent);
    this.#begin();
    this.#become(state, { problem });
  }

  #keep(intent: Intent): void {
    this.intents.keep(this.#place, intent);
  }

  #become(state: State, rest: { problem?: Problem | null; isTroubled?: boolean } = {}): void {
    const { problem = null, isTroubled = false } = rest;
    if (!this.jobId || this.job?.id !== this.jobId) this.job = null;
    Object.assign(this, { state, problem, isTroubled });
    this.#emit();
  }

  #emit(): void {
    const { state, job, jobId, problem, isCancelling } = this;
    this.#snapshot = { state, job, jobId, problem, isCancelling };
    this.dispatchEvent(new Event("change"));
  }
}

/** When there are videos again after the day's are used up. */
export function resetsAtMs({ details, answeredAtMs, retryAfterMs }: Problem): number {
  return Date.parse(String(details.resetsAt)) || answeredAtMs + retryAfterMs;
}

/** Whether a refused or unanswered request is worth repeating by itself. */
function mayRepeat(problem: Problem, failures: number): boolean {
  if (!problem.retryable || problem.code in REFUSALS) return false;
  if (problem.status === 500) return failures < MOST_FAULTS;
  return problem.retryAfterMs <= LONGEST_WAIT_MS;
}
