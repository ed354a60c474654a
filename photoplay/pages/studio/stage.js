// <film-stage>: the frame that is looked at, what becomes of it, and where pictures are dropped.

import { listRows, parts, saves, say, emit } from "./dom.js";
import { isOpen, stateOf } from "./roll.js";
import { TEXT, failureWords, filmLabel, percent, phaseName, problemWords, videoFacts } from "./text.js";

const NOTHING = { status: "", detail: "", alert: "" };

/** What to say of a frame: a headline, a line below it, or an alert. */
function wordsFor(frame) {
  const state = stateOf(frame);
  const trouble = frame.trouble && { status: TEXT.offline, detail: TEXT.offlineDetail };
  switch (state) {
    case "sending":
      return trouble ?? { status: TEXT.sending, detail: TEXT.sendingDetail };
    case "ready":
      return { status: TEXT.ready, detail: TEXT.readyDetail };
    case "refused":
      return { status: TEXT.refused, alert: problemWords(frame.problem) };
    case "stopped": {
      const isQuota = frame.problem.code === "quota_exceeded";
      return { status: isQuota ? TEXT.quotaStopped : TEXT.stopped, alert: problemWords(frame.problem) };
    }
    case "asking": {
      if (frame.held) {
        const n = frame.held.details.maxOpenJobs ?? frame.held.details.limit ?? "";
        return { status: TEXT.held(n), detail: TEXT.heldDetail };
      }
      if (trouble) return trouble;
      return { status: frame.jobId ? TEXT.finding : frame.imageId ? TEXT.asking : TEXT.sending };
    }
    case "queued":
    case "running":
      return trouble ?? {
        status: phaseName(frame.job),
        detail: frame.job.overdue ? TEXT.overdue : TEXT.goesOn,
      };
    case "succeeded":
      return { status: TEXT.succeeded, detail: frame.job.video ? videoFacts(frame.job.video) : "" };
    case "cancelled":
      return { status: TEXT.cancelled, detail: TEXT.cancelledDetail };
    default: {
      const { message, remedy, charge } = failureWords(frame.job);
      return { status: TEXT.failed, alert: [message, remedy].filter(Boolean).join(" "), charge };
    }
  }
}

/** State in: `show(frame, { api, here })`. Wishes out: `choose`, `cancel`, `animate`. */
export class FilmStage extends HTMLElement {
  #parts = null;

  connectedCallback() {
    if (this.#parts) return;
    this.#parts = parts(this);
    const { choose, cancel, again, about } = this.#parts;
    about.open = matchMedia("(min-width: 48rem)").matches;
    choose.addEventListener("click", () => emit(this, "choose"));
    cancel.addEventListener("click", () => cancel.ariaDisabled !== "true" && emit(this, "cancel"));
    again.addEventListener("click", () => emit(this, "animate"));
  }

  show(frame, { api, here }) {
    const p = this.#parts;
    const state = frame ? stateOf(frame) : "empty";
    const held = this.contains(document.activeElement) ? document.activeElement : null;
    this.dataset.state = state;
    this.#showPicture(frame, state, api);
    const words = { ...NOTHING, ...(frame ? wordsFor(frame) : {}) };
    say(p.status, words.status);
    say(p.detail, words.detail);
    say(p.alert, words.alert);
    say(p.charge, words.charge ?? "");
    this.#showProgress(frame, state);
    const label = state === "succeeded" ? filmLabel(frame.job, { here }) : { how: "", rows: [] };
    say(p.how, label.how);
    p.about.hidden = label.rows.length === 0;
    listRows(p.rows, label.rows);
    p.cancel.hidden = !frame || !isOpen(frame);
    p.cancel.ariaDisabled = String(Boolean(frame?.isCancelling));
    say(p.cancel, frame?.isCancelling ? TEXT.cancelling : TEXT.cancel);
    p.again.hidden = !(state === "failed" && frame.job.failure?.retryable) && state !== "stopped";
    p.save.hidden = state !== "succeeded";
    if (state === "succeeded") saves(p.save, api, frame.job, frame.name);
    // A button that disappears under the finger must not take the focus away with it.
    if (held && held.closest("[hidden]")) p.caption.focus({ preventScroll: true });
  }

  #showPicture(frame, state, api) {
    const p = this.#parts;
    const source = frame ? (frame.url ?? frame.thumb ?? frame.job?.signedPosterUrl ?? "") : "";
    p.empty.hidden = Boolean(frame);
    p.player.hidden = state !== "succeeded";
    p.picture.hidden = !source || state === "succeeded";
    p.blank.hidden = !frame || Boolean(source) || state === "succeeded" || state === "sending";
    if (source && p.picture.getAttribute("src") !== source) p.picture.src = source;
    if (!source) p.picture.removeAttribute("src");
    p.picture.alt = frame ? TEXT.pictureOf(frame.name) : "";
    if (state !== "succeeded") p.player.clear();
    else p.player.show({ api, id: frame.job.id, poster: source, name: frame.name });
  }

  #showProgress(frame, state) {
    const { progress, share } = this.#parts;
    const isBusy = Boolean(frame) && (isOpen(frame) || state === "sending");
    progress.hidden = !isBusy;
    const known = isBusy && state === "running" && frame.job.progress !== null;
    if (known) progress.value = frame.job.progress;
    else progress.removeAttribute("value");
    say(share, known ? percent(frame.job.progress) : "");
  }
}

customElements.define("film-stage", FilmStage);

