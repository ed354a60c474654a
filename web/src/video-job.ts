import { make } from "./dom.ts";
import { define, PhotoplayElement, reflect } from "./element.ts";
import { Following } from "./logic/following.ts";
import { hasEnded, type Job } from "./logic/types.ts";
import type { State } from "./logic/wished-job.ts";
import { Note, Progress } from "./note.ts";
import jobStyle from "./styles/job.css";
import noteStyle from "./styles/note.css";

/**
 * Follows one job, shows how it stands, and announces every change.
 *
 * @attr job-id - the job
 * @attr endpoint - where the service is; this page's own origin when left out
 * @attr state - (read-only) the job's status; `signed-out` while nobody is, absent when there is no such job
 */
export class VideoJob extends PhotoplayElement {
  static override observedAttributes = [...PhotoplayElement.observedAttributes, "job-id"];
  readonly #progress = new Progress();
  readonly #body = make("div", { className: "body", tabIndex: -1 }, this.#progress.element);
  readonly #note = new Note(
    () => this.#cancel(),
    () => this.#body.focus(),
  );
  #following: Following | null = null;
  #spokenFor: Job | null = null;

  constructor() {
    super([noteStyle, jobStyle]);
    this.#body.append(this.#note.element);
    this.root.append(this.#body);
  }

  get job(): Job | null {
    return this.#following?.job ?? null;
  }

  get #state(): State | null {
    const following = this.#following;
    if (!following) return null;
    if (following.isGone) return following.problem?.status === 401 ? "signed-out" : null;
    return following.job?.status ?? "queued";
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#following?.stop();
    this.#following = null;
    this.#note.stop();
  }

  protected override turn(): void {
    this.#following?.stop();
    const id = this.getAttribute("job-id");
    this.#following = id ? new Following(this.api, id) : null;
    this.#following?.addEventListener("change", () => this.#changed());
    this.show();
  }

  protected override show(): void {
    const state = this.#state;
    reflect(this, "state", state);
    this.#body.hidden = !state;
    const following = this.#following;
    if (!state || !following) return;
    const { job, problem, isGone, isCancelling } = following;
    this.#progress.show(state, job, this.language.texts.progress);
    const isTroubled = Boolean(problem) && !isGone;
    this.#note.show({ state, job, problem, isTroubled, isCancelling }, this.language, this.api);
  }

  #changed(): void {
    const { job, problem, isGone } = this.#following ?? {};
    const before = this.getAttribute("state");
    this.show();
    if (before !== this.getAttribute("state") && isGone && problem?.status === 401) this.wish("signinrequest", null);
    if (!job || job === this.#spokenFor) return;
    this.#spokenFor = job;
    this.announce("jobchange", { job });
    if (hasEnded(job.status)) this.announce("jobend", { job });
  }

  #cancel(): void {
    const jobId = this.getAttribute("job-id");
    if (this.wish("cancelrequest", { jobId })) void this.#following?.cancel();
  }
}

define("video-job", VideoJob);

declare global {
  interface HTMLElementTagNameMap {
    "video-job": VideoJob;
  }
}
