//! What a file says of rollbacks, services and flags, and what strategies and systems of feature flags are told.

use super::{Keeper, assemble, options, parse};
use chrono::TimeDelta;
use redflag::config::{Actor, AssembleOptions, Assembly, Config, EXAMPLE};
use redflag::deploy::ServiceId;
use redflag::feature_flags::spec::{FeatureFlagsSpec, FlagSystemSpec};
use redflag::net::{Auth, Endpoint};
use redflag::rollback::spec::{
    ArgoCdSpec, CiSpec, CiSystem, CommandSpec, GitSpec, HelmSpec, OwnerSpec, RepositorySpec, RollbackSpec, StrategySpec,
};
use redflag::secret::Secret;
use redflag::setup::{Automatic, RollbackPolicy};
use std::path::PathBuf;
use std::time::Duration;

const ROLLBACK: &str = include_str!("valid/rollback.toml");

fn strategy(environment: &str) -> StrategySpec {
    assemble(ROLLBACK, Some(environment)).rollback.strategy
}

fn ci(environment: &str) -> CiSpec {
    let StrategySpec::Ci(spec) = strategy(environment) else { panic!("{environment} is not rolled back by a CI") };
    spec
}

fn secret(place: &str) -> Secret {
    Secret::new(&format!("secret of {place}"))
}

fn endpoint(name: &str, url: &str, seconds: u64) -> Endpoint {
    Endpoint { name: name.to_owned(), url: url.to_owned(), timeout: Duration::from_secs(seconds) }
}

fn texts(texts: &[(&str, &str)]) -> Vec<(String, String)> {
    texts.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|&word| word.to_owned()).collect()
}

/// Helm as the company's cluster has it.
fn helm() -> HelmSpec {
    HelmSpec {
        kubeconfig: Some(PathBuf::from("clusters.yaml")),
        context: Some("shop".to_owned()),
        ..HelmSpec::default()
    }
}

#[test]
fn who_says_nothing_has_the_owner_roll_back_and_nobody_act_alone() {
    let Assembly { setup, rollback, feature_flags, .. } = assemble(ROLLBACK, Some("plain"));
    let owner = StrategySpec::Owner(OwnerSpec { argocd: None, helm: Some(helm()) });
    assert_eq!(rollback, RollbackSpec { strategy: owner, repository: None });
    let usual = RollbackPolicy {
        strategy: "owner".to_owned(),
        automatic: Automatic::Off,
        countdown: TimeDelta::seconds(60),
        clear_for: TimeDelta::seconds(30),
        actor: "redflag".to_owned(),
        known: Vec::new(),
    };
    assert_eq!(setup.rollback, usual);
    assert_eq!(feature_flags, []);
}

#[test]
fn the_owner_is_told_of_argo_cd_of_helm_and_of_the_repository() {
    let Assembly { setup, rollback, .. } = assemble(ROLLBACK, Some("owner"));
    let argocd = ArgoCdSpec {
        endpoint: endpoint("argocd", "https://argocd.example.com", 10),
        token: secret("ARGOCD_TOKEN"),
        application: Some("$service-$environment".to_owned()),
    };
    let helm = HelmSpec {
        program: PathBuf::from("./tools/helm"),
        release: Some("$service".to_owned()),
        context: Some("shop-owner".to_owned()),
        timeout: Duration::from_secs(30),
        ..helm()
    };
    let repository = RepositorySpec {
        path: PathBuf::from("/src/shop"),
        remote: "upstream".to_owned(),
        tags: words(&["release-$version"]),
        migrations: words(&["db/migrate/**"]),
    };
    let strategy = StrategySpec::Owner(OwnerSpec { argocd: Some(argocd), helm: Some(helm) });
    assert_eq!(rollback, RollbackSpec { strategy, repository: Some(repository) });
    let policy = setup.rollback;
    assert_eq!((policy.automatic, policy.countdown), (Automatic::Countdown, TimeDelta::seconds(90)));
    assert_eq!((policy.clear_for, policy.actor.as_str()), (TimeDelta::minutes(2), "team shop"));
}

#[test]
fn helm_never_goes_to_another_cluster_than_the_one_that_is_watched() {
    let StrategySpec::Owner(owner) = strategy("proxied") else { panic!("not the default") };
    assert_eq!(owner.helm, None, "there is no kubeconfig that names the cluster behind the proxy");
    assert_eq!(strategy("helm"), StrategySpec::Helm(helm()));
}

