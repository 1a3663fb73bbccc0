use super::{ACCENTS_MAX, ELEMENTS_MAX, QUOTES_MAX, html as html_with, inline::OPEN_MAX, is_jumbo, mentions, plain};
use proptest::prelude::*;

const BLOCK: &str =
    "<div class=\"code\"><button type=\"button\" class=\"link only-with-script\" data-do=\"code\">Copy</button>";

/// The HTML without the constant elements around a block of code.
fn html(text: &str) -> String {
    html_with(text, "Copy", &|_| true)
        .replace(BLOCK, "")
        .replace("</pre></div>", "</pre>")
        .replace("<pre tabindex=\"0\">", "<pre>")
}

/// Texts of people, and texts of each kind that was once rendered wrongly.
#[test]
fn collected_texts_have_their_html() {
    let table = include_str!("collected.tsv").lines().filter(|line| !line.starts_with("## "));
    let mut count = 0;
    for line in table {
        let (text, expected) = line.split_once('\t').expect("a text, a tab and its HTML");
        let html =
            html(&text.replace('⏎', "\n")).replace(" target=\"_blank\" rel=\"noopener noreferrer nofollow\"", "");
        assert_eq!(html.replace('\n', "⏎"), expected, "{text}");
        count += 1;
    }
    assert!(count > 500, "{count} texts");
}

#[test]
fn marks_become_elements() {
    for (text, expected) in [
        ("plain", "plain"),
        ("**bold** and *italic*, _too_", "<strong>bold</strong> and <em>italic</em>, <em>too</em>"),
        ("***both*** ~~gone~~", "<strong><em>both</em></strong> <s>gone</s>"),
        ("**a *b* c**", "<strong>a <em>b</em> c</strong>"),
        ("**a\nb**", "<strong>a\nb</strong>"),
        ("`a < b` ``x`y``", "<code>a &lt; b</code> <code>x`y</code>"),
        ("`` ` ``", "<code>`</code>"),
        ("> one\n> two\nthree", "<blockquote>one\ntwo</blockquote>three"),
        ("> > deep\n> less", "<blockquote><blockquote>deep</blockquote>less</blockquote>"),
        ("a\n```rust\nfn <T>() {}\n```\nb", "a<pre><code class=\"language-rust\">fn &lt;T&gt;() {}</code></pre>b"),
        ("```x = 1```", "<pre><code>x = 1</code></pre>"),
        ("line\n\nbreaks", "line\n\nbreaks"),
    ] {
        assert_eq!(html(text), expected, "{text:?}");
    }
}

#[test]
fn marks_without_an_end_or_inside_words_are_text() {
    for text in [
        "2 * 3 * 4",
        "2*3*4",
        "snake_case_name",
        "**not closed",
        "a ** b **",
        "** **",
        "****",
        "*",
        "# no heading",
        "- no list",
        "```\nstill writing",
        "[no](address)",
        "[x] done",
        "user@host",
        "@me",
        "www.",
        "http://",
        "https://?",
    ] {
        let escaped = text.replace('>', "&gt;");
        assert_eq!(html(text), escaped, "{text:?}");
    }
    assert_eq!(html(r"\*as it stands\* \`so\`"), "*as it stands* `so`");
    assert_eq!(html("**a *b** c*"), "<strong>a *b</strong> c*");
}

