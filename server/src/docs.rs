//! Documents that are generated from the code: the list of settings and the OpenAPI document.

use crate::{config::Role, http, roles, serve};
use clap::{Arg, Args, Command, ValueEnum};
use std::fmt::Write as _;

#[derive(Args)]
pub struct Docs {
    document: Document,
}

#[derive(Clone, Copy, ValueEnum)]
enum Document {
    /// docs/configuration.md
    Configuration,
    /// /api/openapi.json
    Openapi,
}

/// Prints a document.
///
/// # Errors
/// If it cannot be written.
pub fn print(docs: &Docs, cli: Command) -> Result<(), String> {
    let text = match docs.document {
        Document::Configuration => configuration(cli).map_err(|error| error.to_string())?,
        Document::Openapi => http::document(roles::routes(&[Role::All])).map_err(|error| error.to_string())?,
    };
    serve::say(text.trim_end());
    Ok(())
}

fn configuration(mut cli: Command) -> Result<String, std::fmt::Error> {
    cli.build();
    let mut text = String::from(
        "# Configuration\n\n\
         <!-- Generated from the code. Regenerate it with: cargo run -- docs configuration >docs/configuration.md -->\n\n\
         Every setting is a flag. Most settings are also environment variables. A flag overrides the variable.\n",
    );
    if let Some(more) = cli.get_after_help() {
        writeln!(text, "{more}")?;
    }
    let name = cli.get_name().to_owned();
    for command in cli.get_subcommands() {
        write_command(&mut text, &name, command)?;
    }
    Ok(text)
}

/// A section for a command, and one for each command below it.
fn write_command(text: &mut String, parent: &str, command: &Command) -> std::fmt::Result {
    if command.is_hide_set() || command.get_name() == "help" {
        return Ok(());
    }
    let name = format!("{parent} {}", command.get_name());
    let about = command.get_about().map(ToString::to_string).unwrap_or_default();
    writeln!(text, "\n## `{name}`\n\n{}.", about.trim_end_matches('.'))?;
    let shown = |arg: &&Arg| !arg.is_hide_set() && !["help", "version"].contains(&arg.get_id().as_str());
    let args: Vec<&Arg> = command.get_arguments().filter(shown).collect();
    if !args.is_empty() {
        writeln!(text, "\n| flag | variable | default | meaning |\n|---|---|---|---|")?;
    }
    for arg in args {
        writeln!(text, "| {} | {} | {} | {} |", flag(arg), variable(arg), default(arg), meaning(arg))?;
    }
    command.get_subcommands().try_for_each(|inner| write_command(text, &name, inner))
}

fn flag(arg: &Arg) -> String {
    let value = arg.get_value_names().and_then(|names| names.first()).filter(|_| arg.get_action().takes_values());
    match (arg.get_long(), value) {
        (Some(long), Some(value)) => format!("`--{long} <{value}>`"),
        (Some(long), None) => format!("`--{long}`"),
        (None, _) => format!("`<{}>`", arg.get_id().as_str().to_uppercase()),
    }
}

fn variable(arg: &Arg) -> String {
    arg.get_env().map(|name| format!("`{}`", name.to_string_lossy())).unwrap_or_default()
}

fn default(arg: &Arg) -> String {
    let values: Vec<_> =
        arg.get_default_values().iter().map(|value| format!("`{}`", value.to_string_lossy())).collect();
    if arg.get_action().takes_values() { values.join(" ") } else { String::new() }
}

fn meaning(arg: &Arg) -> String {
    let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
    let values: Vec<_> = arg.get_possible_values().iter().map(|value| format!("`{}`", value.get_name())).collect();
    let help = help.trim_end_matches('.');
    if values.is_empty() || !arg.get_action().takes_values() {
        format!("{help}.")
    } else {
        format!("{help}. One of {}.", values.join(", "))
    }
}
