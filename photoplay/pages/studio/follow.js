// A job's states as they happen: server-sent events, else long polling, else polling.

const FIRST_EVENT_MS = 3_000;
const SILENCE_MS = 40_000;
const STREAM_FAILURES = 3;
const WAIT_S = 30;
const POLL_MS = 3_000;
const HIDDEN_POLL_MS = 10_000;
const FINAL = new Set([401, 404, 410]);

export const hasEnded = (job) => ["succeeded", "failed", "cancelled"].includes(job.status);
export const backoffMs = (failures) => Math.min(1_000 * 2 ** failures, 15_000);

/** Wait; a connection that comes back ends the wait early. */
export function pause(ms, signal) {
  return new Promise((resolve) => {
    const done = new AbortController();
    const over = () => {
      clearTimeout(timer);
      done.abort();
      resolve();
    };
    const timer = setTimeout(over, ms);
    addEventListener("online", over, { signal: done.signal });
    signal.addEventListener("abort", over, { signal: done.signal });
    if (signal.aborted) over();
  });
}

/**
 * Report a job until it has ended or `signal` aborts.
 *
 * Browsers open only six connections to a server, over all tabs: follow at most one job of a visible
 * page `live`, all others by short requests.
 *
 * @param onJob gets every new state; onTrouble gets the problem, and null when it is over.
 * @throws Problem when the job cannot be read at all (401, 404, 410).
 */
export async function follow(api, id, { live, signal, onJob, onTrouble }) {
  const seen = { version: -1, ended: false };
  const report = (job) => {
    if (signal.aborted) return;
    onTrouble(null);
    if (job && job.version > seen.version) {
      seen.version = job.version;
      seen.ended = hasEnded(job);
      onJob(job);
    }
  };
  if (live) await stream(api, id, signal, seen, report);

  let etag = null;
  let failures = 0;
  let waitS = live ? WAIT_S : 0;
  while (!seen.ended && !signal.aborted) {
    // Even a server that does not wait must not be asked without rest.
    let rest = waitS ? 300 : document.hidden ? HIDDEN_POLL_MS : POLL_MS;
    try {
      const answer = await api.job(id, { waitS: etag ? waitS : 0, etag, signal });
      ({ etag } = answer);
      failures = 0;
      report(answer.job);
    } catch (problem) {
      if (signal.aborted) return;
      if (FINAL.has(problem.status)) throw problem;
      failures += 1;
      // Requests that last do not seem to get through.
      if (failures > 1) waitS = 0;
      rest = backoffMs(failures);
      onTrouble(problem);
    }
    if (!seen.ended) await pause(rest, signal);
  }
}

/** Server-sent events over fetch, which can carry a token; until the end, or until they do not get through. */
async function stream(api, id, signal, seen, report) {
  const attempt = new AbortController();
  const stop = () => attempt.abort();
  signal.addEventListener("abort", stop, { signal: attempt.signal });
  let timer = setTimeout(stop, FIRST_EVENT_MS);
  let lastId = null;
  for (let failures = 0; failures < STREAM_FAILURES && !attempt.signal.aborted; failures += 1) {
    try {
      const headers = lastId ? { "Last-Event-ID": lastId } : {};
      const answer = await api.request(`/jobs/${id}/events`, { headers, signal: attempt.signal });
      for await (const event of eventsOf(answer.body)) {
        // A connection can die without a sign; heartbeats show that it has not.
        if (lastId || event.data) {
          clearTimeout(timer);
          timer = setTimeout(stop, SILENCE_MS);
        }
        if (!event.data) continue;
        failures = 0;
        lastId = event.id;
        report(JSON.parse(event.data));
        if (seen.ended) stop();
      }
    } catch (problem) {
      if (FINAL.has(problem.status)) break;
    }
    await pause(1_000, attempt.signal);
  }
  clearTimeout(timer);
  stop();
}

async function* eventsOf(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const blocks = (rest + value).split("\n\n");
    rest = blocks.pop();
    for (const block of blocks) {
      yield Object.fromEntries(block.split("\n").map((line) => line.split(/: ?(.*)/, 2)));
    }
  }
}
