// CodeMirror for a file of a book: YAML, completion and help from the server, findings, bars beside what is not in force so.
import { autocompletion, closeBrackets, closeBracketsKeymap, completionKeymap } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap, indentWithTab, isolateHistory } from "@codemirror/commands";
import { yaml } from "@codemirror/lang-yaml";
import { bracketMatching, HighlightStyle, indentUnit, syntaxHighlighting, syntaxTree } from "@codemirror/language";
import { nextDiagnostic, setDiagnostics } from "@codemirror/lint";
import { highlightSelectionMatches, search, searchKeymap } from "@codemirror/search";
import { EditorState, RangeSet, RangeSetBuilder, StateEffect, StateField } from "@codemirror/state";
import {
  Decoration, drawSelection, EditorView, gutter, GutterMarker, highlightActiveLine, highlightActiveLineGutter, hoverTooltip, keymap, lineNumbers, ViewPlugin,
} from "@codemirror/view";
import { tags } from "@lezer/highlight";
import { helpElement, kindMark, sign, textMark, typeMark } from "./help.js";
import { fromCharacters, toOffset, toPlace } from "./places.js";
import { ask, words } from "./server.js";

const CARET = "¦";

const colours = HighlightStyle.define([
  { tag: [tags.propertyName, tags.definition(tags.propertyName)], color: "var(--accent)" },
  { tag: [tags.string, tags.special(tags.string)], color: "var(--sent)" },
  { tag: [tags.number, tags.bool, tags.null, tags.atom, tags.keyword], color: "var(--deferred)" },
  { tag: [tags.comment, tags.lineComment], color: "var(--ink-3)" },
  { tag: [tags.meta, tags.labelName], color: "var(--value)" },
]);

// What YAML does not tell apart, and people do: figures, durations and truth values; texts. Names of things stay black.
const KINDS = [
  [Decoration.mark({ class: "cm-figure" }), /^(-?\d+(\.\d+)?(ms|s|m|h|d|w|%)?|true|false|null)$/],
  [Decoration.mark({ class: "cm-text" }), /[\u3400-\u9fff\s]/],
];

const scalars = ViewPlugin.fromClass(
  class {
    constructor(view) {
      this.marks = this.found(view);
    }
    update(update) {
      if (update.docChanged || update.viewportChanged || syntaxTree(update.startState) !== syntaxTree(update.state)) this.marks = this.found(update.view);
    }
    found(view) {
      const marks = new RangeSetBuilder();
      for (const { from, to } of view.visibleRanges) {
        syntaxTree(view.state).iterate({
          from,
          to,
          enter: ({ name, node, from: begin, to: end }) => {
            if (name !== "Literal" || node.parent?.name === "Key") return;
            const text = view.state.doc.sliceString(begin, end);
            const kind = KINDS.find(([, looks]) => looks.test(text));
            if (kind) marks.add(begin, end, kind[0]);
          },
        });
      }
      return marks.finish();
    }
  },
  { decorations: (plugin) => plugin.marks },
);

// ---- bars of the draft ----

const setBars = StateEffect.define();

class Bar extends GutterMarker {
  constructor(kind) {
    super();
    this.kind = kind;
  }
  eq(other) {
    return other.kind === this.kind;
  }
  toDOM() {
    const bar = document.createElement("div");
    bar.className = `cm-bar cm-bar-${this.kind}`;
    return bar;
  }
}
const BARS = { added: new Bar("added"), changed: new Bar("changed"), removed: new Bar("removed") };

const bars = StateField.define({
  create: () => RangeSet.empty,
  update(found, transaction) {
    for (const effect of transaction.effects) {
      if (!effect.is(setBars)) continue;
      const { doc } = transaction.state;
      const marks = [];
      for (const [from, to, kind] of effect.value) {
        for (let line = from; line <= Math.min(kind === "removed" ? from : to, doc.lines); line++) marks.push(BARS[kind].range(doc.line(line).from));
      }
      return RangeSet.of(marks, true);
    }
    return found.map(transaction.changes);
  },
});

