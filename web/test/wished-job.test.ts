// One wish, one job: without a browser.

import assert from "node:assert/strict";
import test from "node:test";
import { Api } from "../src/logic/api.ts";
import { Intents } from "../src/logic/intents.ts";
import type { Wish } from "../src/logic/types.ts";
import { type State, WishedJob } from "../src/logic/wished-job.ts";
import { data, jobOf, refuse, serve } from "./service.ts";

const wish: Wish = { picture: { imageId: "a" }, prompt: "slowly", options: { durationSec: 4, loop: true } };
const subject = { wish, names: ["a"] };
const done = jobOf({ status: "succeeded", phase: "done", version: 2 });

class Keep {
  readonly values = new Map<string, string>();
  get length(): number {
    return this.values.size;
  }
  key = (at: number): string | null => [...this.values.keys()][at] ?? null;
  getItem = (name: string): string | null => this.values.get(name) ?? null;
  setItem = (name: string, value: string): void => void this.values.set(name, value);
  removeItem = (name: string): void => void this.values.delete(name);
}

/** A tab of a browser whose other tabs keep the same `shared`. */
const tab = (shared: Keep, own = new Keep()): Intents => new Intents(own, shared);

function reached(wished: WishedJob, ...states: State[]): Promise<State> {
  return new Promise((resolve) => {
    const look = () => states.includes(wished.state) && resolve(wished.state);
    wished.addEventListener("change", look);
    look();
  });
}

/** A service that makes a job for every key it has not seen. */
function maker(): { keys: string[]; answer: Parameters<typeof serve>[1] } {
  const keys: string[] = [];
  return {
    keys,
    answer: (request, response) => {
      if (!request.url?.endsWith("/animate")) return data(response, done);
      keys.push(JSON.parse(request.text).clientRequestId);
      data(response, { jobId: done.id, status: "queued", duplicate: false }, 202);
    },
  };
}

test("pressing again and again asks once", async (t) => {
  const { keys, answer } = maker();
  const { api } = await serve(t, answer);
  const wished = new WishedJob(api, tab(new Keep()));
  for (let i = 0; i < 20; i += 1) void wished.start(subject);
  await reached(wished, "succeeded");
  assert.equal(keys.length, 1);
});

test("tabs that press at once carry the same key; a later wish has its own", async (t) => {
  const { keys, answer } = maker();
  const { api } = await serve(t, answer);
  const shared = new Keep();
  const tabs = Array.from({ length: 5 }, () => new WishedJob(api, tab(shared)));
  for (const one of tabs) void one.start({ ...subject, wish: { ...wish, options: { loop: true, durationSec: 4 } } });
  await Promise.all(tabs.map((one) => reached(one, "succeeded")));
  assert.equal(new Set(keys).size, 1);
  const later = new WishedJob(api, tab(shared));
  await later.start(subject);
  await reached(later, "succeeded");
  assert.equal(new Set(keys).size, 2);
});

test("a refresh goes on with the same key, though the page asks for something else now", async (t) => {
  const bodies: string[] = [];
  const { api } = await serve(t, (request, response) => {
    if (!request.url?.endsWith("/animate")) return data(response, done);
    bodies.push(request.text);
    // The first answer is lost.
    if (bodies.length === 1) return void response.destroy();
    data(response, { jobId: done.id, status: "queued", duplicate: true });
  });
  const own = new Keep();
  const before = new WishedJob(api, tab(new Keep(), own));
  await before.start(subject);
  await new Promise((resolve) => before.addEventListener("change", resolve, { once: true }));
  before.stop();
  const after = new WishedJob(api, tab(new Keep(), own));
  await after.show({ ...subject, wish: { picture: wish.picture } });
  await reached(after, "succeeded");
  assert.equal(bodies.length, 2);
  assert.deepEqual(JSON.parse(bodies[1] ?? ""), JSON.parse(bodies[0] ?? "x"));
});

test("another user of the same browser does not get the intent", async (t) => {
  const { keys, answer } = maker();
  const { api } = await serve(t, answer);
  const [own, shared] = [new Keep(), new Keep()];
  for (const user of ["alice", "bob"]) {
    const token = `e30.${btoa(JSON.stringify({ sub: user }))}.x`;
    const wished = new WishedJob(new Api(api.endpoint, () => token), tab(shared, own));
    await wished.show(subject);
    assert.equal(wished.state, "idle");
    await wished.start(subject);
    await reached(wished, "succeeded");
  }
  assert.equal(new Set(keys).size, 2);
});

test("a definite no says what it is, and the next wish has a new key", async (t) => {
  const refusals: [number, string, State][] = [
    [429, "quota_exceeded", "quota"],
    [429, "too_many_open_jobs", "busy"],
    [400, "image_not_found", "failed"],
    [401, "unauthenticated", "signed-out"],
  ];
  for (const [status, code, state] of refusals) {
    const keys: string[] = [];
    const { api } = await serve(t, (request, response) => {
      keys.push(JSON.parse(request.text).clientRequestId);
      refuse(response, status, code, { resetsAt: new Date(Date.now() + 60_000).toISOString() });
    });
    const wished = new WishedJob(api, tab(new Keep()));
    await wished.start(subject);
    assert.equal(await reached(wished, state), state);
    await wished.start(subject);
    await reached(wished, state);
    // Who signs in goes on with what was wished for.
    assert.equal(new Set(keys).size, state === "signed-out" ? 1 : 2);
    wished.stop();
  }
});

test("what is cancelled before it is answered is cancelled as soon as it is", async (t) => {
  const { api, asked } = await serve(t, (request, response) => {
    if (request.url?.endsWith("/cancel")) return data(response, jobOf({ status: "cancelled", version: 3 }), 202);
    if (request.url?.endsWith("/animate")) {
      void wished.cancel();
      return data(response, { jobId: done.id, status: "queued", duplicate: false }, 202);
    }
    data(response, jobOf({ status: "queued" }));
  });
  const wished = new WishedJob(api, tab(new Keep()));
  await wished.start(subject);
  await reached(wished, "cancelled");
  assert.ok(asked.includes(`POST /api/video/jobs/${done.id}/cancel`));
  wished.stop();
});
