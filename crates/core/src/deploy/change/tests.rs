//! What is told of each kind of change, and that no value ever is.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::deploy::Outline;
use proptest::prelude::*;
use serde_json::{Value, json};

/// A template with a proxy in front and one variable, changed by `edit`; the main container's image comes first.
fn version(edit: impl Fn(&mut Value)) -> Version {
    let mut template = json!({
        "metadata": {"labels": {"app": "web"}, "annotations": {"checksum/config": "1"}},
        "spec": {
            "containers": [
                {"name": "proxy", "image": "envoy:2.1", "resources": {"limits": {"memory": "64Mi"}}},
                {
                    "name": "web", "image": "shop/web:1.8.3", "command": ["serve"],
                    "env": [
                        {"name": "LOG_LEVEL", "value": "info"},
                        {"name": "PASSWORD", "valueFrom": {"secretKeyRef": {"name": "web-1", "key": "password"}}},
                    ],
                    "envFrom": [{"configMapRef": {"name": "app-config-v1"}}],
                },
            ],
            "initContainers": [{"name": "migrate", "image": "shop/web:1.8.3"}],
            "volumes": [{"name": "conf", "configMap": {"name": "app-config-v1"}}],
        },
    });
    edit(&mut template);
    let web = web(&mut template)["image"].as_str().unwrap().to_owned();
    Version { images: vec![web, "envoy".to_owned()], outline: Outline::of(&template), ..Version::default() }
}

fn same() -> Version {
    version(|_| {})
}

fn web(template: &mut Value) -> &mut Value {
    let containers = template["spec"]["containers"].as_array_mut().unwrap();
    containers.iter_mut().find(|container| container["name"] == "web").unwrap()
}

/// A change of a template.
type Edit = fn(&mut Value);

/// What is told behind `1.8.3 → 1.8.3` of a change of the template.
fn told(edit: impl Fn(&mut Value)) -> Option<String> {
    beside_the_name(&same(), &version(edit))
}

#[test]
fn each_kind_of_change_is_told() {
    let cases: [(&str, Edit); 14] = [
        ("sidecar proxy 2.1 → 2.2", |it| it["spec"]["containers"][0]["image"] = json!("envoy:2.2")),
        ("same image, env LOG_LEVEL changed", |it| web(it)["env"][0]["value"] = json!("debug")),
        ("same image, env LOG_LEVEL removed", |it| {
            web(it)["env"].as_array_mut().unwrap().remove(0);
        }),
        ("same image, env A, B, C and 2 more added", |it| {
            let added = ["A", "B", "C", "D", "E"].map(|name| json!({"name": name, "value": "s3cret"}));
            web(it)["env"].as_array_mut().unwrap().extend(added);
        }),
        ("same image, env LOG of sidecar proxy added", |it| {
            it["spec"]["containers"][0]["env"] = json!([{"name": "LOG", "value": "x"}]);
        }),
        ("same image, ConfigMap app-config-v1 → app-config-v2", |it| {
            web(it)["envFrom"][0]["configMapRef"]["name"] = json!("app-config-v2");
            it["spec"]["volumes"][0]["configMap"]["name"] = json!("app-config-v2");
        }),
        ("same image, Secret web-1 → web-2", |it| {
            web(it)["env"][1]["valueFrom"]["secretKeyRef"]["name"] = json!("web-2");
        }),
        ("same image, env PASSWORD changed", |it| {
            web(it)["env"][1]["valueFrom"]["secretKeyRef"]["key"] = json!("other");
        }),
        ("same image, resources of sidecar proxy changed", |it| {
            it["spec"]["containers"][0]["resources"]["limits"]["memory"] = json!("128Mi");
        }),
        ("same image, command changed", |it| web(it)["args"] = json!(["--fast"])),
        ("same image, annotation checksum/config changed", |it| {
            it["metadata"]["annotations"]["checksum/config"] = json!("2");
        }),
        ("same image, serviceAccountName changed", |it| it["spec"]["serviceAccountName"] = json!("web")),
        ("init container migrate 1.8.3 → 1.8.4", |it| {
            it["spec"]["initContainers"][0]["image"] = json!("shop/web:1.8.4");
        }),
        ("sidecar proxy removed (2.1)", |it| {
            it["spec"]["containers"].as_array_mut().unwrap().remove(0);
        }),
    ];
    for (expected, edit) in cases {
        assert_eq!(told(edit).as_deref(), Some(expected));
    }
}

#[test]
fn a_tag_that_was_pushed_again_is_told_by_its_digest() {
    let pinned = |digest: &str| {
        let image = format!("shop/web:1.8.3@sha256:{}", digest.repeat(64));
        version(move |it| web(it)["image"] = json!(image))
    };
    let told = |from: &Version, to: &Version| beside_the_name(from, to).unwrap();
    assert_eq!(told(&pinned("a"), &pinned("b")), "digest sha256:aaaaaaaaaaaa → sha256:bbbbbbbbbbbb");
    assert_eq!(told(&same(), &pinned("b")), "image 1.8.3 pinned to sha256:bbbbbbbbbbbb");
    assert_eq!(told(&pinned("b"), &same()), "image 1.8.3 without its digest");
    let moved = version(|it| web(it)["image"] = json!("mirror/web:1.8.3"));
    assert_eq!(told(&same(), &moved), "image shop/web:1.8.3 → mirror/web:1.8.3");
}

#[test]
fn a_version_with_a_name_of_its_own_tells_only_what_the_name_does_not() {
    let newer = version(|it| {
        web(it)["image"] = json!("shop/web:1.9.0");
        web(it)["env"][0]["value"] = json!("debug");
    });
    assert_eq!(beside_the_name(&same(), &newer), None);
    assert_eq!(beside_the_image(&same(), &newer).as_deref(), Some("env LOG_LEVEL changed"));
    assert_eq!(beside_the_image(&same(), &same()), None);
}

#[test]
fn a_restart_and_what_controllers_add_are_no_changes() {
    let restarted = |it: &mut Value| {
        it["metadata"]["annotations"]["kubectl.kubernetes.io/restartedAt"] = json!("2026-11-28T10:00:00Z");
        it["metadata"]["labels"]["pod-template-hash"] = json!("abc");
        it["spec"]["nodeName"] = Value::Null;
    };
    assert_eq!(changes(&same(), &version(restarted)), []);
}

#[test]
fn of_a_template_that_is_not_known_nothing_is_told() {
    let unknown = Version { outline: Outline::default(), ..same() };
    assert_eq!((changes(&same(), &unknown), changes(&unknown, &same())), (vec![], vec![]));
}

proptest! {
    #[test]
    fn no_value_is_ever_told(value in "[a-z]{12,40}", key in "[A-Z_]{1,300}") {
        let secret = format!("zq{value}qz");
        let edit = |it: &mut Value| {
            web(it)["env"] = json!([{"name": key, "value": secret}]);
            web(it)["command"] = json!([secret]);
            it["metadata"]["annotations"]["note"] = json!(secret);
            it["spec"]["hostname"] = json!(secret);
        };
        let (from, to) = (same(), version(edit));
        for said in [beside_the_name(&from, &to).unwrap(), beside_the_image(&to, &from).unwrap()] {
            prop_assert!(!said.contains(&secret), "{}", said);
            prop_assert!(said.len() < 1000);
        }
        let kept = format!("{:?}", to.outline);
        prop_assert!(!kept.contains(&secret));
    }
}
