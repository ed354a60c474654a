// The form: what the user asks for, as the API takes it.

/** Read the form; what is left on automatic is left to the server. */
export function readWish(form) {
  const fields = form.elements;
  const options = {
    durationSec: Number(fields.duration.value),
    resolution: fields.resolution.value,
    motionStrength: fields.strength.value,
  };
  if (fields.move.value !== "auto") options.move = fields.move.value;
  if (fields.aspect.value !== "auto") options.aspectRatio = fields.aspect.value;
  if (fields.loop.checked) options.loop = true;
  const prompt = fields.prompt.value.trim();
  return prompt ? { prompt, options } : { options };
}

/** Keep what the form shows beside its sliders right. */
export function showValues(form) {
  form.elements.seconds.value = `${form.elements.duration.value} s`;
}
