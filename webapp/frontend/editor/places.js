// The server counts lines and columns from 1 and characters as code points; CodeMirror counts UTF-16 units.
const wide = /[\ud800-\udbff]/;

/** The offset of a server's column in a line of text. */
export function unitsBefore(text, characters) {
  return wide.test(text) ? [...text].slice(0, characters).join("").length : Math.min(characters, text.length);
}

export const charactersIn = (text) => (wide.test(text) ? [...text].length : text.length);

/** A server's line and column as an offset of a document; beyond an end, that end. */
export function toOffset(doc, line, column) {
  const found = doc.line(Math.min(Math.max(line, 1), doc.lines));
  return found.from + unitsBefore(found.text, column - 1);
}

/** An offset as a server's line and column. */
export function toPlace(doc, offset) {
  const line = doc.lineAt(offset);
  return { line: line.number, column: charactersIn(line.text.slice(0, offset - line.from)) + 1 };
}

/** A server's offset in the whole text as one of ours. */
export const fromCharacters = (text, offset) => unitsBefore(text, offset);
