// <move-picker>: the camera moves as small previews on the picture itself. A radio group named `move`.

import { make } from "./dom.js";
import { MOVE_NAMES } from "./text.js";

/** State in: `show(picture)`, an address or "" for none; `offer(moves)`, the moves there are. */
class MovePicker extends HTMLElement {
  #offered = "";

  connectedCallback() {
    this.offer(Object.keys(MOVE_NAMES));
  }

  /** Set the picture that the previews move over. */
  show(picture) {
    this.style.setProperty("--shot", picture ? `url("${picture}")` : "none");
  }

  /** List these moves, in our order; what was chosen stays chosen where it is still there. */
  offer(offered) {
    const known = Object.keys(MOVE_NAMES);
    const moves = [...known.filter((move) => offered.includes(move)), ...offered.filter((move) => !known.includes(move))];
    if (this.#offered === String(moves)) return;
    this.#offered = String(moves);
    const chosen = this.querySelector(":checked")?.value ?? "auto";
    const tile = (move) => {
      const radio = make("input", { type: "radio", name: "move", value: move, checked: move === chosen });
      const preview = make("span", { className: "preview" }, make("i", { className: move }));
      return make("label", {}, radio, preview, make("span", { textContent: MOVE_NAMES[move] ?? move }));
    };
    this.replaceChildren(...moves.map(tile));
  }
}

customElements.define("move-picker", MovePicker);