#[test]
fn strategies_that_need_nothing_are_their_name_alone() {
    for (environment, strategy, automatic) in [
        ("undo", StrategySpec::Kubernetes, Automatic::Shadow),
        ("rollouts", StrategySpec::ArgoRollouts, Automatic::Off),
        ("flux", StrategySpec::Flux, Automatic::On),
    ] {
        let Assembly { setup, rollback, .. } = assemble(ROLLBACK, Some(environment));
        assert_eq!(setup.rollback.strategy, strategy.name());
        assert_eq!(setup.rollback.automatic, automatic);
        assert_eq!(rollback.strategy, strategy);
    }
    let argocd = ArgoCdSpec {
        endpoint: endpoint("argocd", "https://argocd.example.com", 10),
        token: secret("ARGOCD_TOKEN"),
        application: None,
    };
    assert_eq!(strategy("argocd"), StrategySpec::ArgoCd(argocd));
}

#[test]
fn a_path_alone_is_a_repository_with_the_usual_names() {
    let repository = RepositorySpec {
        path: PathBuf::from("src/shop"),
        remote: "origin".to_owned(),
        tags: words(&["$version", "v$version"]),
        migrations: Vec::new(),
    };
    assert_eq!(assemble(ROLLBACK, Some("undo")).rollback.repository, Some(repository));
    let git = GitSpec { branch: "release/1.9".to_owned(), timeout: Duration::from_secs(90) };
    assert_eq!(strategy("git"), StrategySpec::Git(git));
}

#[test]
fn a_command_keeps_its_words_and_their_variables() {
    let command = CommandSpec {
        argv: words(&["./rollback.sh", "$service", "$to"]),
        dry_run: Some(words(&["sh", "-c", "./rollback.sh --dry-run \"$1\"", "sh", "$to"])),
        inherit: words(&["AWS_PROFILE"]),
        timeout: Duration::from_secs(60),
    };
    assert_eq!(strategy("command"), StrategySpec::Command(command));
}

#[test]
fn paths_begin_at_the_files_folder_and_names_are_looked_for_on_the_path() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("redflag.toml");
    std::fs::write(&path, ROLLBACK).unwrap();
    let config = Config::load(&path).unwrap();
    let strategy =
        |environment| config.assemble(Some(environment), &options(), &Keeper::default()).unwrap().rollback.strategy;
    let StrategySpec::Owner(OwnerSpec { helm: Some(helm), .. }) = strategy("owner") else { panic!("no helm") };
    assert_eq!(helm.program, folder.path().join("tools/helm"));
    assert_eq!(helm.kubeconfig, Some(folder.path().join("clusters.yaml")));
    let StrategySpec::Helm(helm) = strategy("helm") else { panic!("no helm") };
    assert_eq!(helm.program, PathBuf::from("helm"));
    let StrategySpec::Command(command) = strategy("command") else { panic!("no command") };
    assert_eq!(PathBuf::from(&command.argv[0]), folder.path().join("rollback.sh"));
    assert_eq!(command.dry_run.unwrap()[0], "sh");
}

#[test]
fn each_ci_system_is_told_what_to_run() {
    let github = ci("github");
    assert_eq!(github.endpoint, endpoint("github", "https://github.example.com/api/v3", 5));
    assert_eq!(github.run_timeout, Duration::from_secs(20 * 60));
    let workflow = CiSystem::GitHub {
        token: secret("GITHUB_TOKEN"),
        repository: "example/$service".to_owned(),
        workflow: "rollback.yml".to_owned(),
        git_ref: "production".to_owned(),
        inputs: texts(&[("id", "$id"), ("note", ""), ("version", "$to")]),
    };
    assert_eq!(github.system, workflow);
    let gitlab = CiSpec {
        endpoint: endpoint("gitlab", "https://gitlab.com", 10),
        system: CiSystem::GitLab {
            token: secret("GITLAB_TOKEN"),
            project: "example/shop".to_owned(),
            environment: "gitlab".to_owned(),
            job: Some("rollback $service".to_owned()),
        },
        run_timeout: Duration::from_secs(15 * 60),
    };
    assert_eq!(ci("gitlab"), gitlab, "GitLab knows the environment by our name unless another is given");
    let jenkins = ci("jenkins");
    assert_eq!(jenkins.endpoint.url, "https://jenkins.example.com/ci");
    let build = CiSystem::Jenkins {
        auth: Auth::Basic { user: "redflag".to_owned(), password: secret("JENKINS_TOKEN") },
        job: "shop/rollback".to_owned(),
        parameters: texts(&[("VERSION", "$to")]),
    };
    assert_eq!(jenkins.system, build);
}

