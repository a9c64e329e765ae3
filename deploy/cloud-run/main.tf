# Both servers on Cloud Run, as backend.yaml and proxy.yaml have them, on a journal that NATS keeps.
# docs/SCALING.md says what has to be there before: the NATS service, the secrets, the network.

data "google_project" "this" {}

locals {
  # Cloud Run derives this address from the names, so the backend can know it before it is made.
  own_url    = "https://live-users-backend-${data.google_project.this.number}.${var.region}.run.app"
  public_url = var.public_url == "" ? local.own_url : var.public_url

  # Which server reads which secret, and as which setting.
  backend_secrets = merge({
    JOURNAL_URL       = var.secrets.journal_url
    TWILIO_AUTH_TOKEN = var.secrets.twilio_auth_token
    CALLER_HASH_KEY   = var.secrets.caller_hash_key
    API_TOKEN         = var.secrets.api_token
  }, var.agents_file_secrets)
  proxy_secrets = {
    BACKEND_TOKEN = var.secrets.api_token
    ADMIN_TOKEN   = var.secrets.admin_token
  }

  backend_settings = merge({
    PUBLIC_URL  = local.public_url
    AGENTS_FILE = "/etc/live-users/agents.toml"
    STREAMS_MAX = "900"
  }, var.backend_settings)
  proxy_settings = merge({
    BACKEND_URL = local.own_url
    # Cloud Run's own front sets X-Forwarded-For and -Proto.
    TRUST_FORWARDED_HEADERS = "true"
    STREAMS_MAX             = "900"
  }, var.proxy_settings)
}

resource "google_service_account" "backend" {
  account_id   = "live-users-backend"
  display_name = "Live Users: the backend"
}

resource "google_service_account" "proxy" {
  account_id   = "live-users-proxy"
  display_name = "Live Users: the proxy"
}

resource "google_secret_manager_secret_iam_member" "backend" {
  for_each  = toset(concat(values(local.backend_secrets), [var.secrets.agents]))
  secret_id = each.value
  role      = "roles/secretmanager.secretAccessor"
  member    = "serviceAccount:${google_service_account.backend.email}"
}

resource "google_secret_manager_secret_iam_member" "proxy" {
  for_each  = toset(values(local.proxy_secrets))
  secret_id = each.value
  role      = "roles/secretmanager.secretAccessor"
  member    = "serviceAccount:${google_service_account.proxy.email}"
}

resource "google_cloud_run_v2_service" "backend" {
  name     = "live-users-backend"
  location = var.region
  # Twilio and the proxy come from outside; what they may is decided by signature and token.
  ingress = "INGRESS_TRAFFIC_ALL"

  template {
    service_account = google_service_account.backend.email
    # The longest that a stream lasts; whoever listens then opens another.
    timeout = "3600s"
    # A stream is a request too: this many of them, and webhooks, per instance.
    max_instance_request_concurrency = 1000
    execution_environment            = "EXECUTION_ENVIRONMENT_GEN2"

    scaling {
      min_instance_count = var.backend_instances.min
      max_instance_count = var.backend_instances.max
    }

    # NATS is inside the network.
    vpc_access {
      egress = "PRIVATE_RANGES_ONLY"
      network_interfaces {
        network    = var.network
        subnetwork = var.subnetwork
      }
    }

    containers {
      image = "${var.image_registry}/live-users-backend:${var.image_tag}"

      ports {
        name           = "http1"
        container_port = 8080
      }

      dynamic "env" {
        for_each = local.backend_settings
        content {
          name  = env.key
          value = env.value
        }
      }

      dynamic "env" {
        for_each = local.backend_secrets
        content {
          name = env.key
          value_source {
            secret_key_ref {
              secret  = env.value
              version = "latest"
            }
          }
        }
      }

      volume_mounts {
        name       = "agents"
        mount_path = "/etc/live-users"
      }

      resources {
        limits = { cpu = "1", memory = "512Mi" }
        # The number has to be there when nobody calls as well. docs/SCALING.md has the alternative.
        cpu_idle          = false
        startup_cpu_boost = true
      }

      # Ready is who has replayed the journal and hears the NATS service.
      startup_probe {
        period_seconds    = 1
        timeout_seconds   = 1
        failure_threshold = 60
        http_get {
          path = "/readyz"
          port = 8080
        }
      }

      # Not /readyz: a replica without a journal still answers callers, and starting it anew would
      # not bring the journal back.
      liveness_probe {
        period_seconds    = 10
        timeout_seconds   = 3
        failure_threshold = 3
        http_get {
          path = "/healthz"
          port = 8080
        }
      }
    }

    volumes {
      name = "agents"
      secret {
        secret = var.secrets.agents
        items {
          version = "latest"
          path    = "agents.toml"
        }
      }
    }
  }

  traffic {
    type    = "TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST"
    percent = 100
  }

  depends_on = [google_secret_manager_secret_iam_member.backend]
}

resource "google_cloud_run_v2_service" "proxy" {
  name     = "live-users-proxy"
  location = var.region
  ingress  = "INGRESS_TRAFFIC_ALL"

  template {
    service_account                  = google_service_account.proxy.email
    timeout                          = "3600s"
    max_instance_request_concurrency = 1000
    # Wrong tokens and ended sessions are known to the instance that saw them.
    session_affinity = true

    scaling {
      min_instance_count = var.proxy_instances.min
      max_instance_count = var.proxy_instances.max
    }

    containers {
      image = "${var.image_registry}/live-users-proxy:${var.image_tag}"

      ports {
        name           = "http1"
        container_port = 3000
      }

      dynamic "env" {
        for_each = local.proxy_settings
        content {
          name  = env.key
          value = env.value
        }
      }

      dynamic "env" {
        for_each = local.proxy_secrets
        content {
          name = env.key
          value_source {
            secret_key_ref {
              secret  = env.value
              version = "latest"
            }
          }
        }
      }

      resources {
        limits = { cpu = "1", memory = "256Mi" }
        # One stream of the backend's is held open while anybody listens: that is a request.
        cpu_idle          = true
        startup_cpu_boost = true
      }

      startup_probe {
        period_seconds    = 1
        timeout_seconds   = 1
        failure_threshold = 20
        http_get {
          path = "/healthz"
          port = 3000
        }
      }

      liveness_probe {
        period_seconds    = 10
        timeout_seconds   = 3
        failure_threshold = 3
        http_get {
          path = "/healthz"
          port = 3000
        }
      }
    }
  }

  traffic {
    type    = "TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST"
    percent = 100
  }

  depends_on = [google_secret_manager_secret_iam_member.proxy]
}

# Everybody may ask: signatures and tokens decide what they get.
resource "google_cloud_run_v2_service_iam_member" "everybody" {
  for_each = {
    backend = google_cloud_run_v2_service.backend.name
    proxy   = google_cloud_run_v2_service.proxy.name
  }
  location = var.region
  name     = each.value
  role     = "roles/run.invoker"
  member   = "allUsers"
}

output "voice_url" {
  description = "What Twilio calls when a call comes in."
  value       = "${local.public_url}/voice"
}

output "status_callback_url" {
  description = "What Twilio calls when the status of a call changes."
  value       = "${local.public_url}/call-status#rc=5&rp=all"
}

output "page_url" {
  description = "The page."
  value       = "${google_cloud_run_v2_service.proxy.uri}/admin/existing-agents"
}
