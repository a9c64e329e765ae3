//! Rules for the files in `deploy`: what they say of our images and settings is so.

use serde_json::Value;

use super::Finding;
use super::containers::stages;
use super::tree::{File, Tree};

const DOCKERFILE: &str = "Dockerfile";
const README: &str = "README.md";

/// Each server with how its table of settings begins in the README.
const SERVERS: [(&str, &str); 2] = [("backend", "| Backend |"), ("proxy", "| Proxy |")];

/// Where a server can be asked how it is.
const PROBES: [&str; 2] = ["/healthz", "/readyz"];

/// Settings that nobody but their owner is to know.
const SECRETS: [&str; 7] = [
    "TWILIO_AUTH_TOKEN",
    "TWILIO_API_KEY_SECRET",
    "CALLER_HASH_KEY",
    "API_TOKEN",
    "BACKEND_TOKEN",
    "ADMIN_TOKEN",
    "JOURNAL_URL",
];

/// A file that cannot be read is found by whoever deploys it, else.
pub(super) fn files_can_be_read(tree: &Tree) -> Vec<Finding> {
    files(tree).filter_map(|file| documents(file).err()).collect()
}

/// A container of ours names an image, a port, settings and probes that there are.
pub(super) fn containers_fit_their_images(tree: &Tree) -> Vec<Finding> {
    let rule = "container";
    let mut findings = Vec::new();
    for file in files(tree) {
        for container in containers(file) {
            let image = container["image"].as_str().unwrap_or_default();
            let mut wrong = |at: &str, what_to_do: String| {
                findings.push(file.finding(file.line_of(at), rule, what_to_do));
            };
            let name = image.rsplit('/').next().and_then(|it| it.split(':').next());
            let server = SERVERS
                .into_iter()
                .find(|(server, _)| name == Some(&format!("live-users-{server}")));
            let Some((server, table)) = server else {
                wrong(image, format!("`{image}` is no image of ours: correct or remove it"));
                continue;
            };
            let port = exposed(tree, server);
            if container["ports"][0]["containerPort"].as_u64() != port {
                wrong(image, format!("the port of `{image}` is {port:?} in {DOCKERFILE}"));
            }
            let known = settings(tree, table);
            for setting in list(&container["env"]) {
                let name = setting["name"].as_str().unwrap_or_default();
                if !known.iter().any(|it| it == name) {
                    wrong(name, format!("{name} is no setting of the {server} in {README}"));
                }
                if SECRETS.contains(&name) && setting.get("valueFrom").is_none() {
                    wrong(name, format!("take {name} from a secret, by `valueFrom`"));
                }
            }
            for probe in ["startupProbe", "readinessProbe", "livenessProbe"] {
                let get = &container[probe]["httpGet"];
                let Some(path) = get["path"].as_str() else { continue };
                let named = &container["ports"][0]["name"];
                if !PROBES.contains(&path)
                    || !(&get["port"] == named || get["port"].as_u64() == port)
                {
                    wrong(probe, format!("ask for one of {PROBES:?} at the container's port"));
                }
            }
            if container.get("livenessProbe").is_none() {
                wrong(image, "give it a `livenessProbe`".to_owned());
            }
        }
    }
    findings
}

/// A secret that is filled in here is one that everybody knows.
pub(super) fn secrets_have_no_value(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in files(tree) {
        for document in documents(file).unwrap_or_default() {
            let values = [&document["data"], &document["stringData"]];
            let filled = values.into_iter().filter_map(Value::as_object).flatten();
            for (name, _) in filled.filter(|(_, value)| *value != "") {
                if document["kind"] == "Secret" {
                    let line = file.line_of(&format!("  {name}:"));
                    findings.push(file.finding(line, "secret", format!("take {name}'s value out")));
                }
            }
        }
    }
    findings
}

fn files(tree: &Tree) -> impl Iterator<Item = &File> {
    let is_one = |file: &&File| {
        file.path.starts_with("deploy/")
            && (file.path.ends_with(".yaml") || file.path.ends_with(".yml"))
    };
    tree.files.iter().filter(is_one)
}

fn documents(file: &File) -> Result<Vec<Value>, Finding> {
    serde_saphyr::from_multiple(&file.text)
        .map_err(|error| file.finding(1, "YAML", error.to_string()))
}