#[test]
fn a_webhook_is_called_exactly_where_the_file_says() {
    let webhook = ci("webhook");
    assert_eq!(webhook.endpoint.url, "https://deploy.example.com/rollback/?now");
    let system = CiSystem::Webhook {
        auth: Auth::Bearer(secret("DEPLOY_TOKEN")),
        signing_key: Some(secret("DEPLOY_KEY")),
        body: Some(r#"{ "service": "$service", "to": "$to", "price": "$$5" }"#.to_owned()),
        status_url: Some("https://deploy.example.com/runs/$run".to_owned()),
    };
    assert_eq!(webhook.system, system);
}

#[test]
fn flags_are_found_by_project_by_name_or_by_address() {
    let unleash = FeatureFlagsSpec {
        endpoint: endpoint("unleash", "https://unleash.example.com", 5),
        provider: FlagSystemSpec::Unleash { token: secret("UNLEASH_TOKEN"), project: "shop".to_owned() },
        environment: "live".to_owned(),
        features: words(&["checkout-v2"]),
        service: Some(ServiceId(0)),
        link: Some("https://unleash.example.com/projects/shop/features/$feature".to_owned()),
    };
    let launchdarkly = FeatureFlagsSpec {
        endpoint: endpoint("launchdarkly", "https://app.launchdarkly.com", 3),
        provider: FlagSystemSpec::LaunchDarkly { token: secret("LAUNCHDARKLY_TOKEN"), project: "shop".to_owned() },
        environment: "webhook".to_owned(),
        features: Vec::new(),
        service: None,
        link: None,
    };
    let webhook = FeatureFlagsSpec {
        endpoint: endpoint("webhook", "https://flags.example.com/$environment/$feature/off/", 5),
        provider: FlagSystemSpec::Webhook {
            auth: Auth::Basic { user: "redflag".to_owned(), password: secret("FLAGS_PASSWORD") },
            signing_key: Some(secret("FLAGS_KEY")),
            state_url: Some("https://flags.example.com/$environment/$feature".to_owned()),
        },
        environment: "webhook".to_owned(),
        features: words(&["new-cart", "new-search"]),
        service: None,
        link: None,
    };
    let assembly = assemble(ROLLBACK, Some("webhook"));
    assert_eq!(assembly.feature_flags, [unleash, launchdarkly, webhook]);
    let known: Vec<_> =
        assembly.setup.feature_flags.iter().map(|it| (it.system.name(), it.environment.as_str())).collect();
    assert_eq!(known, [("Unleash", "live"), ("LaunchDarkly", "webhook"), ("webhook", "webhook")], "in the same order");
}

#[test]
fn services_know_whom_they_call() {
    let services = assemble(ROLLBACK, Some("owner")).setup.services;
    let calls: Vec<(&str, &[ServiceId])> =
        services.iter().map(|service| (service.name.as_str(), service.depends_on.as_slice())).collect();
    let (cart, mail) = (ServiceId(1), ServiceId(2));
    assert_eq!(calls, [("shop", &[cart, mail][..]), ("cart", &[mail]), ("mail", &[])]);
}

#[test]
fn the_variable_names_the_actor_over_the_file_and_the_file_over_the_login() {
    let name = |environment: &str, actor: Actor| {
        let options = AssembleOptions { actor, ..options() };
        parse(ROLLBACK).assemble(Some(environment), &options, &Keeper::default()).unwrap().setup.rollback.actor
    };
    let actor = Actor { override_name: Some("ana".to_owned()), login: Some("root@jump-host".to_owned()) };
    let unnamed = Actor { override_name: None, ..actor.clone() };
    assert_eq!(name("owner", actor), "ana");
    assert_eq!(name("owner", unnamed.clone()), "team shop");
    assert_eq!(name("plain", unnamed), "root@jump-host");
}

#[test]
fn missing_secrets_of_rollbacks_and_flags_are_told_together() {
    let lost = vec!["DEPLOY_TOKEN", "DEPLOY_KEY", "LAUNCHDARKLY_TOKEN", "FLAGS_KEY"];
    let keeper = Keeper { lost: lost.clone(), ..Keeper::default() };
    let error = parse(ROLLBACK).assemble(Some("webhook"), &options(), &keeper).unwrap_err().to_string();
    for name in lost {
        assert!(error.contains(&format!("{name} is lost")), "{name} in {error}");
    }
    let keeper = Keeper::default();
    parse(ROLLBACK).assemble(Some("plain"), &options(), &keeper).unwrap();
    assert_eq!(*keeper.asked.borrow(), [""; 0], "only the chosen environment's secrets are fetched");
}

#[test]
fn the_example_takes_each_environment_back_in_its_own_way() {
    let ways: Vec<String> = ["production", "staging", "development"]
        .iter()
        .map(|environment| assemble(&EXAMPLE, Some(environment)).setup.rollback.strategy)
        .collect();
    assert_eq!(ways, ["owner", "ci", "git"]);
    assert_eq!(assemble(&EXAMPLE, None).feature_flags.len(), 1);
}
