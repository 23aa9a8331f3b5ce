// The live page by itself: every pane asks for itself again, unless the reader has stopped it or looks elsewhere. What is new never pushes
// the row under the pointer: while somebody is in a list, it keeps its rows and says how many wait.
import * as keys from "./keys.js";

const isChinese = document.documentElement.lang.startsWith("zh");
const clock = document.getElementById("live-clock");
const stop = document.getElementById("live-stop");
const lost = document.getElementById("live-lost");
const pointer = { pane: null };
const running = new Map(); // pane -> whether a request is under way
let isStopped = false;
let lastGood = new Date();

document.documentElement.classList.add("has-script");
const instant = (at) => at.toLocaleTimeString(isChinese ? "zh-CN" : "en-GB", { hour12: false });

// ---- asking again ----

const isWithin = (pane) => pointer.pane === pane || pane.contains(document.activeElement) || pane.querySelector("details[open]") !== null;

function addressOf(pane, wantsAll) {
  const address = new URL(pane.dataset.from, location.href);
  const top = pane.querySelector("[data-top]")?.dataset.top;
  if (top && "holds" in pane.dataset && !wantsAll && isWithin(pane)) address.searchParams.set("upto", top);
  return address;
}

async function refresh(pane, wantsAll = false) {
  if (running.get(pane)) return;
  if (!("holds" in pane.dataset) && pane.querySelector("details[open], select:focus, input:focus")) return; // somebody is about to decide
  running.set(pane, true);
  try {
    const answer = await fetch(addressOf(pane, wantsAll), { headers: { "HX-Request": "true" }, credentials: "same-origin" });
    if (answer.headers.has("HX-Redirect")) return location.reload(); // signed out
    if (!answer.ok) throw new Error(String(answer.status));
    const text = await answer.text();
    if (pane.lastText !== text) {
      pane.lastText = text;
      window.htmx.swap(pane, text, { swapStyle: "innerHTML" });
    }
    found();
  } catch {
    lose();
  } finally {
    running.set(pane, false);
  }
}

function found() {
  lastGood = new Date();
  lost.hidden = true;
  tell();
}

function lose() {
  lost.textContent = `${lost.dataset.text} ${instant(lastGood)}`;
  lost.hidden = false;
  clock?.classList.add("is-stopped");
}

function tell() {
  if (!clock) return;
  clock.classList.toggle("is-stopped", isStopped || !lost.hidden);
  clock.querySelector("[data-live=told]").textContent = isStopped ? `${stop.dataset.stopped} ${instant(lastGood)}` : `${stop.dataset.says} · ${instant(lastGood)}`;
}

const panes = () => document.querySelectorAll("[data-every]:not([data-every=''])");
for (const pane of panes()) setInterval(() => {
  if (!isStopped && !document.hidden) refresh(pane);
}, Number(pane.dataset.every) * 1000);

document.addEventListener("visibilitychange", () => {
  if (!document.hidden && !isStopped) for (const pane of panes()) refresh(pane);
});

// ---- the reader ----

document.addEventListener("pointerover", (event) => {
  pointer.pane = event.target.closest?.("[data-every]") ?? null;
});

if (stop) {
  stop.hidden = false;
  tell();
  const toggle = () => {
    isStopped = !isStopped;
    stop.setAttribute("aria-pressed", String(isStopped));
    stop.querySelector("span").textContent = isStopped ? stop.dataset.go : stop.dataset.stop;
    stop.querySelector("use").setAttribute("href", isStopped ? "#i-play" : "#i-pause");
    tell();
    if (!isStopped) for (const pane of panes()) refresh(pane);
  };
  stop.addEventListener("click", toggle);
  keys.on("p", toggle, { label: isChinese ? "停住或继续画面" : "Hold or go on" });
}

document.addEventListener("click", (event) => {
  const newer = event.target.closest("[data-newer]");
  if (newer) refresh(newer.closest("[data-every]"), true);
});
keys.on("n", () => document.querySelector("[data-newer]")?.click(), { label: isChinese ? "看新来的" : "Show what is new" });

// Choices send themselves; without this script there is a button.
document.addEventListener("change", (event) => {
  if (event.target.matches("[data-submits]")) event.target.form.requestSubmit();
});

// J and K go through the rows of the first list.
function step(by) {
  const rows = [...document.querySelectorAll(".live-entry a.outcome, .live-entry a.name, #live-list tbody a")];
  if (!rows.length) return;
  const at = rows.indexOf(document.activeElement);
  rows[Math.min(Math.max(at + by, 0), rows.length - 1)].focus();
}
keys.on("j", () => step(1), { label: isChinese ? "下一行" : "Next row" });
keys.on("k", () => step(-1), { label: isChinese ? "上一行" : "Previous row" });