// ---- the sign of a line's worst finding ----

const setSigns = StateEffect.define();

class Sign extends GutterMarker {
  constructor(severity, said) {
    super();
    Object.assign(this, { severity, said });
  }
  eq(other) {
    return other.severity === this.severity && other.said === this.said;
  }
  toDOM() {
    const box = document.createElement("span");
    box.title = this.said;
    box.append(sign(this.severity, words[this.severity]));
    return box;
  }
}

const signs = StateField.define({
  create: () => RangeSet.empty,
  update(found, transaction) {
    for (const effect of transaction.effects) if (effect.is(setSigns)) return RangeSet.of(effect.value, true);
    return found.map(transaction.changes);
  },
});

/** One sign a line: of several findings the worst, which come first. */
function signsOf(doc, findings) {
  const lines = new Map();
  for (const one of findings) if (one.line <= doc.lines && !lines.has(one.line)) lines.set(one.line, one);
  return [...lines.values()].map((one) => new Sign(one.severity, one.said).range(doc.line(one.line).from));
}

// ---- what may be written, and what it means ----

function optionOf(item, root) {
  const option = { label: item.label, type: item.kind, help: item.help };
  if (root && item.label.startsWith(root)) option.displayLabel = item.label.slice(root.length);
  if (item.help.text || item.help.facts.length) option.info = () => helpElement(item.help);
  option.apply = (view, _, from, to) => {
    const at = item.insert.indexOf(CARET);
    const insert = item.insert.replace(CARET, "");
    view.dispatch({ changes: { from, to, insert }, selection: { anchor: from + (at < 0 ? insert.length : at) }, userEvent: "input.complete", scrollIntoView: true });
  };
  return option;
}

