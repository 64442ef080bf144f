//! What a file says of rollbacks, services and flags, and what strategies and systems of feature flags are told.

use super::{Keeper, assemble, options, parse};
use chrono::TimeDelta;
use redflag::config::{Actor, AssembleOptions, Assembly, Config, EXAMPLE};
use redflag::deploy::ServiceId;
use redflag::feature_flags::spec::FeatureFlagsSpec;
use redflag::net::{Auth, Endpoint};
use redflag::repository::RepositorySpec;
use redflag::secret::Secret;
use redflag::setup::{Automatic, RollbackPolicy};
use redflag::systems::api::strategy::RollbackSpec;
use redflag::systems::argo_rollouts::ArgoRolloutsSpec;
use redflag::systems::argocd::ArgoCdSpec;
use redflag::systems::command::CommandSpec;
use redflag::systems::flux::FluxSpec;
use redflag::systems::git::GitSpec;
use redflag::systems::github::GitHubSpec;
use redflag::systems::gitlab::GitLabSpec;
use redflag::systems::helm::HelmSpec;
use redflag::systems::jenkins::JenkinsSpec;
use redflag::systems::kubernetes::undo::UndoSpec;
use redflag::systems::launchdarkly::LaunchDarklySpec;
use redflag::systems::registry::owner::OwnerSpec;
use redflag::systems::unleash::UnleashSpec;
use redflag::systems::webhook;
use std::any::Any;
use std::path::PathBuf;
use std::time::Duration;

const ROLLBACK: &str = include_str!("valid/rollback.toml");

/// What the strategy of an environment is told, which must be of this kind.
fn strategy<T: Any + Clone>(environment: &str) -> T {
    told(&assemble(ROLLBACK, Some(environment)).rollback)
}

fn told<T: Any + Clone>(rollback: &RollbackSpec) -> T {
    rollback.told::<T>().unwrap_or_else(|| panic!("{rollback:?} is told something else")).clone()
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
    assert_eq!((rollback.name, &rollback.repository), ("owner", &None));
    assert_eq!(told::<OwnerSpec>(&rollback), OwnerSpec { argocd: None, helm: Some(helm()) });
    let usual = RollbackPolicy {
        strategy: "owner".to_owned(),
        automatic: Automatic::Off,
        countdown: TimeDelta::seconds(60),
        clear_for: TimeDelta::seconds(30),
        actor: "redflag".to_owned(),
        known: Vec::new(),
        shared: false,
    };
    assert_eq!(setup.rollback, usual);
    assert!(feature_flags.is_empty());
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
    assert_eq!((rollback.name, &rollback.repository), ("owner", &Some(repository)));
    assert_eq!(told::<OwnerSpec>(&rollback), OwnerSpec { argocd: Some(argocd), helm: Some(helm) });
    let policy = setup.rollback;
    assert_eq!((policy.automatic, policy.countdown), (Automatic::Countdown, TimeDelta::seconds(90)));
    assert_eq!((policy.clear_for, policy.actor.as_str()), (TimeDelta::minutes(2), "team shop"));
}

#[test]
fn helm_never_goes_to_another_cluster_than_the_one_that_is_watched() {
    let owner: OwnerSpec = strategy("proxied");
    assert_eq!(owner.helm, None, "there is no kubeconfig that names the cluster behind the proxy");
    assert_eq!(strategy::<HelmSpec>("helm"), helm());
}

#[test]
fn strategies_that_need_nothing_are_their_name_alone() {
    let is = |environment: &str, name: &str, automatic: Automatic| {
        let Assembly { setup, rollback, .. } = assemble(ROLLBACK, Some(environment));
        assert_eq!((setup.rollback.strategy.as_str(), rollback.name), (name, name));
        assert_eq!(setup.rollback.automatic, automatic);
        rollback
    };
    assert_eq!(told::<UndoSpec>(&is("undo", "kubernetes", Automatic::Shadow)), UndoSpec);
    assert_eq!(told::<ArgoRolloutsSpec>(&is("rollouts", "argo-rollouts", Automatic::Off)), ArgoRolloutsSpec);
    assert_eq!(told::<FluxSpec>(&is("flux", "flux", Automatic::On)), FluxSpec);
    let argocd = ArgoCdSpec {
        endpoint: endpoint("argocd", "https://argocd.example.com", 10),
        token: secret("ARGOCD_TOKEN"),
        application: None,
    };
    assert_eq!(strategy::<ArgoCdSpec>("argocd"), argocd);
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
    assert_eq!(strategy::<GitSpec>("git"), git);
}

#[test]
fn a_command_keeps_its_words_and_their_variables() {
    let command = CommandSpec {
        argv: words(&["./rollback.sh", "$service", "$to"]),
        dry_run: Some(words(&["sh", "-c", "./rollback.sh --dry-run \"$1\"", "sh", "$to"])),
        inherit: words(&["AWS_PROFILE"]),
        timeout: Duration::from_secs(60),
    };
    assert_eq!(strategy::<CommandSpec>("command"), command);
}

