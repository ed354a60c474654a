// A job's states as they happen: server-sent events, else long polling, else polling.

const FIRST_EVENT_MS = 5_000;
const STREAM_CHECK_MS = 45_000;
const STREAM_FAILURES = 3;
const WAIT_S = 30;
const POLL_MS = 3_000;
const HIDDEN_POLL_MS = 10_000;
const LONGEST_PAUSE_MS = 15_000;

const ENDED = new Set(["succeeded", "failed", "cancelled"]);
const FINAL = new Set([401, 404, 410]);
export const hasEnded = (job) => ENDED.has(job.status);

/** Wait; a connection that comes back ends the wait early. */
export function pause(ms, signal) {
  return new Promise((resolve) => {
    const over = () => {
      clearTimeout(timer);
      removeEventListener("online", over);
      signal?.removeEventListener("abort", over);
      resolve();
    };
    const timer = setTimeout(over, ms);
    addEventListener("online", over);
    signal?.addEventListener("abort", over);
  });
}

/**
 * Report a job until it has ended or `signal` aborts.
 *
 * Browsers open only six connections to a server, over all tabs: at most one frame of a visible page
 * may be followed `live`, all others by short requests.
 *
 * @param onJob gets every new state; onTrouble gets the problem, and null when it is over.
 * @throws Problem when the job cannot be read at all (401, 404, 410).
 */
export async function follow(api, id, { live, signal, onJob, onTrouble }) {
  const seen = { version: -1, ended: false };
  const report = (job) => {
    onTrouble(null);
    if (job.version <= seen.version) return;
    seen.version = job.version;
    seen.ended = hasEnded(job);
    onJob(job);
  };
  if (live) await stream(api, id, signal, seen, report);
  if (!seen.ended && !signal.aborted) {
    await look(api, id, { waitS: live ? WAIT_S : 0, signal, seen, report, onTrouble });
  }
}

/** Long polling, and plain polling where requests that last do not get through. */
async function look(api, id, { waitS, signal, seen, report, onTrouble }) {
  let etag = null;
  let failures = 0;
  while (!signal.aborted) {
    let rest = waitS ? 300 : document.hidden ? HIDDEN_POLL_MS : POLL_MS;
    try {
      const answer = await api.job(id, { waitS: etag ? waitS : 0, etag, signal });
      if (signal.aborted) return;
      failures = 0;
      etag = answer.etag;
      if (answer.job) report(answer.job);
      else onTrouble(null);
      if (seen.ended) return;
    } catch (problem) {
      if (signal.aborted) return;
      if (FINAL.has(problem.status)) throw problem;
      failures += 1;
      if (failures > 1) waitS = 0;
      onTrouble(problem);
      rest = Math.min(1_000 * 2 ** failures, LONGEST_PAUSE_MS);
    }
    await pause(rest, signal);
  }
}

/** Server-sent events, until the end or until they seem not to get through. */
async function stream(api, id, signal, seen, report) {
  const attempt = new AbortController();
  const stop = () => attempt.abort();
  signal.addEventListener("abort", stop);
  let timer = setTimeout(stop, FIRST_EVENT_MS);
  const onEvent = (data) => {
    if (attempt.signal.aborted) return;
    report(JSON.parse(data));
    clearTimeout(timer);
    if (seen.ended) stop();
    else timer = setTimeout(check, STREAM_CHECK_MS);
  };
  // A connection can die without a sign; a newer state elsewhere gives it away.
  const check = async () => {
    const answer = await api.job(id, { signal }).catch(() => null);
    if (attempt.signal.aborted) return;
    if (answer?.job?.version > seen.version) stop();
    else timer = setTimeout(check, STREAM_CHECK_MS);
  };
  try {
    const read = api.token ? readFetched : readEventSource;
    await read(api, id, attempt.signal, onEvent);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", stop);
  }
}

function readEventSource(api, id, signal, onEvent) {
  return new Promise((resolve) => {
    const source = new EventSource(api.plainAddress(id, "events"));
    let failures = 0;
    const end = () => {
      source.close();
      resolve();
    };
    signal.addEventListener("abort", end, { once: true });
    source.addEventListener("job", ({ data }) => {
      failures = 0;
      onEvent(data);
    });
    source.addEventListener("error", () => {
      failures += 1;
      if (source.readyState === EventSource.CLOSED || failures >= STREAM_FAILURES) end();
    });
  });
}

/** The same over fetch, which can carry a bearer token. */
async function readFetched(api, id, signal, onEvent) {
  let lastId = null;
  for (let failures = 0; failures < STREAM_FAILURES && !signal.aborted; failures += 1) {
    try {
      const headers = { Accept: "text/event-stream", ...(lastId && { "Last-Event-ID": lastId }) };
      const answer = await api.request(`/jobs/${id}/events`, { headers, signal });
      for await (const event of events(answer.body)) {
        if (event.id) lastId = event.id;
        if (event.event !== "job") continue;
        failures = 0;
        onEvent(event.data);
      }
    } catch (problem) {
      if (signal.aborted || FINAL.has(problem.status)) return;
    }
    await pause(1_000, signal);
  }
}

async function* events(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const blocks = (rest + value).split(/\r?\n\r?\n/);
    rest = blocks.pop();
    for (const block of blocks) {
      const event = {};
      for (const line of block.split(/\r?\n/)) {
        const at = line.indexOf(":");
        if (at > 0) event[line.slice(0, at)] = line.slice(at + 1).replace(/^ /, "");
      }
      yield event;
    }
  }
}
