// <film-gallery>: the user's films as a contact sheet, newest first, page by page.

import { make, parts, say, emit } from "./dom.js";
import { TEXT, madeAt, moveName } from "./text.js";

const PAGE = 12;

function describe(job) {
  const move = job.result?.move ? moveName(job.result.move).split(":")[0] : (job.provider ?? "");
  const seconds = job.video ? `${Math.round(job.video.duration_s)} s` : "";
  return { made: madeAt(job.created_at), facts: [seconds, move].filter(Boolean).join(" · ") };
}

/** State in: `api`, then `reload()`, `add(job)`, `remove(id)`. Wishes out: `open`, `erase`, with the job. */
export class FilmGallery extends HTMLElement {
  api = null;
  #parts = null;
  #cards = new Map();
  #cursor = null;
  #isLoading = false;
  #generation = 0;

  connectedCallback() {
    if (this.#parts) return;
    this.#parts = parts(this);
    this.#parts.more.addEventListener("click", () => this.#load());
  }

  /** List anew from the top. */
  async reload() {
    this.#generation += 1;
    this.#cards.clear();
    this.#parts.sheet.replaceChildren();
    this.#cursor = null;
    this.#isLoading = false;
    await this.#load();
  }

  add(job) {
    this.#place(job, "prepend");
    this.#settle("");
  }

  remove(id) {
    const card = this.#cards.get(id);
    if (!card) return;
    const next = card.nextElementSibling ?? card.previousElementSibling;
    card.remove();
    this.#cards.delete(id);
    this.#settle("");
    (next?.querySelector("button") ?? this.#parts.title).focus();
  }

  async #load() {
    if (this.#isLoading) return;
    this.#isLoading = true;
    const generation = this.#generation;
    let problem = "";
    try {
      const page = await this.api.films(this.#cursor, PAGE);
      if (generation !== this.#generation) return;
      this.#cursor = page.next_cursor;
      const fresh = page.items.filter((job) => !this.#cards.has(job.id));
      for (const job of fresh) this.#place(job, "append");
      // The button may go away; the keyboard goes on at the first new film.
      if (document.activeElement === this.#parts.more && !page.next_cursor) {
        this.#cards.get(fresh[0]?.id)?.querySelector("button").focus();
      }
    } catch (error) {
      if (generation !== this.#generation) return;
      if (error.status !== 401) problem = TEXT.galleryFailed;
    }
    this.#isLoading = false;
    this.#settle(problem);
  }

  #settle(problem) {
    const { more, none, trouble } = this.#parts;
    none.hidden = this.#cards.size > 0 || Boolean(problem);
    say(trouble, problem);
    more.hidden = !this.#cursor && !problem;
    say(more, problem ? TEXT.tryAgain : TEXT.more);
  }

  #place(job, where) {
    if (this.#cards.has(job.id)) return;
    const { made, facts } = describe(job);
    const image = make("img", { alt: "", loading: "lazy", decoding: "async", width: 480, height: 320 });
    // A signed address lives an hour; the stable one leads to the next.
    image.addEventListener(
      "error",
      async () => (image.src = await this.api.address(job.id, "poster")),
      { once: true },
    );
    image.src = job.signedPosterUrl ?? this.api.plainAddress(job.id, "poster");
    const open = make("button", { type: "button", className: "card-open" }, image);
    open.ariaLabel = TEXT.open(`${made}, ${facts}`);
    open.addEventListener("click", () => emit(this, "open", job));
    const erase = make("button", { type: "button", className: "quiet icon", textContent: "×" });
    erase.ariaLabel = TEXT.erase(`${made}, ${facts}`);
    erase.addEventListener("click", () => emit(this, "erase", job));
    const line = make("p", {}, make("span", { textContent: made }), make("span", { textContent: facts }));
    const card = make("li", { className: "card" }, open, make("div", { className: "card-foot" }, line, erase));
    this.#cards.set(job.id, card);
    this.#parts.sheet[where](card);
  }
}

customElements.define("film-gallery", FilmGallery);
