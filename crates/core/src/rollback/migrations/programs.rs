//! Which containers and jobs run migrations: recognised by their commands, or by their names if the command is the
//! image's own.

use crate::deploy::Time;
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;

/// Words that make a command a migration's, in this order, with flags between them.
const COMMANDS: [&[&str]; 24] = [
    &["manage.py", "migrate"],
    &["django-admin", "migrate"],
    &["alembic", "upgrade"],
    &["flask", "db", "upgrade"],
    &["db:migrate"],
    &["db:prepare"],
    &["ecto.migrate"],
    &["flyway", "migrate"],
    &["liquibase", "update"],
    &["prisma", "migrate", "deploy"],
    &["prisma", "db", "push"],
    &["knex", "migrate:latest"],
    &["knex", "migrate:up"],
    &["typeorm", "migration:run"],
    &["goose", "up"],
    &["dbmate", "up"],
    &["sqlx", "migrate", "run"],
    &["diesel", "migration", "run"],
    &["migrate", "up"],
    &["atlas", "migrate", "apply"],
    &["artisan", "migrate"],
    &["doctrine:migrations:migrate"],
    &["ef", "database", "update"],
    &["migrate"],
];

/// Labels of which one that is equal makes a job part of a workload's release.
const KINSHIP: [&str; 5] =
    ["app.kubernetes.io/instance", "app.kubernetes.io/part-of", "app.kubernetes.io/name", "app", "release"];

/// A job counts as part of a deploy when it was made this long before or after it.
const AROUND: TimeDelta = TimeDelta::hours(1);

/// `init container migrate runs manage.py migrate`, for each that migrates. Of a command only the words that tell
/// are repeated: the others may hold a password.
pub(super) fn of_template(template: &Value) -> Vec<String> {
    let kinds = [("init container", "initContainers"), ("container", "containers")];
    let containers = kinds
        .iter()
        .flat_map(|(kind, key)| list(&template["spec"][*key]).iter().map(move |container| (*kind, container)));
    let migrating = containers.filter_map(|(kind, container)| {
        let name = container["name"].as_str().unwrap_or("?");
        match migrates(container) {
            Some(words) => Some(format!("{kind} {name} runs {words}")),
            // A container that serves all the time is not a migration, whatever it is called.
            None => (kind == "init container" && name.contains("migrat")).then(|| format!("{kind} {name} migrates")),
        }
    });
    migrating.collect()
}

/// `job app-migrate-7 ran manage.py migrate`, for each job of the workload's release that was made around the deploy.
pub(super) fn of_jobs(workload: &Value, jobs: &[Value], deployed: Time) -> Vec<String> {
    let near = jobs.iter().filter(|job| {
        let created = job["metadata"]["creationTimestamp"].as_str();
        let created = created.and_then(|text| DateTime::parse_from_rfc3339(text).ok());
        created.is_some_and(|at| (at.with_timezone(&Utc) - deployed).abs() <= AROUND)
    });
    let ours = near.filter(|job| !is_of_cron(job) && is_kin(workload, job));
    let migrating = ours.filter_map(|job| {
        let name = job["metadata"]["name"].as_str()?;
        let template = &job["spec"]["template"]["spec"];
        let mut containers = list(&template["initContainers"]).iter().chain(list(&template["containers"]));
        match containers.find_map(migrates) {
            Some(words) => Some(format!("job {name} ran {words}")),
            None => name.contains("migrat").then(|| format!("job {name} ran")),
        }
    });
    migrating.collect()
}

fn is_of_cron(job: &Value) -> bool {
    list(&job["metadata"]["ownerReferences"]).iter().any(|owner| owner["kind"] == "CronJob")
}

fn is_kin(workload: &Value, job: &Value) -> bool {
    let [of_workload, of_job] = [workload, job].map(|object| &object["metadata"]["labels"]);
    let same_label = KINSHIP.iter().any(|key| of_job[*key].is_string() && of_job[*key] == of_workload[*key]);
    let name = |object: &Value| object["metadata"]["name"].as_str().map(str::to_owned);
    let same_name = || match (name(workload), name(job)) {
        (Some(workload), Some(job)) => job.strip_prefix(&workload).is_some_and(|rest| rest.starts_with('-')),
        _ => false,
    };
    same_label || same_name()
}

