// <film-player>: one film, muted and looping; gets itself a fresh address when the old one has died.

import { TEXT } from "./text.js";

const MOST_RENEWALS = 3;
const RENEWALS_FORGOTTEN_MS = 60_000;
const stillness = matchMedia("(prefers-reduced-motion: reduce)");

/** Properties in: `show({ api, id, poster, name })`, `clear()`. */
export class FilmPlayer extends HTMLElement {
  #video = document.createElement("video");
  #broken = document.createElement("p");
  #film = null;
  #renewals = 0;

  connectedCallback() {
    if (this.#video.parentNode) return;
    const video = this.#video;
    Object.assign(video, { controls: true, loop: true, muted: true, playsInline: true });
    video.addEventListener("error", () => this.#renew());
    video.addEventListener("playing", () => {
      const film = this.#film;
      const forget = () => film === this.#film && (this.#renewals = 0);
      setTimeout(forget, RENEWALS_FORGOTTEN_MS);
    });
    const again = document.createElement("button");
    Object.assign(again, { type: "button", textContent: TEXT.playAgain });
    again.addEventListener("click", () => {
      this.#renewals = 0;
      this.#renew();
    });
    this.#broken.className = "broken";
    this.#broken.append(TEXT.broken, " ", again);
    this.#broken.hidden = true;
    this.append(video, this.#broken);
  }

  show(film) {
    if (this.#film?.id === film.id) return;
    this.clear();
    this.#film = film;
    this.#video.setAttribute("aria-label", TEXT.filmOf(film.name));
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
    let address;
    try {
      address = await film.api.address(film.id, "video");
    } catch {
      if (film === this.#film) this.#broken.hidden = false;
      return;
    }
    if (film !== this.#film) return;
    this.#broken.hidden = true;
    video.preload = isPlaying ? "auto" : "metadata";
    // The stable address leads to a freshly signed one each time that it is asked.
    video.src = address;
    if (at) video.currentTime = at;
    if (isPlaying) video.play().catch(() => {});
  }

  #renew() {
    if (!this.#film || !this.#video.hasAttribute("src")) return;
    this.#renewals += 1;
    if (this.#renewals > MOST_RENEWALS) {
      this.#broken.hidden = false;
      return;
    }
    this.#load(this.#video.currentTime, !this.#video.paused);
  }
}

customElements.define("film-player", FilmPlayer);
