// The service's API as functions. Knows addresses and answers, no page.

import type { AnimateBody, CreatedJob, Job, Offer, Options, Page, PictureName } from "./types.ts";

const ANSWER_MS = 30_000;
const UPLOAD_MS = 300_000;

/** A bearer token, or how to get one; asked with `true` after the last one was refused. */
export type TokenSource = string | null | ((wasRefused: boolean) => string | null | Promise<string | null>);

interface ProblemBody {
  code?: string;
  detail?: string;
  error?: string;
  details?: Record<string, unknown>;
  retryable?: boolean;
}

/** A refused or unanswered request; `status` is 0 when no answer came. Repeating is always harmless. */
export class Problem extends Error {
  readonly code: string;
  readonly details: Record<string, unknown>;
  readonly retryable: boolean;
  readonly answeredAtMs = Date.now();

  constructor(
    readonly status: number,
    body: ProblemBody = {},
    /** Milliseconds that the service asked to wait. */
    readonly retryAfterMs = 0,
  ) {
    super(body.detail ?? body.error ?? "");
    this.code = body.code ?? "";
    this.details = body.details ?? {};
    this.retryable = status === 0 || status >= 500 || Boolean(body.retryable);
  }
}

interface RequestOptions extends RequestInit {
  /** Give up after this long; 0 for requests that are meant to last. */
  withinMs?: number;
}

export class Api {
  /** @param endpoint where the service is, without a trailing slash; empty for this page's own origin. */
  constructor(
    readonly endpoint: string,
    private readonly token: () => TokenSource,
  ) {}

  /** Whose intents these are: the token's subject, as far as it can be read. */
  async owner(): Promise<string> {
    const token = await this.#bearer(false);
    try {
      const claims = token?.split(".")[1]?.replace(/-/g, "+").replace(/_/g, "/");
      return claims ? String(JSON.parse(atob(claims)).sub ?? "") : "";
    } catch {
      return "";
    }
  }

  async request(path: string, init: RequestOptions = {}): Promise<Response> {
    const token = await this.#bearer(false);
    let answer = await this.#send(path, init, token);
    if (answer.status === 401 && typeof this.token() === "function") {
      const fresh = await this.#bearer(true);
      if (fresh && fresh !== token) answer = await this.#send(path, init, fresh);
    }
    if (answer.ok || answer.status === 304) return answer;
    const seconds = Number(answer.headers.get("Retry-After")) || 0;
    const body: ProblemBody = await answer.json().catch(() => ({}));
    throw new Problem(answer.status, body, seconds * 1_000);
  }

  sendPicture(picture: Blob, signal?: AbortSignal): Promise<{ imageId: string }> {
    const headers = { "Content-Type": picture.type || "application/octet-stream" };
    const init: RequestOptions = { method: "POST", body: picture, headers, withinMs: UPLOAD_MS };
    if (signal) init.signal = signal;
    return this.#data("/images", init);
  }

  /** Ask for a video. Leaving the page does not stop the request. */
  animate(wish: AnimateBody & PictureName): Promise<CreatedJob> {
    return this.#data("/animate", { ...json(wish), keepalive: true });
  }

  /** What providers would make of these options. */
  offers(options: Options): Promise<Offer[]> {
    return this.#data("/offers", json({ options }));
  }

  /** Read a job; `job` is null when it is still as `etag` says. */
  async job(
    id: string,
    { waitS = 0, etag = null, signal }: { waitS?: number; etag?: string | null; signal?: AbortSignal } = {},
  ): Promise<{ job: Job | null; etag: string | null }> {
    const path = `/jobs/${encodeURIComponent(id)}${waitS ? `?wait=${waitS}` : ""}`;
    const init: RequestOptions = { cache: "no-store", withinMs: ANSWER_MS + waitS * 1_000 };
    if (etag) init.headers = { "If-None-Match": etag };
    if (signal) init.signal = signal;
    const answer = await this.request(path, init);
    if (answer.status === 304) return { job: null, etag };
    return { job: (await dataOf<Job>(answer)) ?? null, etag: answer.headers.get("ETag") };
  }

  jobs(query: Record<string, string | number>): Promise<Page<Job>> {
    const pairs = Object.entries(query).map(([name, value]) => [name, String(value)]);
    return this.#data(`/jobs?${new URLSearchParams(pairs)}`);
  }

  cancel(id: string): Promise<Job> {
    return this.#data(`/jobs/${encodeURIComponent(id)}/cancel`, { method: "POST" });
  }

  async #data<Data>(path: string, init?: RequestOptions): Promise<Data> {
    return dataOf(await this.request(path, init));
  }

  async #send(path: string, init: RequestOptions, token: string | null): Promise<Response> {
    const { withinMs = ANSWER_MS, signal, ...rest } = init;
    const headers = new Headers(rest.headers);
    if (token) headers.set("Authorization", `Bearer ${token}`);
    const signals = [signal, withinMs ? AbortSignal.timeout(withinMs) : null].filter((s) => s != null);
    try {
      return await fetch(`${this.endpoint}/api/video${path}`, { ...rest, headers, signal: AbortSignal.any(signals) });
    } catch {
      throw new Problem(0);
    }
  }

  async #bearer(wasRefused: boolean): Promise<string | null> {
    const source = this.token();
    if (typeof source !== "function") return source;
    try {
      return await source(wasRefused);
    } catch {
      // Without a token the service says itself what is missing.
      return null;
    }
  }
}

const json = (body: object): RequestOptions => ({
  method: "POST",
  body: JSON.stringify(body),
  headers: { "Content-Type": "application/json" },
});

async function dataOf<Data>(answer: Response): Promise<Data> {
  try {
    return (await answer.json()).data;
  } catch {
    // It broke off, or is not the service's own.
    throw new Problem(0);
  }
}
