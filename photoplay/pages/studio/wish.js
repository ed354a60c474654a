// The form: what the user asks for, as the API takes it.

/** Read the form; what is left on automatic is left to the server. */
export function readWish(form) {
  const { aspect, duration, loop, move, prompt, resolution, strength } = form.elements;
  const options = {
    durationSec: Number(duration.value),
    resolution: resolution.value,
    motionStrength: strength.value,
  };
  if (move.value !== "auto") options.move = move.value;
  if (aspect.value !== "auto") options.aspectRatio = aspect.value;
  if (loop.checked) options.loop = true;
  const words = prompt.value.trim();
  return words ? { prompt: words, options } : { options };
}

/** Keep the figure beside the slider right. */
export function showSeconds(form) {
  form.elements.seconds.value = `${form.elements.duration.value} s`;
}
