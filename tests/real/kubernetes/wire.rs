//! A wire to the API server that can be deaf, mute or cut. It carries bytes: what is in them is between the client
//! and the server, by TLS.

use kube::Client;
use kube::config::{Config, KubeConfigOptions, Kubeconfig};
use redflag::cluster::{Cluster, ClusterIdentity, Facts};
use std::path::Path;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// What the wire does to what it carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wire {
    /// It carries everything.
    Whole,
    /// What the server says is lost.
    Deaf,
    /// What the client says is lost.
    Mute,
    /// Connections break, and new ones too.
    Cut,
}

/// The cluster at the other end of a wire, and what bends the wire.
pub(crate) async fn cluster(kubeconfig: &Path, timeout: Duration) -> (Cluster, watch::Sender<Wire>) {
    let kubeconfig = Kubeconfig::read_from(kubeconfig).unwrap();
    let mut config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await.unwrap();
    let host = config.cluster_url.host().unwrap().trim_matches(['[', ']']).to_owned();
    let server = (host.clone(), config.cluster_url.port_u16().unwrap_or(443));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    config.cluster_url = format!("https://{}", listener.local_addr().unwrap()).parse().unwrap();
    config.tls_server_name = Some(host);
    // As the program's own connection: what fails is not tried again behind anybody's back.
    config.default_retry = false;
    let wire = watch::Sender::new(Wire::Whole);
    tokio::spawn(accept(listener, server, wire.subscribe()));
    let client = Client::try_from(config).unwrap();
    (
        Cluster {
            client,
            label: "wire".to_owned(),
            timeout,
            identity: ClusterIdentity::default(),
            server: "127.0.0.1:443".to_owned(),
            facts: Facts::default(),
        },
        wire,
    )
}

async fn accept(listener: TcpListener, server: (String, u16), wire: watch::Receiver<Wire>) {
    loop {
        let (client, _) = listener.accept().await.unwrap();
        if *wire.borrow() == Wire::Cut {
            continue;
        }
        let server = TcpStream::connect((server.0.as_str(), server.1)).await.unwrap();
        tokio::spawn(carry(client, server, wire.clone()));
    }
}

/// Carries one connection until either end closes it or the wire is cut.
async fn carry(client: TcpStream, server: TcpStream, mut wire: watch::Receiver<Wire>) {
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    tokio::select! {
        () = pipe(from_client, to_server, Wire::Mute, wire.clone()) => {}
        () = pipe(from_server, to_client, Wire::Deaf, wire.clone()) => {}
        _ = wire.wait_for(|wire| *wire == Wire::Cut) => {}
    }
}

async fn pipe(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, lost: Wire, wire: watch::Receiver<Wire>) {
    let mut buffer = [0; 16 * 1024];
    while let Ok(count @ 1..) = from.read(&mut buffer).await {
        let carries = ![lost, Wire::Cut].contains(&*wire.borrow());
        if carries && to.write_all(&buffer[..count]).await.is_err() {
            return;
        }
    }
}
