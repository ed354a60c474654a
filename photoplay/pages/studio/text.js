// Every sentence that script shows, and how figures are written. The page's own words are in index.html.

const MOVES = {
  auto: "chosen for the picture",
  auto_subject: "chosen for the picture: towards the subject",
  auto_scene: "chosen for the picture: into the scene",
  auto_landscape: "chosen for the picture: into the landscape",
  dolly_in: "dolly in",
  dolly_out: "dolly out",
  orbit: "orbit",
  orbit_loop: "full orbit",
  pan_left: "pan left",
  pan_right: "pan right",
  tilt_up: "tilt up",
  tilt_down: "tilt down",
  rise: "rise",
  descend: "descend",
  zoom_in: "zoom in",
  zoom_out: "zoom out",
  vertigo: "vertigo",
  static: "camera at rest",
};

const PHASES = {
  accepted: "Waiting for its turn",
  preparing: "Studying the picture",
  submitting: "Handing the picture over",
  waiting: "Making the film",
  storing: "Putting the film away",
  done: "Nearly there",
};

const REMEDIES = {
  content_refused: "Try another picture, or other words.",
  image_rejected: "Try another picture.",
  providers_unavailable: "Try again in a few minutes.",
  outcome_unknown: "Support can look it up by this number: ",
  storage_failed: "Support can look it up by this number: ",
  expired: "Support can look it up by this number: ",
};

const REFUSALS = {
  image_too_large: "This picture is too large.",
  image_type: "This is not a picture that can be used. JPEG, PNG, WebP, HEIC and AVIF work.",
  image_unreadable: "This picture is damaged or cannot be read. Try to save it again, as JPEG.",
  image_required: "This file is empty.",
  image_not_found: "The server no longer has this picture. Add it once more.",
  payload_too_large: "This picture is much too large.",
  unauthenticated: "Sign in first: paste a token above.",
  erased: "This film was erased. Press Animate to make a new one.",
};

export const TEXT = {
  appName: "Photoplay",
  animate: "Animate",
  animateAgain: "Animate again",
  animating: "In the works…",
  animateAll: (n) => `Animate all ${n}`,
  tryAgain: "Try again",
  cancel: "Cancel",
  cancelling: "Cancelling…",
  working: "A moment…",
  ready: "Ready when you are",
  readyDetail: "Press Animate, or say below what the camera should do.",
  readyWide: "Press Animate, or say first what the camera should do.",
  sending: "Sending the picture…",
  sendingDetail: "You can press Animate already.",
  asking: "Asking for the film…",
  finding: "Looking for your film…",
  held: (n) => `Waiting: ${n} films are in the works already`,
  heldDetail: "It starts by itself as soon as one of them has ended.",
  offline: "No connection. Trying again by itself…",
  offlineDetail: "Nothing is lost and nothing is made twice.",
  overdue: "This takes longer than usual, but it goes on. You can close the page.",
  goesOn: "It goes on without this page.",
  succeeded: "Here is your film",
  cancelled: "Cancelled",
  cancelledDetail: "Press Animate to start again.",
  failed: "No film this time",
  refused: "This picture cannot be used",
  stopped: "Not started",
  quotaStopped: "Enough films for today",
  noPreview: "This browser cannot show the picture, but it can be animated.",
  broken: "The film cannot be played at the moment.",
  playAgain: "Load it again",
  notPicture: "is not a picture",
  filmOf: (name) => `Film of ${name}`,
  pictureOf: (name) => `Your picture: ${name}`,
  tile: (name, state) => (state ? `${name}, ${state}` : name),
  remove: (name) => `Remove ${name}`,
  open: (what) => `Play the film: ${what}`,
  erase: (what) => `Erase the film: ${what}`,
  erased: "The film was erased.",
  eraseFailed: "The film could not be erased. Try again.",
  galleryFailed: "Your films could not be listed.",
  tokenRefused: "This token was not accepted. Paste another one.",
  tokenWanted: "This server asks who you are.",
  frameDone: (name) => `${name}: the film is ready.`,
  frameFailed: (name) => `${name}: no film this time.`,
  tooMany: (n) => `${n} pictures are the most at once; the others were left out.`,
  more: "Show more",
  sampleFailed: "The sample could not be loaded.",
};

