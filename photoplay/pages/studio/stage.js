// <film-stage>: the frame that is looked at, and what becomes of it.

import "./compare.js";
import { emit, listRows, partsOf, saves, say } from "./dom.js";
import { isOpen, stateOf } from "./roll.js";
import { TEXT, filmLabel, percent, wordsFor } from "./text.js";

/** State in: `show(frame, { api, here })`. Wishes out: `choose`, `cancel`, `animate`. */
class FilmStage extends HTMLElement {
  #parts = null;
  #labelled = null;

  connectedCallback() {
    const p = (this.#parts = partsOf(this));
    p.about.open = matchMedia("(min-width: 62rem)").matches;
    p.choose.onclick = () => emit(this, "choose");
    p.cancel.onclick = () => p.cancel.ariaDisabled !== "true" && emit(this, "cancel");
    p.again.onclick = () => emit(this, "animate");
    p.beside.onclick = () => this.#compare(p.compare.hidden);
  }

  show(frame, { api, here }) {
    const p = this.#parts;
    const state = frame ? stateOf(frame) : "empty";
    const held = this.contains(document.activeElement) && document.activeElement;
    this.dataset.state = state;
    p.welcome.hidden = Boolean(frame);
    const source = this.#showPicture(frame, state, api);
    const words = frame ? wordsFor(frame, state) : {};
    for (const name of ["status", "detail", "alert", "charge"]) say(p[name], words[name]);
    this.#showProgress(frame, state);
    this.#showLabel(state === "succeeded" ? frame.job : null, here);
    p.cancel.hidden = !frame || !isOpen(frame);
    p.cancel.ariaDisabled = String(Boolean(frame?.isCancelling));
    say(p.cancel, frame?.isCancelling ? TEXT.cancelling : TEXT.cancel);
    p.again.hidden = !words.mayRepeat;
    p.save.hidden = state !== "succeeded";
    p.beside.hidden = state !== "succeeded" || !source;
    if (p.beside.hidden) this.#compare(false);
    if (state === "succeeded") saves(p.save, api, frame.job, frame.name);
    // A button that disappears under the finger must not take the focus away with it.
    if (held && held.closest("[hidden]")) this.focusCaption();
  }

  focusCaption() {
    this.#parts.caption.focus({ preventScroll: true });
  }

  #compare(isOn) {
    const p = this.#parts;
    p.beside.ariaPressed = String(isOn);
    p.compare.hidden = !isOn;
  }

  /** Show the picture or its film; returns the picture's address, or "". */
  #showPicture(frame, state, api) {
    const p = this.#parts;
    const isFilm = state === "succeeded";
    const source = frame?.url ?? frame?.thumb ?? frame?.shown ?? frame?.job?.signedPosterUrl ?? "";
    p.empty.hidden = Boolean(frame);
    p.player.hidden = !isFilm;
    p.picture.hidden = !source || isFilm;
    p.blank.hidden = !frame || Boolean(source) || isFilm || state === "sending";
    if (frame) say(p.blank, state === "refused" ? TEXT.notRead(frame.name) : TEXT.notShown);
    if (source && p.picture.getAttribute("src") !== source) p.picture.src = source;
    p.picture.alt = frame ? TEXT.pictureOf(frame.name) : "";
    if (isFilm) p.player.show({ api, id: frame.job.id, poster: source, name: frame.name });
    else p.player.clear();
    p.compare.show(source);
    return source;
  }

  #showProgress(frame, state) {
    const p = this.#parts;
    const progress = state === "running" ? frame.job.progress : null;
    p.bar.hidden = !frame || !(isOpen(frame) || state === "sending");
    if (progress === null) p.progress.removeAttribute("value");
    else p.progress.value = progress;
    say(p.share, progress === null ? "" : percent(progress));
  }

  #showLabel(job, here) {
    if (this.#labelled === job) return;
    this.#labelled = job;
    const { how, rows } = filmLabel(job, here);
    const p = this.#parts;
    say(p.how, how);
    p.about.hidden = !rows.length;
    listRows(p.rows, rows);
  }
}

customElements.define("film-stage", FilmStage);
