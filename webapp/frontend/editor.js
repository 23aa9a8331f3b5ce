// The editor's page: the code in the middle, and everything around it that follows the caret and the text.
import { editorFor, goTo, replaceAll, replaceAt, showBars, showFindings, toPlace } from "./editor/code.js";
import { element } from "./editor/help.js";
import { drawFiles, drawFindings, drawOutline, markChanged, markRule } from "./editor/lists.js";
import { ask, Keeper, put, words } from "./editor/server.js";
import * as keys from "./keys.js";

const root = document.getElementById("editor");
const textarea = document.getElementById("code");
const $ = (id) => document.getElementById(id);
const CHECK_MS = 250;
const PREVIEW_MS = 300;

root?.classList.remove("plain");

if (root?.dataset.file) {
  const file = root.dataset.file;
  const isEditable = root.dataset.editable === "yes";
  const nonce = document.querySelector('meta[name="csp-nonce"]').nonce;
  let outline = [];
  let findings = [];
  let rule = null;
  let subject = "";
  let isStale = false; // the text has changed since the preview was asked for

  const keeper = new Keeper(file, Number(root.dataset.revision), () => view.state.doc.toString(), {
    told: (state, text) => {
      $("saved").textContent = text;
      $("saved").dataset.state = state;
    },
    conflicted: showConflict,
    saved: ({ changed, differs }) => {
      markChanged(file, differs);
      const note = $("draft-note");
      const link = element("a", words.diff);
      link.href = $("to-compare").href;
      if (changed) note.replaceChildren(put(words.changed, changed), " ", link);
      else note.replaceChildren(words.same);
    },
  });

  const view = editorFor(textarea, {
    file,
    nonce,
    isEditable,
    changed: () => {
      keeper.changed();
      soon("check", check, CHECK_MS);
      isStale = true;
      soon("preview", preview, PREVIEW_MS);
    },
    moved: () => soon("moved", moved, 60),
    save: () => keeper.now(),
  });
  window.hongyanEditor = view; // for those who drive the page in a browser

  // ---- timers: the last call of a kind wins ----

  function soon(kind, act, milliseconds) {
    clearTimeout(soon[kind]);
    soon[kind] = setTimeout(act, milliseconds);
  }

  // ---- findings, contents, marks ----

  let asked = 0;
  async function check() {
    const number = ++asked;
    const text = view.state.doc.toString();
    let data;
    try {
      data = await ask("check", { file, text });
    } catch {
      soon("check", check, 3000);
      return;
    }
    if (number !== asked || text !== view.state.doc.toString()) return;
    ({ outline, findings } = data);
    drawFindings(findings, data.counts, file, isEditable, { choose: (one) => goTo(view, one.line, one.column), repair });
    showFindings(view, findings.filter((one) => one.file === file), repair);
    showBars(view, data.changed);
    drawFiles(data.files);
    drawOutline(outline, file, here().line, (line) => goTo(view, line));
    moved();
    if (isEditable) lookForOthers(data.file);
    root.dataset.checked = String(number);
  }

  function repair(one) {
    replaceAt(view, one.fix);
  }

  /** Somebody else has saved this file since we opened or saved it. */
  async function lookForOthers(state) {
    if (!state || keeper.conflict || keeper.running || state.revision === keeper.revision || state.by === root.dataset.me) return;
    if (keeper.isDirty) await keeper.now();
    else keeper.isDirty = true, await keeper.now(); // the server tells who and what, and takes nothing of ours
  }

  // ---- two at once ----

  function showConflict(theirs) {
    const box = $("conflict");
    box.hidden = false;
    box.querySelector("p").textContent = put(theirs.text === null ? words.gone : words.theirs, theirs.by, theirs.at);
    box.querySelector("pre").replaceChildren(
      ...theirs.lines.map(([whose, text]) => element("span", `${whose === "mine" ? words.mine : words.other}: ${text}`, `line ${whose === "mine" ? "removed" : "added"}`)),
    );
  }

  $("take-theirs").addEventListener("click", () => {
    const text = keeper.conflict.text ?? "";
    keeper.tookTheirs();
    replaceAll(view, text);
    keeper.isDirty = false;
    clearTimeout(keeper.timer);
    localStorage.removeItem(keeper.key);
    $("conflict").hidden = true;
    $("saved").textContent = "";
    view.focus();
  });
  $("keep-mine").addEventListener("click", async () => {
    $("conflict").hidden = true;
    await keeper.keepMine();
    view.focus();
  });

  // ---- the caret: contents, crumbs, figures, preview ----

  const here = () => toPlace(view.state.doc, view.state.selection.main.head);

  function moved() {
    const { line, column } = here();
    $("status-place").textContent = put(words.place, line, column);
    const found = markRule(outline, file, line);
    if (found !== rule) {
      rule = found;
      showRule();
    }
    soon("preview", preview, PREVIEW_MS);
  }

  function showRule() {
    const crumb = $("crumb-rule");
    crumb.replaceChildren();
    $("statistics").replaceChildren();
    if (!rule) return;
    const name = element("code");
    name.append(element("strong", rule));
    crumb.append("/ ", name);
    window.htmx.ajax("GET", `${root.dataset.address}/statistics?${new URLSearchParams({ rule })}`, { target: "#statistics", swap: "innerHTML" });
  }

  function preview() {
    const { line } = here();
    const wanted = entryHere();
    if (!isStale && wanted === subject) return;
    const isSame = isShown() && wanted === subject;
    const form = $("preview-form");
    subject = wanted;
    isStale = false;
    const values = isSame ? Object.fromEntries(new FormData(form)) : {};
    window.htmx.ajax("POST", `${root.dataset.address}/preview`, { target: "#preview", swap: "innerHTML", values: { line: String(line), ...values } });
  }

  /** Whether the pane shows the rule of the caret, or a template where there is none; also of one that the last check has not seen yet. */
  function isShown() {
    const form = $("preview-form");
    return form !== null && (form.elements.rule ?? form.elements.template)?.value === entryHere();
  }

  const entryHere = () => rule || templateNear(here().line);

  /** Which entry a line is in, as far as indentation tells: enough to see that the caret is in another one. */
  function templateNear(line) {
    for (let number = line; number >= 1; number--) {
      const found = /^ {2}([^\s#:][^:]*):/.exec(view.state.doc.line(number).text);
      if (found) return found[1];
    }
    return "";
  }

  document.addEventListener("htmx:configRequest", (event) => {
    if (!/\/editor\/(preview|sample)$/.test(event.detail.path)) return;
    event.detail.parameters.file = file;
    event.detail.parameters.text = view.state.doc.toString();
  });
  // A preview that was asked for before a value was typed would take that value away. The form asks again by itself.
  const begun = new WeakMap();
  let typedAt = 0;
  document.addEventListener("htmx:beforeRequest", (event) => begun.set(event.detail.xhr, performance.now()));
  document.addEventListener("input", (event) => { if (event.target.closest(".preview-values")) typedAt = performance.now(); }, true);
  document.addEventListener("htmx:beforeSwap", (event) => {
    if (event.detail.target.id !== "preview") return;
    if (isShown() && begun.get(event.detail.xhr) < typedAt) {
      event.detail.shouldSwap = false;
      return;
    }
    const isBroken = event.detail.xhr.responseText.includes('data-state="broken"');
    const old = $("preview-old");
    const stays = isBroken && isShown();
    event.detail.shouldSwap = !stays;
    old.hidden = !stays;
    if (stays) old.textContent = put(words.old, $("preview").dataset.at);
    if (!isBroken) $("preview").dataset.at = new Date().toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  });
  document.addEventListener("htmx:afterSwap", (event) => event.detail.target.id === "preview" && readyPreview());
  function readyPreview() {
    const button = $("preview-longest");
    if (!button) return;
    button.hidden = false;
    button.addEventListener("click", () => {
      const picker = $("preview-sample");
      picker.value = "longest";
      picker.dispatchEvent(new Event("change", { bubbles: true }));
    });
  }
  // Choosing a sample gives its values: what was typed before goes.
  document.addEventListener("htmx:configRequest", (event) => {
    if (event.detail.triggeringEvent?.target?.id !== "preview-sample") return;
    for (const name of [...event.detail.formData.keys()]) if (name.startsWith("value.")) event.detail.formData.delete(name);
  });
  readyPreview();

  // ---- buttons, leaving ----

  const format = $("format");
  if (format && isEditable) {
    format.hidden = false;
    format.addEventListener("click", async () => {
      const text = view.state.doc.toString();
      const data = await ask("format", { text });
      const said = data.refused ?? (data.text === text ? words.already : words.formatted);
      if (data.text && data.text !== text) replaceAll(view, data.text);
      $("notice").textContent = said;
      $("notice").className = data.refused ? "notice-error" : "";
      setTimeout(() => ($("notice").textContent = ""), data.refused ? 8000 : 3000);
    });
  }

  document.addEventListener("click", async (event) => {
    const link = event.target.closest("a[href]");
    if (!link || event.defaultPrevented || event.button || event.ctrlKey || event.metaKey || !keeper.isDirty || keeper.conflict) return;
    event.preventDefault();
    await keeper.now();
    location.assign(link.href);
  });
  addEventListener("visibilitychange", () => document.visibilityState === "hidden" && keeper.now({ keepalive: true }));
  addEventListener("pagehide", () => keeper.now({ keepalive: true }));
  addEventListener("beforeunload", (event) => keeper.conflict && event.preventDefault());

  keys.on("F8", () => { goToNext(); }, { label: words.next });
  function goToNext() {
    view.focus();
    const own = findings.filter((one) => one.file === file).sort((a, b) => a.line - b.line || a.column - b.column);
    const { line } = here();
    const next = own.find((one) => one.line > line) ?? own[0];
    if (next) goTo(view, next.line, next.column);
  }

  // ---- what an earlier visit could not save ----

  const left = isEditable ? keeper.left() : null;
  if (left && left.text !== view.state.doc.toString()) {
    keeper.revision = left.revision;
    replaceAll(view, left.text);
    $("notice").textContent = words.restored;
  } else {
    localStorage.removeItem(keeper.key);
  }

  const line = Number(root.dataset.line);
  if (line > 1) goTo(view, line);
  else view.focus();
  check();
  moved();
}

// ---- tabs and the drawer ----

for (const button of document.querySelectorAll(".editor-tabs button")) {
  button.addEventListener("click", () => {
    root.dataset.tab = button.dataset.to;
    for (const other of document.querySelectorAll(".editor-tabs button")) other.setAttribute("aria-pressed", String(other === button));
  });
}
const toggle = $("toggle-preview");
if (toggle && root) {
  toggle.hidden = false;
  const set = (isOpen) => {
    root.dataset.preview = isOpen ? "open" : "";
    toggle.setAttribute("aria-expanded", String(isOpen));
  };
  toggle.addEventListener("click", () => set(root.dataset.preview !== "open"));
  keys.onEscape(() => {
    if (root.dataset.preview !== "open") return false;
    set(false);
    toggle.focus();
    return true;
  });
}
