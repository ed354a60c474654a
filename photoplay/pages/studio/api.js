// The service's API as functions. Knows addresses and answers, no page.

const TOKEN = "photoplay.token";

/** A refused or unanswered request. `status` 0: no answer came. */
export class Problem extends Error {
  constructor(status, body = {}, retryAfter = null) {
    super(body.detail ?? body.error ?? "");
    this.status = status;
    this.code = body.code ?? (status ? `http_${status}` : "offline");
    this.detail = this.message;
    this.details = body.details ?? {};
    // Repeating is always harmless here; whether it may help is the question.
    this.retryable = status === 0 || status >= 500 || Boolean(body.retryable);
    this.retryAfterS = retryAfter;
  }
}

/** Emits `refused` when an identity is wanted, and `identity` when another one is set. */
export class Api extends EventTarget {
  #token = sessionStorage.getItem(TOKEN);

  get token() {
    return this.#token;
  }

  set token(token) {
    this.#token = token || null;
    if (token) sessionStorage.setItem(TOKEN, token);
    else sessionStorage.removeItem(TOKEN);
    this.dispatchEvent(new Event("identity"));
  }

  get headers() {
    return this.#token ? { Authorization: `Bearer ${this.#token}` } : {};
  }

  async request(path, { headers, ...rest } = {}) {
    const init = { ...rest, headers: { ...this.headers, ...headers } };
    const asked = this.#token;
    let answer;
    try {
      answer = await fetch(`/api/video${path}`, init);
    } catch (error) {
      if (init.signal?.aborted) throw error;
      throw new Problem(0);
    }
    if (answer.ok || answer.status === 304) return answer;
    const body = await answer.json().catch(() => ({}));
    if (answer.status === 401 && asked === this.#token) this.dispatchEvent(new Event("refused"));
    throw new Problem(answer.status, body, Number(answer.headers.get("Retry-After")) || null);
  }

  async #data(path, init) {
    const answer = await this.request(path, init);
    try {
      return (await answer.json()).data;
    } catch {
      if (init?.signal?.aborted) throw new DOMException("", "AbortError");
      // The answer broke off, or is not the service's; what was asked may have happened.
      throw new Problem(0);
    }
  }

  sendPicture(file) {
    const headers = { "Content-Type": file.type || "application/octet-stream" };
    return this.#data("/images", { method: "POST", body: file, headers });
  }

  /** Ask for a film. Leaving the page does not stop the request; its key makes repeating it harmless. */
  animate(wish) {
    const headers = { "Content-Type": "application/json" };
    return this.#data("/animate", {
      method: "POST",
      body: JSON.stringify(wish),
      headers,
      keepalive: true,
    });
  }

  /** Read a job; `job` is null when it is still as `etag` says. */
  async job(id, { waitS = 0, etag = null, signal } = {}) {
    const headers = etag ? { "If-None-Match": etag } : {};
    // The browser's own cache would answer a 304 as a 200.
    const init = { headers, signal, cache: "no-store" };
    const path = `/jobs/${id}${waitS ? `?wait=${waitS}` : ""}`;
    const answer = await this.request(path, init);
    if (answer.status === 304) return { job: null, etag };
    const body = await answer.json().catch(() => {
      throw new Problem(0);
    });
    return { job: body.data, etag: answer.headers.get("ETag") };
  }

  films(cursor, limit) {
    const query = new URLSearchParams({ status: "succeeded", limit });
    if (cursor) query.set("cursor", cursor);
    return this.#data(`/jobs?${query}`);
  }

  cancel(id) {
    return this.#data(`/jobs/${id}/cancel`, { method: "POST" });
  }

  erase(id) {
    return this.request(`/jobs/${id}`, { method: "DELETE" });
  }

  quota() {
    return this.#data("/quota");
  }

  /** The stable address of a job's `video`, `poster` or `events`; it may need a ticket to work. */
  plainAddress(id, part) {
    return `/api/video/jobs/${id}/${part}`;
  }

  /** An address that works where no header can be sent. */
  async address(id, part) {
    const plain = this.plainAddress(id, part);
    if (!this.#token) return plain;
    const { ticket } = await this.#data(`/jobs/${id}/ticket`, { method: "POST" });
    return `${plain}?ticket=${encodeURIComponent(ticket)}`;
  }
}
