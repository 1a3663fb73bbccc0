//! Checks every REST response of the tests against the OpenAPI document: the document must list its status and the
//! schema of its body.

use crate::support::Answer;
use jsonschema::Validator;
use serde_json::{Value, json};
use std::{
    collections::HashMap,
    process::Command,
    sync::{Arc, LazyLock, Mutex, PoisonError},
};

static DOCUMENT: LazyLock<Value> = LazyLock::new(|| {
    let output = Command::new(env!("CARGO_BIN_EXE_messenger")).args(["docs", "openapi"]).output().unwrap();
    serde_json::from_slice(&output.stdout).unwrap()
});

static VALIDATORS: LazyLock<Mutex<HashMap<String, Arc<Validator>>>> = LazyLock::new(Mutex::default);

pub fn check(method: &str, target: &str, answer: &Answer) {
    let path = target.split('?').next().unwrap_or_default();
    if !path.starts_with("/api/v1/") && path != "/.well-known/jwks.json" {
        return;
    }
    let what = format!("{method} {target} returns {}", answer.status);
    let response = listed(method, path, answer.status).unwrap_or_else(|| panic!("{what}, which is not listed"));
    let Some(content) = response.get("content") else {
        assert_eq!(answer.body, "", "{what} with a body, which is not listed");
        return;
    };
    assert!(answer.headers["content-type"].starts_with("application/json"), "{what} without JSON");
    if let Err(error) = validator(&content["application/json"]["schema"]).validate(&answer.json()) {
        panic!("{what}: {error} at {}: {}", error.instance_path(), answer.body);
    }
}

/// The response that the document lists for a request and a status. A path or a method that it does not
/// list is refused with the common error.
fn listed(method: &str, path: &str, status: u16) -> Option<&'static Value> {
    let paths = DOCUMENT["paths"].as_object().unwrap();
    let operations = paths.iter().filter(|(template, _)| fits(template, path));
    let operation = operations.filter_map(|(_, operations)| operations.get(method.to_ascii_lowercase())).next();
    let response = match operation {
        Some(operation) => {
            let responses = &operation["responses"];
            responses.get(status.to_string()).or_else(|| responses.get(format!("{}XX", status / 100)))?
        }
        None if status >= 400 => return Some(&DOCUMENT["components"]["responses"]["Error"]),
        None => return None,
    };
    match response["$ref"].as_str() {
        Some(reference) => DOCUMENT.pointer(reference.trim_start_matches('#')),
        None => Some(response),
    }
}

fn fits(template: &str, path: &str) -> bool {
    let (template, path) = (template.split('/'), path.split('/'));
    template.clone().count() == path.clone().count()
        && template.zip(path).all(|(expected, part)| expected == part || expected.starts_with('{') && !part.is_empty())
}

fn validator(schema: &Value) -> Arc<Validator> {
    let mut validators = VALIDATORS.lock().unwrap_or_else(PoisonError::into_inner);
    let new = || {
        let whole = json!({ "allOf": [schema], "components": DOCUMENT["components"] });
        Arc::new(jsonschema::options().should_validate_formats(true).build(&whole).unwrap())
    };
    validators.entry(schema.to_string()).or_insert_with(new).clone()
}

#[test]
fn a_response_that_is_not_listed_is_found() {
    let json = HashMap::from([("content-type".to_owned(), "application/json".to_owned())]);
    let error = r#"{ "code": "not_found", "message": "There is nothing here.", "fields": {} }"#;
    for (method, path, status, body, is_listed) in [
        ("GET", "/api/v1/me", 404, error, true),
        ("GET", "/api/v1/me", 404, "{}", false),
        ("GET", "/api/v1/me", 200, error, false),
        ("GET", "/api/v1/me", 204, "", false),
        ("GET", "/api/v1/nowhere", 404, error, true),
        ("GET", "/api/v1/nowhere", 200, "{}", false),
        ("POST", "/api/v1/auth/logout", 204, "", true),
        ("POST", "/api/v1/auth/logout", 204, "{}", false),
        ("GET", "/api/v1/chats?limit=1", 200, r#"{ "items": [], "next": null }"#, true),
        ("GET", "/api/v1/chats?limit=1", 200, r#"{ "items": [{}], "next": null }"#, false),
    ] {
        let answer = Answer { status, headers: json.clone(), body: body.to_owned() };
        let checked = std::panic::catch_unwind(|| check(method, path, &answer));
        assert_eq!(checked.is_ok(), is_listed, "{method} {path} {status} {body}");
    }
}
