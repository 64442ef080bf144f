//! The presets that are built in: the files of `presets/`, by name.

/// A line for each file.
macro_rules! files {
    ($($name:literal),* $(,)?) => {
        [$(($name, include_str!(concat!("../../../presets/", $name, ".toml")))),*]
    };
}

/// Name and text, sorted by name.
pub(super) const FILES: [(&str, &str); 33] = files![
    "aspnet",
    "cadvisor",
    "celery",
    "django",
    "envoy",
    "express",
    "fastapi",
    "flask",
    "go",
    "go-sql",
    "grpc",
    "grpc-otel",
    "haproxy",
    "hikaricp",
    "http",
    "ingress-nginx",
    "istio",
    "kafka-consumer",
    "kafka-lag",
    "kong",
    "linkerd",
    "micrometer",
    "nodejs",
    "otel-db-pool",
    "otel-http",
    "otel-rpc",
    "pgbouncer",
    "process",
    "rabbitmq",
    "rack",
    "rails",
    "sidekiq",
    "traefik",
];
