//! One try to connect: look-up, TCP, TLS, login, within a time.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use async_rs::Tokio;
use async_rs::traits::Reactor;
use futures_rustls::TlsConnector;
use futures_rustls::pki_types::ServerName;
use futures_rustls::rustls;
use lapin::uri::{AMQPAuthority, AMQPQueryString, AMQPScheme, AMQPUri, AMQPUserInfo};
use lapin::{AsyncTcpStream, Connection, ConnectionProperties};

use super::limits::{CONNECT_MS, FRAME_BYTES, HEARTBEAT_S};
use super::reactor::{AmqpRuntime, here};
use super::refusal::{Who, io_words};
use super::wire::{Cut, CutUnlessKept, Way, Wire};
use super::{AmqpSettings, tls};
use crate::error::{Error, Result};
use crate::runtime;
use crate::server_url::ServerUrl;

/// Ports that AMQP servers listen on, plain and with TLS.
const PORTS: (u16, u16) = (5672, 5671);

/// How to connect.
pub(super) struct Dial {
    uri: AMQPUri,
    tls: Option<TlsConnector>,
    name: String,
    pub(super) who: Who,
}

/// A connection, and the means to give it up.
pub(super) type Dialled = (Connection, Arc<Cut>);

impl Dial {
    /// Fails for a setting that can never work.
    pub(super) fn new(settings: &AmqpSettings) -> Result<Self> {
        let url = &settings.url;
        let encrypted = url.scheme() == "amqps";
        let port = url.port().unwrap_or(if encrypted { PORTS.1 } else { PORTS.0 });
        let user = url.user().unwrap_or("guest").to_owned();
        let password = url.password().unwrap_or("guest").to_owned();
        // `amqp://host` and `amqp://host/` mean the virtual host `/`: nobody has one without a name.
        let vhost = Some(url.path()).filter(|path| !path.is_empty()).unwrap_or("/").to_owned();
        if [user.len(), vhost.len()].iter().any(|length| *length > 255) {
            return Err(wrong("the user's or the virtual host's name is longer than 255 bytes".to_owned()));
        }
        let who = Who {
            server: format!("RabbitMQ at {}", url.place(port)),
            user: user.clone(),
            host: vhost.clone(),
            prefix: settings.routes.prefix().to_owned(),
        };
        let uri = AMQPUri {
            scheme: if encrypted { AMQPScheme::AMQPS } else { AMQPScheme::AMQP },
            authority: AMQPAuthority {
                userinfo: AMQPUserInfo { username: user, password },
                host: url.host().to_owned(),
                port,
            },
            vhost,
            query: AMQPQueryString {
                heartbeat: Some(number(url, "heartbeat")?.unwrap_or(HEARTBEAT_S)),
                frame_max: Some(number(url, "frame_max")?.unwrap_or(FRAME_BYTES)),
                channel_max: number(url, "channel_max")?,
                ..AMQPQueryString::default()
            },
        };
        let tls = encrypted.then(|| tls::connector(settings.ca_file.as_deref())).transpose()?;
        Ok(Self { uri, tls, name: settings.connection_name.clone(), who })
    }

    /// Tries once. Dropped, the try is given up. To be called on the thread that the connection shall live on.
    pub(super) async fn connect(self: &Arc<Self>, purpose: &str) -> Result<Dialled> {
        let cut = Cut::new();
        let guard = CutUnlessKept::new(Arc::clone(&cut));
        let said: Arc<Mutex<Option<Error>>> = Arc::default();
        let open = {
            let (dial, cut, said) = (Arc::clone(self), Arc::clone(&cut), Arc::clone(&said));
            async move |_: AMQPUri, _: AmqpRuntime| {
                runtime::select! {
                    opened = dial.open(&cut) => match opened {
                        Ok(wire) => Ok(AsyncTcpStream::Plain(wire)),
                        Err((reason, error)) => {
                            *said.lock().unwrap_or_else(PoisonError::into_inner) = Some(reason);
                            Err(lapin::Error::from(error))
                        }
                    },
                    () = cut.done() => Err(lapin::Error::from(Cut::error())),
                }
            }
        };
        let properties = ConnectionProperties::default()
            .with_connection_name(format!("{} ({purpose})", self.name).into())
            .with_client_property("product".into(), "candor".into())
            .with_client_property("version".into(), env!("CARGO_PKG_VERSION").into());
        let connecting = Connection::connector(self.uri.clone(), here(), open, properties);
        match runtime::timeout(CONNECT_MS, Box::pin(connecting)).await {
            Some(Ok(connection)) => {
                guard.keep();
                Ok((connection, cut))
            }
            Some(Err(error)) => {
                let said = said.lock().unwrap_or_else(PoisonError::into_inner).take();
                Err(said.unwrap_or_else(|| self.who.unreachable(&error)))
            }
            None => Err(self.who.lost(&format!("no answer within {CONNECT_MS} ms"))),
        }
    }

    /// Opens the wire; what went wrong is told for people and for the library.
    async fn open(&self, cut: &Arc<Cut>) -> std::result::Result<Wire, (Error, io::Error)> {
        let AMQPAuthority { host, port, .. } = &self.uri.authority;
        let lost = |error: io::Error| (self.who.lost(&io_words(&error)), error);
        let runtime = async_rs::Runtime::new(Tokio::current());
        let addresses = runtime.to_socket_addrs((host.clone(), *port));
        let socket = runtime.tcp_connect(addresses).await.map_err(lost)?;
        let way = match &self.tls {
            None => Way::Plain(socket),
            Some(tls) => {
                let untrusted = |error: io::Error| (self.untrusted(&error), error);
                let name = ServerName::try_from(host.clone()).map_err(|error| untrusted(io::Error::other(error)))?;
                Way::Encrypted(Box::new(tls.connect(name, socket).await.map_err(untrusted)?))
            }
        };
        Ok(Wire::new(way, Arc::clone(cut)))
    }

    fn untrusted(&self, error: &io::Error) -> Error {
        let cause = error.get_ref().and_then(|cause| cause.downcast_ref::<rustls::Error>());
        let reason = match cause {
            Some(rustls::Error::InvalidCertificate(rustls::CertificateError::UnknownIssuer)) => {
                "its certificate comes from an authority that nobody here trusts: \
                 name a file with that authority's certificate, in PEM form"
                    .to_owned()
            }
            Some(rustls::Error::InvalidMessage(_)) => {
                "it does not speak TLS: check the port, or use `amqp://`".to_owned()
            }
            Some(cause) => cause.to_string(),
            None => io_words(error),
        };
        match cause {
            // It did not come to an exchange of certificates: the server may only be starting.
            None => self.who.lost(&reason),
            Some(_) => Error::Untrusted { server: self.who.server.clone(), reason },
        }
    }
}

fn wrong(reason: String) -> Error {
    Error::Setting { what: "the URL of RabbitMQ".to_owned(), reason }
}

fn number<T: std::str::FromStr>(url: &ServerUrl, parameter: &str) -> Result<Option<T>> {
    let Some(text) = url.parameter(parameter) else { return Ok(None) };
    let number =
        text.parse().map_err(|_| wrong(format!("`{parameter}` must be a small whole number, not `{text}`")))?;
    Ok(Some(number))
}
