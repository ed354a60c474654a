// <film-offers>: who could make the film, for how much and how long, before anything is asked for.

import { emit, make, say } from "./dom.js";
import { TEXT, offerFacts, providerName } from "./text.js";

const QUIET_MS = 200;

/** State in: `api`, `ask(options)`. Out: `offered`, with the offer that the wish would take. */
class FilmOffers extends HTMLElement {
  api = null;
  #offers = [];
  #asking = null;
  #choice = make("select", { id: "provider" });
  #field = make("div", { className: "field", hidden: true });
  #facts = make("p", { className: "facts" });

  connectedCallback() {
    this.#choice.oninput = () => this.#settle();
    this.#field.replaceChildren(make("label", { htmlFor: "provider", textContent: TEXT.madeBy }), this.#choice);
    this.replaceChildren(this.#field, this.#facts);
  }

  /** The provider that was chosen, or "" to leave it to the server. */
  get provider() {
    return this.#choice.value;
  }

  /** Ask anew, once the form has been quiet for a moment. */
  ask(options) {
    clearTimeout(this.#asking);
    const asking = (this.#asking = setTimeout(async () => {
      const offers = await this.api.offers(options).catch(() => null);
      if (asking !== this.#asking || !offers) return;
      this.#offers = offers;
      this.#list();
      this.#settle();
    }, QUIET_MS));
  }

  #list() {
    const chosen = this.provider;
    const option = (offer) => {
      const text = [providerName(offer.provider), offerFacts(offer)].join(" · ");
      return new Option(text, offer.provider, false, offer.provider === chosen);
    };
    const group = (label, offers) => make("optgroup", { label }, ...offers.map(option));
    const [tried, others] = [true, false].map((is) => this.#offers.filter((offer) => offer.is_default === is));
    this.#choice.replaceChildren(new Option(TEXT.firstThatCan(tried.map(({ provider }) => providerName(provider))), ""));
    this.#choice.append(group(TEXT.triedInOrder, tried), group(TEXT.onlyWhenNamed, others));
    this.#choice.value = this.#offers.some(({ provider }) => provider === chosen) ? chosen : "";
    this.#field.hidden = this.#offers.length < 2;
  }

  #settle() {
    const could = (offer) => offer.is_default && offer.is_available && !offer.reason;
    const offer = this.provider
      ? this.#offers.find(({ provider }) => provider === this.provider)
      : (this.#offers.find(could) ?? this.#offers[0]);
    const { notes = [] } = offer?.effective_options ?? {};
    say(this.#facts, offer ? [offerFacts(offer), ...notes].join(" · ") : "");
    emit(this, "offered", offer);
  }
}

customElements.define("film-offers", FilmOffers);