const completer = (file) => async (context) => {
  if (!context.explicit && !context.matchBefore(/[\w.\u4e00-\u9fff]$|[:{[,|-] $|[{[]$|\{\{ ?$/)) return null;
  const { doc } = context.state;
  const text = doc.toString();
  const aborted = new AbortController();
  context.addEventListener?.("abort", () => aborted.abort());
  try {
    const data = await ask("complete", { file, text, ...toPlace(doc, context.pos) }, { signal: aborted.signal });
    if (!data.items.length || context.aborted) return null;
    const from = fromCharacters(text, data.start);
    const typed = doc.sliceString(from, context.pos);
    const root = typed.includes(".") ? typed.slice(0, typed.lastIndexOf(".") + 1) : "";
    return { from, to: fromCharacters(text, data.end), options: data.items.map((item, index) => ({ ...optionOf(item, root), boost: -Math.min(index, 98) })), validFor: /^[\w.\-\u4e00-\u9fff]*$/ };
  } catch {
    return null; // no answer: nothing is offered
  }
};

const helper = (file) =>
  hoverTooltip(async (view, offset) => {
    const { doc } = view.state;
    const text = doc.toString();
    try {
      const data = await ask("hover", { file, text, ...toPlace(doc, offset) });
      if (!data) return null;
      return { pos: fromCharacters(text, data.start), end: fromCharacters(text, data.end), above: true, create: () => ({ dom: helpElement(data.help) }) };
    } catch {
      return null;
    }
  });

// ---- the editor ----

/** Puts an editor in the place of the textarea. `changed()` after every change, `moved()` when the caret stands elsewhere. */
export function editorFor(textarea, { file, nonce, isEditable, changed, moved, save }) {
  const state = EditorState.create({
    doc: textarea.value,
    extensions: [
      EditorView.cspNonce.of(nonce),
      EditorState.readOnly.of(!isEditable),
      EditorState.phrases.of(words.search),
      EditorState.tabSize.of(2),
      EditorView.contentAttributes.of({ tabindex: "0", "aria-label": textarea.getAttribute("aria-label") }),
      indentUnit.of("  "),
      signs,
      gutter({ class: "cm-signs", markers: (view) => view.state.field(signs) }),
      lineNumbers(),
      bars,
      gutter({ class: "cm-bars", markers: (view) => view.state.field(bars) }),
      highlightActiveLine(),
      highlightActiveLineGutter(),
      drawSelection(),
      history(),
      yaml(),
      syntaxHighlighting(colours),
      scalars,
      bracketMatching(),
      closeBrackets(),
      search({ top: true }),
      highlightSelectionMatches(),
      isEditable
        ? autocompletion({
            override: [completer(file)],
            icons: false,
            maxRenderedOptions: 120,
            addToOptions: [
              { render: (option) => kindMark(option.type), position: 20 },
              { render: (option) => typeMark(option.help), position: 60 },
              { render: (option) => textMark(option.help), position: 70 },
            ],
          })
        : [],
      helper(file),
      EditorView.updateListener.of((update) => {
        if (update.docChanged) changed();
        if (update.selectionSet || update.docChanged) moved();
      }),
      keymap.of([
        { key: "F8", run: nextDiagnostic },
        { key: "Mod-s", run: () => (save(), true) },
        ...closeBracketsKeymap,
        ...completionKeymap,
        ...searchKeymap,
        ...historyKeymap,
        ...defaultKeymap.filter((binding) => !/^(Alt-[a-z]|Mod-k)/i.test(binding.key ?? "")),
        indentWithTab,
      ]),
    ],
  });
  const view = new EditorView({ state });
  textarea.replaceWith(view.dom);
  return view;
}

/** Shows the findings of this file in the gutter and under the words. */
export function showFindings(view, findings, applyFix) {
  const { doc } = view.state;
  const found = findings.map((one) => {
    const from = toOffset(doc, one.line, one.column);
    const to = Math.max(toOffset(doc, one.end_line, one.end_column), from);
    const firstLine = doc.lineAt(from);
    const action = one.fix && { name: words.replace.replace("{}", one.fix.text), apply: () => applyFix(one) };
    return {
      from,
      to: Math.min(to, one.end_line === one.line ? to : firstLine.to),
      severity: one.severity,
      source: one.code,
      message: one.said + (one.advice ? ` ${one.advice}` : ""),
      actions: action ? [action] : [],
    };
  });
  const { effects } = setDiagnostics(view.state, found);
  view.dispatch({ effects: [effects, setSigns.of(signsOf(doc, findings))].flat() });
}

export const showBars = (view, stretches) => view.dispatch({ effects: setBars.of(stretches) });

export function goTo(view, line, column = 1) {
  const offset = toOffset(view.state.doc, line, column);
  view.dispatch({ selection: { anchor: offset }, effects: EditorView.scrollIntoView(offset, { y: "center" }) });
  view.focus();
}

/** Puts a word in the place of another, as one step that can be undone. */
export function replaceAt(view, fix) {
  const { doc } = view.state;
  const from = toOffset(doc, fix.line, fix.column);
  view.dispatch({ changes: { from, to: toOffset(doc, fix.line, fix.end_column), insert: fix.text }, selection: { anchor: from + fix.text.length }, userEvent: "input" });
  view.focus();
}

/** Puts another text in, keeping what is alike, so that the caret stays. It is a step of its own to undo, also right after typing. */
export function replaceAll(view, text) {
  const before = view.state.doc.toString();
  let start = 0;
  while (start < Math.min(before.length, text.length) && before[start] === text[start]) start++;
  let end = 0;
  while (end < Math.min(before.length, text.length) - start && before[before.length - 1 - end] === text[text.length - 1 - end]) end++;
  view.dispatch({ changes: { from: start, to: before.length - end, insert: text.slice(start, text.length - end) }, annotations: isolateHistory.of("full") });
}

export { toPlace };
