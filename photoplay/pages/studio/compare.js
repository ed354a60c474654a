// <film-compare>: the picture over the film, with a slider between them.

import { make } from "./dom.js";
import { TEXT } from "./text.js";

/** State in: `show(picture)`, an address, or "" for nothing to compare with. */
class FilmCompare extends HTMLElement {
  #before = make("img", { alt: "" });
  #slider = make("input", { type: "range", min: 0, max: 100, value: 50, ariaLabel: TEXT.compareSlider });

  connectedCallback() {
    this.#slider.oninput = () => this.style.setProperty("--at", `${this.#slider.value}%`);
    const word = (className, textContent) => make("span", { className, textContent, ariaHidden: "true" });
    this.replaceChildren(
      this.#before,
      word("before", TEXT.photograph),
      word("after", TEXT.film),
      make("span", { className: "edge", ariaHidden: "true" }),
      this.#slider,
    );
  }

  show(picture) {
    if (picture && this.#before.getAttribute("src") !== picture) this.#before.src = picture;
  }
}

customElements.define("film-compare", FilmCompare);
