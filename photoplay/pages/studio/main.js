// The studio: elements, roll and API put together.

import { Api } from "./api.js";
import { saves, say, listRows } from "./dom.js";
import "./gallery.js";
import { keepWish, restoreWish } from "./intent.js";
import "./player.js";
import { MOST_FRAMES, Roll, canAnimate, isOpen, stateOf } from "./roll.js";
import { tidyShelf } from "./shelf.js";
import "./stage.js";
import "./strip.js";
import { TEXT, filmLabel, madeAt, percent, quotaReset, quotaText, videoFacts } from "./text.js";
import { readWish, showValues } from "./wish.js";

const byId = (id) => document.getElementById(id);
const [stage, strip, gallery, form] = ["stage", "strip", "gallery", "wish"].map(byId);
const [news, picker, quotaLine, identity] = ["news", "picker", "quota", "identity"].map(byId);
const [animate, animateAll] = ["animate", "animate-all"].map(byId);

const api = new Api();
const roll = new Roll(api);
const here = /^(localhost|127\.0\.0\.1|\[::1\])$/.test(location.hostname);

/* The page follows the roll. */

const waiting = () => roll.frames.filter((f) => ["sending", "ready"].includes(stateOf(f)));

function show() {
  const frame = roll.selected;
  const state = frame ? stateOf(frame) : "empty";
  stage.show(frame, { api, here });
  strip.show(roll.frames, frame);
  animate.ariaDisabled = String(!frame || !canAnimate(frame));
  const isAgain = ["succeeded", "failed", "cancelled"].includes(state);
  say(animate, frame && isOpen(frame) ? TEXT.animating : isAgain ? TEXT.animateAgain : TEXT.animate);
  const several = waiting();
  animateAll.hidden = several.length < 2;
  say(animateAll, TEXT.animateAll(several.length));
  document.title = titleFor(frame);
}

function titleFor(frame) {
  if (!frame || !isOpen(frame)) return TEXT.appName;
  const progress = frame.job?.progress;
  return `${progress ? `${percent(progress)} · ` : ""}${frame.name} – ${TEXT.appName}`;
}

roll.addEventListener("change", show);
roll.addEventListener("created", showQuota);
roll.addEventListener("refused", showQuota);
roll.addEventListener("ended", ({ detail: frame }) => {
  showQuota();
  if (frame.job.status === "succeeded") gallery.add(frame.job);
  // The stage speaks for the frame that it shows.
  if (frame !== roll.selected && frame.job.status !== "cancelled") {
    const done = frame.job.status === "succeeded";
    say(news, done ? TEXT.frameDone(frame.name) : TEXT.frameFailed(frame.name));
  }
});

async function showQuota() {
  try {
    const quota = await api.quota();
    const [used, reset, meter] = quotaLine.children;
    say(used, quotaText(quota));
    say(reset, quotaReset(quota));
    meter.max = Math.max(quota.limit, 1);
    meter.value = quota.used;
    quotaLine.dataset.isShort = String(quota.remaining === 0);
    quotaLine.style.visibility = "visible";
  } catch {
    // It is shown again after the next film; a 401 has its own place.
  }
}

/* Pictures come in. */

function add(files) {
  if (!files.length) return;
  const isFull = roll.frames.length + files.length > MOST_FRAMES;
  const others = roll.add(files);
  if (!others.length) return;
  say(news, isFull ? TEXT.tooMany(MOST_FRAMES) : `${others[0].name} ${TEXT.notPicture}.`);
}

picker.addEventListener("change", () => {
  add([...picker.files]);
  picker.value = "";
});
for (const element of [stage, byId("add")]) {
  element.addEventListener(element === stage ? "choose" : "click", () => picker.click());
}

addEventListener("paste", (event) => {
  const files = [...(event.clipboardData?.files ?? [])];
  if (!files.length) return;
  event.preventDefault();
  add(files);
});

let over = 0;
const holdsFiles = (event) => event.dataTransfer?.types.includes("Files");
const setOver = (n) => {
  over = Math.max(0, n);
  stage.toggleAttribute("data-over", over > 0);
};
addEventListener("dragenter", (event) => holdsFiles(event) && setOver(over + 1));
addEventListener("dragleave", (event) => holdsFiles(event) && setOver(over - 1));
addEventListener("dragover", (event) => holdsFiles(event) && event.preventDefault());
addEventListener("drop", (event) => {
  if (!holdsFiles(event)) return;
  event.preventDefault();
  setOver(0);
  add([...event.dataTransfer.files]);
});

