// A job's states come, whatever lies between the page and the service.

import assert from "node:assert/strict";
import type { ServerResponse } from "node:http";
import test from "node:test";
import type { Problem } from "../src/logic/api.ts";
import { watch } from "../src/logic/follow.ts";
import type { Job } from "../src/logic/types.ts";
import { data, expectation, jobOf, refuse, serve, type Service } from "./service.ts";

const running = jobOf();
const done = jobOf({ status: "succeeded", phase: "done", version: 2 });

function stream(response: ServerResponse, ...jobs: Job[]): void {
  response.writeHead(200, { "Content-Type": "text/event-stream" });
  response.write("retry: 5000\n\n");
  for (const job of jobs) response.write(`event: job\nid: ${job.version}\ndata: ${JSON.stringify(job)}\n\n`);
}

/** Every state that a watcher is told, up to the last one. */
async function statesOf({ api }: Service): Promise<Job[]> {
  const states: Job[] = [];
  const ended = expectation<null>();
  watch(api, running.id, {
    onJob: (job) => {
      states.push(job);
      if (job.status === "succeeded") ended.say(null);
    },
  });
  await ended.come;
  return states;
}

test("an event stream tells every state, over one connection for all who watch", async (t) => {
  const service = await serve(t, (_, response) => {
    stream(response, running, done);
    response.end();
  });
  const [one, two] = await Promise.all([statesOf(service), statesOf(service)]);
  assert.deepEqual(one.map((job) => job.version), [1, 2]);
  assert.deepEqual(two, one);
  assert.equal(service.asked.length, 1);
});

test("a stream that breaks off is taken up where it was", async (t) => {
  const known: unknown[] = [];
  const service = await serve(t, (request, response) => {
    known.push(request.headers["last-event-id"]);
    stream(response, known.length === 1 ? running : done);
    response.end();
  });
  assert.deepEqual((await statesOf(service)).map((job) => job.version), [1, 2]);
  assert.deepEqual(known, [undefined, "1"]);
});

test("what refuses streams is asked to wait, and told what is held already", async (t) => {
  const held: unknown[] = [];
  const service = await serve(t, (request, response) => {
    if (request.url?.endsWith("/events")) return refuse(response, 502, "");
    held.push(request.headers["if-none-match"]);
    data(response, held.length === 1 ? running : done, 200, { ETag: '"1"' });
  });
  assert.equal((await statesOf(service)).length, 2);
  assert.deepEqual(held, [undefined, '"1"']);
  assert.deepEqual(service.asked.map((path) => path.split("?")[1]), [undefined, undefined, "wait=30"]);
});

test("a stream that a proxy keeps to itself is given up", async (t) => {
  const service = await serve(t, (request, response) => {
    if (request.url?.endsWith("/events")) stream(response);
    else data(response, done);
  });
  assert.equal((await statesOf(service)).length, 1);
});

test("faults are told once, and so is their end", async (t) => {
  const told: (Problem | null)[] = [];
  let left = 2;
  const service = await serve(t, (request, response) => {
    if (request.url?.endsWith("/events") || left-- > 0) return refuse(response, 503, "database_unavailable");
    data(response, done);
  });
  const ended = expectation<Job>();
  watch(service.api, running.id, { onJob: ended.say, onTrouble: (problem) => told.push(problem) });
  await ended.come;
  assert.deepEqual(told.map((problem) => problem?.status), [503, undefined]);
});

test("a job that is not there any more ends the watch", async (t) => {
  const service = await serve(t, (_, response) => refuse(response, 404, "job_not_found"));
  const gone = expectation<Problem>();
  watch(service.api, running.id, { onJob: () => assert.fail("it is not there"), onGone: gone.say });
  assert.equal((await gone.come).code, "job_not_found");
  assert.equal(service.asked.length, 1);
});

test("progress never goes back", async (t) => {
  const service = await serve(t, (_, response) => {
    stream(response, jobOf({ progress: 0.6 }), jobOf({ progress: 0.2, version: 2 }), { ...done, version: 3, progress: 1 });
    response.end();
  });
  assert.deepEqual((await statesOf(service)).map((job) => job.progress), [0.6, 0.6, 1]);
});
