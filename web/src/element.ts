// What all elements have in common: the service they speak to, their language, their style.

import { Api, type TokenSource } from "./logic/api.ts";
import { en } from "./texts/en.ts";
import { type Language, languageFor } from "./logic/language.ts";
import type { Announcements, Events, Wishes } from "./names.ts";

// On a server there is no HTMLElement; a page that is rendered there may still import the elements.
const Base = (globalThis.HTMLElement ?? class {}) as typeof HTMLElement;

const defaults: { endpoint: string; token: TokenSource } = { endpoint: "", token: null };
const apis = new Map<TokenSource, Map<string, Api>>();
const settings = new EventTarget();

/** Set the service and the token for all elements that do not name their own. */
export function configure(given: { endpoint?: string; token?: TokenSource }): void {
  Object.assign(defaults, given);
  settings.dispatchEvent(new Event("change"));
}

/** Elements of one service and token share one API, and with it the connections. */
export function apiFor(endpoint: string | null, token: TokenSource | undefined): Api {
  const source = token === undefined ? defaults.token : token;
  const address = (endpoint ?? defaults.endpoint).replace(/\/+$/, "");
  const ofToken = apis.get(source) ?? new Map<string, Api>();
  apis.set(source, ofToken);
  const api = ofToken.get(address) ?? new Api(address, () => source);
  ofToken.set(address, api);
  return api;
}

export abstract class PhotoplayElement extends Base {
  static observedAttributes: string[] = ["endpoint", "lang"];
  protected language: Language = { tag: "en", texts: en };
  #token: TokenSource | undefined;
  #life = new AbortController();

  constructor(styles: readonly string[]) {
    super();
    this.attachShadow({ mode: "open", delegatesFocus: true });
    this.root.adoptedStyleSheets = styles.map(sheetOf);
  }

  get root(): ShadowRoot {
    if (!this.shadowRoot) throw new Error(`${this.localName} has no shadow tree`);
    return this.shadowRoot;
  }

  get api(): Api {
    return apiFor(this.getAttribute("endpoint"), this.#token);
  }

  /** A bearer token, or a function that gets one; never an attribute, where it could be read. */
  get token(): TokenSource {
    return this.#token ?? defaults.token;
  }

  set token(token: TokenSource | undefined) {
    this.#token = token;
    if (this.isConnected) this.turn();
  }

  /** Aborts when the element leaves the page. */
  protected get life(): AbortSignal {
    return this.#life.signal;
  }

  connectedCallback(): void {
    this.#life = new AbortController();
    for (const name of ["token", "job"] as const) takeUp(this, name);
    const { life } = this;
    settings.addEventListener("change", () => this.turn(), { signal: life });
    // The script that imports the elements may still configure them.
    queueMicrotask(() => life.aborted || this.turn());
    void this.#speak();
  }

  disconnectedCallback(): void {
    this.#life.abort();
  }

  attributeChangedCallback(name: string, before: string | null, now: string | null): void {
    if (before === now || !this.isConnected) return;
    if (name === "lang") void this.#speak();
    else this.turn();
  }

  /** Turn to what attributes and properties name now. */
  protected abstract turn(): void;

  /** Show the present state. */
  protected abstract show(): void;

  protected announce<Name extends keyof Announcements>(name: Name, detail: Announcements[Name]): void {
    this.#dispatch(name, detail, false);
  }

  /** Utter a wish; false when the page has taken it on itself. */
  protected wish<Name extends keyof Wishes>(name: Name, detail: Wishes[Name]): boolean {
    return this.#dispatch(name, detail, true);
  }

  #dispatch(name: keyof Events, detail: object | null, cancelable: boolean): boolean {
    return this.dispatchEvent(new CustomEvent(name, { detail, cancelable, bubbles: true, composed: true }));
  }

  async #speak(): Promise<void> {
    const { life } = this;
    const language = await languageFor(langOf(this));
    if (life.aborted) return;
    this.language = language;
    this.show();
  }
}

export function define(name: string, element: CustomElementConstructor): void {
  if (globalThis.customElements && !customElements.get(name)) customElements.define(name, element);
}

/** Reflect a state as an attribute; null removes it. */
export function reflect(element: Element, name: string, value: string | number | boolean | null): void {
  if (value === null || value === false) element.removeAttribute(name);
  else if (element.getAttribute(name) !== String(value)) element.setAttribute(name, value === true ? "" : String(value));
}

// A property that was set before the element was defined hides its setter.
function takeUp(element: HTMLElement, name: string): void {
  if (!Object.hasOwn(element, name)) return;
  const value: unknown = Reflect.get(element, name);
  Reflect.deleteProperty(element, name);
  Reflect.set(element, name, value);
}

function langOf(element: Element): string {
  for (let at: Element | null = element; at; ) {
    const lang = at.getAttribute("lang");
    if (lang) return lang;
    const root: Node | null = at.parentNode;
    at = root instanceof ShadowRoot ? root.host : at.parentElement;
  }
  return navigator.language;
}

// A constructed style sheet is allowed by every content policy.
const sheets = new Map<string, CSSStyleSheet>();

function sheetOf(text: string): CSSStyleSheet {
  const sheet = sheets.get(text) ?? new CSSStyleSheet();
  if (!sheets.has(text)) sheet.replaceSync(text);
  sheets.set(text, sheet);
  return sheet;
}
