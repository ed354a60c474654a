// What a refresh, a crash and a second tab must not lose: which wish was made under which key.
//
// sessionStorage holds this tab's intent for each picture, with the wish, so that a refresh goes on. localStorage
// holds the key of each open wish, so that the same wish in another tab is the same job. A wish is an intent of
// its own as soon as its job has ended.

import { hasEnded, type PictureName, type Status, type Wish } from "./types.ts";

const TAB = "photoplay.intent.";
const SHARED = "photoplay.wish.";
// An intent that got no answer is taken up again by itself for an hour; its key is used again for a day.
const RESUMED_MS = 3_600_000;
const KEPT_MS = 86_400_000;

/** One wish and what has become of it. */
export interface Intent {
  /** The request's id; every repetition of the request carries it. */
  key: string;
  madeAtMs: number;
  wish: Wish;
  /** How the service names the picture, as soon as that is known. */
  picture?: PictureName;
  /** From now on there may be a job. */
  isSent?: boolean;
  /** Cancelled before there was an answer. */
  isUnwanted?: boolean;
  jobId?: string;
  status?: Status;
}

/** Where an intent belongs: whose it is, and by what a page finds it again. */
export interface Place {
  /** Service and user. */
  scope: string;
  /** What the picture is called on this page, most telling first; `#id` for one without a lasting address. */
  names: readonly string[];
}

type Keep = Pick<Storage, "getItem" | "setItem" | "removeItem" | "key" | "length">;
type Locks = Pick<LockManager, "request">;
type Shared = Pick<Intent, "key" | "madeAtMs" | "jobId">;

export class Intents {
  constructor(
    private readonly tab: Keep,
    private readonly shared: Keep,
    private readonly locks?: Locks,
  ) {}

  /** The intent that is open for this picture, or the tab's last one; null when there is nothing to go on with. */
  find(place: Place, wish: Wish): Intent | null {
    for (const name of place.names) {
      const kept = read<Intent>(this.tab, TAB + hash(place.scope, name));
      if (kept && (kept.jobId || isFresh(kept, RESUMED_MS))) return { ...kept, wish: { ...wish, ...kept.wish } };
    }
    const shared = read<Shared>(this.shared, SHARED + print(place, wish));
    return shared && isFresh(shared, shared.jobId ? KEPT_MS : RESUMED_MS) ? { ...shared, wish } : null;
  }

  /** Begin an intent, or join the one that another tab began for the same wish. */
  async open(place: Place, wish: Wish): Promise<Intent> {
    const name = SHARED + print(place, wish);
    const readOrMake = () => {
      const there = read<Shared>(this.shared, name);
      if (there && isFresh(there, KEPT_MS)) return there;
      const made = { key: newKey(), madeAtMs: Date.now() };
      write(this.shared, name, made);
      return made;
    };
    let shared = await (this.locks ? this.locks.request(name, readOrMake) : readOrMake());
    if (!this.locks) {
      // A page without locks: what is there after a moment is what all tabs see.
      await new Promise((resolve) => setTimeout(resolve, 50));
      shared = readOrMake();
    }
    const intent = { ...shared, wish };
    this.keep(place, intent);
    return intent;
  }

  /** Write an intent down; before its request is sent, and whenever something has become of it. */
  keep(place: Place, intent: Intent): void {
    const { picture, ...wish } = intent.wish;
    // What a page shows may be large, or gone after a refresh; the page names it anew.
    const kept = "src" in picture ? { ...intent, wish } : intent;
    for (const name of place.names) write(this.tab, TAB + hash(place.scope, name), kept);
    const shared = SHARED + print(place, intent.wish);
    if (intent.status && hasEnded(intent.status)) this.shared.removeItem(shared);
    else {
      const { key, madeAtMs, jobId } = intent;
      write(this.shared, shared, jobId ? { key, madeAtMs, jobId } : { key, madeAtMs });
    }
    this.#tidy();
  }

  /** Forget an intent that came to nothing. */
  drop(place: Place, intent: Intent): void {
    for (const name of place.names) this.tab.removeItem(TAB + hash(place.scope, name));
    this.shared.removeItem(SHARED + print(place, intent.wish));
  }

  /** Whether a key of localStorage is about this wish. */
  isAbout(key: string | null, place: Place, wish: Wish): boolean {
    return key === SHARED + print(place, wish);
  }

  #tidy(): void {
    for (let i = this.shared.length - 1; i >= 0; i -= 1) {
      const name = this.shared.key(i) ?? "";
      if (name.startsWith(SHARED) && !isFresh(read<Shared>(this.shared, name), KEPT_MS)) this.shared.removeItem(name);
    }
  }
}

const isFresh = (kept: Shared | null, forMs: number): boolean =>
  kept !== null && Date.now() - kept.madeAtMs < forMs;

/** A new request id. A page that came over plain http from another machine has no randomUUID. */
function newKey(): string {
  return crypto.randomUUID?.() ?? crypto.getRandomValues(new Uint32Array(4)).join("-");
}

/** What makes two wishes the same one. */
function print({ scope }: Place, { picture, prompt = "", options = {} }: Wish): string {
  const sorted = Object.entries(options).sort(([a], [b]) => (a < b ? -1 : 1));
  return hash(scope, JSON.stringify([picture, prompt.trim(), sorted]));
}

/** A short name for two texts; long enough that two wishes of one browser do not share one. */
function hash(...texts: string[]): string {
  const text = texts.join("\n");
  let [a, b, c, d] = [0x9e3779b9, 0x243f6a88, 0xb7e15162, 0x93c467e3];
  for (let i = 0; i < text.length; i += 1) {
    const unit = text.charCodeAt(i);
    a = Math.imul(a ^ unit, 0x85ebca6b) ^ (d >>> 15);
    b = Math.imul(b ^ unit, 0xc2b2ae35) ^ (a >>> 13);
    c = Math.imul(c ^ unit, 0x27d4eb2f) ^ (b >>> 16);
    d = Math.imul(d ^ unit, 0x165667b1) ^ (c >>> 14);
  }
  return [a, b, c, d].map((n) => (n >>> 0).toString(36)).join("");
}

function read<Value>(keep: Keep, name: string): Value | null {
  try {
    return JSON.parse(keep.getItem(name) ?? "null");
  } catch {
    return null;
  }
}

function write(keep: Keep, name: string, value: object): void {
  try {
    keep.setItem(name, JSON.stringify(value));
  } catch {
    // Full, or not allowed: the page works, a refresh forgets.
  }
}

class Memory implements Keep {
  readonly #values = new Map<string, string>();
  get length(): number {
    return this.#values.size;
  }
  key = (index: number): string | null => [...this.#values.keys()][index] ?? null;
  getItem = (name: string): string | null => this.#values.get(name) ?? null;
  setItem = (name: string, value: string): void => void this.#values.set(name, value);
  removeItem = (name: string): void => void this.#values.delete(name);
}

function storage(name: "sessionStorage" | "localStorage"): Keep {
  try {
    return globalThis[name] ?? new Memory();
  } catch {
    // The browser refuses storage to this page.
    return new Memory();
  }
}

/** The browser's own intents. */
export const browserIntents = (): Intents =>
  new Intents(storage("sessionStorage"), storage("localStorage"), globalThis.navigator?.locks);
