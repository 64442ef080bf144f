//! What is read of Python, and that what is not read whole is never taken for what it looks like.

#![allow(clippy::unwrap_used, clippy::expect_used)]
use super::module::Statement;
use super::*;

fn text(text: &str) -> Expr {
    Expr::Text(text.to_owned())
}

/// What is assigned by a source of one statement.
fn assigned(source: &str) -> Expr {
    let module = Module::read(source);
    match module.blocks.as_slice() {
        [block] if !module.is_broken => match block.statement() {
            Statement::Assigned(_, value) => value,
            _ => Expr::Other,
        },
        _ => Expr::Other,
    }
}

#[test]
fn a_list_is_read_over_lines_comments_and_brackets_in_strings() {
    let source = "x = [  # here ]\n    'a]b', \"c\"\n        'd',\n  (\"e\", 'f'),  # ]\n    ]\n";
    assert_eq!(assigned(source), Expr::List(vec![text("a]b"), text("cd"), Expr::List(vec![text("e"), text("f")])]));
}

#[test]
fn a_string_that_is_something_else_when_it_runs_is_not_read() {
    assert_eq!(assigned("x = '''a\n'b' ''' r'\\d' \"\\\"q\\\"\""), text("a\n'b' \\d\"q\""));
    for source in [
        "x = f'{y}'",
        "x = 'a' f'b'",
        "x = b'a'",
        "x = rb'a'",
        "x = '\\x44'",
        "x = '\\u0044'",
        "x = '\\104'",
        "x = t'a'",
        "x = 'a' + b",
        "x = 'a' % b",
        "x = 'a'.join(b)",
        "x = f'{y[\"a\"]}'",
    ] {
        assert_eq!(assigned(source), Expr::Other, "{source}");
    }
}

#[test]
fn a_call_has_its_arguments_by_place_and_by_name() {
    let source = "x = a.b.C('one', two=d.E(null=True), f=lambda apps, editor: {1: 2}, g=-1, h={'k': 1}, *rest)";
    let Expr::Call(call) = assigned(source) else { panic!() };
    assert_eq!(call.name, "a.b.C");
    assert_eq!(call.text(0, "first"), Some("one"));
    let Some(Expr::Call(inner)) = call.argument(9, "two") else { panic!("{call:?}") };
    assert!(inner.named_argument("null").unwrap().is("True"));
    assert_eq!(call.named_argument("f"), Some(&Expr::Other));
    assert_eq!(call.named_argument("g"), Some(&Expr::Number));
    assert_eq!(call.named_argument("h"), Some(&Expr::Set(vec![text("k"), Expr::Number])));
    assert_eq!(call.positional.last(), Some(&Expr::Other));
}

#[test]
fn what_is_more_than_a_plain_value_is_not_pretended_to_be_read() {
    for source in [
        "x = [1] + more",
        "x = [1][0]",
        "x = [1]; y()",
        "x = [",
        "x = y = []",
        "x += []",
        "x = (y := 1)",
        "x = [a for a in b]",
    ] {
        assert!(!matches!(assigned(source), Expr::List(list) if !list.contains(&Expr::Other)), "{source}");
    }
    assert_eq!(assigned("x: list[Op] = []"), Expr::List(Vec::new()));
    assert_eq!(assigned("x: f() = []"), Expr::Other);
}

#[test]
fn what_python_would_cut_otherwise_is_broken() {
    for source in [
        "x = [(",
        "x = '",
        "x = ]",
        "x = (]",
        "x = 'a\nb'",
        "\u{ff4f}p.drop()",
        "x = \\",
        "# coding: utf-7\nx = 1",
        "x = 1\u{c}",
        "if a:\n    b\n  c",
        "a\n    b",
        "x = f'{y['a']}'",
        "x\u{a0}= 1",
    ] {
        assert!(Module::read(source).is_broken, "{source}");
    }
    // A comment ends with its line, however that ends.
    assert_eq!(Module::read("# one\rop.drop_table('t')\r\n").blocks.len(), 1);
    let deep = format!("x = {}", "[".repeat(100_000));
    assert!(Module::read(&deep).is_broken);
    let deep: Vec<String> = (0..2_000).map(|depth| format!("{}if a:\n", " ".repeat(depth))).collect();
    let deep = deep.concat();
    assert!(Module::read(&deep).is_broken);
}

#[test]
fn names_stand_for_what_they_were_imported_as() {
    let names = |source: &str| Module::read(source).names;
    let path = |source: &str, name: &str| names(source).path(name);
    assert_eq!(
        path("from django.db import migrations", "migrations.AddField").as_deref(),
        Some("django.db.migrations.AddField")
    );
    assert_eq!(path("import a.b\nimport a.c", "a.b.C").as_deref(), Some("a.b.C"));
    assert_eq!(path("import sqlalchemy as sa", "sa.Column").as_deref(), Some("sqlalchemy.Column"));
    assert_eq!(path("from x import (a as b,\n c,)", "b").as_deref(), Some("x.a"));
    assert_eq!(path("from .ops import AddField", "AddField").as_deref(), Some(".ops.AddField"));
    assert_eq!(path("", "op.f").as_deref(), Some("alembic.op.f"));
    for source in [
        "from alembic import op\nop = mine",
        "from alembic import op\ndef op():\n    pass",
        "from alembic import op\nfor op in x:\n    pass",
        "from a import op\nfrom b import op",
    ] {
        assert_eq!(path(source, "op.f"), None, "{source}");
    }
    assert!(names("from x import *").has_star());
}
