// The studio: elements, roll and API put together.

import { Api } from "./api.js";
import { say } from "./dom.js";
import "./gallery.js";
import "./moves.js";
import "./offers.js";
import "./player.js";
import { MOST_FRAMES, Roll, canAnimate, isOpen, stateOf } from "./roll.js";
import { tidyShelf } from "./shelf.js";
import "./stage.js";
import "./strip.js";
import { TEXT, filmTitle, percent, quotaText } from "./text.js";
import { readWish, showSeconds } from "./wish.js";

const byId = (id) => document.getElementById(id);
const [stage, strip, gallery, form, news, picker] = ["stage", "strip", "gallery", "wish", "news", "picker"].map(byId);
const [animate, animateAll, identity, signOut] = ["animate", "animate-all", "identity", "sign-out"].map(byId);
const [offers, moves] = [byId("offers"), document.querySelector("move-picker")];

const SHOWN_WITHOUT_A_PICTURE = "/studio/samples/coffee-small.webp";
const api = new Api();
const roll = new Roll(api);
const here = /^(localhost|127\.0\.0\.1|\[::1\])$/.test(location.hostname);

// The page follows the roll.

const notAsked = () => roll.frames.filter((f) => ["sending", "ready"].includes(stateOf(f)));

roll.addEventListener("change", () => {
  const frame = roll.selected;
  const isBusy = Boolean(frame) && isOpen(frame);
  stage.show(frame, { api, here });
  strip.show(roll.frames, frame);
  moves.show(frame?.thumb ?? frame?.shown ?? SHOWN_WITHOUT_A_PICTURE);
  animate.ariaDisabled = String(!frame || !canAnimate(frame));
  say(animate, isBusy ? TEXT.animating : frame?.job ? TEXT.animateAgain : TEXT.animate);
  const { length } = notAsked();
  animateAll.hidden = length < 2;
  say(animateAll, TEXT.animateAll(length));
  const progress = isBusy && frame.job?.progress;
  document.title = progress ? `${percent(progress)} · ${TEXT.app}` : TEXT.app;
});

roll.addEventListener("ended", ({ detail: { name, job } }) => {
  if (job.status === "succeeded") gallery.add(job);
  // The stage speaks for the frame that it shows.
  if (roll.selected?.job === job || job.status === "cancelled") return;
  say(news, job.status === "succeeded" ? TEXT.filmReady(name) : TEXT.filmFailed(name));
});

async function showQuota() {
  // Without an answer the old figures stay; a 401 has its own place.
  const quota = await api.quota().catch(() => null);
  if (!quota) return;
  say(byId("quota"), quotaText(quota));
  byId("quota").dataset.isShort = String(quota.remaining === 0);
}
roll.addEventListener("counted", showQuota);

// Pictures come in.

function add(files) {
  const [left] = roll.add([...files]);
  if (left) say(news, roll.frames.length < MOST_FRAMES ? TEXT.notPicture(left.name) : TEXT.tooMany(MOST_FRAMES));
}

const choose = () => picker.click();
stage.addEventListener("choose", choose);
byId("add").onclick = choose;
picker.onchange = () => {
  add(picker.files);
  picker.value = "";
};

addEventListener("paste", (event) => {
  const { files } = event.clipboardData;
  if (!files.length) return;
  event.preventDefault();
  add(files);
});

const drops = {
  dragover: () => true,
  // Leaving the window, and not for another element of it.
  dragleave: (event) => event.relatedTarget !== null,
  drop: (event) => add(event.dataTransfer.files),
};
for (const [name, act] of Object.entries(drops)) {
  addEventListener(name, (event) => {
    if (!event.dataTransfer.types.includes("Files")) return;
    event.preventDefault();
    stage.toggleAttribute("data-over", act(event) === true);
  });
}

byId("samples").onclick = async ({ target }) => {
  const name = target.closest("button")?.value;
  if (!name) return;
  try {
    const answer = await fetch(`/studio/samples/${name}`);
    if (!answer.ok) throw new Error(answer.status);
    add([new File([await answer.blob()], name, { type: "image/jpeg" })]);
  } catch {
    say(news, TEXT.sampleFailed);
  }
};

strip.addEventListener("pick", ({ detail }) => roll.select(detail));
strip.addEventListener("drop-frame", ({ detail }) => roll.remove(detail));

// Wishes go out.

function animateSelected() {
  if (!roll.selected) return choose();
  roll.animate(roll.selected, readWish(form, offers.provider));
  // On a phone the button is below the film that it is about.
  if (stage.getBoundingClientRect().top < 0) stage.scrollIntoView();
}

form.onsubmit = (event) => {
  event.preventDefault();
  animateSelected();
};
form.oninput = () => {
  showSeconds(form);
  offers.ask(readWish(form).options);
};
offers.addEventListener("offered", ({ detail: offer }) => {
  // What a provider does not take is not offered; the wish without it may have another price.
  const names = offer?.moves ?? [];
  byId("moves").hidden = byId("loop").hidden = byId("prompt-hint").hidden = !names.length;
  if (names.length) moves.offer(names);
});
// The browser brings back what was written before a refresh.
addEventListener("pageshow", form.oninput);
form.elements.prompt.onkeydown = (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) animateSelected();
};
animateAll.onclick = () => {
  for (const frame of notAsked()) roll.animate(frame, readWish(form, offers.provider));
  animate.focus();
};
stage.addEventListener("animate", animateSelected);
stage.addEventListener("cancel", () => roll.cancel(roll.selected));

// Films are looked at again and erased.

gallery.addEventListener("open", ({ detail: job }) => {
  const film = { name: filmTitle(job).join(" · "), job, jobId: job.id };
  roll.select(film);
  showSourceOf(film);
  stage.scrollIntoView();
  stage.focusCaption();
});

const confirmation = byId("confirm");
const eraseTrouble = confirmation.querySelector("[role=alert]");
let inHand = null;

/** Find the photograph of an older film, to compare it with. */
async function showSourceOf(film) {
  const [, imageId] = /\/source-images\/([0-9a-f-]{36})\./.exec(film.job.source_image_url) ?? [];
  film.shown = imageId ? await api.picture(imageId).catch(() => null) : null;
  if (film.shown && roll.selected === film) roll.select(film);
}

gallery.addEventListener("erase", ({ detail: job }) => {
  inHand = job.id;
  say(eraseTrouble);
  confirmation.showModal();
});
byId("keep").onclick = () => confirmation.close();
byId("erase").onclick = async () => {
  try {
    await api.erase(inHand);
  } catch (problem) {
    if (problem.status !== 404) return say(eraseTrouble, TEXT.eraseFailed);
  }
  confirmation.close();
  gallery.remove(inHand);
  roll.forgetJob(inHand);
  say(news, TEXT.erased);
};

// Who asks.

api.addEventListener("refused", () => {
  say(byId("identity-why"), api.token ? TEXT.tokenRefused : TEXT.tokenWanted);
  signOut.hidden = true;
  if (!identity.hidden) return;
  identity.hidden = false;
  identity.elements.token.focus();
});
identity.onsubmit = (event) => {
  event.preventDefault();
  const token = identity.elements.token.value.trim().replace(/^bearer\s+/i, "");
  identity.reset();
  identity.hidden = true;
  api.token = token;
};
signOut.onclick = () => (api.token = null);
api.addEventListener("identity", () => {
  roll.resume();
  start();
});

function start() {
  signOut.hidden = !api.token;
  showQuota();
  gallery.reload();
  form.oninput();
}

gallery.api = offers.api = api;
byId("local-note").hidden = !here;
roll.restore();
start();
tidyShelf();
