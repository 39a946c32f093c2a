//! The side of `candor up`.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

use candor_platform::runtime::{self, Running, UnixListener, UnixStream};

use super::frame::{put, take};
use super::{Call, Parcel, Reply, SOCKET};
use crate::deployment::{Deployment, Direct, Letters, Mailbox};
use crate::failure::{Code, Failure};

/// Letters in one go, and how long more of them are waited for, in milliseconds.
const LETTERS: (usize, u64) = (512, 5);
/// Pause after a connection that could not be taken, in milliseconds.
const PAUSE_MS: u64 = 100;

/// Listens in this folder, for its owner alone. The store's lock says that no other `candor up` has the folder.
pub(crate) fn serve(folder: &Path, deployment: Direct) -> Result<Running<()>, Failure> {
    let path = folder.join(SOCKET);
    let wrong = |error: std::io::Error| {
        Failure::store(Code::NotStarted, format!("could not listen on {}: {error}", path.display()))
            .advice("choose another --data-dir; the path of a socket has at most 107 bytes")
    };
    match std::fs::remove_file(&path) {
        Ok(()) => {}
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(wrong(error)),
    }
    let listener = UnixListener::bind(&path).map_err(wrong)?;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).map_err(wrong)?;
    let deployment = Arc::new(deployment);
    Ok(runtime::spawn(async move {
        loop {
            match listener.accept().await {
                Ok((stream, _)) => drop(runtime::spawn(answer(stream, Arc::clone(&deployment)))),
                Err(error) => {
                    tracing::warn!(%error, "a command could not be heard");
                    runtime::sleep(PAUSE_MS).await;
                }
            }
        }
    }))
}

/// Answers one call. What goes wrong with the socket itself, the client sees as well as we do.
async fn answer(mut stream: UnixStream, deployment: Arc<Direct>) {
    let call = match take::<Call>(&mut stream).await {
        Ok(Some(call)) => call,
        Ok(None) => return,
        Err(error) => {
            tracing::warn!(%error, "a command said something that cannot be read");
            return;
        }
    };
    let ended = match carry_out(&deployment, call).await {
        Ok(Answered::Once(reply)) => put(&mut stream, &reply).await,
        Ok(Answered::Stream(first, letters)) => match put(&mut stream, &first).await {
            Ok(()) => forward(stream, letters).await,
            Err(error) => Err(error),
        },
        Err(failure) => {
            let body = failure.body;
            let failed = Reply::Failed { code: body.code, message: body.message, advice: body.advice };
            put(&mut stream, &failed).await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a command has gone");
    }
}

enum Answered {
    Once(Box<Reply>),
    Stream(Box<Reply>, Box<dyn Letters>),
}

async fn carry_out(deployment: &Direct, call: Call) -> Result<Answered, Failure> {
    let reply = match call {
        Call::Hello => {
            Reply::Hello { partitions: deployment.partitions(), version: env!("CARGO_PKG_VERSION").to_owned() }
        }
        Call::Mailbox => {
            let Mailbox { address, letters } = deployment.mailbox().await?;
            return Ok(Answered::Stream(Box::new(Reply::Mailbox(address)), letters));
        }
        Call::Notices(job) => {
            let letters = deployment.notices(job).await?;
            return Ok(Answered::Stream(Box::new(Reply::Notices), letters));
        }
        Call::Send(parcel) => {
            let (queue, message, properties) = Parcel::unpack(*parcel);
            deployment.send(queue, message, properties).await?;
            Reply::Sent
        }
        Call::Line(job) => Reply::Line(deployment.line(job).await?),
        Call::Lines(max) => Reply::Lines(deployment.lines(max).await?),
        Call::Page(job, after) => Reply::Page(deployment.page(job, after).await?),
        Call::Standing(queue) => Reply::Standing(deployment.standing(&queue).await?),
    };
    Ok(Answered::Once(Box::new(reply)))
}

/// Passes on what comes until the client is gone or nothing can come any more.
async fn forward(stream: UnixStream, mut letters: Box<dyn Letters>) -> std::io::Result<()> {
    let (mut from, mut to) = stream.into_split();
    loop {
        let batch = runtime::select! {
            batch = letters.next_batch(LETTERS.0, LETTERS.1) => batch,
            // A client says nothing more; that it can be read means that it is gone.
            _ = take::<Call>(&mut from) => return Ok(()),
        };
        if batch.is_empty() {
            return Ok(());
        }
        for letter in batch {
            match letter.message {
                Ok(message) => put(&mut to, &Reply::Letter(Box::new(message))).await?,
                Err(error) => tracing::warn!(%error, "a message for a command cannot be read"),
            }
        }
    }
}
