//! The wire between redflag and an API server, to be cut at any point of the one request that counts.

use crate::rollback::peer::{Peer, cluster};
use redflag::cluster::Cluster;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What happens to a real PATCH; everything else goes through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cut {
    /// It goes through.
    Nowhere,
    /// The connection is closed before a byte of it was read.
    Before,
    /// Half of it is read, then the connection is closed.
    While,
    /// It is read whole; the connection is closed before it gets to the API server.
    AfterUndone,
    /// It is done; the connection is closed before the answer comes.
    AfterDone,
    /// It is read whole and never gets to the API server; no answer comes.
    HangUndone,
    /// It is done; no answer comes.
    HangDone,
}

/// A wire to a peer.
pub(crate) struct Wire {
    address: String,
    shared: Arc<Shared>,
}

struct Shared {
    peer: String,
    cut: Cut,
    /// How many real PATCHes were begun.
    patches: Mutex<usize>,
}

impl Wire {
    /// Lays a wire to the peer.
    pub(crate) async fn to(peer: &Peer, cut: Cut) -> Self {
        let peer = peer.address.strip_prefix("http://").unwrap().to_owned();
        let shared = Arc::new(Shared { peer, cut, patches: Mutex::default() });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let serving = Arc::clone(&shared);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let shared = Arc::clone(&serving);
                // A connection that ends in the midst is what this is for.
                tokio::spawn(async move { drop(serve(stream, &shared).await) });
            }
        });
        Self { address, shared }
    }

    /// A client at the other end of it.
    pub(crate) fn cluster(&self, timeout: Duration) -> Cluster {
        cluster(&self.address, timeout)
    }

    /// How many real PATCHes were begun on it, wherever it was cut.
    pub(crate) fn patches(&self) -> usize {
        *self.shared.patches.lock().unwrap()
    }
}

/// Carries one request after the other, each over a connection of its own to the peer.
async fn serve(mut stream: TcpStream, shared: &Shared) -> io::Result<()> {
    loop {
        let head = peek_line(&mut stream).await?;
        let counts = head.starts_with("PATCH ") && !head.contains("dryRun=All");
        let cut = if counts { shared.cut } else { Cut::Nowhere };
        if counts {
            *shared.patches.lock().unwrap() += 1;
        }
        if cut == Cut::Before {
            return Ok(());
        }
        let mut request = Vec::new();
        while !is_whole(&request) {
            if stream.read_buf(&mut request).await? == 0 {
                return Ok(());
            }
            if cut == Cut::While {
                return Ok(());
            }
        }
        match cut {
            Cut::AfterUndone => return Ok(()),
            Cut::HangUndone => std::future::pending().await,
            _ => {}
        }
        let mut upstream = TcpStream::connect(&shared.peer).await?;
        upstream.write_all(&request).await?;
        let mut answer = Vec::new();
        while !is_whole(&answer) && upstream.read_buf(&mut answer).await? > 0 {}
        match cut {
            Cut::AfterDone => return Ok(()),
            Cut::HangDone => std::future::pending().await,
            _ => stream.write_all(&answer).await?,
        }
    }
}

/// The first line of what comes next, left where it is.
async fn peek_line(stream: &mut TcpStream) -> io::Result<String> {
    let mut bytes = [0; 2048];
    loop {
        let length = stream.peek(&mut bytes).await?;
        let text = String::from_utf8_lossy(&bytes[..length]);
        if let Some((line, _)) = text.split_once("\r\n") {
            return Ok(line.to_owned());
        }
        if length == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        tokio::task::yield_now().await;
    }
}

/// Whether a request or an answer is there to the end of its body. Both sides here tell its length.
fn is_whole(message: &[u8]) -> bool {
    let text = String::from_utf8_lossy(message);
    let Some((head, _)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
    });
    message.len() >= head.len() + 4 + length.unwrap_or(0)
}
