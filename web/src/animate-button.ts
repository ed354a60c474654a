import { icon, make, say } from "./dom.ts";
import { define, PhotoplayElement, reflect } from "./element.ts";
import type { Api } from "./logic/api.ts";
import { browserIntents } from "./logic/intents.ts";
import { hasEnded, type Job, type Options, type PictureName, type ShownPicture, type Wish } from "./logic/types.ts";
import { isOpen, type State, type Subject, WishedJob } from "./logic/wished-job.ts";
import { Note, Progress } from "./note.ts";
import buttonStyle from "./styles/button.css";
import noteStyle from "./styles/note.css";

const PICTURE = ["image-id", "source-image-path", "source-image-url", "for"];

/**
 * A button that turns a picture into a video: one press, one job, whatever fingers, tabs and networks do.
 *
 * @attr image-id - an uploaded picture
 * @attr source-image-path - a picture in the service's store
 * @attr source-image-url - a picture that the service fetches
 * @attr for - id of an `img` of the page; its bytes are sent when the button is pressed
 * @attr prompt - what should move, in words
 * @attr options - `durationSec`, `resolution`, … as a JSON object
 * @attr endpoint - where the service is; this page's own origin when left out
 * @attr state - (read-only) see `State`
 * @attr job-id - (read-only) the job that the press led to
 * @slot - the button's words before it is pressed
 */
export class AnimateButton extends PhotoplayElement {
  static override observedAttributes = [...PhotoplayElement.observedAttributes, ...PICTURE];
  readonly #slot = make("slot");
  readonly #label = make("span", { part: "label" });
  readonly #percent = make("span", { part: "percent", ariaHidden: "true" });
  readonly #progress = new Progress();
  readonly #button: HTMLButtonElement = make(
    "button",
    { part: "button", type: "button" },
    make("span", { className: "words" }, icon("animate"), this.#slot, this.#label),
    this.#percent,
  );
  readonly #note = new Note(
    () => this.#cancel(),
    () => this.#button.focus(),
  );
  #wished: WishedJob | null = null;
  #spokenFor: string | null = null;
  readonly #watched = new MutationObserver(() => this.turn());

  constructor() {
    super([noteStyle, buttonStyle]);
    this.#button.onclick = () => this.#press();
    // A key that is held down is one press.
    this.#button.onkeydown = (event) => {
      if (event.repeat) event.preventDefault();
    };
    this.root.append(make("div", { className: "press" }, this.#progress.element, this.#button), this.#note.element);
  }

  get state(): State {
    return this.#wished?.state ?? "idle";
  }

  get job(): Job | null {
    return this.#wished?.job ?? null;
  }

  /** Press the button. */
  press(): void {
    this.#press();
  }

  override connectedCallback(): void {
    super.connectedCallback();
    addEventListener(
      "storage",
      ({ key }) => void this.#wished?.heard(key, this.#subject()),
      { signal: this.life },
    );
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#wished?.stop();
    this.#wished = null;
    this.#watched.disconnect();
    this.#note.stop();
  }

  protected override turn(): void {
    this.#watched.disconnect();
    const image = this.#image();
    if (image) this.#watched.observe(image, { attributeFilter: ["src"] });
    if (this.#wished?.api !== this.api) this.#wished = this.#wishedFor(this.api);
    void this.#wished.show(this.#subject());
  }

  protected override show(): void {
    const wished = this.#wished;
    if (!wished) return;
    const { state, job } = wished;
    const { texts } = this.language;
    const isBusy = isOpen(state);
    const said = isBusy ? texts.working : state === "failed" ? texts.retry : state === "succeeded" ? texts.again : "";
    this.#slot.hidden = said !== "";
    if (!this.#slot.assignedNodes().length) say(this.#slot, texts.animate);
    say(this.#label, said);
    const share = state === "running" ? job?.progress : null;
    say(this.#percent, share == null ? "" : new Intl.NumberFormat(this.language.tag, { style: "percent" }).format(share));
    this.#button.ariaDisabled = String(isBusy || state === "quota");
    this.#progress.show(state, job, texts.progress);
    this.#note.show(wished, this.language, this.api);
    reflect(this, "state", state);
    reflect(this, "job-id", wished.jobId);
  }

  #wishedFor(api: Api): WishedJob {
    this.#wished?.stop();
    const wished = new WishedJob(api, browserIntents());
    wished.addEventListener("change", () => this.#changed(wished));
    wished.addEventListener("created", () => {
      const { jobId } = wished;
      if (jobId) this.announce("jobcreated", { jobId });
    });
    return wished;
  }

  #changed(wished: WishedJob): void {
    if (wished !== this.#wished) return;
    const before = this.getAttribute("state");
    this.show();
    const { job, state } = wished;
    if (before !== state) this.announce("statechange", { state });
    if (before !== state && state === "signed-out") this.wish("signinrequest", null);
    const version = job && `${job.id} ${job.version}`;
    if (!job || version === this.#spokenFor) return;
    this.#spokenFor = version;
    this.announce("jobchange", { job });
    if (hasEnded(job.status)) this.announce("jobend", { job });
  }

  #press(): void {
    if (this.#button.ariaDisabled === "true" || !this.wish("animaterequest", null)) return;
    const subject = this.#subject();
    if (!subject) throw new TypeError("animate-button: name the picture by image-id, source-image-path, source-image-url or for");
    void this.#wished?.start(subject);
  }

  #cancel(): void {
    if (this.wish("cancelrequest", { jobId: this.#wished?.jobId ?? null })) void this.#wished?.cancel();
  }

  #image(): HTMLImageElement | null {
    const id = this.getAttribute("for");
    const found = id && (this.getRootNode() as Document | ShadowRoot).getElementById(id);
    return found instanceof HTMLImageElement ? found : null;
  }

  #subject(): Subject | null {
    const named = this.#picture();
    if (!named) return null;
    const prompt = this.getAttribute("prompt") ?? "";
    const wish: Wish = { picture: named.picture, ...(prompt && { prompt }) };
    const options = optionsOf(this.getAttribute("options"));
    return { wish: options ? { ...wish, options } : wish, names: named.names };
  }

  #picture(): { picture: PictureName | ShownPicture; names: string[] } | null {
    const given: [string, (value: string) => PictureName][] = [
      ["image-id", (imageId) => ({ imageId })],
      ["source-image-path", (sourceImagePath) => ({ sourceImagePath })],
      ["source-image-url", (sourceImageUrl) => ({ sourceImageUrl })],
    ];
    for (const [attribute, name] of given) {
      const value = this.getAttribute(attribute);
      if (value) return { picture: name(value), names: [value] };
    }
    if (!this.hasAttribute("for")) return null;
    const src = this.#image()?.src ?? "";
    // An address of this page's memory is another one after a refresh: the place has to do then.
    const place = `#${this.getAttribute("for")} ${location.pathname}`;
    return { picture: { src }, names: !src ? [place] : src.startsWith("blob:") ? [src, place] : [src] };
  }
}

function optionsOf(text: string | null): Options | undefined {
  if (!text) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    throw new TypeError(`animate-button: options must be a JSON object such as {"durationSec": 4}, not ${text}`);
  }
}

define("animate-button", AnimateButton);

declare global {
  interface HTMLElementTagNameMap {
    "animate-button": AnimateButton;
  }
}