#[test]
fn addresses_are_links() {
    let link = |address: &str, shown: &str| {
        format!("<a href=\"{address}\" target=\"_blank\" rel=\"noopener noreferrer nofollow\">{shown}</a>")
    };
    for (text, address, before, shown, after) in [
        ("see https://a.example/x?y=1&z=2.", "https://a.example/x?y=1&amp;z=2", "see ", "", "."),
        ("(https://a.example/wiki_(b))", "https://a.example/wiki_(b)", "(", "", ")"),
        ("HTTP://A.example, then", "HTTP://A.example", "", "", ", then"),
        ("www.a.example!", "https://www.a.example", "", "www.a.example", "!"),
        ("https://пример.рф/путь", "https://пример.рф/путь", "", "", ""),
    ] {
        let shown = if shown.is_empty() { address } else { shown };
        assert_eq!(html(text), format!("{before}{}{after}", link(address, shown)), "{text:?}");
    }
    let named = "<a href=\"https://b.example/(x)\" title=\"https://b.example/(x)\" target=\"_blank\" rel=\"noopener noreferrer nofollow\">";
    assert_eq!(html("[a **b**](https://b.example/(x))"), format!("{named}a <strong>b</strong></a>"));
    assert_eq!(html("[https://good.example](https://b.example/(x))"), format!("{named}https://good.example</a>"));
    assert!(html("[@alice there](https://a.example)").ends_with(">@alice there</a>"));
    assert!(html(&format!("{} **bold**", "[info] ".repeat(40))).ends_with("<strong>bold</strong>"));
    for unsafe_address in
        ["javascript:alert(1)", "JaVaScRiPt:x", "data:text/html,x", "vbscript:x", "//a.example", "/a", "https://"]
    {
        assert!(!html(&format!("[x]({unsafe_address})")).contains("<a"), "{unsafe_address}");
    }
    assert_eq!(html("[a [b](https://x.example)](https://y.example)").matches("<a ").count(), 2, "one beside the other");
}

#[test]
fn people_are_mentioned_outside_code() {
    let text = "@Alice_1, (@bob) @alice_1 `@code` x@no @ab a\n> @quoted\n[@link](https://a.example) @имя @alices";
    assert_eq!(mentions(text), ["alice_1", "bob", "quoted", "alices"]);
    assert_eq!(html("@Bob_2!"), "<a class=\"mention\" href=\"/users/@bob_2\">@Bob_2</a>!");
}

#[test]
fn a_mention_of_an_unknown_user_is_no_link() {
    let html = html_with("@Bob and @nobody, *@bob*", "Copy", &|name| name == "bob");
    let bob = |shown| format!("<a class=\"mention\" href=\"/users/@bob\">{shown}</a>");
    assert_eq!(html, format!("{} and @nobody, <em>{}</em>", bob("@Bob"), bob("@bob")));
}

#[test]
fn a_preview_has_no_marks() {
    assert_eq!(plain("**a** `b` [c](https://x.example) @dan\n> e"), "a b c @dan\ne");
}

#[test]
fn only_the_first_of_very_many_marks_are_rendered() {
    for (text, element) in [
        ("`a` ".repeat(2_000), "<code>"),
        ("*a* ".repeat(2_000), "<em>"),
        ("www.a.b ".repeat(1_000), "<a "),
        ("@someone ".repeat(800), "<a "),
        ("> a\nb\n".repeat(1_000), "<blockquote>"),
        ("```\na\n```\n".repeat(700), "<pre"),
        ("**a** `b` [c](https://d.example)\n> e\n".repeat(200), "<"),
    ] {
        let html = html(&text);
        let count = html.matches(element).count();
        // The pattern `<` also counts the closing tags.
        assert!(
            (ELEMENTS_MAX - 2..=ELEMENTS_MAX * if element == "<" { 2 } else { 1 }).contains(&count),
            "{element} {count}"
        );
        checked(&html);
    }
}

#[test]
fn only_a_few_of_thousands_of_combining_marks_remain() {
    let accents = |count| format!("e{} o", "\u{301}".repeat(count));
    assert_eq!(html(&accents(ACCENTS_MAX)), accents(ACCENTS_MAX));
    assert_eq!(html(&accents(7_900)), accents(ACCENTS_MAX));
    assert_eq!(plain(&accents(7_900)), accents(ACCENTS_MAX));
    assert_eq!(html("ก็้ ก็้ नि مَّ"), "ก็้ ก็้ नि مَّ");
}

