// <film-strip>: the frames of the roll side by side.

import { emit, make } from "./dom.js";
import { isOpen, stateOf } from "./roll.js";
import { TEXT, wordsFor } from "./text.js";

/** State in: `show(frames, selected)`. Wishes out: `pick` and `drop-frame`, with the frame. */
class FilmStrip extends HTMLElement {
  #tiles = new Map();

  show(frames, selected) {
    for (const [frame, tile] of this.#tiles) {
      if (frames.includes(frame)) continue;
      const next = tile.nextElementSibling ?? tile.previousElementSibling ?? this.parentElement;
      if (tile.contains(document.activeElement)) next.querySelector("button").focus();
      tile.remove();
      this.#tiles.delete(frame);
    }
    for (const frame of frames) this.#update(frame, this.#tiles.get(frame) ?? this.#add(frame), frame === selected);
    this.hidden = !frames.length;
  }

  #add(frame) {
    const image = make("img", { alt: "", hidden: true });
    const pick = make("button", { type: "button", onclick: () => emit(this, "pick", frame) }, image);
    const drop = make("button", { type: "button", className: "drop", textContent: "×" });
    drop.ariaLabel = TEXT.remove(frame.name);
    drop.onclick = () => emit(this, "drop-frame", frame);
    const tile = make("div", { className: "tile", role: "listitem" }, pick, drop);
    this.#tiles.set(frame, tile);
    this.append(tile);
    return tile;
  }

  #update(frame, tile, isSelected) {
    const [pick, drop] = tile.children;
    const image = pick.firstChild;
    const state = stateOf(frame);
    tile.dataset.state = state;
    pick.ariaCurrent = String(isSelected);
    pick.ariaLabel = `${frame.name}: ${wordsFor(frame, state).status}`;
    drop.hidden = isOpen(frame);
    const source = frame.thumb ?? frame.url ?? frame.shown ?? frame.job?.signedPosterUrl;
    image.hidden = !source;
    if (source && image.getAttribute("src") !== source) image.src = source;
  }
}

customElements.define("film-strip", FilmStrip);