/// The words of a container's command that make it a migration.
fn migrates(container: &Value) -> Option<String> {
    let written = list(&container["command"]).iter().chain(list(&container["args"])).filter_map(Value::as_str);
    // A shell's one string holds many words.
    let words: Vec<String> = written
        .flat_map(|text| text.split(|c: char| c.is_whitespace() || ";&|()'\"".contains(c)))
        .map(|word| word.rsplit('/').next().unwrap_or(word).to_lowercase())
        .filter(|word| !word.is_empty())
        .collect();
    let command = COMMANDS.iter().find(|command| {
        let mut words = words.iter().map(String::as_str).map(|word| word.trim_end_matches(".sh"));
        command.iter().all(|wanted| words.any(|word| word == *wanted))
    })?;
    Some(command.join(" "))
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use serde_json::json;

    fn told(command: &[&str]) -> Vec<String> {
        of_template(&json!({"spec": {"initContainers": [{"name": "setup", "command": command}]}}))
    }

    #[test]
    fn commands_that_migrate_are_known() {
        for (command, words) in [
            (vec!["python", "manage.py", "migrate", "--noinput"], "manage.py migrate"),
            (vec!["sh", "-c", "cd /app && ./manage.py migrate; exec gunicorn"], "manage.py migrate"),
            (vec!["alembic", "-c", "x.ini", "upgrade", "head"], "alembic upgrade"),
            (vec!["bundle", "exec", "rails", "db:migrate"], "db:migrate"),
            (vec!["flyway", "-url=jdbc:x", "migrate"], "flyway migrate"),
            (vec!["liquibase", "--changelog-file=x", "update"], "liquibase update"),
            (vec!["npx", "prisma", "migrate", "deploy"], "prisma migrate deploy"),
            (vec!["npx", "knex", "migrate:latest"], "knex migrate:latest"),
            (vec!["goose", "-dir", "m", "postgres", "up"], "goose up"),
            (vec!["sqlx", "migrate", "run"], "sqlx migrate run"),
            (vec!["migrate", "-path", "m", "up"], "migrate up"),
            (vec!["/app/migrate"], "migrate"),
            (vec!["./migrate.sh"], "migrate"),
        ] {
            assert_eq!(told(&command), [format!("init container setup runs {words}")], "{command:?}");
        }
        for command in [vec!["manage.py", "collectstatic"], vec!["wait-for", "db"], vec!["manage.py", "showmigrations"]]
        {
            assert!(told(&command).is_empty(), "{command:?}");
        }
    }

    #[test]
    fn a_password_on_a_command_line_is_not_repeated() {
        let told = told(&["flyway", "-password=hunter2", "migrate"]);
        assert!(!told[0].contains("hunter2"), "{told:?}");
    }

    #[test]
    fn a_name_tells_where_the_image_has_the_command() {
        let template = json!({"spec": {
            "initContainers": [{"name": "db-migrations"}], "containers": [{"name": "migration-status-api"}],
        }});
        assert_eq!(of_template(&template), ["init container db-migrations migrates"]);
    }

    #[test]
    fn jobs_of_the_release_around_the_deploy_count_and_others_do_not() {
        let deployed = "2026-11-23T14:02:00Z".parse::<Time>().unwrap();
        let job = |name: &str, at: &str, labels: Value, owner: &str| {
            json!({
                "metadata": {"name": name, "creationTimestamp": at, "labels": labels, "ownerReferences": [{"kind": owner}]},
                "spec": {"template": {"spec": {"containers": [{"name": "m", "args": ["manage.py", "migrate"]}]}}},
            })
        };
        let of_shop = json!({"app.kubernetes.io/instance": "shop"});
        let jobs = [
            job("one", "2026-11-23T14:00:00Z", of_shop.clone(), "HelmRelease"),
            job("app-migrate", "2026-11-23T14:00:00Z", json!({}), "x"),
            job("yesterday", "2026-11-22T14:00:00Z", of_shop.clone(), "x"),
            job("nightly", "2026-11-23T14:00:00Z", of_shop.clone(), "CronJob"),
            job("foreign", "2026-11-23T14:00:00Z", json!({"app.kubernetes.io/instance": "blog"}), "x"),
        ];
        let workload = json!({"metadata": {"name": "app", "labels": of_shop}});
        let wanted = ["job one ran manage.py migrate", "job app-migrate ran manage.py migrate"];
        assert_eq!(of_jobs(&workload, &jobs, deployed), wanted);
    }
}
