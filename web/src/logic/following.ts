// One job as it goes on, and the wish to stop it.

import { type Api, Problem } from "./api.ts";
import { watch } from "./follow.ts";
import { backoffMs, pause } from "./surroundings.ts";
import { hasEnded, type Job } from "./types.ts";

/** Emits `change`. */
export class Following extends EventTarget {
  job: Job | null = null;
  /** What keeps states from coming; it goes on by itself, unless `isGone`. */
  problem: Problem | null = null;
  /** The job cannot be read: there is no such job any more, or nobody is signed in. */
  isGone = false;
  isCancelling = false;
  readonly #stopping = new AbortController();
  readonly #stopWatching: () => void;

  constructor(
    private readonly api: Api,
    readonly id: string,
  ) {
    super();
    this.#stopWatching = watch(api, id, {
      onJob: (job) => this.#take(job),
      onTrouble: (problem) => this.#change({ problem }),
      onGone: (problem) => this.#change({ problem, isGone: true }),
    });
  }

  /** Stop looking; the job goes on. */
  stop(): void {
    this.#stopping.abort();
    this.#stopWatching();
  }

  /** Stop the job; tried until there is an answer or the job has ended. */
  async cancel(): Promise<void> {
    if (this.isCancelling) return;
    this.#change({ isCancelling: true });
    const { signal } = this.#stopping;
    for (let failures = 0; this.isCancelling && !signal.aborted; failures += 1) {
      try {
        return this.#take(await this.api.cancel(this.id));
      } catch (error) {
        // It ended first, and the next state says how.
        if (error instanceof Problem && !error.retryable) return this.#change({ isCancelling: false });
        await pause(backoffMs(failures), signal);
      }
    }
  }

  #take(job: Job): void {
    const before = this.job;
    // Its cancelling is answered, and told again by who watches.
    if (before && (job.version < before.version || (job.version === before.version && job.overdue === before.overdue))) return;
    this.#change({ job, problem: null, ...(hasEnded(job.status) && { isCancelling: false }) });
  }

  #change(news: Partial<Pick<Following, "job" | "problem" | "isGone" | "isCancelling">>): void {
    if (this.#stopping.signal.aborted) return;
    Object.assign(this, news);
    this.dispatchEvent(new Event("change"));
  }
}
