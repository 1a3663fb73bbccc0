// Run by scripts/check: node --test scripts/module-graph.test.js
const assert = require("node:assert/strict");
const { spawnSync } = require("node:child_process");
const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");
const { test } = require("node:test");

/** Runs the script on a crate made of these files; returns its exit status and output. */
function graph(files, option = "--check") {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "module-graph-"));
  try {
    for (const [name, text] of Object.entries(files)) {
      fs.mkdirSync(path.dirname(path.join(folder, "src", name)), { recursive: true });
      fs.writeFileSync(path.join(folder, "src", name), text);
    }
    const { status, stdout, stderr } = spawnSync(path.join(__dirname, "module-graph"), [option, folder], { encoding: "utf8" });
    assert.equal(stderr, "");
    return { status, stdout };
  } finally {
    fs.rmSync(folder, { recursive: true });
  }
}

function passes(files) {
  const { status, stdout } = graph(files);
  assert.equal(status, 0, stdout);
}

function fails(files, ...expected) {
  const { status, stdout } = graph(files);
  assert.equal(status, 1, stdout);
  expected.forEach((text) => assert.match(stdout, text));
}

test("an edge leads to the file that defines the item", () => {
  const { stdout } = graph({
    "lib.rs": "mod a; mod b; mod c; pub use a::Deep;",
    "a/mod.rs": "mod deep; mod other; pub use deep::{self, Deep as Renamed, *};",
    "a/deep.rs": "pub struct Deep; pub fn go() {}",
    "a/other.rs": "pub fn nothing() {}",
    "b.rs": "use crate::a::Renamed; // use crate::c::Nobody;",
    "c.rs": 'const TEXT: &str = "crate::b::Quoted"; fn f() { crate::a::go(); }',
  }, "--print");
  assert.match(stdout, /^ {2}b\.rs -> a\/deep\.rs$/m);
  assert.match(stdout, /^ {2}c\.rs -> a\/deep\.rs$/m);
  assert.match(stdout, /^ {2}a\/mod\.rs -> nothing$/m);
});

test("a re-export makes no cycle of its own", () => {
  passes({
    "lib.rs": "mod a; mod b;",
    "a/mod.rs": "mod user; mod item; pub use item::Item; pub use user::User;",
    "a/item.rs": "pub struct Item;",
    "a/user.rs": "use crate::b::Between; pub struct User(Between);",
    "b.rs": "use crate::a::Item; pub struct Between(Item);",
  });
});

test("siblings that use each other are a cycle, and its lines are named", () => {
  fails(
    { "lib.rs": "mod a; mod b;", "a.rs": "\nuse crate::b::B;\npub struct A(B);", "b.rs": "pub struct B;\nfn f() { super::a::make(); }" },
    /cycle of 2 files: a\.rs b\.rs/,
    /src\/a\.rs:2: use crate::b::B; {2}-> b\.rs/,
    /src\/b\.rs:2: fn f\(\) \{ super::a::make\(\); \} {2}-> a\.rs/,
  );
});

test("a parent and its child may know each other", () => {
  passes({ "lib.rs": "mod a;", "a/mod.rs": "mod child; use child::Child; pub struct Parent(Child);", "a/child.rs": "use super::Parent; pub struct Child;" });
});

test("children of one parent that use each other are a cycle", () => {
  fails({ "lib.rs": "mod a;", "a.rs": "mod x; mod y;", "a/x.rs": "use super::y::Y;", "a/y.rs": "use super::x::X; pub struct Y;" }, /a\/x\.rs a\/y\.rs/);
});

test("a module outside the family, between a child and its parent, makes a cycle", () => {
  fails(
    {
      "lib.rs": "mod a; mod b;",
      "a/mod.rs": "mod child; pub struct Parent; fn f() { crate::b::go() }",
      "a/child.rs": "use super::Parent; pub struct Child;",
      "b.rs": "use crate::a::child::Child; pub fn go() {}",
    },
    /cycle of 3 files: a\/child\.rs a\/mod\.rs b\.rs/,
  );
});

test("the context that holds the state of every feature may be used by every feature", () => {
  passes({
    "lib.rs": "mod a; mod node; pub use node::Node;",
    "node.rs": "use crate::a::State; pub struct Node(State);",
    "a.rs": "use crate::Node; pub struct State; pub fn go(node: &Node) {}",
  });
});

test("tests are left out, the code of a feature is not", () => {
  const b = (condition) => ({
    "lib.rs": "mod a; mod b;",
    "a.rs": "use crate::b::B;",
    "b.rs": `pub struct B; #[cfg(${condition})] use crate::{a::A}; #[cfg(test)] mod tests { use crate::a::A; } fn f() {}`,
  });
  passes(b("test"));
  fails(b('feature = "ssr"'), /a\.rs b\.rs/);
});

test("names imported by a glob are edges", () => {
  fails({ "lib.rs": "mod a; mod b;", "a.rs": "use crate::b::*; fn f() { go() }", "b.rs": "pub fn go() { crate::a::f() }" }, /a\.rs b\.rs/);
});

test("a cycle added to a copy of a real crate is found", () => {
  const source = path.join(__dirname, "../protocol/src");
  const names = fs.readdirSync(source, { recursive: true }).filter((name) => name.endsWith(".rs"));
  const files = Object.fromEntries(names.map((name) => [name, fs.readFileSync(path.join(source, name), "utf8")]));
  passes(files);
  fails({ ...files, "time.rs": `use crate::frames::ServerFrame;\n${files["time.rs"]}` }, /cycle of/, /time\.rs:1: use crate::frames::ServerFrame;/);
});
