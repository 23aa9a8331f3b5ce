// The simulator: links of the page change what of it changes; everything that is seen stands in the address. Without this, links load whole pages.
import * as keys from "./keys.js";

const isChinese = document.documentElement.lang.startsWith("zh");
document.documentElement.classList.add("scripted");

// ---- links ----

const isOurs = (link) => link.closest("#sim, #simbar") && !link.hasAttribute("data-plain") && !link.hasAttribute("download");
const address = (link) => link.getAttribute("href") ?? link.href?.baseVal;

document.addEventListener("click", (event) => {
  const link = event.target.closest("a");
  if (!link || event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey || !isOurs(link)) return;
  event.preventDefault();
  go(link);
});

// One after the other: who presses faster than pages come means the link as it stands by then, so that +1 h twice is two hours.
const waiting = [];
let busy = false;

function go(link) {
  waiting.push(() => address((link.id && document.getElementById(link.id)) || link));
  if (!busy) drain();
}

async function drain() {
  busy = true;
  while (waiting.length) {
    const to = waiting.shift()();
    if (to) await window.htmx.ajax("GET", to, { source: "#sim-said", target: "#sim", swap: "outerHTML show:none", select: "#sim", selectOOB: "#simbar" });
  }
  busy = false;
}

// What was scrolled stays so.
const scrolled = new Map();
document.addEventListener("htmx:beforeSwap", () => {
  for (const pane of document.querySelectorAll("[data-keep]")) scrolled.set(pane.id, pane.scrollTop);
});
document.addEventListener("htmx:afterSettle", () => {
  for (const [id, top] of scrolled) {
    const pane = document.getElementById(id);
    if (pane && id !== "keep-detail") pane.scrollTop = top; // another verdict is read from its beginning
  }
  const sim = document.getElementById("sim");
  if (sim?.dataset.said) document.getElementById("sim-said").textContent = sim.dataset.said;
});

document.addEventListener("change", (event) => {
  if (event.target.matches("[data-submit]")) event.target.form.requestSubmit();
});

// ---- keys ----

const press = (find) => () => {
  const link = find();
  if (busy) waiting.push(() => follow(find()));
  else if (link) link.click();
  return busy || link !== null;
};
const follow = (link) => (link && isOurs(link) ? address(link) : link?.click());
const one = (selector) => () => document.querySelector(selector);
const step = (rel) => press(() => document.querySelector(`#step-${rel}`) ?? (document.querySelector("#inspector .headline") ? null : document.querySelector("#log tbody a")));

keys.on("j", step("next"), { label: isChinese ? "下一个判定" : "Next verdict" });
keys.on("k", step("prev"), { label: isChinese ? "上一个判定" : "Previous verdict" });
keys.on("e", press(one("#to-yaml")), { label: isChinese ? "到 YAML 的那一行" : "To the line of YAML" });
keys.on("t", press(one("#save-test")), { label: isChinese ? "存为测试" : "Save as a test" });
for (const [key, rel] of [["ArrowDown", "next"], ["ArrowUp", "prev"]]) {
  keys.on(key, (event) => (event.target.closest("#log, .chart") ? step(rel)() : false));
}
keys.onEscape(() => press(one("#close-detail"))());
