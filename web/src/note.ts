// What is said below a button or of a job: one polite status, a detail, an alert, and the way to cancel.

import { make, say } from "./dom.ts";
import type { WishedJob, State } from "./logic/wished-job.ts";
import { isOpen } from "./logic/wished-job.ts";
import type { Api } from "./logic/api.ts";
import type { Sight } from "./logic/estimate.ts";
import type { Language } from "./logic/language.ts";
import type { Job } from "./logic/types.ts";
import { wordsFor } from "./logic/words.ts";

const TICK_MS = 1_000;

export type Told = Pick<WishedJob, "state" | "job" | "problem" | "isTroubled" | "isCancelling">;

export class Note {
  readonly #hint = make("p", { part: "hint" });
  readonly #status = make("p", { part: "status", role: "status" });
  readonly #detail = make("p", { part: "detail" });
  readonly #alert = make("p", { part: "alert", role: "alert" });
  readonly #reference = make("p", { part: "reference" });
  readonly #cancel = make("button", { part: "cancel", type: "button" });
  readonly element = make(
    "div",
    { part: "note" },
    make("div", { className: "said" }, this.#hint, this.#status, this.#detail, this.#alert, this.#reference),
    this.#cancel,
  );
  #sight: Sight | null = null;
  #typical: { job: string; ms: number | null } = { job: "", ms: null };
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** @param focusElsewhere takes the focus when the way to cancel goes. */
  constructor(
    onCancel: () => void,
    private readonly focusElsewhere: () => void,
  ) {
    this.#cancel.onclick = () => {
      if (this.#cancel.ariaDisabled !== "true") onCancel();
    };
  }

  show(told: Told, language: Language, api: Api): void {
    clearTimeout(this.#timer);
    const { state, job } = told;
    if (job !== this.#sight?.job) this.#sight = job && { job, seenAtMs: Date.now() };
    if (job && isOpen(state)) void this.#learn(job, api);
    const typicalMs = this.#typical.job === job?.id ? this.#typical.ms : null;
    const { problem, isTroubled, isCancelling } = told;
    const situation = { state, problem, isTroubled, isCancelling, sight: this.#sight, typicalMs, nowMs: Date.now() };
    const words = wordsFor(situation, language);
    say(this.#hint, state === "idle" ? language.texts.hint : "");
    say(this.#status, words.status);
    say(this.#detail, words.detail);
    say(this.#alert, words.alert);
    say(this.#reference, words.reference ?? "");
    say(this.#cancel, language.texts.cancel);
    this.#cancel.ariaDisabled = String(isCancelling);
    this.#showCancel(isOpen(state));
    if (isOpen(state)) this.#timer = setTimeout(() => this.show(told, language, api), TICK_MS);
  }

  /** Stop the clock. */
  stop(): void {
    clearTimeout(this.#timer);
  }

  #showCancel(isShown: boolean): void {
    const root = this.#cancel.getRootNode() as ShadowRoot;
    const hadFocus = !isShown && root.activeElement === this.#cancel;
    this.#cancel.toggleAttribute("data-off", !isShown);
    if (hadFocus) this.focusElsewhere();
  }

  /** Ask once what such a video takes. */
  async #learn(job: Job, api: Api): Promise<void> {
    if (this.#typical.job === job.id) return;
    this.#typical = { job: job.id, ms: null };
    const offers = await api.offers(job.options).catch(() => []);
    const seconds = offers.find((offer) => offer.provider === job.provider)?.typical_s ?? null;
    if (this.#typical.job === job.id && seconds !== null) this.#typical.ms = seconds * 1_000;
  }
}

/** How far a job is, as a bar; without a figure it only shows that something goes on. */
export class Progress {
  readonly #fill = make("div", { className: "fill" });
  readonly element = make("div", { part: "progress", role: "progressbar" }, this.#fill);

  show(state: State, job: Job | null, label: string): void {
    const share = state === "succeeded" ? 1 : state === "running" ? (job?.progress ?? null) : null;
    const { element } = this;
    element.toggleAttribute("data-off", !isOpen(state));
    element.toggleAttribute("data-unknown", share === null);
    element.ariaLabel = label;
    element.ariaValueMin = "0";
    element.ariaValueMax = "100";
    element.ariaValueNow = share === null ? null : String(Math.round(share * 100));
    this.#fill.style.inlineSize = share === null ? "" : `${share * 100}%`;
  }
}
