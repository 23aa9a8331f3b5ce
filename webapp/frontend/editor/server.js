// What the editor asks the server, and how it keeps the draft: saved soon after each change, kept in this browser until the server has it.
const root = document.getElementById("editor");
export const words = JSON.parse(root?.dataset.words ?? "{}");
export const address = root?.dataset.address ?? "/editor";
const token = () => document.querySelector('meta[name="csrf-token"]').content;
const AFTER_MS = 800;
const AGAIN_MS = 4000;

export const put = (text, ...values) => values.reduce((said, value) => said.replace("{}", value), text);

/** Posts JSON; the answer's JSON. Throws when there is no answer, or one that says no. */
export async function ask(what, body, { signal, keepalive = false } = {}) {
  const answer = await fetch(`${address}/${what}`, {
    method: "POST",
    signal,
    keepalive,
    headers: { "Content-Type": "application/json", "X-CSRFToken": token() },
    body: JSON.stringify(body),
  });
  if (!answer.ok) throw new Error(String(answer.status));
  return answer.json();
}

/** Keeps one file. `read()` gives its text; `told` is called with what there is to say; `conflicted` with what somebody else wrote. */
export class Keeper {
  constructor(file, revision, read, { told, conflicted, saved }) {
    Object.assign(this, { file, revision, read, told, conflicted, saved });
    this.key = `hongyan.editor.${file}`;
    this.isDirty = false;
    this.conflict = null;
    this.running = null;
  }

  /** What this browser kept and the server never got: its text and the revision that it was written over. */
  left() {
    try {
      return JSON.parse(localStorage.getItem(this.key));
    } catch {
      return null;
    }
  }

  changed() {
    this.isDirty = true;
    this.keep();
    if (this.conflict) return;
    this.told("unsaved", words.unsaved);
    this.later(AFTER_MS);
  }

  keep() {
    try {
      localStorage.setItem(this.key, JSON.stringify({ text: this.read(), revision: this.revision }));
    } catch {
      // a full or forbidden store: the server is where it belongs anyway
    }
  }

  later(milliseconds) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.now(), milliseconds);
  }

  /** Saves what is there; one save at a time. Resolves to whether all is kept. */
  async now(options = {}) {
    clearTimeout(this.timer);
    if (this.running) await this.running;
    if (!this.isDirty || this.conflict) return !this.conflict;
    this.running = this.save(options);
    try {
      return await this.running;
    } finally {
      this.running = null;
    }
  }

  async save(options) {
    const text = this.read();
    this.told("saving", words.saving);
    let answer;
    try {
      answer = await ask("save", { file: this.file, text, revision: this.revision }, options);
    } catch {
      this.told("failed", words.failed);
      this.later(AGAIN_MS);
      return false;
    }
    if (answer.conflict) {
      this.stop(answer.conflict);
      return false;
    }
    if (answer.refused) {
      this.told("failed", put(words.refused, answer.refused));
      return false;
    }
    this.revision = answer.revision;
    this.isDirty = this.read() !== text;
    if (this.isDirty) this.later(AFTER_MS);
    else localStorage.removeItem(this.key);
    this.saved(answer);
    if (this.isDirty) this.told("unsaved", words.unsaved); // what was written meanwhile is not kept yet
    else this.told("saved", put(words.saved, answer.at));
    return true;
  }

  /** Somebody else has changed the file: nothing is saved until the writer has chosen. */
  stop(theirs) {
    this.conflict = theirs;
    this.told("unsaved", words.unsaved);
    this.conflicted(theirs);
  }

  /** Writes over theirs, knowingly. */
  keepMine() {
    this.revision = this.conflict.revision;
    this.conflict = null;
    this.isDirty = true;
    return this.now();
  }

  /** The text is theirs now. */
  tookTheirs() {
    this.revision = this.conflict.revision;
    this.conflict = null;
    this.isDirty = false;
    localStorage.removeItem(this.key);
  }
}
