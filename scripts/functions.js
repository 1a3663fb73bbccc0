// The functions of a WASM module that carries their names.

/**
 * `functions` in their order, each with its `name` and its `body`; `imported`, the number of functions before them;
 * `others`, the sections beside the code, as [what, bytes]; `names`, where the section of names begins and ends.
 */
exports.read = (wasm) => {
  let at = 8;
  const number = () => {
    for (let value = 0, factor = 1; ; factor *= 128) {
      const byte = wasm[at++];
      value += (byte & 127) * factor;
      if (byte < 128) return value;
    }
  };
  const bytes = () => {
    const length = number();
    return wasm.subarray(at, (at += length));
  };
  const list = (item) => Array.from({ length: number() }, item);

  const limits = () => {
    const bounded = number() & 1;
    for (let i = 0; i <= bounded; i++) number();
  };
  /** Reads an import; returns whether it is a function. */
  const isFunction = () => {
    bytes();
    bytes();
    const kind = wasm[at++];
    if (kind === 0) number();
    if (kind === 1) at++;
    if (kind === 1 || kind === 2) limits();
    if (kind === 3) at += 2;
    return kind === 0;
  };

  const others = [];
  let [imported, bodies, named, names] = [0, [], new Map(), undefined];
  while (at < wasm.length) {
    const start = at;
    const kind = wasm[at++];
    const end = number() + at;
    if (kind === 10) {
      bodies = list(bytes);
    } else if (kind === 0 && String(bytes()) === "name") {
      names = { start, end };
      while (at < end) {
        const [part, content] = [wasm[at++], number() + at];
        if (part === 1) named = new Map(list(() => [number(), String(bytes())]));
        at = content;
      }
    } else if (!names) {
      if (kind === 2) imported = list(isFunction).filter(Boolean).length;
      others.push([kind === 11 ? "(constants: words, tables)" : "(types, imports, exports)", end - start]);
    }
    at = end;
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
