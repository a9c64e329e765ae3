//! TLS in front of a server that speaks plain HTTP, with a CA of its own.

use std::io::Write;
use std::net::TcpListener;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tempfile::NamedTempFile;
use tokio::io::copy_bidirectional;
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio_rustls::TlsAcceptor;

/// Answers on loopback as `localhost`, and passes on what it receives. Ends when dropped.
pub struct TlsFront {
    /// Where it listens, such as `https://localhost:40123`.
    pub url: String,
    ca: NamedTempFile,
    _runtime: Runtime,
}

impl TlsFront {
    /// Listens for this server, which is an address with or without `http://`.
    ///
    /// # Panics
    /// If there is no free port.
    pub fn start(to: &str) -> Self {
        let to = to.strip_prefix("http://").unwrap_or(to).to_owned();
        let (config, ca) = certificates();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("https://localhost:{}", listener.local_addr().expect("a port").port());
        listener.set_nonblocking(true).expect("a socket");
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        runtime.spawn(async move {
            let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
            while let Ok((client, _)) = listener.accept().await {
                let (acceptor, to) = (acceptor.clone(), to.clone());
                tokio::spawn(async move {
                    let mut client = acceptor.accept(client).await?;
                    let mut server = TcpStream::connect(to).await?;
                    copy_bidirectional(&mut client, &mut server).await
                });
            }
        });
        Self { url, ca, _runtime: runtime }
    }

    /// The file with the certificate of the CA, for `SSL_CERT_FILE`.
    ///
    /// # Panics
    /// If the path is no text.
    pub fn ca_file(&self) -> &str {
        self.ca.path().to_str().expect("a path of text")
    }
}

/// A certificate for `localhost`, and the file with that of the CA which has signed it.
fn certificates() -> (ServerConfig, NamedTempFile) {
    let ca_key = KeyPair::generate().expect("a key");
    let mut params = CertificateParams::new([]).expect("no names");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca = params.self_signed(&ca_key).expect("a certificate");
    let issuer = Issuer::new(params, ca_key);
    let key = KeyPair::generate().expect("a key");
    let params = CertificateParams::new(["localhost".to_owned()]).expect("a name");
    let certificate = params.signed_by(&key, &issuer).expect("a certificate");
    let mut file = NamedTempFile::new().expect("a file");
    file.write_all(ca.pem().as_bytes()).expect("room");
    let _already_installed = rustls::crypto::ring::default_provider().install_default();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .expect("a key that fits");
    (config, file)
}