/// The containers of the pods, or of what is like one, in this file.
fn containers(file: &File) -> Vec<Value> {
    let mut containers = Vec::new();
    for document in documents(file).unwrap_or_default() {
        containers.extend(list(&document["spec"]["template"]["spec"]["containers"]).cloned());
    }
    containers
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

/// The port of this target of the Dockerfile.
fn exposed(tree: &Tree, target: &str) -> Option<u64> {
    let ends = format!(" AS {target}");
    let stages = stages(tree.file(DOCKERFILE)?);
    let stage =
        stages.iter().find(|it| it.first().is_some_and(|(_, from)| from.ends_with(&ends)))?;
    stage.iter().find_map(|(_, line)| line.strip_prefix("EXPOSE ")?.trim().parse().ok())
}

/// The settings in the README's table that begins like this.
fn settings(tree: &Tree, table: &str) -> Vec<String> {
    let text = tree.file(README).map_or("", |readme| &readme.text);
    let rows = text.lines().skip_while(|line| !line.starts_with(table));
    let names = rows
        .take_while(|line| line.starts_with('|'))
        .flat_map(|row| row.split('|').nth(1).unwrap_or_default().split('`').skip(1).step_by(2));
    names.map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::tests::found;

    const IMAGES: (&str, &str) = (
        DOCKERFILE,
        "FROM rust AS build\nFROM debian AS backend\nEXPOSE 8080\nFROM debian AS proxy\nEXPOSE 3\n",
    );
    const SETTINGS: (&str, &str) = (
        README,
        "| Backend | Meaning |\n|---|---|\n| `API_TOKEN` | `X` |\n| `HOST`, `PORT` | y |\n\n\
         | Proxy | Meaning |\n|---|---|\n| `BACKEND_URL` | z |\n",
    );
    const GOOD: &str = "\
kind: Deployment
spec:
  template:
    spec:
      containers:
        - image: REGISTRY/live-users-backend:VERSION
          ports:
            - name: http
              containerPort: 8080
          env:
            - name: API_TOKEN
              valueFrom: { secretKeyRef: { name: a, key: b } }
            - name: PORT
              value: \"8080\"
          startupProbe: { httpGet: { path: /readyz, port: 8080 } }
          livenessProbe: { httpGet: { path: /healthz, port: http } }
---
kind: Secret
stringData:
  API_TOKEN: \"\"
";

    #[test]
    fn a_file_that_cannot_be_read_is_found() {
        let files = [("deploy/a.yaml", GOOD), ("deploy/b/c.yaml", "a: [\n"), ("a.yaml", "a: [\n")];
        assert_eq!(found(files_can_be_read, &files), ["deploy/b/c.yaml:1"]);
    }

    #[test]
    fn a_container_that_does_not_fit_its_image_is_found() {
        let find = |text: &str| {
            found(containers_fit_their_images, &[IMAGES, SETTINGS, ("deploy/a.yaml", text)])
        };
        assert!(find(GOOD).is_empty());
        for (kept, broken, line) in [
            ("live-users-backend:", "live-users:", 6),
            ("containerPort: 8080", "containerPort: 3000", 6),
            ("name: PORT", "name: PROT", 13),
            ("name: PORT", "name: BACKEND_URL", 13),
            ("valueFrom: { secretKeyRef: { name: a, key: b } }", "value: hunter2", 11),
            ("/readyz", "/ready", 15),
            ("port: http }", "port: 80 }", 16),
            ("livenessProbe", "deadnessProbe", 6),
        ] {
            let text = GOOD.replace(kept, broken);
            assert_eq!(find(&text), [format!("deploy/a.yaml:{line}")], "{broken}");
        }
    }

    #[test]
    fn a_secret_with_a_value_is_found() {
        assert!(found(secrets_have_no_value, &[("deploy/a.yaml", GOOD)]).is_empty());
        let text = GOOD.replace("API_TOKEN: \"\"", "API_TOKEN: hunter2");
        assert_eq!(found(secrets_have_no_value, &[("deploy/a.yaml", &text)]), ["deploy/a.yaml:20"]);
    }
}
