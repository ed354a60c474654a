// What a refresh must not lose: the roll of this tab with its intents, in sessionStorage.

const ROLL = "photoplay.roll";
const THUMB = "photoplay.thumb.";
const WISH = "photoplay.wish";

/** A new wish gets a new key; every repetition of its request carries the same one. */
export function newKey() {
  if (crypto.randomUUID) return crypto.randomUUID();
  // A page that came over plain http from another machine has no randomUUID.
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) =>
    b.toString(16).padStart(2, "0"),
  ).join("");
}

function write(name, value) {
  try {
    sessionStorage.setItem(name, value);
    return true;
  } catch {
    return false; // Full, or not allowed: the page works, a refresh forgets.
  }
}

/** Keep the frames, without pictures. Synchronous, so that an intent is kept before it is sent. */
export function keepRoll(frames, selected) {
  const kept = frames
    .filter((frame) => frame.imageId || !frame.problem)
    .map(({ id, name, width, height, imageId, intent, jobId }) => {
      return { id, name, width, height, imageId, intent, jobId };
    });
  write(ROLL, JSON.stringify({ frames: kept, selected: selected?.id ?? null }));
}

export function keepThumb(id, thumb) {
  if (thumb) write(THUMB + id, thumb);
}

export function forgetThumb(id) {
  sessionStorage.removeItem(THUMB + id);
}

/** The roll of before the refresh. */
export function keptRoll() {
  try {
    const { frames, selected } = JSON.parse(sessionStorage.getItem(ROLL)) ?? { frames: [] };
    return {
      frames: frames.map((f) => ({ ...f, thumb: sessionStorage.getItem(THUMB + f.id) })),
      selected,
    };
  } catch {
    return { frames: [], selected: null };
  }
}

export function keepWish(form) {
  write(WISH, JSON.stringify([...new FormData(form)]));
}

export function restoreWish(form) {
  let kept;
  try {
    kept = JSON.parse(sessionStorage.getItem(WISH));
  } catch {
    return;
  }
  if (!Array.isArray(kept)) return;
  form.elements.loop.checked = false;
  for (const [name, value] of kept) {
    const field = form.elements[name];
    if (!field) continue;
    if (field.type === "checkbox") field.checked = true;
    else field.value = value;
  }
}