export const TILE_STATES = {
  sending: "being sent",
  refused: "cannot be used",
  ready: "",
  asking: "waiting",
  stopped: "not started",
  queued: "waiting",
  running: "in the works",
  succeeded: "film ready",
  failed: "no film",
  cancelled: "cancelled",
};

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const day = new Intl.DateTimeFormat("en", { day: "numeric", month: "short" });

export const percent = (share) => `${Math.round(share * 100)} %`;

export function moveName(move) {
  return MOVES[move] ?? String(move).replaceAll("_", " ");
}

export function phaseName(job) {
  return job.status === "queued" ? PHASES.accepted : (PHASES[job.phase] ?? PHASES.waiting);
}

/** When something was made: the hour today, the day before that. */
export function madeAt(instant) {
  const date = new Date(instant);
  return date.toDateString() === new Date().toDateString() ? clock.format(date) : day.format(date);
}

export function megabytes(bytes) {
  return bytes < 1e5 ? `${Math.round(bytes / 1e3)} KB` : `${(bytes / 1e6).toFixed(1)} MB`;
}

export function videoFacts(video) {
  const seconds = `${Math.round(video.duration_s * 10) / 10} s`;
  return [seconds, `${video.width} × ${video.height}`, megabytes(video.bytes)].join(" · ");
}

function span(instant) {
  const minutes = Math.max(1, Math.round((new Date(instant) - Date.now()) / 60_000));
  const hours = Math.floor(minutes / 60);
  return hours ? `${hours} h ${minutes % 60} min` : `${minutes} min`;
}

export function quotaText(quota) {
  return `${quota.used} of ${quota.limit} films today`;
}

export function quotaReset(quota) {
  return `starts anew at ${clock.format(new Date(quota.resetsAt))}`;
}

/** What a refused request means to its user: one sentence, and what to do. */
export function problemWords(problem) {
  const { code, details } = problem;
  if (code === "quota_exceeded") {
    const at = details?.resetsAt;
    const when = at ? ` The count starts anew at ${clock.format(new Date(at))}, in ${span(at)}.` : "";
    return `All ${details?.limit ?? ""} films of today are used.${when} Nothing was charged.`;
  }
  const size = code === "image_too_large" && details?.limit;
  const limit = size ? ` At most ${megabytes(details.limit)} can be sent.` : "";
  return (REFUSALS[code] ?? (problem.detail || "Something went wrong. Try again.")) + limit;
}

/** Why a job failed, what to do, and whether it was charged. */
export function failureWords(job) {
  const failure = job.failure ?? { message: job.error ?? "", code: "", charged: null };
  const remedy = REMEDIES[failure.code] ?? (failure.retryable ? "Try again." : "");
  const support = remedy.endsWith(": ");
  return {
    message: failure.message,
    remedy: support ? remedy + job.id : remedy,
    charge: {
      true: "Charged: it counts for today.",
      false: "Not charged, and it does not count for today.",
      null: "Whether it was charged is not known yet.",
    }[failure.charged ?? null],
  };
}

/** The honest label of a film: how it was made, and rows of [term, description]. */
export function filmLabel(job, { here }) {
  const { result } = job;
  if (!result || result.generative === undefined) return { how: "", rows: [] };
  const place = here ? "on this machine" : "by this server";
  const how = result.generative
    ? `Generated by ${job.provider ?? "a model"} from your photo: not everything in it was there.`
    : `Camera motion made ${place} from your photo; nothing is generated.`;
  const rows = [];
  if (result.move) rows.push(["Move", moveName(result.move)]);
  if (result.understood?.length) rows.push(["Understood", quoted(result.understood)]);
  if (result.ignored?.length) {
    const advice = result.generative ? "" : " – the camera cannot do that; a provider’s model might";
    rows.push(["Ignored", quoted(result.ignored) + advice]);
  }
  const notes = job.effective_options?.notes ?? [];
  if (notes.length) rows.push(["Differs", notes.join("; ")]);
  return { how, rows };
}

const quoted = (words) => words.map((word) => `“${word}”`).join(", ");
