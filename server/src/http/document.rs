//! The OpenAPI document. Each handler describes its successful response; this module adds the parts
//! that all operations share.

use super::{Api, App};
use axum::{Router, http::StatusCode};
use protocol::error::ApiError;
use utoipa::{
    OpenApi as _,
    openapi::{
        Content, OpenApi, Ref, RefOr, Response,
        path::{Operation, PathItem},
        security::{Http, HttpAuthScheme, SecurityScheme},
    },
};

const ERROR: &str = "Error";

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Messenger",
        description = "Every error is an `ApiError`. Live frames travel over `/ws`.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    servers((url = "/")),
    components(schemas(ApiError)),
)]
struct Base;

/// Splits routes from their documentation, and completes the document.
pub fn split(routes: Api) -> (Router<App>, OpenApi) {
    let (routes, mut document) = Api::with_openapi(Base::openapi()).merge(routes).split_for_parts();
    let components = document.components.get_or_insert_default();
    components.add_security_scheme("bearer", SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer)));
    let mut error = Response::new("The request failed.");
    error.content.insert("application/json".into(), Content::new(Some(Ref::from_schema_name("ApiError"))).into());
    components.responses.insert(ERROR.into(), error.into());
    document.paths.paths.values_mut().flat_map(operations).for_each(complete);
    (routes, document)
}

fn operations(path: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    let PathItem { get, put, post, patch, delete, .. } = path;
    [get, put, post, patch, delete].into_iter().flatten()
}

fn complete(operation: &mut Operation) {
    // An operation without a security scheme is public.
    operation.security.get_or_insert_default();
    let responses = &mut operation.responses.responses;
    for (status, response) in responses.iter_mut() {
        let reason = status.parse().ok().and_then(|status: StatusCode| status.canonical_reason());
        if let (RefOr::T(response), Some(reason)) = (response, reason) {
            response.description = reason.into();
        }
    }
    for errors in ["4XX", "5XX"] {
        responses.insert(errors.into(), Ref::from_response_name(ERROR).into());
    }
}
