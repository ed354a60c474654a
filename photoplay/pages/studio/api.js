// The service's API as functions. Knows addresses and answers, no page.

const TOKEN = "photoplay.token";

/** A refused or unanswered request; `status` 0 when no answer came. Repeating is always harmless. */
export class Problem extends Error {
  constructor(status, body = {}) {
    super(body.detail ?? "");
    this.status = status;
    this.code = body.code ?? "";
    this.details = body.details ?? {};
    this.retryable = status === 0 || status >= 500 || Boolean(body.retryable);
  }
}

/** Emits `refused` when an identity is wanted, and `identity` when another one is set. */
export class Api extends EventTarget {
  #token = sessionStorage.getItem(TOKEN);

  get token() {
    return this.#token;
  }

  set token(token) {
    this.#token = token;
    if (token) sessionStorage.setItem(TOKEN, token);
    else sessionStorage.removeItem(TOKEN);
    this.dispatchEvent(new Event("identity"));
  }

  async request(path, { headers = {}, ...init } = {}) {
    const token = this.#token;
    if (token) headers.Authorization = `Bearer ${token}`;
    let answer;
    try {
      answer = await fetch(`/api/video${path}`, { ...init, headers });
    } catch {
      throw new Problem(0);
    }
    if (answer.ok || answer.status === 304) return answer;
    if (answer.status === 401 && token === this.#token) this.dispatchEvent(new Event("refused"));
    throw new Problem(answer.status, await answer.json().catch(() => ({})));
  }

  async #data(path, init) {
    const answer = await this.request(path, init);
    try {
      return (await answer.json()).data;
    } catch {
      // It broke off, or is not the service's own.
      throw new Problem(0);
    }
  }

  sendPicture(file) {
    const headers = { "Content-Type": file.type || "application/octet-stream" };
    return this.#data("/images", { method: "POST", body: file, headers });
  }

  /** Ask for a film. Leaving the page does not stop the request. */
  animate(wish) {
    const headers = { "Content-Type": "application/json" };
    return this.#data("/animate", { method: "POST", body: JSON.stringify(wish), headers, keepalive: true });
  }

  /** Read a job; `job` is null when it is still as `etag` says. */
  async job(id, { waitS = 0, etag = null, signal } = {}) {
    const path = `/jobs/${id}${waitS ? `?wait=${waitS}` : ""}`;
    // The browser's own cache would show us a 304 as a 200.
    const init = { headers: etag ? { "If-None-Match": etag } : {}, signal, cache: "no-store" };
    const answer = await this.request(path, init);
    if (answer.status === 304) return { job: null, etag };
    const body = await answer.json().catch(() => Promise.reject(new Problem(0)));
    return { job: body.data, etag: answer.headers.get("ETag") };
  }

  /** What each provider would make of these options, and for how much. */
  offers(options) {
    const headers = { "Content-Type": "application/json" };
    return this.#data("/offers", { method: "POST", body: JSON.stringify({ options }), headers });
  }

  /** An address that shows an uploaded picture as every browser can. */
  async picture(imageId) {
    return (await this.#data(`/images/${imageId}`)).signedUrl;
  }

  films(cursor, limit) {
    const after = cursor ? `&cursor=${encodeURIComponent(cursor)}` : "";
    return this.#data(`/jobs?status=succeeded&limit=${limit}${after}`);
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

  /** The stable address of a job's `video` or `poster`. */
  plainAddress(id, part) {
    return `/api/video/jobs/${id}/${part}`;
  }

  /** The same, so that it works where no header can be sent. */
  async address(id, part) {
    const plain = this.plainAddress(id, part);
    if (!this.#token) return plain;
    const { ticket } = await this.#data(`/jobs/${id}/ticket`, { method: "POST" });
    return `${plain}?ticket=${encodeURIComponent(ticket)}`;
  }
}