byId("samples").addEventListener("click", async (event) => {
  const button = event.target.closest("button");
  if (!button || button.ariaDisabled === "true") return;
  button.ariaDisabled = "true";
  try {
    const address = button.querySelector("img").src;
    const answer = await fetch(address);
    if (!answer.ok) throw new Error();
    const name = address.split("/").pop();
    add([new File([await answer.blob()], name, { type: "image/jpeg" })]);
  } catch {
    say(news, TEXT.sampleFailed);
  }
  button.ariaDisabled = "false";
});

strip.addEventListener("pick", ({ detail }) => roll.select(detail));
strip.addEventListener("drop-frame", ({ detail }) => roll.remove(detail));

/* Wishes go out. */

function animateSelected() {
  if (roll.selected && form.reportValidity()) roll.animate(roll.selected, readWish(form));
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  if (!roll.selected) picker.click();
  else animateSelected();
});
form.addEventListener("input", () => {
  showValues(form);
  keepWish(form);
});
form.elements.prompt.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) animateSelected();
});
animateAll.addEventListener("click", () => {
  for (const frame of waiting()) roll.animate(frame, readWish(form));
  animate.focus();
});
stage.addEventListener("animate", animateSelected);
stage.addEventListener("cancel", () => roll.cancel(roll.selected));

/* Films are looked at and erased. */

const viewer = byId("viewer");
const confirmation = byId("confirm");
let inHand = null;

gallery.addEventListener("open", ({ detail: job }) => {
  inHand = job;
  const name = `${TEXT.appName} ${madeAt(job.created_at)}`;
  viewer.querySelector("film-player").show({ api, id: job.id, poster: job.signedPosterUrl, name });
  const { how, rows } = filmLabel(job, { here });
  say(viewer.querySelector(".detail"), job.video ? videoFacts(job.video) : "");
  say(viewer.querySelector(".how"), how);
  listRows(viewer.querySelector("dl"), rows);
  saves(viewer.querySelector("a"), api, job, `photoplay-${job.id.slice(0, 8)}`);
  viewer.showModal();
});
gallery.addEventListener("erase", ({ detail: job }) => askErase(job));
byId("viewer-erase").addEventListener("click", () => askErase(inHand));
viewer.addEventListener("close", () => viewer.querySelector("film-player").clear());

function askErase(job) {
  inHand = job;
  confirmation.returnValue = "";
  say(confirmation.querySelector("[role=alert]"), "");
  confirmation.showModal();
}

byId("confirm-erase").addEventListener("click", async (event) => {
  const button = event.currentTarget;
  if (button.ariaDisabled === "true") return;
  button.ariaDisabled = "true";
  try {
    await api.erase(inHand.id);
    gone(inHand.id);
  } catch (problem) {
    if (problem.status === 404) gone(inHand.id);
    else say(confirmation.querySelector("[role=alert]"), TEXT.eraseFailed);
  }
  button.ariaDisabled = "false";
});

function gone(id) {
  confirmation.close();
  viewer.close();
  gallery.remove(id);
  roll.forgetJob(id);
  say(news, TEXT.erased);
}

for (const dialog of [viewer, confirmation]) {
  dialog.addEventListener("click", (event) => {
    // A click beside the box lands on the dialog itself.
    if (event.target === dialog || event.target.closest("[data-close]")) dialog.close();
  });
}

/* Who asks. */

api.addEventListener("refused", () => {
  say(byId("identity-why"), api.token ? TEXT.tokenRefused : TEXT.tokenWanted);
  if (!identity.hidden) return;
  identity.hidden = false;
  identity.elements.token.focus();
});
identity.addEventListener("submit", (event) => {
  event.preventDefault();
  const field = identity.elements.token;
  const token = field.value.trim().replace(/^bearer\s+/i, "");
  if (!token) return;
  field.value = "";
  identity.hidden = true;
  api.token = token;
});
byId("sign-out").addEventListener("click", () => {
  api.token = null;
});
api.addEventListener("identity", () => {
  byId("sign-out").hidden = !api.token;
  start();
});

function start() {
  showQuota();
  gallery.reload();
  roll.resume();
}

gallery.api = api;
byId("sign-out").hidden = !api.token;
byId("local-note").hidden = !here;
restoreWish(form);
showValues(form);
roll.restore();
tidyShelf();
start();

