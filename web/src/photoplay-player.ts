import { icon, make, say } from "./dom.ts";
import { define, PhotoplayElement, reflect } from "./element.ts";
import { fill } from "./logic/language.ts";
import type { Job } from "./logic/types.ts";
import playerStyle from "./styles/player.css";
import noteStyle from "./styles/note.css";

export type PlayerState = "empty" | "loading" | "playing" | "paused" | "broken";

const MOST_RENEWALS = 3;
const FORGIVEN_MS = 60_000;
// A video of nearly the picture's shape fills its place, and loses a little at its edges.
const SIMILAR_SHAPE = 0.25;

/** An element that announces jobs: `animate-button`, `video-job`, or one that contains them. */
type Source = HTMLElement & { job?: Job | null };

/**
 * Plays a job's video: muted, in place, in a loop, over the picture that it was made from.
 *
 * @attr job-id - the job, when it is not set as a property
 * @attr for - id of an `animate-button` or `video-job` whose video is to be played
 * @attr src - an address of a video, instead of a job
 * @attr poster - the picture; better is an `img` inside the element, which is there before any script
 * @attr controls - the browser's own controls as well
 * @attr endpoint - where the service is; this page's own origin when left out
 * @attr state - (read-only) see `PlayerState`
 * @attr reshaped - (read-only) the video has another shape than its picture
 * @slot - the picture
 */
export class PhotoplayPlayer extends PhotoplayElement {
  static override observedAttributes = [
    ...PhotoplayElement.observedAttributes,
    ...["job-id", "for", "src", "poster", "controls"],
  ];
  readonly #picture = make("img", { part: "picture", alt: "", hidden: true });
  readonly #frame = make("div", { part: "frame" }, make("slot", {}, this.#picture));
  readonly #kind = make("strong", { part: "label" });
  readonly #how = make("span", { part: "how" });
  readonly #play = tool("play", () => this.toggle());
  readonly #save = make("a", { part: "download", className: "tool" }, icon("download"));
  readonly #share = tool("share", () => void this.#giveOn());
  readonly #alert = make("p", { part: "alert", role: "alert" });
  readonly #again = make("button", { part: "retry", type: "button", hidden: true });
  #job: Job | null = null;
  #video: HTMLVideoElement | null = null;
  #renewals = 0;
  /** Where the page's next address goes on, after it was asked for one. */
  #awaitedAt: number | null = null;
  #isWanted = true;
  #turning = new AbortController();

