//! The examples for pipelines: they are YAML, they have the fields that their systems read, and each command in them is one
//! that redflag takes.

use clap::Parser;
use redflag::cli::Cli;
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::Command;

fn example(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(name);
    serde_saphyr::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

#[track_caller]
fn is_taken<'a>(words: impl IntoIterator<Item = &'a str>) {
    let words: Vec<&str> = words.into_iter().collect();
    if let Err(error) = Cli::try_parse_from(&words) {
        panic!("{words:?}: {error}");
    }
}

#[test]
fn the_workflow_of_github_runs_a_command_that_there_is() {
    let workflow = example("github-workflow.yml");
    assert!(workflow["on"]["push"].is_object() && workflow["permissions"].is_object(), "{workflow}");
    let steps = workflow["jobs"]["deploy"]["steps"].as_array().unwrap();
    for step in steps {
        assert!(step["uses"].is_string() != step["run"].is_string(), "a step uses or runs: {step}");
    }
    let gate = steps.iter().find(|step| step["id"] == "redflag").unwrap();
    let with = &gate["with"];
    // The inputs are those of the action itself.
    let action = serde_saphyr::from_str::<Value>(include_str!("../../../action.yml")).unwrap();
    for input in with.as_object().unwrap().keys() {
        assert!(action["inputs"][input].is_object(), "the action has no input {input}");
    }
    let words = ["redflag", "--config", "redflag.toml", with["command"].as_str().unwrap(), "production"];
    is_taken(words.into_iter().chain(with["arguments"].as_str().unwrap().lines()));
}

#[test]
fn the_job_of_gitlab_tells_its_report_where_it_is_written() {
    let pipeline = example("gitlab-ci.yml");
    let watch = &pipeline["watch"];
    let script = watch["script"][0].as_str().unwrap();
    let words: Vec<&str> = script.split(' ').take_while(|word| *word != ">").collect();
    is_taken(words.iter().copied());
    let report = watch["artifacts"]["reports"]["junit"].as_str().unwrap();
    assert!(words.windows(2).any(|pair| pair == ["--junit", report]), "{script}");
    assert!(script.ends_with(watch["artifacts"]["paths"][0].as_str().unwrap()));
    let stages = pipeline["stages"].as_array().unwrap();
    assert!(["deploy", "watch"].iter().all(|job| stages.contains(&pipeline[job]["stage"])));
}

#[test]
fn the_analysis_of_argo_rollouts_is_one_job_that_is_not_repeated() {
    let analysis = example("argo-rollouts-analysis.yml");
    assert_eq!(
        (&analysis["apiVersion"], &analysis["kind"]),
        (&"argoproj.io/v1alpha1".into(), &"AnalysisTemplate".into())
    );
    let job = &analysis["spec"]["metrics"][0]["provider"]["job"]["spec"];
    let pod = &job["template"]["spec"];
    assert_eq!((&job["backoffLimit"], &pod["restartPolicy"]), (&0.into(), &"Never".into()), "a gate judges once");
    let container = &pod["containers"][0];
    let args = container["args"].as_array().unwrap().iter().map(|word| word.as_str().unwrap());
    is_taken(
        ["redflag"]
            .into_iter()
            .chain(args.map(|word| if word == "{{args.environment}}" { "production" } else { word })),
    );
    assert_eq!(analysis["spec"]["args"][0]["name"], "environment");
    let mount = &container["volumeMounts"][0]["name"];
    assert_eq!(mount, &pod["volumes"][0]["name"]);
}

/// Where actionlint is there, it reads the workflow too.
#[test]
fn actionlint_finds_nothing_where_it_is_there() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/github-workflow.yml");
    if let Ok(output) = Command::new("actionlint").arg(path).output() {
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    }
}
