// <film-player>: one film, muted and looping; gets itself a fresh address when the old one has died.

import { make } from "./dom.js";
import { TEXT } from "./text.js";

const MOST_RENEWALS = 3;
const FORGIVEN_MS = 60_000;
const stillness = matchMedia("(prefers-reduced-motion: reduce)");

/** State in: `show({ api, id, poster, name })`, `clear()`. */
class FilmPlayer extends HTMLElement {
  #video = make("video", { controls: true, loop: true, muted: true, playsInline: true });
  #broken = make("div", { className: "broken", hidden: true });
  #film = null;
  #renewals = 0;

  connectedCallback() {
    this.#video.onerror = () => this.#renew();
    const again = make("button", { type: "button", textContent: TEXT.playAgain });
    again.onclick = () => {
      this.#renewals = 0;
      this.#renew();
    };
    this.#broken.replaceChildren(make("p", { textContent: TEXT.broken }), again);
    this.replaceChildren(this.#video, this.#broken);
  }

  show(film) {
    if (this.#film?.id === film.id) return;
    this.clear();
    this.#film = film;
    this.#video.ariaLabel = TEXT.filmOf(film.name);
    if (film.poster) this.#video.poster = film.poster;
    this.#load(0, !stillness.matches);
  }

  clear() {
    if (!this.#film) return;
    this.#film = null;
    this.#renewals = 0;
    this.#broken.hidden = true;
    this.#video.removeAttribute("src");
    this.#video.removeAttribute("poster");
    this.#video.load();
  }

  async #load(at, isPlaying) {
    const film = this.#film;
    const video = this.#video;
    // The stable address leads to a freshly signed one each time that it is asked.
    const address = await film.api.address(film.id, "video").catch(() => null);
    if (film !== this.#film) return;
    this.#broken.hidden = Boolean(address);
    if (!address) return;
    video.preload = isPlaying ? "auto" : "metadata";
    video.src = address;
    video.currentTime = at;
    if (isPlaying) video.play().catch(() => {});
  }

  #renew() {
    if (!this.#film) return;
    this.#renewals += 1;
    setTimeout(() => (this.#renewals = 0), FORGIVEN_MS);
    if (this.#renewals > MOST_RENEWALS) this.#broken.hidden = false;
    else this.#load(this.#video.currentTime, !stillness.matches);
  }
}

customElements.define("film-player", FilmPlayer);
