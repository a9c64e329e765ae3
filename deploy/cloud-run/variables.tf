variable "project" {
  description = "The project in which both services run."
  type        = string
}

variable "region" {
  description = "The region of the services, such as europe-west1."
  type        = string
}

variable "image_registry" {
  description = "Where the two images are, without their names: REGION-docker.pkg.dev/PROJECT/live-users"
  type        = string

  validation {
    condition     = !endswith(var.image_registry, "/")
    error_message = "image_registry: leave out the slash at its end."
  }
}

variable "image_tag" {
  description = "The version of both images. Not `latest`: a revision has to stay what it is."
  type        = string

  validation {
    condition     = var.image_tag != "" && var.image_tag != "latest"
    error_message = "image_tag: name a version."
  }
}

variable "network" {
  description = "The network in which the NATS service is."
  type        = string
}

variable "subnetwork" {
  description = "The subnetwork from which the backends reach it."
  type        = string
}

variable "public_url" {
  description = "The address that Twilio has, without /voice. Empty for the one that Cloud Run gives the backend."
  type        = string
  default     = ""

  validation {
    condition     = var.public_url == "" || can(regex("^https://[^/]+[^/]$", var.public_url))
    error_message = "public_url: expected https:// and a host, without a slash at its end."
  }
}

variable "secrets" {
  description = "The names of secrets in Secret Manager, which have a version before this is applied."
  type = object({
    journal_url       = string
    twilio_auth_token = string
    caller_hash_key   = string
    api_token         = string
    admin_token       = string
    agents            = string
  })
  default = {
    journal_url       = "live-users-journal-url"
    twilio_auth_token = "live-users-twilio-auth-token"
    caller_hash_key   = "live-users-caller-hash-key"
    api_token         = "live-users-api-token"
    admin_token       = "live-users-admin-token"
    agents            = "live-users-agents"
  }
}

variable "agents_file_secrets" {
  description = "What the agents file names: the name of each variable (secret_env, auth_token_env), and that of the secret in Secret Manager which is its value."
  type        = map(string)
  default     = {}
}

variable "backend_instances" {
  description = "The fewest and the most backends. With at least 1 the reconciler never rests."
  type        = object({ min = number, max = number })
  default     = { min = 2, max = 10 }

  validation {
    condition     = var.backend_instances.min >= 1 && var.backend_instances.min <= var.backend_instances.max
    error_message = "backend_instances: expected 1 <= min <= max."
  }
}

variable "proxy_instances" {
  description = "The fewest and the most proxies."
  type        = object({ min = number, max = number })
  default     = { min = 1, max = 10 }

  validation {
    condition     = var.proxy_instances.min >= 0 && var.proxy_instances.min <= var.proxy_instances.max
    error_message = "proxy_instances: expected 0 <= min <= max."
  }
}

variable "backend_settings" {
  description = "Other settings of the backend, by their names in docs/SETTINGS.md. No tokens."
  type        = map(string)
  default     = {}
}

variable "proxy_settings" {
  description = "Other settings of the proxy, by their names in docs/SETTINGS.md. No tokens."
  type        = map(string)
  default     = {}
}
