// What a refresh must not lose: the roll of this tab with its intents. In sessionStorage.

const ROLL = "photoplay.roll";
const THUMB = "photoplay.thumb.";

/** A new wish gets a new key; every repetition of its request carries the same one. */
export function newKey() {
  // A page that came over plain http from another machine has no randomUUID.
  return crypto.randomUUID?.() ?? crypto.getRandomValues(new Uint32Array(4)).join("-");
}

function write(name, value) {
  try {
    sessionStorage.setItem(name, value);
  } catch {
    // Full, or not allowed: the page works, a refresh forgets.
  }
}

/** Keep the frames; synchronous, so that an intent is kept before it is sent. */
export function keepRoll(frames, selected) {
  const kept = frames
    .filter((frame) => frame.imageId || !frame.problem)
    .map(({ id, name, imageId, intent, jobId }) => ({ id, name, imageId, intent, jobId }));
  write(ROLL, JSON.stringify({ frames: kept, selected: selected?.id }));
}

export const keepThumb = (id, thumb) => write(THUMB + id, thumb);
export const forgetThumb = (id) => sessionStorage.removeItem(THUMB + id);

/** The roll of before the refresh. */
export function keptRoll() {
  const { frames = [], selected } = JSON.parse(sessionStorage.getItem(ROLL)) ?? {};
  for (const frame of frames) frame.thumb = sessionStorage.getItem(THUMB + frame.id);
  return { frames, selected };
}
