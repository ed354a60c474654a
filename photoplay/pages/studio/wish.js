// The form: what the user asks for, as the API takes it.

/** Read the form; what is left on automatic is left to the server. */
export function readWish(form, provider) {
  const { aspect, duration, loop, move, prompt, resolution, strength } = form.elements;
  const options = {
    durationSec: Number(duration.value),
    resolution: resolution.value,
    motionStrength: strength.value,
  };
  if (provider) options.provider = provider;
  // What the chosen provider does not take is hidden, and not asked for.
  if (move && move.value !== "auto" && !isAway(form, "#moves")) options.move = move.value;
  if (aspect.value !== "auto") options.aspectRatio = aspect.value;
  if (loop.checked && !isAway(form, "#loop")) options.loop = true;
  const words = prompt.value.trim();
  return words ? { prompt: words, options } : { options };
}

const isAway = (form, part) => form.querySelector(part).hidden;

/** Keep the figure beside the slider right. */
export function showSeconds(form) {
  form.elements.seconds.value = `${form.elements.duration.value} s`;
}
