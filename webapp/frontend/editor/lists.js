// The lists around the code: findings, files with their marks, contents. Drawn from what the server found; always as text.
import { element, sign } from "./help.js";
import { address, put, words } from "./server.js";

const SEVERITIES = ["error", "warning", "info"];

export const link = (file, line) => `${address}?${new URLSearchParams({ file, line })}`;

/** `choose(finding)` when one is clicked, `repair(finding)` when its button is. */
export function drawFindings(findings, counts, file, isEditable, { choose, repair }) {
  const list = document.getElementById("findings");
  const focused = list.contains(document.activeElement) ? document.activeElement.id : "";
  const own = [...findings].sort((a, b) => (b.file === file) - (a.file === file) || SEVERITIES.indexOf(a.severity) - SEVERITIES.indexOf(b.severity));
  const rows = own.slice(0, 200).map((one, index) => row(one, index, file, isEditable, { choose, repair }));
  list.replaceChildren(...(rows.length ? rows : [element("li", words.none, "secondary finding-none")]));
  if (focused) (document.getElementById(focused) ?? list).focus();
  for (const kind of SEVERITIES) document.querySelector(`#finding-counts .count-${kind} b`).textContent = counts[kind];
  document.getElementById("status-errors").textContent = put(words.errors, counts.error);
  document.getElementById("tab-count").textContent = findings.length;
}

function row(one, index, file, isEditable, { choose, repair }) {
  const item = element("li");
  const anchor = element("a");
  anchor.href = link(one.file, one.line);
  anchor.id = `finding-${index}`;
  const said = element("span", one.said);
  if (one.advice) said.append(" ", element("span", one.advice, "secondary"));
  anchor.append(sign(one.severity, words[one.severity]), element("code", one.code), element("code", `${one.file}:${one.line}:${one.column}`, "finding-place"), said);
  anchor.addEventListener("click", (event) => {
    if (one.file !== file) return;
    event.preventDefault();
    for (const other of item.parentElement.children) other.removeAttribute("aria-current");
    item.setAttribute("aria-current", "true");
    choose(one);
  });
  item.append(anchor);
  if (one.fix && one.file === file && isEditable) {
    const button = element("button", put(words.replace, one.fix.text), "finding-fix");
    button.type = "button";
    button.addEventListener("click", () => repair(one));
    item.append(button);
  } else if (one.code === "untested-rule") {
    const start = element("a", words.simulate);
    start.href = "/simulator";
    start.className = "finding-link";
    item.append(start);
  }
  return item;
}

/** A file that differs from what is in force. */
export function markChanged(file, isChanged) {
  const box = document.querySelector(`#tree li[data-name="${CSS.escape(file)}"] .tree-marks`);
  box?.querySelector(".tree-changed")?.remove();
  if (isChanged) box?.prepend(element("span", words.edited, "tree-changed"));
}

export function drawFiles(files) {
  for (const item of document.querySelectorAll("#tree li[data-name]")) {
    const marks = files[item.dataset.name];
    if (!marks) continue;
    const box = item.querySelector(".tree-marks");
    const shown = marks.changed ? [element("span", words.edited, "tree-changed")] : [];
    for (const kind of ["error", "warning"]) {
      if (!marks[kind]) continue;
      const mark = element("span", undefined, `tree-${kind}`);
      mark.append(sign(kind, words[kind]), String(marks[kind]));
      shown.push(mark);
    }
    box.replaceChildren(...shown);
  }
}

export function drawOutline(outline, file, line, choose) {
  const list = document.getElementById("outline");
  const own = outline.filter((one) => one.file === file);
  document.getElementById("outline-count").textContent = own.length ? put(words.rules, own.length) : "";
  const focused = list.contains(document.activeElement) ? document.activeElement.id : "";
  const rows = own.map((one) => {
    const item = element("li");
    item.dataset.rule = one.id;
    const anchor = element("a", one.name || one.id);
    anchor.id = `rule-${one.id}`;
    anchor.href = link(one.file, one.line);
    anchor.title = one.id;
    anchor.addEventListener("click", (event) => {
      event.preventDefault();
      choose(one.line);
    });
    const [sends, holds] = [one.sends ? words.sends : words.nosends, one.holds_back ? words.holds : words.noholds];
    item.append(anchor, sign(one.sends ? "sent" : "open", sends, "mark"), sign(one.holds_back ? "skipped" : "open", holds, "mark"));
    return item;
  });
  list.replaceChildren(...(rows.length ? rows : [element("li", words.norules, "secondary")]));
  if (focused) document.getElementById(focused)?.focus();
  markRule(outline, file, line);
}

/** The rule that the caret stands in; "" for none. */
export function markRule(outline, file, line) {
  const here = outline.find((one) => one.file === file && one.line <= line && line <= one.end_line);
  for (const item of document.querySelectorAll("#outline li[data-rule]")) {
    if (item.dataset.rule === here?.id) {
      item.setAttribute("aria-current", "true");
      item.scrollIntoView({ block: "nearest" });
    }
    else item.removeAttribute("aria-current");
  }
  return here?.id ?? "";
}
