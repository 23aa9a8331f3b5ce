// Help as the server gives it, drawn; always as text.
import { words } from "./server.js";

const SVG = "http://www.w3.org/2000/svg";

function element(tag, text, name) {
  const made = document.createElement(tag);
  if (text !== undefined) made.textContent = text;
  if (name) made.className = name;
  return made;
}

export function helpElement(help) {
  const box = element("div", undefined, "help");
  const title = element("h4", help.code);
  if (help.type) title.append(element("small", help.type));
  box.append(title);
  if (help.text) box.append(element("p", help.text));
  if (help.facts.length) {
    const list = element("dl");
    for (const [label, value] of help.facts) list.append(element("dt", label), element("dd", value));
    box.append(list);
  }
  return box;
}

export const kindMark = (kind) => element("span", words.kinds[kind] ?? "·", "option-kind");
export const typeMark = (help) => element("span", help.type, "option-type");
export const textMark = (help) => element("span", help.text, "option-text");

/** A sign of the sprite with its word. */
export function sign(name, label, kind = "icon") {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", kind === "mark" ? `mark mark-${name}` : `icon severity-${name}`);
  svg.setAttribute("width", "16");
  svg.setAttribute("height", "16");
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", label);
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `#i-${name}`);
  svg.append(use);
  return svg;
}

export { element };
