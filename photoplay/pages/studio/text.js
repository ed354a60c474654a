// Every sentence that script shows, and how figures are written. The page's own words are in index.html.

export const TEXT = {
  app: "Photoplay",
  animate: "Animate",
  animateAgain: "Animate again",
  animating: "In the works…",
  animateAll: (n) => `Animate all ${n}`,
  tryAgain: "Try again",
  cancel: "Cancel",
  cancelling: "Cancelling…",
  broken: "The film cannot be played at the moment.",
  playAgain: "Load it again",
  notShown: "This browser cannot show this picture.",
  notRead: (name) => `Nothing to be seen in ${name}`,
  notPicture: (name) => `${name} is not a picture.`,
  tooMany: (n) => `${n} pictures are the most at once; the others were left out.`,
  filmOf: (name) => `Film of ${name}`,
  pictureOf: (name) => `Your picture: ${name}`,
  remove: (name) => `Remove ${name}`,
  open: (made, facts) => `Play the film of ${made}, ${facts}`,
  erase: (made, facts) => `Erase the film of ${made}, ${facts}`,
  erased: "The film was erased.",
  eraseFailed: "The film could not be erased. Try again.",
  galleryFailed: "Your films could not be listed.",
  more: "Show more",
  tokenRefused: "This token was not accepted. Paste another one.",
  tokenWanted: "This server asks who you are.",
  filmReady: (name) => `${name}: the film is ready.`,
  filmFailed: (name) => `${name}: no film this time.`,
  sampleFailed: "The sample could not be loaded.",
  madeBy: "Made by",
  firstThatCan: ([first, ...others]) => `Automatic: ${first}${others.length ? " first" : ""}`,
  triedInOrder: "Tried in this order",
  onlyWhenNamed: "Only when chosen",
  compare: "Compare",
  compareSlider: "How much of the photograph covers the film",
  photograph: "Photograph",
  film: "Film",
};

/** The camera moves as people call them, in the order in which they are shown. */
export const MOVE_NAMES = {
  auto: "Automatic",
  dolly_in: "Dolly in",
  dolly_out: "Dolly out",
  orbit: "Orbit",
  orbit_loop: "Full orbit",
  rise: "Rise",
  descend: "Descend",
  pan_left: "Pan left",
  pan_right: "Pan right",
  tilt_up: "Tilt up",
  tilt_down: "Tilt down",
  zoom_in: "Zoom in",
  zoom_out: "Zoom out",
  vertigo: "Vertigo",
  static: "At rest",
};

/** What people call a provider: `fal-veo` is Veo at fal. */
export function providerName(name) {
  if (name === "local") return "Built-in camera";
  const [account, ...model] = name.split("-").map((word) => word.replace(/^./, (c) => c.toUpperCase()));
  return account === "Fal" ? `${model.join(" ")} (fal)` : [account, ...model].join(" ");
}

const dollars = new Intl.NumberFormat("en", { style: "currency", currency: "USD", maximumFractionDigits: 3 });

/** Price, typical time and state of an offer, in a few words. */
export function offerFacts({ billed, cost_usd, is_available, reason, typical_s }) {
  if (reason) return reason;
  const price = !billed ? "Free" : cost_usd === null ? "Price not known" : dollars.format(cost_usd);
  const minutes = Math.round(typical_s / 60);
  const time = typical_s === null ? "" : typical_s < 90 ? `${Math.max(1, Math.round(typical_s))} s` : `${minutes} min`;
  return [price, time && `ready in about ${time}`, is_available ? "" : "resting at the moment"].filter(Boolean).join(" · ");
}

const MOVES = {
  auto: "automatic",
  auto_subject: "automatic",
  auto_scene: "automatic",
  auto_landscape: "automatic",
  orbit_loop: "full orbit",
  static: "camera at rest",
};

const PHASES = {
  accepted: "Waiting for its turn",
  preparing: "Studying the picture",
  submitting: "Handing the picture over",
  waiting: "Making the film",
  storing: "Storing the film",
};

const FOR_SUPPORT = ["outcome_unknown", "storage_failed", "expired"];

const clock = new Intl.DateTimeFormat(undefined, { hour: "numeric", minute: "2-digit" });
const day = new Intl.DateTimeFormat("en", { day: "numeric", month: "short" });
const hour = (instant) => clock.format(new Date(instant));
const moveName = (move) => MOVES[move] ?? move.replaceAll("_", " ");
const quoted = (words) => words.map((word) => `“${word}”`).join(", ");
const size = (bytes) => (bytes < 1e6 ? `${Math.ceil(bytes / 1e3)} kB` : `${(bytes / 1e6).toFixed(1)} MB`);

export const percent = (share) => `${Math.round(share * 100)} %`;
export const quotaText = ({ used, limit, resetsAt }) => `${used} of ${limit} films today · resets at ${hour(resetsAt)}`;

