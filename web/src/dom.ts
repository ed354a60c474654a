// A few lines that every element here needs. No markup is parsed, so no content policy minds.

type Properties<Name extends keyof HTMLElementTagNameMap> = Partial<Omit<HTMLElementTagNameMap[Name], "part">> & {
  part?: string;
  role?: string;
};

/** Make an element: properties, then children. `part` is also its class, for our own style. */
export function make<Name extends keyof HTMLElementTagNameMap>(
  name: Name,
  properties: Properties<Name> = {},
  ...children: (Node | string)[]
): HTMLElementTagNameMap[Name] {
  const { part, role, ...rest } = properties;
  const element = Object.assign(document.createElement(name), rest);
  if (part) element.setAttribute("part", part);
  if (role) element.setAttribute("role", role);
  element.append(...children);
  return element;
}

/** Set text only when it differs, so that a live region speaks once. */
export function say(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

const ICONS = {
  animate: "M8 5v14l11-7z",
  pause: "M7 5h3.5v14H7zM13.5 5H17v14h-3.5z",
  download: "M12 3v11m0 0 4.5-4.5M12 14 7.5 9.5M5 19.5h14",
  share: "M12 15V3.5m0 0L8 7.5m4-4 4 4M6 11.5v8h12v-8",
  close: "m6 6 12 12M18 6 6 18",
};

/** A drawing of 24 × 24, filled or in strokes; decoration only. */
export function icon(name: keyof typeof ICONS): SVGSVGElement {
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  const path = document.createElementNS(space, "path");
  path.setAttribute("d", ICONS[name]);
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  svg.classList.toggle("filled", name === "animate" || name === "pause");
  svg.append(path);
  return svg;
}
