import { icon, make, say } from "./dom.ts";
import { define, PhotoplayElement } from "./element.ts";
import { fill } from "./logic/language.ts";
import type { Job } from "./logic/types.ts";
import { PhotoplayPlayer } from "./photoplay-player.ts";
import galleryStyle from "./styles/gallery.css";
import noteStyle from "./styles/note.css";

const PAGE_SIZE = 24;
const AHEAD = "600px";

/**
 * The user's own videos, newest first; more come as they are scrolled to.
 *
 * @attr for - id of an `animate-button` or `video-job` whose finished videos are put in front
 * @attr page-size - how many are asked for at once, 24 when left out
 * @attr endpoint - where the service is; this page's own origin when left out
 */
export class PhotoplayGallery extends PhotoplayElement {
  static override observedAttributes = [...PhotoplayElement.observedAttributes, "for"];
  readonly #list = make("ul", { part: "list", role: "list" });
  readonly #status = make("p", { part: "status", role: "status" });
  readonly #more = make("button", { part: "more", type: "button", hidden: true });
  readonly #close = make("button", { part: "close", type: "button" }, icon("close"));
  readonly #player = new PhotoplayPlayer();
  readonly #dialog = make("dialog", { part: "dialog" }, this.#player, this.#close);
  readonly #tiles = new Map<string, Tile>();
  #cursor: string | null = null;
  #isLoading = false;
  #hasFailed = false;
  #isComplete = false;
  #turning = new AbortController();

  constructor() {
    super([noteStyle, galleryStyle]);
    this.#more.onclick = () => void this.#load();
    this.#close.onclick = () => this.#dialog.close();
    this.#dialog.onclose = () => (this.#player.job = null);
    this.#dialog.onclick = ({ target }) => {
      // What is outside of the dialog's content is its backdrop.
      if (target === this.#dialog) this.#dialog.close();
    };
    this.root.append(this.#list, this.#status, this.#more, this.#dialog);
  }

  /** List anew, from the newest. */
  reload(): void {
    this.turn();
  }

  /** Put a video in front that has just been made. */
  add(job: Job): void {
    this.#put(job, "prepend");
    this.show();
  }

  /** Take a video out that has been erased. */
  takeOut(id: string): void {
    this.#tiles.get(id)?.element.remove();
    this.#tiles.delete(id);
    this.show();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#turning.abort();
  }

  protected override turn(): void {
    this.#turning.abort();
    this.#turning = new AbortController();
    const { signal } = this.#turning;
    this.#list.replaceChildren();
    this.#tiles.clear();
    this.#player.token = this.token;
    this.#player.setAttribute("endpoint", this.api.endpoint);
    const source = (this.getRootNode() as Document | ShadowRoot).getElementById(this.getAttribute("for") ?? "");
    source?.addEventListener("jobend", ({ detail }) => detail.job.status === "succeeded" && this.add(detail.job), { signal });
    const nearEnd = new IntersectionObserver(([entry]) => entry?.isIntersecting && void this.#load(), { rootMargin: AHEAD });
    nearEnd.observe(this.#more);
    signal.addEventListener("abort", () => nearEnd.disconnect());
    this.#cursor = null;
    this.#isComplete = this.#isLoading = this.#hasFailed = false;
    void this.#load();
  }

  protected override show(): void {
    const { texts } = this.language;
    const isEmpty = this.#isComplete && this.#tiles.size === 0;
    say(this.#status, this.#hasFailed ? texts.galleryFailed : isEmpty ? texts.none : "");
    say(this.#more, this.#hasFailed ? texts.retry : texts.more);
    this.#more.hidden = this.#isComplete || (this.#isLoading && this.#tiles.size === 0);
    this.#list.ariaLabel = texts.gallery;
    this.#dialog.ariaLabel = texts.video;
    this.#close.ariaLabel = texts.close;
    for (const tile of this.#tiles.values()) tile.show(this);
  }

  get words(): PhotoplayElement["language"] {
    return this.language;
  }

  async #load(): Promise<void> {
    if (this.#isLoading || this.#isComplete) return;
    const { signal } = this.#turning;
    this.#isLoading = true;
    this.#hasFailed = false;
    const limit = this.getAttribute("page-size") ?? PAGE_SIZE;
    const after: Record<string, string> = this.#cursor ? { cursor: this.#cursor } : {};
    const page = await this.api.jobs({ status: "succeeded", limit, ...after }).catch(() => null);
    if (signal.aborted) return;
    this.#isLoading = false;
    this.#hasFailed = page === null;
    for (const job of page?.items ?? []) this.#put(job, "append");
    this.#cursor = page?.next_cursor ?? this.#cursor;
    this.#isComplete = page !== null && page.next_cursor === null;
    this.show();
  }

  #put(job: Job, where: "append" | "prepend"): void {
    if (this.#tiles.has(job.id)) return;
    const tile = new Tile(job, () => this.#open(tile.job), this.api);
    this.#tiles.set(job.id, tile);
    this.#list[where](tile.element);
  }

  #open(job: Job): void {
    if (!this.wish("openrequest", { job })) return;
    const { width = 4, height = 3 } = job.video ?? {};
    this.#player.style.setProperty("--photoplay-ratio", `${width} / ${height}`);
    this.#player.job = job;
    this.#dialog.showModal();
  }
}

class Tile {
  readonly #poster = make("img", { part: "poster", alt: "", loading: "lazy", decoding: "async" });
  readonly #made = make("span", { part: "made" });
  readonly #kind = make("span", { part: "label" });
  readonly #button = make("button", { part: "open", type: "button" }, this.#poster, this.#made, this.#kind);
  readonly element = make("li", { part: "item" }, this.#button);

  constructor(
    public job: Job,
    onOpen: () => void,
    api: PhotoplayGallery["api"],
  ) {
    this.#button.onclick = onOpen;
    if (job.signedPosterUrl) this.#poster.src = job.signedPosterUrl;
    this.#poster.onerror = async () => {
      this.#poster.onerror = null;
      // Its address has died since the page was listed.
      const fresh = await api.job(job.id).catch(() => null);
      if (!fresh?.job?.signedPosterUrl) return;
      this.job = fresh.job;
      this.#poster.src = fresh.job.signedPosterUrl;
    };
  }

  show({ words: { tag, texts } }: PhotoplayGallery): void {
    const made = new Date(this.job.created_at);
    const isToday = made.toDateString() === new Date().toDateString();
    const style: Intl.DateTimeFormatOptions = isToday
      ? { hour: "numeric", minute: "2-digit" }
      : { day: "numeric", month: "short" };
    const date = new Intl.DateTimeFormat(tag, style).format(made);
    const generative = this.job.result?.generative;
    say(this.#made, date);
    say(this.#kind, generative === undefined ? "" : generative ? texts.generated : texts.cameraMotion);
    const whole = new Intl.DateTimeFormat(tag, { dateStyle: "long", timeStyle: "short" }).format(made);
    this.#button.ariaLabel = `${fill(texts.open, { made: whole })}, ${this.#kind.textContent}`;
  }
}

define("photoplay-gallery", PhotoplayGallery);

declare global {
  interface HTMLElementTagNameMap {
    "photoplay-gallery": PhotoplayGallery;
  }
}