/** What a film is called in the gallery: when it was made, and what it is. */
export function filmTitle(job) {
  const made = new Date(job.created_at);
  const isToday = made.toDateString() === new Date().toDateString();
  const move = job.result?.move ? moveName(job.result.move) : job.provider && providerName(job.provider);
  const seconds = job.video && `${Math.round(job.video.duration_s)} s`;
  return [isToday ? hour(made) : day.format(made), [seconds, move].filter(Boolean).join(" · ")];
}

export function videoFacts(video) {
  if (!video) return "";
  return [`${+video.duration_s.toFixed(1)} s`, `${video.width} × ${video.height}`, size(video.bytes)].join(" · ");
}

/** What a refused request means to its user, and what to do. */
function problemWords({ code, details, message }) {
  if (code === "quota_exceeded") {
    const minutes = Math.ceil((new Date(details.resetsAt) - Date.now()) / 60_000);
    const left = minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
    const when = details.resetsAt ? `It starts anew at ${hour(details.resetsAt)}, in ${left}.` : "";
    const films = details.limit === 1 ? "Today’s film is" : `Today’s ${details.limit ?? ""} films are`;
    return `${films} used up. ${when} Nothing was charged.`;
  }
  if (code === "spend_cap_reached") {
    return `Today’s budget for films is used up. It starts anew at ${hour(details.resetsAt)}. Nothing was charged.`;
  }
  if (code === "price_unknown") {
    return "What this film would cost is not known, so it was not begun. Choose another provider.";
  }
  if (code === "image_too_large" && details.limit) {
    return `This picture is too large: at most ${size(details.limit)} can be sent.`;
  }
  return message || "Something went wrong. Try again.";
}

/** Why a job failed, what to do, and whether it was charged. */
function failureWords(job) {
  const { code, message, charged = null, retryable } = job.failure ?? { message: job.error };
  const charge = {
    true: "Charged: it counts for today.",
    false: "Not charged, and it does not count for today.",
    null: "Whether it was charged is not known yet.",
  }[charged];
  const number = FOR_SUPPORT.includes(code) ? ` The number to name: ${job.id}` : "";
  const remedy = code === "content_refused" ? " Try another picture, or other words." : number;
  const reason = code === "providers_unavailable" ? "Nobody could make this film just now. Try again later." : message;
  return { status: "No film this time", alert: (reason ?? "") + remedy, charge, mayRepeat: retryable };
}

/** What to say of a frame: a headline (`status`), a line below it (`detail`), an `alert`, the `charge`. */
export function wordsFor(frame, state) {
  const { held, job, problem } = frame;
  if (held) {
    return { status: "Waiting for the others", detail: "It starts by itself as soon as one of them has ended." };
  }
  if (frame.trouble && ["sending", "asking", "queued", "running"].includes(state)) {
    const status = "No connection. Trying again by itself…";
    return { status, detail: "Nothing is lost, and nothing is made twice." };
  }
  switch (state) {
    case "sending":
      return { status: "Sending the picture…", detail: "You can press Animate already." };
    case "ready":
      return { status: "Ready when you are", detail: "Press Animate, or say first what the camera should do." };
    case "refused":
      return { status: "This picture cannot be used", alert: problemWords(problem) };
    case "stopped": {
      const isToday = ["quota_exceeded", "spend_cap_reached"].includes(problem.code);
      const status = isToday ? "Enough films for today" : "Not started";
      return { status, alert: problemWords(problem), mayRepeat: !isToday };
    }
    case "asking":
      return { status: frame.isAsking === undefined ? "Looking for your film…" : "Asking for the film…" };
    case "succeeded":
      return { status: "Here is your film", detail: videoFacts(job.video) };
    case "cancelled":
      return { status: "Cancelled", detail: "Press Animate to start again." };
    case "failed":
      return failureWords(job);
    default: {
      const status = PHASES[state === "queued" ? "accepted" : job.phase] ?? PHASES.waiting;
      const late = "This takes longer than usual, but it goes on. You can close the page.";
      return { status, detail: job.overdue ? late : "It goes on without this page." };
    }
  }
}

/** The honest label of a film: how it was made, and rows of [term, description]. */
export function filmLabel(job, here) {
  const result = job?.result;
  if (typeof result?.generative !== "boolean") return { how: "", rows: [] };
  const place = here ? "on this machine" : "by this server";
  const how = result.generative
    ? `Generated by ${providerName(job.provider)} from your photo: not everything in it was there.`
    : `Camera motion made ${place} from your photo; nothing is generated.`;
  const { move, understood = [], ignored = [] } = result;
  const { notes = [] } = job.effective_options ?? {};
  const advice = result.generative ? "" : " – the camera cannot do that; a provider’s model might";
  const rows = [
    move && ["Move", moveName(move)],
    understood.length && ["Understood", quoted(understood)],
    ignored.length && ["Ignored", quoted(ignored) + advice],
    notes.length && ["Differs", notes.join("; ")],
  ];
  return { how, rows: rows.filter(Boolean) };
}