#[test]
fn paths_begin_at_the_files_folder_and_names_are_looked_for_on_the_path() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("redflag.toml");
    std::fs::write(&path, ROLLBACK).unwrap();
    let config = Config::load(&path).unwrap();
    let rollback = |environment| config.assemble(Some(environment), &options(), &Keeper::default()).unwrap().rollback;
    let helm = told::<OwnerSpec>(&rollback("owner")).helm.unwrap();
    assert_eq!(helm.program, folder.path().join("tools/helm"));
    assert_eq!(helm.kubeconfig, Some(folder.path().join("clusters.yaml")));
    let helm: HelmSpec = told(&rollback("helm"));
    assert_eq!(helm.program, PathBuf::from("helm"));
    let command: CommandSpec = told(&rollback("command"));
    assert_eq!(PathBuf::from(&command.argv[0]), folder.path().join("rollback.sh"));
    assert_eq!(command.dry_run.unwrap()[0], "sh");
}

#[test]
fn each_ci_system_is_told_what_to_run() {
    let github = GitHubSpec {
        endpoint: endpoint("github", "https://github.example.com/api/v3", 5),
        run_timeout: Duration::from_secs(20 * 60),
        token: secret("GITHUB_TOKEN"),
        repository: "example/$service".to_owned(),
        workflow: "rollback.yml".to_owned(),
        git_ref: "production".to_owned(),
        inputs: texts(&[("id", "$id"), ("note", ""), ("version", "$to")]),
    };
    assert_eq!(strategy::<GitHubSpec>("github"), github);
    assert_eq!(assemble(ROLLBACK, Some("github")).rollback.name, "ci");
    let gitlab = GitLabSpec {
        endpoint: endpoint("gitlab", "https://gitlab.com", 10),
        run_timeout: Duration::from_secs(15 * 60),
        token: secret("GITLAB_TOKEN"),
        project: "example/shop".to_owned(),
        environment: "gitlab".to_owned(),
        job: Some("rollback $service".to_owned()),
    };
    assert_eq!(strategy::<GitLabSpec>("gitlab"), gitlab, "it knows the environment by our name unless told another");
    let jenkins: JenkinsSpec = strategy("jenkins");
    assert_eq!(jenkins.endpoint.url, "https://jenkins.example.com/ci");
    assert_eq!(jenkins.auth, Auth::Basic { user: "redflag".to_owned(), password: secret("JENKINS_TOKEN") });
    assert_eq!((jenkins.job.as_str(), jenkins.parameters), ("shop/rollback", texts(&[("VERSION", "$to")])));
}

#[test]
fn a_webhook_is_called_exactly_where_the_file_says() {
    let webhook: webhook::job::WebhookSpec = strategy("webhook");
    assert_eq!(webhook.endpoint.url, "https://deploy.example.com/rollback/?now");
    assert_eq!(webhook.auth, Auth::Bearer(secret("DEPLOY_TOKEN")));
    assert_eq!(webhook.signing_key, Some(secret("DEPLOY_KEY")));
    assert_eq!(webhook.body.as_deref(), Some(r#"{ "service": "$service", "to": "$to", "price": "$$5" }"#));
    assert_eq!(webhook.status_url.as_deref(), Some("https://deploy.example.com/runs/$run"));
}

/// What all systems of flags are told: the endpoint, the environment, the flags, their service and where to look.
type Common<'a> = (Endpoint, &'a str, &'a [String], Option<ServiceId>, Option<&'a str>);

fn common(spec: &FeatureFlagsSpec) -> Common<'_> {
    let FeatureFlagsSpec { endpoint, environment, features, service, link, .. } = spec;
    (endpoint.clone(), environment, features, *service, link.as_deref())
}

#[test]
fn flags_are_found_by_project_by_name_or_by_address() {
    let assembly = assemble(ROLLBACK, Some("webhook"));
    let [unleash, launchdarkly, webhook] = assembly.feature_flags.as_slice() else { panic!("not three") };
    let at = endpoint("unleash", "https://unleash.example.com", 5);
    let link = "https://unleash.example.com/projects/shop/features/$feature";
    assert_eq!(common(unleash), (at, "live", &*words(&["checkout-v2"]), Some(ServiceId(0)), Some(link)));
    let told = UnleashSpec { token: secret("UNLEASH_TOKEN"), project: "shop".to_owned() };
    assert_eq!(unleash.told(), Some(&told));
    let at = endpoint("launchdarkly", "https://app.launchdarkly.com", 3);
    assert_eq!(common(launchdarkly), (at, "webhook", &[][..], None, None));
    let told = LaunchDarklySpec { token: secret("LAUNCHDARKLY_TOKEN"), project: "shop".to_owned() };
    assert_eq!(launchdarkly.told(), Some(&told));
    let at = endpoint("webhook", "https://flags.example.com/$environment/$feature/off/", 5);
    assert_eq!(common(webhook), (at, "webhook", &*words(&["new-cart", "new-search"]), None, None));
    let told = webhook::flags::WebhookSpec {
        auth: Auth::Basic { user: "redflag".to_owned(), password: secret("FLAGS_PASSWORD") },
        signing_key: Some(secret("FLAGS_KEY")),
        state_url: Some("https://flags.example.com/$environment/$feature".to_owned()),
    };
    assert_eq!(webhook.told(), Some(&told));
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
