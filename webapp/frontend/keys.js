// The keys: letters act only outside fields and can be switched off; chords always act; Esc closes the innermost thing that is open.
const letters = new Map(); // key -> { act, label }
const chords = [];
const escapes = [];
const OFF = "hongyan.keys.off";
const isChinese = document.documentElement.lang.startsWith("zh");

/** A single key (`"j"`, `"F8"`, `"ArrowDown"`) outside fields. `label` stands in the list of keys. */
export function on(key, act, { label = "" } = {}) {
  letters.set(key, { act, label });
}

/** A key with Ctrl or Cmd (`control`) or Alt (`alt`). */
export function onChord(key, { control = false, alt = false } = {}, act) {
  chords.push({ key, control, alt, act });
}

/** Called on Esc, the last one added first, until one says that it closed something. */
export function onEscape(close) {
  escapes.unshift(close);
}

const isOff = () => localStorage.getItem(OFF) === "1";
const inField = (target) => target.closest("input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable], .cm-editor") !== null;

document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.isComposing) return;
  const control = event.ctrlKey || event.metaKey;
  const chord = chords.find((one) => one.control === control && one.alt === event.altKey && (one.key === event.key.toLowerCase() || event.code === `Key${one.key.toUpperCase()}`));
  if (chord && (control || event.altKey)) {
    event.preventDefault();
    chord.act(event);
    return;
  }
  if (control || event.altKey || document.querySelector("dialog[open]")) return;
  if (event.key === "Escape") {
    if (escapes.some((close) => close(event))) event.preventDefault();
    return;
  }
  const single = event.key.length === 1;
  if (inField(event.target) && (single || event.key.startsWith("Arrow") || event.key === "Enter")) return;
  if (single && isOff()) return;
  if (event.key === "?") return showHelp();
  const found = letters.get(event.key);
  if (found && found.act(event) !== false) event.preventDefault();
});

/** The list of keys that act on this page. */
export function showHelp() {
  const dialog = document.getElementById("keys");
  if (!dialog) return;
  const rows = [["Ctrl K", isChinese ? "查找" : "Search"], ["Alt S", isChinese ? "模拟" : "Simulator"], ["Alt T", isChinese ? "测试" : "Tests"]];
  for (const [key, { label }] of letters) if (label) rows.push([key.length === 1 ? key.toUpperCase() : key, label]);
  rows.push(["Esc", isChinese ? "关闭最里面的一层" : "Close the innermost"], ["?", isChinese ? "这张表" : "This list"]);
  dialog.querySelector("dl").replaceChildren(
    ...rows.flatMap(([key, label]) => {
      const term = document.createElement("dt");
      const shown = document.createElement("kbd");
      shown.textContent = key;
      term.append(shown);
      const meaning = document.createElement("dd");
      meaning.textContent = label;
      return [term, meaning];
    }),
  );
  const off = dialog.querySelector("#keys-off");
  off.checked = isOff();
  off.onchange = () => localStorage.setItem(OFF, off.checked ? "1" : "0");
  dialog.showModal();
}
