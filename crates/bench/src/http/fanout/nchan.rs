//! nchan, a module of nginx that tells many readers of one event.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Result, ensure};
use tempfile::TempDir;

use super::super::process::{Process, free_address};
use super::super::tools;
use super::prepared::Prepared;

/// Where readers go, by SSE or by WebSocket.
pub(super) const SUBSCRIBE: &str = "/subscribe";
const PUBLISH: &str = "/publish";

/// A running nginx with nchan.
pub(super) struct Nchan {
    // In this order: the server ends before its folder does.
    _process: Process,
    _folder: TempDir,
    /// Its address, without a slash at the end.
    pub(super) url: String,
}

impl Nchan {
    /// Starts one with as many workers as our servers have.
    pub(super) fn start() -> Result<Self> {
        let module = Path::new(tools::NCHAN);
        ensure!(module.is_file(), "{} is missing", module.display());
        let workers = std::thread::available_parallelism()?;
        let address = free_address()?;
        let folder = tempfile::tempdir()?;
        let configuration = format!(
            "load_module {}; daemon off; worker_processes {workers}; pid nginx.pid;
             error_log stderr error; worker_rlimit_nofile 20000;
             events {{ worker_connections 16000; }}
             http {{
                 access_log off;
                 client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi;
                 uwsgi_temp_path uwsgi; scgi_temp_path scgi;
                 server {{
                     listen {address};
                     location = {PUBLISH} {{
                         nchan_publisher; nchan_channel_id total; nchan_message_buffer_length 1;
                     }}
                     location = {SUBSCRIBE} {{
                         nchan_subscriber eventsource websocket; nchan_channel_id total;
                         nchan_subscriber_first_message newest;
                     }}
                 }}
             }}\n",
            module.display()
        );
        let file = folder.path().join("nginx.conf");
        fs::write(&file, configuration)?;
        let mut command = Command::new(tools::find("nginx")?);
        command.arg("-p").arg(folder.path()).arg("-c").arg(file).args(["-e", "stderr"]);
        let process = Process::start(command.stdout(Stdio::null()), address)?;
        Ok(Self { _process: process, _folder: folder, url: format!("http://{address}") })
    }

    /// The event that tells all readers a frame such as ours.
    pub(super) fn event(&self, live_users: u64) -> Result<Prepared> {
        let frame = format!(
            "{{\"success\":true,\"liveUsers\":{live_users},\"epoch\":\"0a1b2c3d4e5f6071\",\
             \"seq\":{live_users},\"asOf\":\"2026-11-23T09:30:00.000Z\"}}"
        );
        let (host, length) = (self.url.trim_start_matches("http://"), frame.len());
        let request = format!(
            "POST {PUBLISH} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n\
             Content-Length: {length}\r\n\r\n{frame}"
        );
        Prepared::new(&self.url, &request)
    }
}
