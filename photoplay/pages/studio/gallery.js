// <film-gallery>: the user's films as a contact sheet, newest first, page by page.

import { emit, make, partsOf, say } from "./dom.js";
import { TEXT, filmTitle } from "./text.js";

const PAGE = 12;

/** State in: `api`, then `reload()`, `add(job)`, `remove(id)`. Wishes out: `open`, `erase`, with the job. */
class FilmGallery extends HTMLElement {
  api = null;
  #parts = null;
  #cards = new Map();
  #cursor = null;
  #loading = null;

  connectedCallback() {
    this.#parts = partsOf(this);
    this.#parts.more.onclick = () => this.#loading ?? this.#load();
  }

  /** List anew from the top. */
  reload() {
    this.#cards.clear();
    this.#parts.sheet.replaceChildren();
    this.#cursor = null;
    this.#load();
  }

  add(job) {
    this.#place(job, "prepend");
    this.#settle();
  }

  remove(id) {
    const card = this.#cards.get(id);
    if (!card) return;
    const next = card.nextElementSibling ?? card.previousElementSibling;
    card.remove();
    this.#cards.delete(id);
    this.#settle();
    (next?.querySelector("button") ?? this.#parts.title).focus();
  }

  async #load() {
    const { more } = this.#parts;
    const loading = (this.#loading = this.api.films(this.#cursor, PAGE));
    let problem = null;
    let page = { items: [], next_cursor: this.#cursor };
    try {
      page = await loading;
    } catch (error) {
      problem = error;
    }
    if (loading !== this.#loading) return;
    this.#loading = null;
    this.#cursor = page.next_cursor;
    const fresh = page.items.filter((job) => !this.#cards.has(job.id));
    for (const job of fresh) this.#place(job, "append");
    // The button may go away; the keyboard goes on at the first new film.
    if (document.activeElement === more && fresh.length) {
      this.#cards.get(fresh[0].id).querySelector("button").focus();
    }
    this.#settle(problem);
  }

  #settle(problem) {
    const { more, none, trouble } = this.#parts;
    const isTrouble = Boolean(problem) && problem.status !== 401;
    none.hidden = this.#cards.size > 0 || Boolean(problem);
    say(trouble, isTrouble ? TEXT.galleryFailed : "");
    more.hidden = !this.#cursor && !isTrouble;
    say(more, isTrouble ? TEXT.tryAgain : TEXT.more);
  }

  #place(job, where) {
    if (this.#cards.has(job.id)) return;
    const [made, facts] = filmTitle(job);
    const image = make("img", { alt: "", loading: "lazy", width: 480, height: 320 });
    // A signed address lives an hour; the stable one leads to the next.
    const renew = async () => (image.src = await this.api.address(job.id, "poster"));
    image.addEventListener("error", renew, { once: true });
    image.src = job.signedPosterUrl ?? this.api.plainAddress(job.id, "poster");
    const button = (className, label, wish, content) => {
      const made = make("button", { type: "button", className, ariaLabel: label }, content);
      made.onclick = () => emit(this, wish, job);
      return made;
    };
    const line = make("p", {}, made, make("br"), facts);
    const card = make(
      "li",
      {},
      button("play", TEXT.open(made, facts), "open", image),
      make("div", { className: "row" }, line, button("quiet icon", TEXT.erase(made, facts), "erase", "×")),
    );
    this.#cards.set(job.id, card);
    this.#parts.sheet[where](card);
  }
}

customElements.define("film-gallery", FilmGallery);
