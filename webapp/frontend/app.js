// On every page: htmx with our token, theme, menus, search, keys, and one line that says when something failed.
import htmx from "htmx.org";
import * as keys from "./keys.js";

window.htmx = htmx;
const meta = (name) => document.querySelector(`meta[name="${name}"]`)?.content;

// ---- htmx ----

document.addEventListener("htmx:configRequest", (event) => {
  if (event.detail.verb !== "get") event.detail.headers["X-CSRFToken"] = meta("csrf-token");
});

// A pane that is swapped while the reader's focus stands in it gives the focus back to the element of the same id (htmx does), else to the pane.
document.addEventListener("htmx:afterSwap", (event) => {
  if (document.activeElement === document.body && event.detail.target?.dataset.focus === "keep") event.detail.target.focus();
});

export function notice(text, kind = "") {
  const line = document.getElementById("notice");
  if (!line) return;
  line.className = kind ? `notice-${kind}` : "";
  line.textContent = text;
}

const words = document.documentElement.lang.startsWith("zh")
  ? { lost: "连接断了,这一步没有完成。", failed: "这一步没有完成:", again: "请重新登录。" }
  : { lost: "The connection is lost; this was not done.", failed: "This was not done: ", again: "Please sign in again." };

document.addEventListener("htmx:sendError", () => notice(words.lost, "error"));
document.addEventListener("htmx:responseError", (event) => {
  const answer = new DOMParser().parseFromString(event.detail.xhr.responseText, "text/html");
  const told = answer.querySelector(".state h2")?.textContent.trim();
  const why = answer.querySelector(".state p")?.textContent.trim();
  notice(words.failed + [told || event.detail.xhr.status, why].filter(Boolean).join(" — "), "error");
});
document.addEventListener("htmx:afterRequest", (event) => {
  if (event.detail.successful && document.getElementById("notice")?.className === "notice-error") notice("");
});

// ---- theme: at once, and for the next page by the cookie ----

document.addEventListener("click", (event) => {
  if (!event.target.closest(".theme-switch")) return;
  event.preventDefault();
  const root = document.documentElement;
  const isDark = root.dataset.theme === "dark" || (root.dataset.theme === "auto" && matchMedia("(prefers-color-scheme: dark)").matches);
  root.dataset.theme = isDark ? "light" : "dark";
  document.cookie = `theme=${root.dataset.theme}; path=/; max-age=31536000; samesite=lax${location.protocol === "https:" ? "; secure" : ""}`;
});

// ---- menus: one open at a time, Esc closes the innermost ----

document.addEventListener("click", (event) => {
  for (const open of document.querySelectorAll("details.menu[open], details.account[open], details.drop[open]")) {
    if (!open.contains(event.target)) open.open = false;
  }
  if (!event.target.closest(".search")) document.getElementById("search-found")?.replaceChildren();
});

keys.onEscape(() => {
  const found = document.getElementById("search-found");
  if (found?.hasChildNodes()) {
    found.replaceChildren();
    return true;
  }
  const open = [...document.querySelectorAll("details.menu[open], details.account[open], details.drop[open]")].pop();
  if (!open) return false;
  open.open = false;
  open.querySelector("summary")?.focus();
  return true;
});

// ---- search ----

const search = document.getElementById("search");
keys.onChord("k", { control: true }, () => {
  search?.focus();
  search?.select();
});
search?.closest("form").addEventListener("keydown", (event) => {
  if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
  const hits = [search, ...document.querySelectorAll("#search-found a")];
  const at = hits.indexOf(document.activeElement);
  hits[Math.min(Math.max(at + (event.key === "ArrowDown" ? 1 : -1), 0), hits.length - 1)].focus();
  event.preventDefault();
});

// ---- pages by key: Alt S simulator, Alt T tests ----

const go = (path) => () => {
  const link = document.querySelector(`.pages a[href="${path}"]`);
  if (link) location.assign(link.href);
};
keys.onChord("s", { alt: true }, go("/simulator"));
keys.onChord("t", { alt: true }, go("/tests"));

for (const button of document.querySelectorAll(".keys-help")) {
  button.hidden = false;
  button.addEventListener("click", () => keys.showHelp());
}

// ---- what may be copied ----

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  await navigator.clipboard.writeText(button.dataset.copy === "address" ? location.href : button.dataset.copy);
  notice(button.dataset.copied || "✓");
});
