//! Where the store is, who we are, and how long to wait.

use std::time::Duration;

use object_store::aws::{AmazonS3, AmazonS3Builder, AmazonS3ConfigKey};
use object_store::path::Path as Key;
use object_store::{BackoffConfig, ClientOptions, RetryConfig};

use crate::config::Environment;
use crate::error::{Error, Result};
use crate::tls;

/// How the variables begin that every S3 client knows.
const VARIABLES: &str = "AWS_";
/// How long a connection may take to be made, in milliseconds.
const CONNECT_MS: u64 = 5_000;
/// How long one request may take, in milliseconds: a large body over a slow line.
const REQUEST_MS: u64 = 120_000;
/// For how long a request that failed is tried again, in milliseconds. Whoever asked tries longer.
const RETRY_MS: u64 = 10_000;
/// How often at most.
const RETRIES_MAX: usize = 4;
/// First and longest pause before it is, in milliseconds.
const PAUSE_MS: (u64, u64) = (100, 2_000);

/// The store of `BUCKET/PREFIX`, and the prefix.
pub(super) fn made(place: &str, environment: &Environment) -> Result<(AmazonS3, Key)> {
    let unfit = |reason: String| Error::Unfit { what: format!("s3://{place}"), reason };
    let (bucket, prefix) = place.split_once('/').unwrap_or((place, ""));
    if bucket.is_empty() {
        return Err(unfit("it must be `s3://BUCKET` or `s3://BUCKET/PREFIX`".to_owned()));
    }
    let prefix = Key::parse(prefix).map_err(|error| unfit(error.to_string()))?;
    tls::prepare();
    let mut builder = AmazonS3Builder::new();
    let mut secure = true;
    for name in environment.names().filter(|name| name.starts_with(VARIABLES)) {
        // What the library does not know is for other clients.
        let Ok(key) = name.to_ascii_lowercase().parse::<AmazonS3ConfigKey>() else { continue };
        let value = environment.get(name).unwrap_or_default();
        if matches!(key, AmazonS3ConfigKey::Endpoint | AmazonS3ConfigKey::S3Endpoint) {
            secure = !value.starts_with("http://");
        }
        builder = builder.with_config(key, value);
    }
    let options = ClientOptions::new()
        .with_connect_timeout(Duration::from_millis(CONNECT_MS))
        .with_timeout(Duration::from_millis(REQUEST_MS))
        .with_allow_http(!secure);
    let retry = RetryConfig {
        backoff: BackoffConfig {
            init_backoff: Duration::from_millis(PAUSE_MS.0),
            max_backoff: Duration::from_millis(PAUSE_MS.1),
            ..BackoffConfig::default()
        },
        max_retries: RETRIES_MAX,
        retry_timeout: Duration::from_millis(RETRY_MS),
    };
    let built = builder.with_bucket_name(bucket).with_client_options(options).with_retry(retry).build();
    Ok((built.map_err(|error| unfit(error.to_string()))?, prefix))
}
