// A job's states as they happen: server-sent events, else long polling, else polling; nothing while the tab is hidden.

import { type Api, Problem } from "./api.ts";
import { backoffMs, pause, untilShown, whileShown } from "./surroundings.ts";
import { hasEnded, type Job } from "./types.ts";

const FIRST_EVENT_MS = 3_000;
const SILENCE_MS = 40_000;
const WAIT_S = 30;
const POLL_MS = 3_000;
const REST_MS = 300;
// A browser opens only six connections to a server, over all tabs.
const MOST_LASTING = 2;
const FINAL = [401, 403, 404, 410];

type Means = "stream" | "wait" | "poll";

export interface Watcher {
  /** Gets every new state. */
  onJob(job: Job): void;
  /** Gets what keeps the states from coming, and null when it is over. */
  onTrouble?(problem: Problem | null): void;
  /** The job cannot be read at all: 401, 404, 410. */
  onGone?(problem: Problem): void;
}

let lasting = 0;
const followed = new WeakMap<Api, Map<string, Followed>>();

/** Report a job until it has ended; several watchers of one job share its connection. Returns how to stop. */
export function watch(api: Api, id: string, watcher: Watcher): () => void {
  const jobs = followed.get(api) ?? new Map<string, Followed>();
  followed.set(api, jobs);
  const job = jobs.get(id) ?? new Followed(api, id, () => jobs.delete(id));
  jobs.set(id, job);
  return job.add(watcher);
}

class Followed {
  readonly #watchers = new Set<Watcher>();
  readonly #stopping = new AbortController();
  #job: Job | null = null;
  #etag: string | null = null;
  #means: Means = "stream";
  #isTroubled = false;

  constructor(
    private readonly api: Api,
    private readonly id: string,
    private readonly forget: () => void,
  ) {
    // Watchers of the same moment are told together.
    queueMicrotask(() => void this.#run());
  }

  add(watcher: Watcher): () => void {
    this.#watchers.add(watcher);
    const known = this.#job;
    if (known) queueMicrotask(() => this.#watchers.has(watcher) && watcher.onJob(known));
    return () => {
      if (!this.#watchers.delete(watcher) || this.#watchers.size) return;
      this.#stopping.abort();
      this.forget();
    };
  }

  get #isOver(): boolean {
    return this.#stopping.signal.aborted || (this.#job !== null && hasEnded(this.#job.status));
  }

  async #run(): Promise<void> {
    for (let failures = 0; !this.#isOver; ) {
      await untilShown(this.#stopping.signal);
      const round = whileShown(this.#stopping.signal);
      try {
        await this.#look(round.signal);
        failures = 0;
      } catch (error) {
        const problem = error instanceof Problem ? error : new Problem(0);
        if (FINAL.includes(problem.status)) return this.#gone(problem);
        // A hidden tab gave up by itself; nothing is wrong.
        if (round.signal.aborted) continue;
        failures += 1;
        if (failures > 1) this.#trouble(problem);
        if (failures > 1 && this.#means === "wait") this.#means = "poll";
        await pause(Math.max(problem.retryAfterMs, backoffMs(failures - 1)), this.#stopping.signal);
      } finally {
        round.abort();
      }
    }
    // Who asks about an ended job gets its last state, and a fresh look the next time.
    if (!this.#stopping.signal.aborted) this.forget();
  }

  async #look(signal: AbortSignal): Promise<void> {
    if (this.#means === "poll" || lasting >= MOST_LASTING) {
      await this.#ask(0, signal);
      if (!this.#isOver) await pause(POLL_MS, signal);
      return;
    }
    lasting += 1;
    try {
      if (this.#means === "stream") await this.#stream(signal);
      else await this.#ask(this.#etag ? WAIT_S : 0, signal);
    } finally {
      lasting -= 1;
    }
    // Even a service that does not wait must not be asked without rest.
    if (!this.#isOver) await pause(REST_MS, signal);
  }

  async #ask(waitS: number, signal: AbortSignal): Promise<void> {
    const { job, etag } = await this.api.job(this.id, { waitS, etag: this.#etag, signal });
    this.#etag = etag;
    this.#take(job);
  }

  /** Events over fetch, which can carry a token. What does not let them through is asked in another way. */
  async #stream(signal: AbortSignal): Promise<void> {
    const attempt = new AbortController();
    const stop = () => attempt.abort();
    signal.addEventListener("abort", stop, { signal: attempt.signal });
    let timer = setTimeout(stop, FIRST_EVENT_MS);
    let isAlive = false;
    try {
      const headers: Record<string, string> = this.#job ? { "Last-Event-ID": String(this.#job.version) } : {};
      const path = `/jobs/${encodeURIComponent(this.id)}/events`;
      const answer = await this.api.request(path, { headers, signal: attempt.signal, withinMs: 0 });
      for await (const data of eventsOf(answer)) {
        // A connection can die without a sign; heartbeats show that it has not.
        isAlive ||= data !== "" || this.#job !== null;
        clearTimeout(timer);
        timer = setTimeout(stop, isAlive ? SILENCE_MS : FIRST_EVENT_MS);
        if (data) this.#take(JSON.parse(data));
        if (this.#isOver) return;
      }
      if (!isAlive) this.#means = "wait";
    } catch (error) {
      if (signal.aborted) return;
      const isOffline = error instanceof Problem && error.status === 0 && !attempt.signal.aborted;
      if (!isAlive && !isOffline) this.#means = "wait";
      if (isOffline || (error instanceof Problem && FINAL.includes(error.status))) throw error;
    } finally {
      clearTimeout(timer);
      stop();
    }
  }

  #take(job: Job | null): void {
    if (this.#stopping.signal.aborted) return;
    this.#trouble(null);
    const before = this.#job;
    if (!job || (before && job.version <= before.version && job.overdue === before.overdue)) return;
    // Progress that goes back would look like a fault; the provider only counted anew.
    if (job.progress != null) job.progress = Math.max(job.progress, before?.progress ?? 0);
    this.#job = job;
    for (const watcher of [...this.#watchers]) watcher.onJob(job);
  }

  #trouble(problem: Problem | null): void {
    if (this.#isTroubled === Boolean(problem)) return;
    this.#isTroubled = Boolean(problem);
    for (const watcher of [...this.#watchers]) watcher.onTrouble?.(problem);
  }

  #gone(problem: Problem): void {
    this.#stopping.abort();
    this.forget();
    for (const watcher of [...this.#watchers]) watcher.onGone?.(problem);
  }
}

/** The data of each event, in the order they come; a heartbeat is an empty one. */
export async function* eventsOf(answer: Response): AsyncGenerator<string> {
  if (!answer.body || !answer.headers.get("Content-Type")?.startsWith("text/event-stream")) return;
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const blocks = (rest + value).split(/\r?\n\r?\n/);
    rest = blocks.pop() ?? "";
    for (const block of blocks) {
      const lines = block.split(/\r?\n/).filter((line) => line.startsWith("data:"));
      yield lines.map((line) => line.slice(5).trimStart()).join("\n");
    }
  }
}