#[test]
fn a_few_emoji_are_shown_large() {
    for (text, expected) in [
        ("👍", true),
        ("👩‍💻❤️", true),
        ("🇷🇺", true),
        ("👍🏽👍🏽👍🏽", true),
        ("👍 hi", false),
        ("", false),
        ("👍👍👍👍👍👍👍", false),
        (&"👍\u{200d}".repeat(100), false),
    ] {
        assert_eq!(is_jumbo(text), expected, "{text}");
    }
}

/// Checks HTML written by `html`: every element is known and closed in order. Returns its text.
fn checked(html: &str) -> String {
    const KNOWN: &[&str] = &["strong", "em", "s", "code", "pre", "blockquote", "a"];
    let (mut text, mut open, mut rest) = (String::new(), Vec::new(), html);
    while let Some(start) = rest.find('<') {
        text.push_str(&rest[..start]);
        let end = start + rest[start..].find('>').expect("a tag ends");
        let tag = &rest[start + 1..end];
        let name = tag.trim_start_matches('/').split(' ').next().unwrap();
        assert!(KNOWN.contains(&name), "{tag} in {html}");
        if tag.starts_with('/') {
            assert_eq!(open.pop(), Some(name), "{html}");
        } else {
            assert!(name != "a" || !open.contains(&"a"), "a link within a link: {html}");
            assert!(tag == name || name == "a" || tag.starts_with("code class=\"language-"), "{tag}");
            open.push(name);
        }
        assert!(open.len() <= OPEN_MAX * 2 + QUOTES_MAX + 2, "{} deep", open.len());
        rest = &rest[end + 1..];
    }
    assert!(open.is_empty(), "{open:?} left open in {html}");
    text.push_str(rest);
    text
}

fn hostile() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        3 => "[*_~`>\\[\\]()@#\\\\ \n<&\"']{1,4}",
        2 => "[a-zа-я0-9 ]{0,6}",
        1 => proptest::sample::select(vec![
            "https://a.example/x", "https://a.example/_", "www.b.example", "„«“”»", "](https://c.example)", "\\*", "````", "\n>", "\n```\n", "](javascript:x)", "<script>", "```", "\n> ", "@name", "\u{202e}", "e\u{301}\u{301}", "👩‍💻",
        ]).prop_map(str::to_owned),
        1 => any::<String>(),
    ];
    proptest::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn any_text_becomes_safe_and_complete_html(text in hostile()) {
        let shown = checked(&html(&text));
        // All letters shown come from the text, in the same order.
        let letters = |text: &str| text.chars().filter(|c| c.is_alphabetic()).collect::<String>();
        let unescaped = shown.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&#39;", "'").replace("&amp;", "&");
        let mut all = text.chars().filter(|c| c.is_alphabetic());
        prop_assert!(letters(&unescaped).chars().all(|c| all.any(|of| of == c)), "{text:?} -> {shown:?}");
        let _ = (plain(&text), mentions(&text), is_jumbo(&text));
    }
}

#[test]
fn long_repetitions_stay_shallow() {
    let fill = |piece: &str| piece.repeat(8_000 / piece.chars().count());
    for piece in [
        ">",
        "> ",
        "*a ",
        "**a _b ",
        "[",
        "](",
        "[a](",
        "`",
        "` `` ",
        "```\n",
        "```a\n",
        "www.((",
        "www.-",
        "www.a)",
        "www.a.b)",
        "[](",
        "@ab_c ",
        "https://",
        "@a",
        "(",
        "\\",
        "_a_ ",
        "*_~~[",
        "> a\n>\n",
        ">\n",
        "*!",
        "_.",
        "*_a ",
        "\\*a ",
        "\\`",
        "_https://a_",
        "https://a/((",
        "https://a/„",
        "````\n```\n",
        "e\u{301}",
        "\u{202e}",
        "\u{200b}",
        "👩‍💻",
        "[a](https://x.example)",
        "***a***",
        "x",
    ] {
        checked(&html(&fill(piece)));
    }
}
