// <film-strip>: the frames of the roll side by side.

import { make, emit } from "./dom.js";
import { isOpen, stateOf } from "./roll.js";
import { TEXT, TILE_STATES } from "./text.js";

/** State in: `show(frames, selected)`. Wishes out: `pick` and `drop-frame`, with the frame. */
export class FilmStrip extends HTMLElement {
  #tiles = new Map();

  show(frames, selected) {
    for (const [frame, tile] of this.#tiles) {
      if (frames.includes(frame)) continue;
      const hadFocus = tile.contains(document.activeElement);
      const next = tile.nextElementSibling ?? tile.previousElementSibling;
      tile.remove();
      this.#tiles.delete(frame);
      if (hadFocus) (next ?? this.parentElement).querySelector("button")?.focus();
    }
    for (const frame of frames) {
      if (!this.#tiles.has(frame)) this.#add(frame);
      this.#update(frame, frame === selected);
    }
    this.hidden = frames.length === 0;
  }

  #add(frame) {
    const pick = make("button", { type: "button", className: "tile-pick" });
    pick.addEventListener("click", () => emit(this, "pick", frame));
    const drop = make("button", { type: "button", className: "tile-drop", textContent: "×" });
    drop.ariaLabel = TEXT.remove(frame.name);
    drop.addEventListener("click", () => emit(this, "drop-frame", frame));
    const tile = make("div", { className: "tile" }, pick, drop);
    tile.setAttribute("role", "listitem");
    this.#tiles.set(frame, tile);
    this.append(tile);
  }

  #update(frame, isSelected) {
    const tile = this.#tiles.get(frame);
    const [pick, drop] = tile.children;
    const state = stateOf(frame);
    tile.dataset.state = state;
    pick.ariaCurrent = String(isSelected);
    pick.ariaLabel = TEXT.tile(frame.name, TILE_STATES[state]);
    drop.hidden = isOpen(frame);
    const source = frame.thumb ?? frame.url ?? frame.job?.signedPosterUrl;
    const image = pick.querySelector("img");
    if (!source) image?.remove();
    else if (!image) pick.append(make("img", { src: source, alt: "" }));
    else if (image.getAttribute("src") !== source) image.src = source;
  }
}

customElements.define("film-strip", FilmStrip);
