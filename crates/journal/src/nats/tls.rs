//! TLS of a connection: its files, and what is wrong when a handshake fails.

use std::error::Error;
use std::io;
use std::path::{Path, PathBuf};

use async_nats::rustls::pki_types::pem::PemObject;
use async_nats::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use async_nats::rustls::{AlertDescription, CertificateError, Error as TlsError};
use async_nats::{ConnectError, ConnectOptions};

use crate::JournalError;

/// The client reads these files anew for each connection.
#[derive(Clone, Default, PartialEq, Eq)]
pub(super) struct Tls {
    /// Certificates of authorities to trust in place of those of the system.
    pub(super) ca: Option<PathBuf>,
    /// The client's certificate.
    pub(super) certificate: Option<PathBuf>,
    /// The client's key, if it is not in the file of the certificate.
    pub(super) key: Option<PathBuf>,
    /// Whether the handshake comes before the first message of the server.
    pub(super) is_first: bool,
}

impl Tls {
    /// Reads the files once, because the client does not say which of them is wrong, and takes an
    /// empty one for a file of certificates.
    ///
    /// # Errors
    /// [`JournalError::UnusableFile`]
    pub(super) fn check(&self) -> Result<(), JournalError> {
        let certificates = |parameter, path: &Path| {
            let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect);
            let why = match read {
                Ok(read) if !Vec::is_empty(&read) => return Ok(()),
                Ok(_) => "has no certificate: expected PEM".to_owned(),
                Err(error) => format!("cannot be read as certificates in PEM: {error}"),
            };
            Err(JournalError::UnusableFile { parameter, path: path.to_owned(), why })
        };
        if let Some(ca) = &self.ca {
            certificates("ca", ca)?;
        }
        let Some(certificate) = &self.certificate else { return Ok(()) };
        certificates("cert", certificate)?;
        let (parameter, path) = match &self.key {
            Some(key) => ("key", key),
            None => ("cert", certificate),
        };
        PrivateKeyDer::from_pem_file(path).map(drop).map_err(|error| JournalError::UnusableFile {
            parameter,
            path: path.clone(),
            why: format!("cannot be read as a private key in PEM: {error}"),
        })
    }

    pub(super) fn add_to(&self, options: ConnectOptions) -> ConnectOptions {
        let options = match &self.ca {
            Some(ca) => options.add_root_certificates(ca.clone()),
            None => options,
        };
        let options = match &self.certificate {
            Some(certificate) => {
                let key = self.key.as_ref().unwrap_or(certificate);
                options.add_client_certificate(certificate.clone(), key.clone())
            }
            None => options,
        };
        if self.is_first { options.tls_first() } else { options }
    }
}

/// What is wrong with TLS, and what to change, if that is why the connection failed. The client
/// calls most of these cases an I/O error.
pub(super) fn fault_of(error: &ConnectError) -> Option<String> {
    let error = tls_error(error)?;
    let what = match error {
        TlsError::InvalidCertificate(why) => match why {
            // The second: an authority of the same name as one that is trusted.
            CertificateError::UnknownIssuer | CertificateError::BadSignature => {
                "has a certificate of an authority that is not trusted here: name the file with \
                 the authority's certificate by ca= in JOURNAL_URL"
            }
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                "has a certificate that has expired: renew it, or set this machine's clock"
            }
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                "has a certificate that is not valid yet: set this machine's clock"
            }
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                "has a certificate for another name: name its servers in JOURNAL_URL as their \
                 certificates do"
            }
            other => return Some(format!("has a certificate that cannot be accepted: {other}")),
        },
        TlsError::AlertReceived(AlertDescription::CertificateRequired) => {
            "asks for a client certificate: name one by cert= and key= in JOURNAL_URL"
        }
        TlsError::AlertReceived(
            AlertDescription::BadCertificate
            | AlertDescription::CertificateExpired
            | AlertDescription::CertificateRevoked
            | AlertDescription::CertificateUnknown
            | AlertDescription::UnknownCA
            | AlertDescription::UnsupportedCertificate,
        ) => {
            return Some(format!(
                "does not accept the client certificate ({error}): give another one by cert= and \
                 key= in JOURNAL_URL"
            ));
        }
        TlsError::InvalidMessage(_) => {
            "answers a TLS handshake with something else: use nats:// if it has no TLS, and \
             tls_first=true only if its TLS has handshake_first"
        }
        other => return Some(format!("does not agree on TLS: {other}")),
    };
    Some(what.to_owned())
}

fn tls_error(error: &ConnectError) -> Option<&TlsError> {
    let mut next: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<TlsError>() {
            return Some(found);
        }
        // Trap: the source of an I/O error is that of the error in it, and not this error itself.
        next = match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(inner) => Some(inner),
            None => error.source(),
        };
    }
    None
}
