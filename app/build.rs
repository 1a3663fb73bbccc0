//! Turns the locale files into a constant for each key and a table of texts for each language.

use serde_json::Value;
use std::{collections::BTreeMap, env, error::Error, fmt::Write as _, fs, path::Path};

const LANGUAGES: [&str; 2] = ["en", "ru"];

type Texts = BTreeMap<String, String>;

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=locales");
    let mut tables = Vec::new();
    for language in LANGUAGES {
        let file: Value = serde_json::from_str(&fs::read_to_string(format!("locales/{language}.json"))?)?;
        let mut texts = Texts::new();
        flatten("", &file, &mut texts)?;
        tables.push((language, file, texts));
    }
    let (_, keys, texts) = &tables[0];
    let mut code = String::from("/// The key of each text.\n#[allow(dead_code, non_upper_case_globals)]\n");
    constants("texts", "", keys, texts, &mut code)?;
    for (language, _, translated) in &tables {
        same_keys_and_blanks(language, texts, translated)?;
        let values: Vec<&String> = translated.values().collect();
        let name = language.to_uppercase();
        writeln!(code, "#[cfg(feature = \"ssr\")]\nstatic {name}: [&str; {}] = {values:?};", values.len())?;
    }
    fs::write(Path::new(&env::var("OUT_DIR")?).join("texts.rs"), code)?;
    Ok(())
}

/// Collects the texts below `prefix` by their full key, as `chat.send`.
fn flatten(prefix: &str, value: &Value, texts: &mut Texts) -> Result<(), String> {
    match value {
        Value::String(text) => {
            texts.insert(prefix.to_owned(), text.clone());
            Ok(())
        }
        Value::Object(children) => {
            children.iter().try_for_each(|(key, child)| flatten(&join(prefix, key), child, texts))
        }
        _ => Err(format!("{prefix} is no text")),
    }
}

/// Writes a module that has a constant for each text and a module for each group of texts.
fn constants(name: &str, prefix: &str, value: &Value, texts: &Texts, code: &mut String) -> Result<(), Box<dyn Error>> {
    writeln!(code, "pub mod {name} {{")?;
    for (key, child) in value.as_object().into_iter().flatten() {
        let path = join(prefix, key);
        if child.is_object() {
            constants(key, &path, child, texts, code)?;
        } else {
            let place = texts.keys().position(|other| *other == path).ok_or("a key without a text")?;
            writeln!(code, "pub const {key}: crate::i18n::Text = crate::i18n::Text({place});")?;
        }
    }
    writeln!(code, "}}")?;
    Ok(())
}

fn same_keys_and_blanks(language: &str, texts: &Texts, translated: &Texts) -> Result<(), String> {
    let differs =
        |(key, text): (&String, &String)| translated.get(key).is_none_or(|other| blanks(text) != blanks(other));
    match texts.iter().find(|entry| differs(*entry)).map(|(key, _)| key) {
        Some(key) => Err(format!("locales/{language}.json has no {key} with the same blanks as locales/en.json")),
        None if texts.len() != translated.len() => {
            Err(format!("locales/{language}.json has more keys than locales/en.json"))
        }
        None => Ok(()),
    }
}

/// The blanks of a text, `{{ name }}`, in the order of their names.
fn blanks(text: &str) -> Vec<&str> {
    let mut names: Vec<&str> =
        text.split("{{ ").skip(1).map(|part| part.split_once(" }}").map_or(part, |(name, _)| name)).collect();
    names.sort_unstable();
    names
}

fn join(prefix: &str, key: &str) -> String {
    if prefix.is_empty() { key.to_owned() } else { format!("{prefix}.{key}") }
}
