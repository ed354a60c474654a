// A few lines that every element here needs.

/** Make an element: properties, then children. */
export function make(name, properties = {}, ...children) {
  const element = Object.assign(document.createElement(name), properties);
  element.append(...children);
  return element;
}

/** The descendants that carry `data-part`, by its value. */
export function partsOf(root) {
  return Object.fromEntries([...root.querySelectorAll("[data-part]")].map((e) => [e.dataset.part, e]));
}

/** Set text only when it differs, so that a live region speaks once. */
export function say(element, text = "") {
  if (element.textContent !== text) element.textContent = text;
}

export function emit(element, name, detail) {
  element.dispatchEvent(new CustomEvent(name, { detail }));
}

/** Rows of [term, description] as a description list. */
export function listRows(list, rows) {
  const row = ([term, text]) =>
    make("div", {}, make("dt", { textContent: term }), make("dd", { textContent: text }));
  list.replaceChildren(...rows.map(row));
}

/** Make a link save a film; where an identity is needed, with a ticket got at the click. */
export function saves(link, api, job, name) {
  link.href = api.plainAddress(job.id, "video");
  link.download = name.replace(/\.[a-z0-9]{2,5}$/i, "") + ".mp4";
  link.onclick = async (event) => {
    if (!api.token) return;
    event.preventDefault();
    make("a", { href: await api.address(job.id, "video"), download: link.download }).click();
  };
}
