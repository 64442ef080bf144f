# The same steps as .ci/run, which works without just. `just` lists them.
_list:
    @just --list --unsorted

# everything that a change has to pass
ci:
    .ci/run

# formatting
fmt:
    .ci/steps/fmt

# clippy, warnings are errors
lint:
    .ci/steps/lint

# rustdoc, warnings are errors
doc:
    .ci/steps/doc

# spelling of README, CONTRIBUTING, CHANGELOG, docs and the example
spell:
    .ci/steps/spell

# docs/config.schema.json by a validator
schema:
    .ci/steps/schema

# docs/config.schema.json regenerated
schema-accept:
    cargo run --quiet -- config schema > docs/config.schema.json

# licences, sources, bans and advisories of the dependencies
deny:
    .ci/steps/deny

# tests that need a real Prometheus and a real VictoriaMetrics
real:
    .ci/steps/real

# all other tests, or some: just test --test all screens::
test *ARGS:
    .ci/steps/test {{ ARGS }}

# instructions of each bench, held against benches/counts.txt
bench:
    .ci/steps/bench

# the counts of today written down, after a wanted change
bench-accept:
    .ci/steps/bench --accept

# the README's pictures and its recording, regenerated from the demo
pictures:
    cargo run --quiet --example recording -- docs/pictures

# the record and the reports under docs/samples, made anew from the demo
samples:
    cargo test --test all -- --ignored sample::
    REDFLAG_ACCEPT=1 cargo test --test all report::the_samples

# each fuzz target for SECONDS
fuzz-smoke SECONDS="60":
    REDFLAG_FUZZ_SECONDS={{ SECONDS }} .ci/steps/fuzz-smoke

# one fuzz target for SECONDS
fuzz TARGET SECONDS="600":
    REDFLAG_FUZZ_SECONDS={{ SECONDS }} .ci/steps/fuzz-smoke {{ TARGET }}

# snapshots as they are now, after a wanted change: then look at git diff
accept:
    INSTA_UPDATE=always cargo test --test all screens:: rollback::

# the program against the demo's company
demo *ARGS:
    cargo run --quiet -- demo {{ ARGS }}