  constructor() {
    super([noteStyle, playerStyle]);
    const tools = make("div", { className: "tools" }, this.#play, this.#save, this.#share);
    const label = make("p", { className: "kind" }, this.#kind, " ", this.#how);
    const bar = make("div", { part: "bar" }, label, tools);
    this.#frame.append(make("div", { className: "broken" }, this.#alert, this.#again));
    this.#again.onclick = () => this.#retry();
    this.#save.onclick = (event) => void this.#download(event);
    this.root.append(this.#frame, bar);
  }

  /** The job whose video is played; null while there is none. */
  get job(): Job | null {
    return this.#job;
  }

  set job(job: Job | null) {
    if (job?.id === this.#job?.id) return;
    this.#job = job;
    if (this.isConnected) this.#restart();
  }

  /** The playing element; another one after each renewal. */
  get video(): HTMLVideoElement | null {
    return this.#video;
  }

  toggle(): void {
    const video = this.#video;
    if (!video) return;
    this.#isWanted = video.paused;
    if (video.paused) void video.play().catch(() => {});
    else video.pause();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#turning.abort();
    this.#clear();
  }

  protected override turn(): void {
    this.#turning.abort();
    this.#turning = new AbortController();
    this.#video?.toggleAttribute("controls", this.hasAttribute("controls"));
    const { signal } = this.#turning;
    const source = this.#source();
    if (source) {
      source.addEventListener("jobchange", ({ detail }) => this.#hear(detail.job), { signal });
      source.addEventListener("statechange", ({ detail }) => detail.state === "idle" && this.#hear(null), { signal });
      if (source.job) this.#hear(source.job);
    }
    void this.#read(signal);
  }

  protected override show(): void {
    const { texts } = this.language;
    const { result, provider } = this.#job ?? {};
    const isKnown = this.#video !== null && typeof result?.generative === "boolean";
    say(this.#kind, isKnown ? (result?.generative ? texts.generated : texts.cameraMotion) : "");
    const how = result?.generative ? texts.generatedDetail : texts.cameraMotionDetail;
    say(this.#how, isKnown ? fill(how, { provider: provider ?? "" }) : "");
    const isPaused = this.#video?.paused ?? true;
    this.#play.replaceChildren(icon(isPaused ? "animate" : "pause"));
    this.#play.ariaLabel = isPaused ? texts.play : texts.pause;
    this.#save.ariaLabel = texts.download;
    this.#share.ariaLabel = texts.share;
    this.#share.hidden = !("canShare" in navigator);
    say(this.#again, texts.retry);
    if (this.#video) this.#video.ariaLabel = this.#name() || texts.video;
    const isBroken = !this.#again.hidden;
    say(this.#alert, isBroken ? texts.broken : "");
    const state: PlayerState = isBroken ? "broken" : !this.#video ? "empty" : isPaused ? "paused" : "playing";
    reflect(this, "state", this.#loading ? "loading" : state);
  }

  #loading = false;

  #source(): Source | null {
    const id = this.getAttribute("for");
    return id ? (this.getRootNode() as Document | ShadowRoot).getElementById(id) : null;
  }

  /** A job that has no video yet leaves the last one playing. */
  #hear(job: Job | null): void {
    if (job === null || job.status === "succeeded") this.job = job;
  }

  async #read(signal: AbortSignal): Promise<void> {
    this.#showPicture(this.getAttribute("poster"));
    const id = this.getAttribute("job-id");
    if (id && id !== this.#job?.id) {
      const answer = await this.api.job(id, { signal }).catch(() => null);
      if (signal.aborted) return;
      this.#job = answer?.job ?? null;
    }
    this.#restart();
  }

  #restart(): void {
    const at = this.#awaitedAt;
    this.#awaitedAt = null;
    if (at === null) this.#renewals = 0;
    this.#again.hidden = true;
    const src = this.#job?.signedVideoUrl ?? this.getAttribute("src");
    if (!this.hasAttribute("poster")) this.#showPicture(this.#job?.signedPosterUrl ?? null);
    if (!src) this.#clear();
    else if (at !== null) this.#load(src, at, this.#isWanted);
    else if (src !== this.#video?.src) this.#load(src, 0, !matchMedia("(prefers-reduced-motion: reduce)").matches);
    this.show();
  }

  #showPicture(src: string | null): void {
    this.#picture.hidden = !src;
    if (src) this.#picture.src = src;
  }

  #clear(): void {
    this.#video?.remove();
    this.#video = null;
    this.#loading = false;
    this.#save.removeAttribute("href");
    this.show();
  }

  /** Put a video over what is shown now, as soon as it has something to show at this position. */
  #load(src: string, at: number, isPlaying: boolean): void {
    const before = this.#video;
    const video = make("video", { part: "video", loop: true, muted: true, playsInline: true, preload: "auto" });
    this.#video = video;
    this.#loading = true;
    this.#isWanted = isPlaying;
    video.toggleAttribute("controls", this.hasAttribute("controls"));
    video.onloadedmetadata = () => {
      if (at) video.currentTime = at;
      this.toggleAttribute("reshaped", this.#isReshaped(video));
    };
    video.onerror = () => video === this.#video && void this.#renew(video, at);
    const appear = () => {
      if (video !== this.#video || this.#loading === false) return;
      this.#loading = false;
      video.classList.add("there");
      // Until the new one covers it, the old one stays.
      setTimeout(() => before?.remove(), 400);
      this.show();
    };
    video.onloadeddata = () => (video.seeking ? (video.onseeked = appear) : appear());
    video.onplay = video.onpause = () => this.show();
    video.src = src;
    this.#save.href = src;
    this.#save.download = `${this.#name() || this.#job?.id || "video"}.mp4`;
    this.#frame.querySelector("slot")?.after(...(before ? [before] : []), video);
    if (isPlaying) void video.play().catch(() => {});
  }

  #isReshaped({ videoWidth, videoHeight }: HTMLVideoElement): boolean {
    const { width, height } = this.#frame.getBoundingClientRect();
    return Math.abs((videoWidth * height) / (videoHeight * width) - 1) > SIMILAR_SHAPE;
  }

  /** An address has died: get another one, and go on where it stopped. */
  async #renew(video: HTMLVideoElement, loadedAt: number): Promise<void> {
    const at = video.currentTime || loadedAt;
    this.#renewals += 1;
    setTimeout(() => (this.#renewals = 0), FORGIVEN_MS);
    if (this.#renewals > MOST_RENEWALS) return this.#break();
    const job = this.#job;
    if (!job) {
      this.#awaitedAt = at;
      if (this.wish("renewrequest", { src: video.src })) this.#break();
      return;
    }
    const src = await this.#refresh(job).catch(() => null);
    if (video !== this.#video) return;
    if (src) this.#load(src, at, this.#isWanted);
    else this.#break();
  }

  /** Get a living address of the same video. */
  async #refresh({ id }: Job): Promise<string | null> {
    const { job } = await this.api.job(id);
    if (id !== this.#job?.id || !job?.signedVideoUrl) return null;
    this.#job = job;
    this.#save.href = job.signedVideoUrl;
    return job.signedVideoUrl;
  }

  #retry(): void {
    this.#renewals = 0;
    this.#again.hidden = true;
    if (this.#video) void this.#renew(this.#video, 0);
  }

  #break(): void {
    this.#awaitedAt = null;
    this.#again.hidden = false;
    this.#loading = false;
    this.show();
  }

  #name(): string {
    const picture = this.querySelector("img") ?? this.#picture;
    return picture.alt;
  }

  async #bytes(): Promise<File> {
    const answer = await fetch(this.#save.href);
    if (!answer.ok) throw new Error(`${answer.status}`);
    return new File([await answer.blob()], this.#save.download, { type: "video/mp4" });
  }

  /** A browser saves only what comes from the page's own origin; everything else is fetched first. */
  async #download(event: Event): Promise<void> {
    const isExpired = Date.parse(this.#job?.signedUrlExpiresAt ?? "") < Date.now();
    if (!isExpired && new URL(this.#save.href).origin === location.origin) return;
    event.preventDefault();
    try {
      if (isExpired && this.#job) await this.#refresh(this.#job);
      const url = URL.createObjectURL(await this.#bytes());
      make("a", { href: url, download: this.#save.download }).click();
      setTimeout(() => URL.revokeObjectURL(url), FORGIVEN_MS);
    } catch {
      // The store lets no page read it; the browser shows it, and can save it from there.
      open(this.#save.href, "_blank", "noopener");
    }
  }

  async #giveOn(): Promise<void> {
    // A browser shares only soon after the press; the bytes are usually at hand.
    const files = [await this.#bytes()];
    const shared = navigator.canShare({ files }) ? { files } : { url: this.#save.href };
    // Who closes the sheet has changed their mind.
    await navigator.share(shared).catch(() => {});
  }
}

function tool(part: "play" | "share", onclick: () => void): HTMLButtonElement {
  return make("button", { part, type: "button", className: "tool", onclick }, icon(part === "play" ? "animate" : part));
}

define("photoplay-player", PhotoplayPlayer);

declare global {
  interface HTMLElementTagNameMap {
    "photoplay-player": PhotoplayPlayer;
  }
}
