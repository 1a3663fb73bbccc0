// Reads WASM modules; those that carry the names of their functions.

/** Reads numbers, bytes and lists from a place of a module. */
const reader = (wasm, at) => ({
  at,
  number() {
    for (let value = 0, factor = 1; ; factor *= 128) {
      const byte = wasm[this.at++];
      value += (byte & 127) * factor;
      if (byte < 128) return value;
    }
  },
  bytes() {
    const length = this.number();
    return wasm.subarray(this.at, (this.at += length));
  },
  list(item) {
    return Array.from({ length: this.number() }, item);
  },
});
exports.reader = reader;

/** The sections: `kind`, the `name` of a custom section, and where the section, its content and its end are. */
exports.sectionsOf = (wasm) => {
  const [sections, read] = [[], reader(wasm, 8)];
  while (read.at < wasm.length) {
    const start = read.at;
    const kind = wasm[read.at++];
    const length = read.number();
    const end = read.at + length;
    const name = kind === 0 ? String(read.bytes()) : undefined;
    sections.push({ kind, name, start, content: read.at, end });
    read.at = end;
  }
  return sections;
};

/** Reads an import; returns whether it is a function. */
const isFunction = (wasm, read) => {
  const limits = () => {
    const bounded = read.number() & 1;
    for (let i = 0; i <= bounded; i++) read.number();
  };
  read.bytes();
  read.bytes();
  const kind = wasm[read.at++];
  if (kind === 0) read.number();
  if (kind === 1) read.at++;
  if (kind === 1 || kind === 2) limits();
  if (kind === 3) read.at += 2;
  return kind === 0;
};

/** Reads the imports; returns the number of functions. */
const importedOf = (wasm, read) => read.list(() => isFunction(wasm, read)).filter(Boolean).length;
exports.importedOf = importedOf;

/**
 * `functions` in their order, each with its `name` and its `body`; `imported`, the number of functions before them;
 * `others`, the sections beside the code, as [what, bytes]; `names`, where the section of names begins and ends.
 */
exports.read = (wasm) => {
  const others = [];
  let [imported, bodies, named, names] = [0, [], new Map(), undefined];
  for (const { kind, name, start, content, end } of exports.sectionsOf(wasm)) {
    const read = reader(wasm, content);
    if (kind === 10) {
      bodies = read.list(() => read.bytes());
    } else if (name === "name") {
      names = { start, end };
      while (read.at < end) {
        const part = wasm[read.at++];
        const length = read.number();
        const after = read.at + length;
        if (part === 1) named = new Map(read.list(() => [read.number(), String(read.bytes())]));
        read.at = after;
      }
    } else if (!names) {
      if (kind === 2) imported = importedOf(wasm, read);
      others.push([kind === 11 ? "(constants: words, tables)" : "(types, imports, exports)", end - start]);
    }
  }
  if (!named.size) throw new Error("the module carries no names");
  const functions = bodies.map((body, i) => ({ name: named.get(imported + i) ?? "", body }));
  return { functions, imported, others, names };
};

/** The name that the copies of a generic share: `Vec<Message>::push` is `Vec::push`. */
exports.genericOf = (name) => {
  let [generic, depth] = ["", 0];
  for (const part of name.replace(/\[[0-9a-f]+\]/g, "").split(/(->|[<>])/)) {
    // The first bracket of `<Vec<T> as Clone>::clone` is kept: it follows no name.
    if (part === "<" && (depth || /[\w:]$/.test(generic))) depth++;
    else if (part === ">" && depth) depth--;
    else if (!depth) generic += part;
  }
  return generic.replace(/#\d+/g, "").replaceAll("::::", "::").replace(/::$/, "");
};
