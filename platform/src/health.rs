//! Whether a process lives and whether it is ready, over HTTP, for whoever runs it.
//!
//! `GET /livez` never asks the broker or the store: a process that waits for them must not be killed for it.
//! `GET /readyz` says what is missing. Both carry nothing about jobs. Deliberately knows no service.

use std::sync::Arc;

use axum::Router;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::get;

use crate::error::{Error, Result};
use crate::runtime::{self, Running, TcpListener};

/// Whether a service is ready, and what keeps it from being so.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Readiness {
    /// Whether it can do its work now.
    pub ready: bool,
    /// What is missing, a sentence each.
    pub reasons: Vec<String>,
}

impl Readiness {
    /// Ready where there is no reason not to be.
    pub fn of(reasons: impl IntoIterator<Item = String>) -> Self {
        let reasons: Vec<String> = reasons.into_iter().collect();
        Self { ready: reasons.is_empty(), reasons }
    }
}

/// Answers on this address until the process ends.
///
/// # Errors
///
/// When nobody can listen there.
pub async fn serve(address: &str, ready: impl Fn() -> Readiness + Send + Sync + 'static) -> Result<Running<()>> {
    let what = format!("could not listen on {address} for health checks");
    let listener = TcpListener::bind(address).await.map_err(|error| Error::io(what, &error))?;
    let ready = Arc::new(ready);
    let routes = Router::new()
        .route("/livez", get(|| async { json(StatusCode::OK, r#"{"live":true}"#.to_owned()) }))
        .route("/readyz", get(move || async move { say(&ready()) }));
    Ok(runtime::spawn(async move {
        if let Err(error) = axum::serve(listener, routes).await {
            tracing::error!(%error, "health checks are no longer answered");
        }
    }))
}

fn say(readiness: &Readiness) -> impl IntoResponse + use<> {
    let status = if readiness.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    json(status, serde_json::to_string(readiness).unwrap_or_default())
}

fn json(status: StatusCode, body: String) -> impl IntoResponse {
    (status, [(CONTENT_TYPE, "application/json")], body)
}
