//! nginx, with one static answer: what a web server on this machine can do at best.

use std::fs;
use std::process::{Command, Stdio};

use anyhow::{Result, ensure};
use tempfile::TempDir;

use super::process::{Process, free_address};
use super::tools;

/// A running nginx.
pub(super) struct Nginx {
    // In this order: the server ends before its folder does.
    _process: Process,
    _folder: TempDir,
    /// Its address, without a slash at the end.
    pub(super) url: String,
}

impl Nginx {
    /// Starts one that answers every request with this body, with as many workers as the backend
    /// has.
    pub(super) fn start(content_type: &str, body: &str) -> Result<Self> {
        let workers = std::thread::available_parallelism()?;
        let is_plain = |text: &str| !text.contains(['\'', '$', '\\']);
        ensure!(is_plain(content_type) && is_plain(body), "not for nginx's configuration: {body}");
        let address = free_address()?;
        let folder = tempfile::tempdir()?;
        let configuration = format!(
            "daemon off; worker_processes {workers}; pid nginx.pid; error_log stderr error;
             events {{ worker_connections 1024; }}
             http {{
                 access_log off;
                 keepalive_requests 1000000000;
                 client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi;
                 uwsgi_temp_path uwsgi; scgi_temp_path scgi;
                 server {{
                     listen {address};
                     default_type '{content_type}';
                     location / {{ return 200 '{body}'; }}
                 }}
             }}\n"
        );
        let file = folder.path().join("nginx.conf");
        fs::write(&file, configuration)?;
        let mut command = Command::new(tools::find("nginx")?);
        command.arg("-p").arg(folder.path()).arg("-c").arg(file).args(["-e", "stderr"]);
        let process = Process::start(command.stdout(Stdio::null()), address)?;
        Ok(Self { _process: process, _folder: folder, url: format!("http://{address}") })
    }
}
